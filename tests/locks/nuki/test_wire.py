"""Frames: the worked examples of section 9 of Nuki's document, and every kind of junk."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings, strategies as st
from nacl import bindings
import pytest

from custom_components.smartlock_le.locks.nuki import wire
from custom_components.smartlock_le.locks.nuki.messages import PLAIN_SIZES, Command
from custom_components.smartlock_le.locks.nuki.wire import WireError

LOCK_PUBLIC = bytes.fromhex(
    "2FE57DA347CD62431528DAAC5FBB290730FFF684AFC4CFC2ED90995F58CB3B74"
)
PRIVATE = bytes.fromhex(
    "8CAA54672307BFFDF5EA183FC607158D2011D008ECA6A1088614FF0853A5AA07"
)
PUBLIC = bytes.fromhex(
    "F88127CCF48023B5CBE9101D24BAA8A368DA94E8C2E3CDE2DED29CE96AB50C15"
)
KEY = bytes.fromhex("217FCB0F18CAF284E9BDEA0B94B83B8D10867ED706BFDEDBD2381F4CB3B8F730")
AUTH_ID = 2

relaxed = settings(deadline=None)


def split(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """Cut `data` at these places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


@pytest.mark.parametrize(
    ("frame", "command", "payload"),
    [
        ("0100030027A7", Command.REQUEST_DATA, "0300"),
        (
            "03002FE57DA347CD62431528DAAC5FBB290730FFF684AFC4CFC2ED90995F58CB3B749DB9",
            Command.PUBLIC_KEY,
            LOCK_PUBLIC.hex(),
        ),
        (
            "0300F88127CCF48023B5CBE9101D24BAA8A368DA94E8C2E3CDE2DED29CE96AB50C159241",
            Command.PUBLIC_KEY,
            PUBLIC.hex(),
        ),
        ("0E00009DD7", Command.STATUS, "00"),
    ],
)
def test_plain_example(frame: str, command: Command, payload: str) -> None:
    """Messages of "Authorize App" are built and read as they are printed."""
    data = bytes.fromhex(frame)
    assert wire.plain_frame(command, bytes.fromhex(payload)) == data
    assert wire.parse_plain(data) == (command, bytes.fromhex(payload))


def test_example_of_pairing() -> None:
    """Steps 5 to 21: the key, and the three authenticators."""
    assert bindings.crypto_scalarmult_base(PRIVATE) == PUBLIC
    assert wire.shared_key(PRIVATE, LOCK_PUBLIC) == KEY
    challenge = bytes.fromhex(
        "6CD4163D159050C798553EAA57E278A579AFFCBC56F09FC57FE879E51C42DF17"
    )
    assert wire.plain_frame(
        Command.AUTHORIZATION_AUTHENTICATOR,
        wire.authenticator(KEY, PUBLIC + LOCK_PUBLIC + challenge),
    ) == bytes.fromhex(
        "0500B09A0D3979A029E5FD027B519EAA200BC14AD3E163D3BE4563843E021073BCB1C357"
    )
    lock_nonce = bytes.fromhex(
        "EA479915982F13C61D997A56678AD77791BFA7E95229A3DD34F87132BF3E3C97"
    )
    auth_id = AUTH_ID.to_bytes(4, "little")
    assert wire.plain_frame(
        Command.AUTHORIZATION_ID_CONFIRMATION,
        wire.authenticator(KEY, auth_id + lock_nonce) + auth_id,
    ) == bytes.fromhex(
        "1E003A41B91A66FBC4D22EFEFBB7272140829695A3917433D5BEB981B76166D13F8A02000000CDF5"
    )


@pytest.mark.parametrize(
    ("indications", "command", "payload"),
    [
        (
            [
                "37917F1AF31EC5940705F34D1E5550607D5B2F9FE7D496B6020000001A00",
                "670D124926004366532E8D927A33FE84E782A9594D39157D065E",
            ],
            Command.REQUEST_DATA,
            "0C00",
        ),
        (
            [
                "90B0757CFED0243017EAF5E089F8583B9839D61B",
                "050924D2020000002700B13938B67121B6D528E7",
                "DE206B0D7C5A94587A471B33EBFB012CED8F1261",
                "135566ED756E3910B5",
            ],
            Command.KEYTURNER_STATES,
            "020100E0070307080F1E3C0000200A",
        ),
        (
            [
                "19467990B69FFBE3D484A5882C995449E3EBC878712152E7020000003E00B30D19E0C0A1",
                "2F4D8C887864877B8853437825D587F85BB6C21BF674E204A685AC5E40E8A5FDB85349F5",
                "20069496F092FAB63736928C0933DB34CFA21809",
            ],
            Command.LOCK_ACTION,
            "01000000000057D95521BEA186B5A9244F025737924C5B7E33592D0614D5F6EF2E2F142C6D4B",
        ),
    ],
)
def test_sealed_example(
    indications: list[str],
    command: Command,
    payload: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The examples "Read lock state" and "Perform unlock" are joined, opened and sealed again."""
    assembler = wire.SealedAssembler()
    chunks = [bytes.fromhex(part) for part in indications]
    *early, [frame] = [assembler.feed(chunk) for chunk in chunks]
    assert not any(early)
    assert wire.open_sealed(KEY, AUTH_ID, frame) == (command, bytes.fromhex(payload))
    monkeypatch.setattr("os.urandom", lambda _: frame[: wire.NONCE_BYTES])
    assert wire.sealed_frame(KEY, AUTH_ID, command, bytes.fromhex(payload)) == frame


def test_new_keys_agree() -> None:
    """Two fresh pairs agree on a key; a weak public key makes none."""
    (public, private), (theirs, secret) = wire.new_key_pair(), wire.new_key_pair()
    assert wire.shared_key(private, theirs) == wire.shared_key(secret, public)
    with pytest.raises(WireError):
        wire.shared_key(private, bytes(32))
    assert wire.same(b"one", b"one")
    assert not wire.same(b"one", b"two")


@given(
    messages=st.lists(
        st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=300)), max_size=4
    ),
    cuts=st.lists(st.integers(0, 2000), max_size=8),
)
@relaxed
def test_sealed_messages_survive_any_split(
    messages: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    """However the indications are cut, the messages are the same."""
    sent = b"".join(wire.sealed_frame(KEY, AUTH_ID, *message) for message in messages)
    assembler = wire.SealedAssembler()
    frames = [frame for chunk in split(sent, cuts) for frame in assembler.feed(chunk)]
    assert [wire.open_sealed(KEY, AUTH_ID, frame) for frame in frames] == messages


@given(
    messages=st.lists(
        st.sampled_from(sorted(PLAIN_SIZES)).flatmap(
            lambda command: st.tuples(
                st.just(command),
                st.binary(min_size=PLAIN_SIZES[command], max_size=PLAIN_SIZES[command]),
            )
        ),
        max_size=4,
    ),
    cuts=st.lists(st.integers(0, 500), max_size=8),
)
@relaxed
def test_plain_messages_survive_any_split(
    messages: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    """However the indications are cut, the messages are the same."""
    sent = b"".join(wire.plain_frame(*message) for message in messages)
    assembler = wire.PlainAssembler(PLAIN_SIZES)
    frames = [frame for chunk in split(sent, cuts) for frame in assembler.feed(chunk)]
    assert [wire.parse_plain(frame) for frame in frames] == messages


def read_stream(
    assembler: wire.SealedAssembler | wire.PlainAssembler, chunks: list[bytes]
) -> None:
    """Feed a stream and read what comes out; it may only be refused."""
    for chunk in chunks:
        try:
            for frame in assembler.feed(chunk):
                if isinstance(assembler, wire.PlainAssembler):
                    wire.parse_plain(frame)
                else:
                    wire.open_sealed(KEY, AUTH_ID, frame)
        except WireError:
            pass


@given(chunks=st.lists(st.binary(max_size=300), max_size=6))
@relaxed
def test_junk_is_only_ever_refused(chunks: list[bytes]) -> None:
    """Arbitrary indications raise nothing but WireError."""
    read_stream(wire.SealedAssembler(), chunks)
    read_stream(wire.PlainAssembler(PLAIN_SIZES), chunks)


@given(frame=st.binary(max_size=200))
@relaxed
def test_junk_frames_are_refused(frame: bytes) -> None:
    """Nothing that was not sealed for us is opened."""
    with pytest.raises(WireError):
        wire.open_sealed(KEY, AUTH_ID, frame)


@given(
    inside=st.binary(max_size=20),
    checked=st.booleans(),
    inner=st.sampled_from([AUTH_ID, 3]),
)
@relaxed
def test_sealed_junk_is_refused(inside: bytes, checked: bool, inner: int) -> None:
    """Neither is what somebody with our key sealed wrongly."""
    message = inner.to_bytes(4, "little") + inside
    if checked:
        message += wire.crc16(message).to_bytes(2, "little")
    nonce = bytes(wire.NONCE_BYTES)
    sealed = bindings.crypto_secretbox(message, nonce, KEY)
    header = nonce + AUTH_ID.to_bytes(4, "little") + len(sealed).to_bytes(2, "little")
    try:
        command, payload = wire.open_sealed(KEY, AUTH_ID, header + sealed)
    except WireError:
        return
    assert checked
    assert inner == AUTH_ID
    assert command.to_bytes(2, "little") + payload == inside


@pytest.mark.parametrize("inside", [b"", b"\1", b"\1\2"])
def test_short_frames(inside: bytes) -> None:
    """A message without room for a command is no message, though its CRC fits."""
    short = inside[:1] + wire.crc16(inside[:1]).to_bytes(2, "little")
    with pytest.raises(WireError):
        wire.parse_plain(short)
    message = inside + wire.crc16(inside).to_bytes(2, "little")
    sealed = bindings.crypto_secretbox(message, bytes(24), KEY)
    header = bytes(24) + AUTH_ID.to_bytes(4, "little")
    with pytest.raises(WireError, match="too short"):
        wire.open_sealed(
            KEY, AUTH_ID, header + len(sealed).to_bytes(2, "little") + sealed
        )


def test_frame_for_somebody_else() -> None:
    """A frame to another authorization is refused, sealed with our key or not."""
    frame = wire.sealed_frame(KEY, 3, Command.STATUS, b"\0")
    with pytest.raises(WireError, match="another"):
        wire.open_sealed(KEY, AUTH_ID, frame)


def test_assembler_recovers() -> None:
    """After a length that cannot be, the next frame is read as ever."""
    assembler = wire.SealedAssembler()
    with pytest.raises(WireError, match="too long"):
        assembler.feed(bytes(28) + b"\xff\xff")
    frame = wire.sealed_frame(KEY, AUTH_ID, Command.STATUS, b"\0")
    assert assembler.feed(frame) == [frame]
