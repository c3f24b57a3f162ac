"""Some entries with their proofs, in one file that an outsider checks alone."""

from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import Enum
import hashlib
from pathlib import Path
from typing import IO, Any
import zipfile

import orjson

from .body import Committed, committed, disclosed
from .canonical import Value
from .engine import damage
from .errors import LogRefused, LogUnavailable
from .files import written, zip_member
from .leaf import committed_leaf
from .model import Exported, LogRow
from .note import root_of
from .proof import (
    Prover,
    begin_run,
    check_consistency,
    check_inclusion,
    end_run,
    tlog_growth,
    tlog_proof,
)
from .reader import Reader
from .stamps import earliest

FORMAT = "smartlock-le/log-proof/2"
VERIFIER = Path(__file__).with_name("verify.py")
_LONG = 64
"""Entries without a gap that have one proof together, and not one each."""
_CHUNK = 1000


class Gone(Enum):
    """Why nothing can be said of an entry."""

    ERASED = "erased"
    DAMAGED = "damaged"


type Redact = Callable[[int, Mapping[str, Value] | Gone], Collection[str] | None]
"""Says which fields of an entry are withheld: number and fields; None: all, by its leaf."""


def export_proofs(
    path: Path,
    logs: Iterable[LogRow],
    numbers: Iterable[int],
    reader: Reader,
    key: Callable[[int], bytes],
    withhold: Collection[str] | Redact,
    stopped: Callable[[], bool],
) -> Exported:
    """Write entries to a zip file at `path`: what they say, and a tlog-proof each.

    A long run of them has one proof together: the hashes of all that is left and right of it.

    Fields in `withhold` are left out; their commitments stay. Where it says that of each
    entry, one that is damaged goes as its leaf. What begins the later logs
    goes along: it names the keys of those before. So does, for the last log asked of, the
    earliest time stamp over all that is asked of it. Raises LogRefused
    (`entry_not_found`), LogUnavailable, and `path` is then as it was.
    """
    rows = list(logs)
    asked = {seq: _log_of(rows, seq) for seq in numbers}
    oldest = min((log.first for log in asked.values()), default=rows[-1].first)
    later = {log.first: log for log in rows if log.size and log.first > oldest}
    used = asked | later
    provers = {log.first: reader.prover(log.first) for log in rows}
    runs, single = list[dict[str, Any]](), dict[int, bytes]()

    def entries(numbers: range) -> Iterator[Any]:
        for low in range(numbers.start, numbers.stop, _CHUNK):
            if stopped():
                raise LogUnavailable("the log is closing")
            high = min(low + _CHUNK, numbers.stop)
            found = reader.rows(low, high)
            if gone := {*range(low, high)} - {row["seq"] for row in found}:
                raise damage(f"entry {min(gone)} is missing from the store")
            yield from found

    def write(lines: IO[bytes], numbers: range) -> None:
        log = used[numbers.start]
        start, stop = (number - log.first for number in (numbers.start, numbers.stop))
        long = len(numbers) >= _LONG
        left, right = (
            provers[log.first].run(start, stop, log.size) if long else ((), ())
        )
        tree = begin_run(start, left)
        for row in entries(numbers):
            # Names of keys are no secret, and withheld they vouch for nothing.
            vouches = row["seq"] not in asked or row["seq"] in later
            hidden = () if vouches else withhold
            if callable(hidden):
                said = _redacted(row, key, hidden)
            else:
                said = disclosed(row, key, hidden)
            lines.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))
            if long:
                tree.add(row["leaf"])
            else:
                single[row["seq"]] = row["leaf"]
        if not long:
            return
        if end_run(tree, log.size, right) != log.root:
            raise damage(f"entry {numbers.start} is not in the signed tree")
        runs.append(
            {
                "start": numbers.start,
                "stop": numbers.stop,
                "left": [b64encode(node).decode() for node in left],
                "right": [b64encode(node).decode() for node in right],
            }
        )

    try:
        with (
            written(path) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped,
        ):
            with zipped.open(zip_member("entries.jsonl"), "w") as lines:
                for run in _runs(sorted(used), {log.first for log in rows}):
                    write(lines, run)
            for seq, leaf in single.items():
                log = used[seq]
                index = seq - log.first
                proof = provers[log.first].inclusion(index, log.size)
                if not check_inclusion(leaf, index, log.size, proof, log.root):
                    raise damage(f"entry {seq} is not in the signed tree")
                zipped.writestr(
                    zip_member(f"proofs/{seq}.tlog-proof"),
                    tlog_proof(index, proof, log.checkpoint),
                )
            about = {"logs": [log.header for log in rows], "runs": runs}
            zipped.writestr(
                zip_member("log.json"), orjson.dumps({"format": FORMAT, **about})
            )
            zipped.writestr(zip_member("verify.py"), VERIFIER.read_bytes())
            if asked:
                log = asked[max(asked)]
                for name, data in _stamped(
                    reader, log, max(asked), provers[log.first]
                ).items():
                    zipped.writestr(zip_member(name), data)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise LogUnavailable(
            f"the proofs could not be written: {err.strerror}"
        ) from err
    return Exported(path, len(used), digest)


def _redacted(
    row: Any, key: Callable[[int], bytes], redact: Redact
) -> dict[str, object]:
    """Return an entry as it is given away, once it is sure that it is what was signed."""
    seq, items = row["seq"], list[Committed]()
    fields: Mapping[str, Value] | Gone = Gone.ERASED
    if row["body"] is not None:
        try:
            fields, items = committed(row, key)
        except LogUnavailable as err:
            if not err.damaged:
                raise
        found = (item.commitment for item in items)
        if not items or committed_leaf(seq, found) != row["leaf"]:
            fields = Gone.DAMAGED
    hidden = redact(seq, fields)
    if hidden is None or isinstance(fields, Gone):
        return {"seq": seq, "leaf": b64encode(row["leaf"]).decode()}
    return {"seq": seq, "fields": [item.given(hidden) for item in items]}


def _runs(numbers: Iterable[int], begins: Collection[int]) -> Iterator[range]:
    """Give the runs of numbers without a gap; where a log begins, a run does."""
    start = stop = -1
    for number in numbers:
        if number != stop or number in begins:
            if stop > start:
                yield range(start, stop)
            start = number
        stop = number + 1
    if stop > start:
        yield range(start, stop)


def _stamped(
    reader: Reader, log: LogRow, last: int, prover: Prover
) -> dict[str, str | bytes]:
    """Return the files of the earliest stamp over a log up to entry `last`, if any."""
    stamp = earliest(reader, last, log.first + log.size)
    if stamp is None:
        return {}
    old = stamp.upto - log.first
    proof = prover.consistency(old, log.size)
    root = bytes.fromhex(root_of(stamp.checkpoint))
    if not check_consistency(old, root, log.size, proof, log.root):
        raise damage(f"the stamped checkpoint of {old} entries is not the log's")
    return {
        "stamp.tsr": stamp.token,
        "stamp.checkpoint": stamp.checkpoint,
        "stamp.consistency": tlog_growth(old, proof, log.checkpoint),
    }


def _log_of(logs: list[LogRow], seq: int) -> LogRow:
    """Return the log that holds an entry. Raises LogRefused: there may be none between two."""
    for log in reversed(logs):
        if log.first <= seq < log.first + log.size:
            return log
    raise LogRefused("entry_not_found")
