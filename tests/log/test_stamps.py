"""Time stamps: what is asked, what is believed, and what a proof has of them."""

import asyncio
from base64 import b64decode
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
import hashlib
from pathlib import Path
import ssl
import subprocess
import sys
import zipfile

from cryptography import x509
import pytest
from rfc3161_client import decode_timestamp_response

from custom_components.smartlock_le.log import (
    MAX_ANSWER,
    Log,
    LogUnavailable,
    StampError,
    StampNotBelievable,
    StampNotInstalled,
    StampRefused,
    root_certificate,
    verify,
)
from custom_components.smartlock_le.log.note import root_of
from custom_components.smartlock_le.log.proof import check_consistency
from custom_components.smartlock_le.log.rfc3161 import Question
from custom_components.smartlock_le.log.stamps import OVERDUE, earliest
from custom_components.smartlock_le.models import utc_now

from .authority import Authority
from .conformance import judges
from .support import ORIGIN, edit, locked, open_log, sample

type Hostile = Callable[[Authority, Authority, bytes], bytes]


async def real(folder: Path) -> Log:
    """Open a log that goes by the real clock, as the authority does."""
    return await open_log(folder, clock=utc_now)


async def grow(log: Log, count: int = 1) -> None:
    """Append so many entries, each in a commit of its own."""
    for number in range(count):
        await log.append("found", sample("found", intent=number))


def shift(log: Log, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Let the clock by which stamps are judged be wrong."""

    def clock() -> datetime:
        return utc_now() + by

    monkeypatch.setattr(log.stamps, "_clock", clock)


# Taken


async def test_the_newest_checkpoint_is_stamped(
    tmp_path: Path, authority: Authority
) -> None:
    """Its hash is all that is asked about; what was stamped is not stamped again."""
    log = await real(tmp_path / "log")
    await grow(log)
    queries = []

    async def post(query: bytes) -> bytes:
        queries.append(query)
        return await authority.answer(query)

    before = utc_now() - timedelta(seconds=1)
    assert await log.stamps.take(post, authority.root)
    (query,) = queries
    assert hashlib.sha256(log.checkpoint.encode()).digest() in query
    assert ORIGIN.encode() not in query
    assert not await log.stamps.take(post, authority.root)
    stamp = earliest(log._store.reader, log.end - 1, log.end)
    assert stamp
    assert (stamp.upto, stamp.checkpoint) == (log.end, log.checkpoint)
    time = decode_timestamp_response(stamp.token).tst_info.gen_time
    assert before.replace(microsecond=0) <= time <= utc_now()
    await grow(log)
    assert await log.stamps.take(post, authority.root)
    assert len(queries) == len(set(queries)) == 2
    await log.close()


async def test_no_two_are_taken_of_one_checkpoint(
    tmp_path: Path, authority: Authority
) -> None:
    """The second waits for the first, and has nothing to do then."""
    log = await real(tmp_path / "log")
    taken = await asyncio.gather(
        *(log.stamps.take(authority.answer, authority.root) for _ in range(3))
    )
    assert sorted(taken) == [False, False, True]
    await log.close()


async def test_a_stamp_outlives_the_process(
    tmp_path: Path, authority: Authority
) -> None:
    """It is in the store, of which both verifiers say that all is well."""
    log = await real(tmp_path / "log")
    await log.stamps.take(authority.answer, authority.root)
    await log.close()
    log = await real(tmp_path / "log")
    assert earliest(log._store.reader, 0, log.end)
    assert not await log.stamps.too_old(utc_now() - timedelta(days=9))
    report = await log.verify()
    assert (report.ok, report.bad) == (True, [])
    await log.close()
    assert verify.verify_store(str(tmp_path / "log" / "log.db")).ok


async def test_a_store_of_before_gets_its_table(
    tmp_path: Path, authority: Authority
) -> None:
    """When it is opened."""
    log = await real(tmp_path / "log")
    await log.close()
    edit(tmp_path / "log", "DROP TABLE stamps")
    log = await real(tmp_path / "log")
    assert await log.stamps.take(authority.answer, authority.root)
    await log.close()


async def test_too_old(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three days after the newest stamp, and after the switching on."""
    log = await real(tmp_path / "log")
    now = utc_now()
    hour = timedelta(hours=1)
    assert not await log.stamps.too_old(now - OVERDUE + hour)
    assert await log.stamps.too_old(now - OVERDUE - hour)
    await log.stamps.take(authority.answer, authority.root)
    assert not await log.stamps.too_old(now - OVERDUE - hour)
    shift(log, monkeypatch, OVERDUE + hour)
    assert await log.stamps.too_old(now)
    assert not await log.stamps.too_old(now + 2 * hour)
    await log.close()


async def test_overdue_hides_nothing(tmp_path: Path) -> None:
    """It is a problem of the log while there is none that is worse; it is told once."""
    log = await real(tmp_path / "log")
    told: list[str | None] = []
    log.listen(lambda: told.append(log.problem))
    for overdue in (True, True, False, True):
        log.stamps.overdue = overdue
        await asyncio.sleep(0)
    assert told == ["stamp_overdue", None, "stamp_overdue"]
    log._store.clock_back = True
    assert log.problem == "clock_back"
    log._writer.unavailable = True
    assert log.problem == "unavailable"
    log._writer.damage = "entry 1"
    assert log.problem == "damaged"
    await log.close()


async def test_without_a_store(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is said, and a stamp is taken another time."""
    log = await real(tmp_path / "log")
    monkeypatch.setattr("custom_components.smartlock_le.log.engine.BUSY_SECONDS", 0.05)

    async def post(query: bytes) -> bytes:
        holding.enter_context(locked(tmp_path / "log"))
        return await authority.answer(query)

    with ExitStack() as holding, pytest.raises(LogUnavailable):
        await log.stamps.take(post, authority.root)
    assert await log.stamps.take(authority.answer, authority.root)
    await log.close()
    with pytest.raises(LogUnavailable):
        await log.stamps.take(authority.answer, authority.root)


async def test_without_the_package(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody forbade that it is installed."""
    log = await real(tmp_path / "log")
    name = "custom_components.smartlock_le.log.rfc3161"
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(name)
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(StampNotInstalled):
        await log.stamps.take(authority.answer, authority.root)
    await log.close()


# Not believed


def garbage(_: Authority, other: Authority, query: bytes) -> bytes:
    """Give what is no answer at all."""
    return b"<html>It works!</html>"


def nothing(_: Authority, other: Authority, query: bytes) -> bytes:
    """Give nothing."""
    return b""


def huge(_: Authority, other: Authority, query: bytes) -> bytes:
    """Give as much as is taken."""
    return bytes([0x30, 0x82, 0xFF, 0xFB]) + bytes(MAX_ANSWER - 4)


def cut_off(authority: Authority, other: Authority, query: bytes) -> bytes:
    """Give the first half."""
    answer = authority.stamp(query)
    return answer[: len(answer) // 2]


def other_nonce(authority: Authority, other: Authority, query: bytes) -> bytes:
    """Give a stamp over the same hash that somebody else asked for."""
    digest = query[query.index(b"\x04\x20") + 2 :][:32]
    return authority.stamp(authority.ask(f"-digest {digest.hex()} -sha256"))


def no_nonce(authority: Authority, other: Authority, query: bytes) -> bytes:
    """Give a stamp over the same hash that could be of any time before."""
    digest = query[query.index(b"\x04\x20") + 2 :][:32]
    return authority.stamp(authority.ask(f"-digest {digest.hex()} -sha256 -no_nonce"))


def other_imprint(authority: Authority, other: Authority, query: bytes) -> bytes:
    """Give a stamp over another hash."""
    digest = query[query.index(b"\x04\x20") + 2 :][:32]
    return authority.stamp(query.replace(digest, bytes(32)))


def other_algorithm(authority: Authority, other: Authority, query: bytes) -> bytes:
    """Say of the hash that it is SHA-512/256, as long as SHA-256 is."""
    sha256, sha512_256 = b"\x03\x04\x02\x01", b"\x03\x04\x02\x06"
    config = authority.folder / "config"
    text = config.read_text()
    config.write_text(text.replace("sha384", "sha512-256"))
    try:
        return authority.stamp(query.replace(sha256, sha512_256))
    finally:
        config.write_text(text)


def other_root(authority: Authority, other: Authority, query: bytes) -> bytes:
    """Give a stamp of an authority that is not the one that was chosen."""
    return other.stamp(query)


def no_certificate(authority: Authority, other: Authority, query: bytes) -> bytes:
    """Leave out who signed."""
    assert query.endswith(b"\x01\x01\xff")
    return authority.stamp(
        bytes([query[0], query[1] - 3]) + query[2:].removesuffix(b"\x01\x01\xff")
    )


@pytest.mark.parametrize(
    "hostile",
    [
        garbage,
        nothing,
        huge,
        cut_off,
        other_nonce,
        no_nonce,
        other_imprint,
        other_algorithm,
        other_root,
        no_certificate,
    ],
)
async def test_what_is_not_believed(
    tmp_path: Path, authority: Authority, other_authority: Authority, hostile: Hostile
) -> None:
    """It changes nothing, and the next answer may be a good one."""
    log = await real(tmp_path / "log")
    end = log.end

    async def post(query: bytes) -> bytes:
        return await asyncio.to_thread(hostile, authority, other_authority, query)

    with pytest.raises(StampNotBelievable):
        await log.stamps.take(post, authority.root)
    assert earliest(log._store.reader, -1, end) is None
    assert (log.end, log.problem) == (end, None)
    assert await log.stamps.take(authority.answer, authority.root)
    await log.close()


async def test_a_refusal(tmp_path: Path, authority: Authority) -> None:
    """The authority does not understand, and says so."""
    log = await real(tmp_path / "log")

    async def post(query: bytes) -> bytes:
        return await authority.answer(b"what?")

    with pytest.raises(StampRefused):
        await log.stamps.take(post, authority.root)
    assert earliest(log._store.reader, -1, log.end) is None
    await log.close()


@pytest.mark.parametrize("hours", [-2, 2])
async def test_clocks_far_apart(
    tmp_path: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
) -> None:
    """One of them is wrong; whoever lives here is to find out which."""
    log = await real(tmp_path / "log")
    shift(log, monkeypatch, timedelta(hours=hours))
    with pytest.raises(StampNotBelievable, match="clock"):
        await log.stamps.take(authority.answer, authority.root)
    shift(log, monkeypatch, timedelta(hours=hours / 4))
    assert await log.stamps.take(authority.answer, authority.root)
    await log.close()


def test_changed_answers(authority: Authority) -> None:
    """Whichever bit is flipped: no other error, and never another time."""
    question = Question("a note\n")
    answer = authority.stamp(question.query)
    time = question.check(answer, authority.root)
    refused = 0
    for bit in range(0, len(answer) * 8, 7):
        changed = bytearray(answer)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            assert question.check(bytes(changed), authority.root) == time
        except StampError:
            refused += 1
    assert refused > len(answer)


def test_root_certificate(authority: Authority, other_authority: Authority) -> None:
    """One certificate, and nothing that was pasted with it."""
    key = (authority.folder / "root.key").read_text()
    root = root_certificate(f"Ours:\n\n{authority.root}\n{key}")
    assert root == root_certificate(root)
    assert "PRIVATE" not in root
    assert x509.load_pem_x509_certificate(root.encode()).subject.rdns
    broken = authority.root.replace("M", "N")
    der = ssl.PEM_cert_to_DER_cert(authority.root)
    new = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
    newer = ssl.DER_cert_to_PEM_cert(new)
    for text in (
        "",
        "x",
        key,
        broken,
        newer,
        authority.root + other_authority.root,
        "\ud800",
    ):
        with pytest.raises(ValueError):
            root_certificate(text)


# In proofs


def openssl_verifies(folder: Path, root: Path) -> bool:
    """Return whether openssl believes what was unpacked, with that root."""
    command = "openssl ts -verify -data stamp.checkpoint -in stamp.tsr -CAfile"
    done = subprocess.run(
        [*command.split(), root], cwd=folder, capture_output=True, check=False
    )
    return done.returncode == 0


async def test_proofs_with_a_stamp(
    tmp_path: Path, authority: Authority, other_authority: Authority
) -> None:
    """The earliest over all entries; openssl and two verifiers check it, each its part."""
    log = await real(tmp_path / "log")
    stamped = []
    for _ in range(3):
        await grow(log, 3)
        await log.stamps.take(authority.answer, authority.root)
        stamped.append((log.end, log.checkpoint))
        await grow(log, 2)
    path = tmp_path / "proofs.zip"
    for last, (upto, checkpoint) in (
        (1, stamped[0]),
        (stamped[0][0] - 1, stamped[0]),
        (stamped[0][0], stamped[1]),
        (stamped[2][0] - 1, stamped[2]),
    ):
        await log.export_proofs(path, [0, last])
        folder = tmp_path / f"unpacked-{last}"
        with zipfile.ZipFile(path) as zipped:
            zipped.extractall(folder)
        assert (folder / "stamp.checkpoint").read_text() == checkpoint
        assert openssl_verifies(folder, authority.folder / "root.pem")
        assert not openssl_verifies(folder, other_authority.folder / "root.pem")
        growth = (folder / "stamp.consistency").read_text()
        head, _, note = growth.partition("\n\n")
        old, *path_lines = head.split("\n")
        assert (old, note) == (f"old {upto}", log.checkpoint)
        nodes = [b64decode(line, validate=True) for line in path_lines]
        older = bytes.fromhex(root_of(checkpoint))
        assert check_consistency(upto, older, log.end, nodes, log.root)
        judged = judges.Item(
            log.vkey, note.encode(), old=checkpoint.encode(), growth=tuple(nodes)
        )
        assert judges.aics([judged]) == [True]
        assert verify.verify_proofs(str(path), log.vkey).ok
        assert judges.node([path], log.vkey)[0].ok
        (folder / "stamp.checkpoint").write_text(f"{checkpoint}\n")
        assert not openssl_verifies(folder, authority.folder / "root.pem")
    await log.close()


async def test_proofs_up_to_the_stamp_itself(
    tmp_path: Path, authority: Authority
) -> None:
    """The stamped tree is the whole: the proof from it is empty."""
    log = await real(tmp_path / "log")
    await log.stamps.take(authority.answer, authority.root)
    await log.export_proofs(tmp_path / "zip", [0])
    with zipfile.ZipFile(tmp_path / "zip") as zipped:
        assert zipped.read("stamp.consistency").decode() == f"old 1\n\n{log.checkpoint}"
    await log.close()


async def test_proofs_without_a_stamp(tmp_path: Path, authority: Authority) -> None:
    """Of what came after the newest stamp, and of nothing."""
    log = await real(tmp_path / "log")
    await log.stamps.take(authority.answer, authority.root)
    await grow(log)
    for numbers in ([0, 1], []):
        await log.export_proofs(tmp_path / "zip", numbers)
        with zipfile.ZipFile(tmp_path / "zip") as zipped:
            assert not [name for name in zipped.namelist() if "stamp" in name]
    await log.close()


async def test_proofs_of_two_logs(tmp_path: Path, authority: Authority) -> None:
    """Each log has stamps of its own; with entries of both goes one of the later log."""
    log = await real(tmp_path / "log")
    await grow(log)
    await log.stamps.take(authority.answer, authority.root)
    older = log.checkpoint
    await grow(log)
    await log.close()
    edit(tmp_path / "log", "DELETE FROM checkpoints WHERE upto > 2")
    edit(tmp_path / "log", "DELETE FROM entries WHERE seq > 1")
    log = await real(tmp_path / "log")
    assert log.origin != ORIGIN
    first = log.end - log.size
    path = tmp_path / "zip"

    async def stamped(*numbers: int) -> bytes | None:
        await log.export_proofs(path, numbers)
        assert verify.verify_proofs(str(path), log.vkey).ok
        with zipfile.ZipFile(path) as zipped:
            if "stamp.checkpoint" not in zipped.namelist():
                return None
            return zipped.read("stamp.checkpoint")

    assert await stamped(0, 1) == older.encode()
    assert await stamped(0, first) is None
    await log.stamps.take(authority.answer, authority.root)
    assert await stamped(0, 1) == older.encode()
    assert await stamped(0, first) == log.checkpoint.encode()
    edit(tmp_path / "log", "DELETE FROM stamps WHERE upto = 2")
    assert await stamped(0, 1) is None
    await log.close()


async def test_a_checkpoint_that_was_changed(
    tmp_path: Path, authority: Authority
) -> None:
    """No proof leads from it to the log."""
    log = await real(tmp_path / "log")
    await log.stamps.take(authority.answer, authority.root)
    await grow(log)
    edit(tmp_path / "log", "UPDATE checkpoints SET note = 'x' WHERE upto = 1")
    with pytest.raises(LogUnavailable, match="stamped checkpoint of 1 entries"):
        await log.export_proofs(tmp_path / "zip", [0])
    assert not (tmp_path / "zip").exists()
    await log.close()
