"""The worked examples of section 9 of the document, and its CRC."""

import struct

from nacl.bindings import crypto_scalarmult
import pytest

from virtual_home.nuki import wire
from virtual_home.nuki.wire import Command, ErrorCode, NukiError

LOCK_PUBLIC = bytes.fromhex(
    "2FE57DA347CD62431528DAAC5FBB290730FFF684AFC4CFC2ED90995F58CB3B74"
)
CLIENT_PRIVATE = bytes.fromhex(
    "8CAA54672307BFFDF5EA183FC607158D2011D008ECA6A1088614FF0853A5AA07"
)
CLIENT_PUBLIC = bytes.fromhex(
    "F88127CCF48023B5CBE9101D24BAA8A368DA94E8C2E3CDE2DED29CE96AB50C15"
)
DH_KEY = bytes.fromhex(
    "0DE40B998E0E330376F2D2FC4892A6931E25055FD09F054F99E93FECD9BA611E"
)
SHARED = bytes.fromhex(
    "217FCB0F18CAF284E9BDEA0B94B83B8D10867ED706BFDEDBD2381F4CB3B8F730"
)


@pytest.mark.parametrize(
    "message",
    [
        "0100030027A7",
        "03002FE57DA347CD62431528DAAC5FBB290730FFF684AFC4CFC2ED90995F58CB3B749DB9",
        "0300F88127CCF48023B5CBE9101D24BAA8A368DA94E8C2E3CDE2DED29CE96AB50C159241",
        "04006CD4163D159050C798553EAA57E278A579AFFCBC56F09FC57FE879E51C42DF17C3DF",
        "0500B09A0D3979A029E5FD027B519EAA200BC14AD3E163D3BE4563843E021073BCB1C357",
        "0400E0742CFEA39CB46109385BF91286A3C02F40EE86B0B62FC34033094DE41E2C0D7FE1",
        "1E003A41B91A66FBC4D22EFEFBB7272140829695A3917433D5BEB981B76166D13F8A02000000CDF5",
        "0E00009DD7",
    ],
)
def test_unencrypted_messages(message: str) -> None:
    """Each message of "Authorize App" has the CRC that the document prints."""
    data = bytes.fromhex(message)
    command, payload = wire.parse(data)
    assert wire.frame(command, payload) == data


@pytest.mark.parametrize(
    "plain",
    [
        "0200000001000C00418D",
        "0200000001000400E804",
        "020000000E00010D9A",
        "020000000E00002C8A",
    ],
)
def test_decrypted_messages(plain: str) -> None:
    """The same for what is printed decrypted."""
    command, payload = wire.parse_pdata(2, bytes.fromhex(plain))
    assert command in (Command.REQUEST_DATA, Command.STATUS)
    assert payload


def test_keys() -> None:
    """Steps 5 to 8: public key, dh1 and kdf1."""
    assert wire.public_key(CLIENT_PRIVATE) == CLIENT_PUBLIC
    assert crypto_scalarmult(CLIENT_PRIVATE, LOCK_PUBLIC) == DH_KEY
    assert wire.shared_key(CLIENT_PRIVATE, LOCK_PUBLIC) == SHARED


def test_authenticator_of_the_keys() -> None:
    """Steps 10 to 13."""
    challenge = bytes.fromhex(
        "6CD4163D159050C798553EAA57E278A579AFFCBC56F09FC57FE879E51C42DF17"
    )
    assert wire.authenticator(
        SHARED, CLIENT_PUBLIC, LOCK_PUBLIC, challenge
    ) == bytes.fromhex(
        "B09A0D3979A029E5FD027B519EAA200BC14AD3E163D3BE4563843E021073BCB1"
    )


def test_authenticator_of_the_data() -> None:
    """Step 16: over the data and the second challenge."""
    message = bytes.fromhex(
        "0600CF1B9E7801E3196E6594E76D57908EE500AAD5C33F4B6E0BBEA0DDEF82967BFC00"
        "000000004D6172632028546573742900000000000000000000000000000000000000000052A"
        "FE0A664B4E9B56DC6BD4CB718A6C9FED6BE17A7411072AA0D31537814057769F2"
    )
    challenge = bytes.fromhex(
        "E0742CFEA39CB46109385BF91286A3C02F40EE86B0B62FC34033094DE41E2C0D"
    )
    _, payload = wire.parse(message)
    assert wire.unpack_text(payload[37:69]) == "Marc (Test)"
    assert wire.authenticator(SHARED, payload[32:], challenge) == payload[:32]


def test_authenticator_of_the_id() -> None:
    """Steps 19 and 21: over id, UUID, the lock's nonce and the client's.

    The document's text lost three digits of the first authenticator.
    """
    auth_id = bytes.fromhex("02000000")
    uuid = bytes.fromhex("83B33643C6D97EF77ED51C02A277CBF7")
    lock_nonce = bytes.fromhex(
        "EA479915982F13C61D997A56678AD77791BFA7E95229A3DD34F87132BF3E3C97"
    )
    client_nonce = bytes.fromhex(
        "52AFE0A664B4E9B56DC6BD4CB718A6C9FED6BE17A7411072AA0D315378140577"
    )
    proof = wire.authenticator(SHARED, auth_id, uuid, lock_nonce, client_nonce)
    assert (
        proof.hex()
        .upper()
        .startswith("3A270A2E453443C3790E657CEBE634B03F0102F45681B4067")
    )
    assert proof.hex().upper().endswith("1D46E6E15EDF")
    assert wire.frame(Command.AUTHORIZATION_ID, proof + auth_id + uuid + lock_nonce)[
        -2:
    ] == bytes.fromhex("DB9F")
    assert wire.authenticator(SHARED, auth_id, lock_nonce) == bytes.fromhex(
        "3A41B91A66FBC4D22EFEFBB7272140829695A3917433D5BEB981B76166D13F8A"
    )


@pytest.mark.parametrize(
    ("message", "command", "payload"),
    [
        (
            (
                "37917F1AF31EC5940705F34D1E5550607D5B2F9FE7D496B6020000001A00670D124926004"
                "366532E8D927A33FE84E782A9594D39157D065E"
            ),
            Command.REQUEST_DATA,
            "0C00",
        ),
        (
            (
                "90B0757CFED0243017EAF5E089F8583B9839D61B050924D2020000002700B13938B67121B6D528E7"
                "DE206B0D7C5A94587A471B33EBFB012CED8F1261135566ED756E3910B5"
            ),
            Command.KEYTURNER_STATES,
            "020100E0070307080F1E3C0000200A",
        ),
        (
            (
                "88FDEFD7F941B63C242B7F84B3D786886340A4A8B1C1EAA0020000001A00066819A2956E"
                "6A79AF6ED66D257B276715F51F63A8BEB9ED0D47"
            ),
            Command.REQUEST_DATA,
            "0400",
        ),
        (
            (
                "19467990B69FFBE3D484A5882C995449E3EBC878712152E7020000003E00B30D19E0C0A1"
                "2F4D8C887864877B8853437825D587F85BB6C21BF674E204A685AC5E40E8A5FDB85349F5"
                "20069496F092FAB63736928C0933DB34CFA21809"
            ),
            Command.LOCK_ACTION,
            "01000000000057D95521BEA186B5A9244F025737924C5B7E33592D0614D5F6EF2E2F142C6D4B",
        ),
    ],
)
def test_encrypted_messages(message: str, command: Command, payload: str) -> None:
    """The examples "Read lock state" and "Perform unlock", there and back."""
    data = bytes.fromhex(message)
    assert wire.sealed_for(data) == 2
    plain = wire.decrypt(SHARED, data)
    assert wire.parse_pdata(2, plain) == (command, bytes.fromhex(payload))
    again = wire.seal(SHARED, 2, command, bytes.fromhex(payload), nonce=data[:24])
    assert again == data


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", ErrorCode.BAD_LENGTH),
        (b"\x01\x00\x27", ErrorCode.BAD_LENGTH),
        (bytes.fromhex("0100030027A8"), ErrorCode.BAD_CRC),
    ],
)
def test_broken_unencrypted_messages(message: bytes, code: ErrorCode) -> None:
    """Messages that are too short or whose CRC is wrong."""
    with pytest.raises(NukiError) as caught:
        wire.parse(message)
    assert caught.value.code is code


def test_broken_encrypted_messages() -> None:
    """Messages that are cut, for somebody else, or of another key."""
    message = wire.seal(SHARED, 2, Command.REQUEST_DATA, b"\x0c\x00")
    for broken in (message[:20], message[:-1], message + b"\0"):
        with pytest.raises(NukiError, match="BAD_LENGTH"):
            wire.sealed_for(broken)
    with pytest.raises(NukiError, match="K_ERROR_NOT_AUTHORIZED"):
        wire.decrypt(bytes(32), message)
    plain = wire.decrypt(SHARED, message)
    with pytest.raises(NukiError, match="K_ERROR_NOT_AUTHORIZED"):
        wire.parse_pdata(3, plain)
    with pytest.raises(NukiError, match="BAD_CRC"):
        wire.parse_pdata(2, plain[:-1] + b"\0")
    with pytest.raises(NukiError, match="BAD_LENGTH"):
        wire.parse_pdata(2, plain[:7])


def test_weak_public_key() -> None:
    """A point of small order makes no key."""
    with pytest.raises(NukiError, match="P_ERROR_BAD_PARAMETER"):
        wire.shared_key(CLIENT_PRIVATE, bytes(32))


def test_timestamps() -> None:
    """A timestamp of the document, "never", and one that cannot be."""
    data = bytes.fromhex("E0070307080F1E")
    moment = wire.unpack_time(data)
    assert moment is not None
    assert moment.isoformat() == "2016-03-07T08:15:30+00:00"
    assert wire.pack_time(moment) == data
    assert wire.unpack_time(bytes(7)) is None
    assert wire.pack_time(None) == bytes(7)
    with pytest.raises(NukiError, match="K_ERROR_BAD_PARAMETER"):
        wire.unpack_time(struct.pack("<H5B", 2026, 13, 1, 0, 0, 0))


def test_texts() -> None:
    """Text is cut between characters."""
    assert wire.pack_text("Grüße", 4) == b"Gr\xc3\xbc"
    assert wire.pack_text("Grüße", 3) == b"Gr\0"
    assert wire.unpack_text(b"Gr\xc3\xbc\0\0x") == "Grü"
