#!/usr/bin/env python3
"""Check a log of SmartLock LE: that it is what was signed, whole and in order.

    python3 verify.py log.db [--keys FOLDER] [--vkey KEY]
    python3 verify.py export.jsonl [--vkey KEY]
    python3 verify.py proofs.zip [--vkey KEY]
    python3 verify.py release.zip, or the folder that it was unpacked to [--vkey KEY]

Exit status: 0 all is well, 1 something is not, 2 the file cannot be used.

This one file needs Python 3.9 or newer and nothing else. It shares no code with what
writes the log. Hashes are those of RFC 6962 (section 2.1); checkpoints are C2SP
tlog-checkpoint in C2SP signed-note, with Ed25519 as in RFC 8032.
"""
# It prints, and it must run where newer syntax does not.

import argparse
import base64
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
import hashlib
import json
from pathlib import Path
import re
import sqlite3
import stat
import sys
import tempfile
from typing import IO, Any, NamedTuple, Optional, Union
import zipfile
import zlib

MAX_BAD = 20
"""Most findings that a report names; the rest is counted."""
MAX_LINE = 1 << 20
"""Most bytes in one line of a copy; ours have some 20,000."""
MAX_PROOFS = 1 << 33
"""Most bytes of proofs in a release."""
MAX_HEADER = 1 << 26
"""Most bytes in its first line, which lists what was erased."""
RUN = 1000
"""Leaves that are hashed together."""
MAX_SIGNATURES = 200
"""Most signatures checked by default (3 ms each); the newest come first."""

COMMON = ("kind", "time", "entered")
ACTOR = ("actor_kind", "actor", "actor_name")
PERSON = {"actor", "actor_name"}
FIELDS = {
    "started": ("version", "clean"),
    "stopped": (),
    "lock_added": ("lock", "name", "model", "firmware", *ACTOR),
    "lock_removed": ("lock", *ACTOR),
    "lock_cleaned": ("lock", "result", "codes_left"),
    "setting": ("setting", "value", *ACTOR),
    "command": ("lock", "command", *ACTOR, "grant"),
    "outcome": ("lock", "intent", "result", "detail"),
    "found": ("lock", "intent", "state"),
    "access": (
        "lock",
        "event",
        "method",
        *ACTOR,
        "grant",
        "source",
        "lock_index",
        "lock_time",
        "sealed",
        "alarm",
    ),
    "grant": (
        *(
            "grant",
            "event",
            "lock",
            "agency",
            "incident",
            "reason",
            "method",
            "start",
            "end",
        ),
        *("detail", *ACTOR),
    ),
    "code": (
        *("code", "event", "lock", "start", "end", "schedule", "uses"),
        *("detail", *ACTOR),
    ),
    "holder": ("code", *ACTOR),
    "alarm": ("alarm", "state", *ACTOR),
    "plate": ("camera", "lock", "list"),
    "plates_erased": ("reason", "reads", *ACTOR),
    "agency": (
        *("agency", "event", "name", "national_id", "email_domain"),
        *("age_recipient", "signing_key", "number", "source", *ACTOR),
    ),
    "agencies_imported": ("sha256", "added", "changed", "rejected", *ACTOR),
    "contact": ("event", *ACTOR),
    "request": (
        *("request", "event", "state", "instrument", "via", "agency"),
        *("agency_type", "gag", "detail", "digest", "document", *ACTOR),
    ),
    "release": (
        *("release", "event", "request", "state", "instrument"),
        *("agency_type", "gag", "detail", "manifest", "sha256"),
        *("entries", "people", "devices", "media", *ACTOR),
    ),
    "feed": (
        *("feed", "event", "incident", "agency", "agency_type"),
        *("step", "preview", "detail", *ACTOR),
    ),
    "incident": (
        *("incident", "event", "cause", "stage", "source", "level"),
        *("status", "contact", "detail", *ACTOR),
    ),
    "link": (
        *("link", "event", "agency", "reason", "incident", "lock"),
        *("camera", "detail", *ACTOR),
    ),
    "channel": ("channel", "event", "detail"),
    "camera_event": ("camera", "lock", "event"),
    "media": (
        *("camera", "lock", "of", "what", "result", "file"),
        *("sha256", "bytes", "width", "height", "masks"),
    ),
    "media_erased": ("reason", "files", "kept", "sha256", *ACTOR),
    "export": ("purpose", "entries", "sha256", *ACTOR),
    "restored": ("reason", "origin", "key", "size", "root", "held"),
    "erased": ("reason", "first", "last", "entries", "kept", "sha256", *ACTOR),
    "hold": ("hold", "event", "reason", "lock", "since", "until", *ACTOR),
}
"""Fields of each kind in the order of their commitments, after the common ones."""

ROWS = {
    "access": {
        **{name: name for name in ("time", "entered", "event", "method", "source")},
        **{name: name for name in ("lock_index", "lock_time")},
        "device": "lock",
    },
    "media": {
        **{name: name for name in ("entered", "sha256")},
        "device": "camera",
        "event": "what",
    },
}
"""What the table of a release has of an entry: by which name, and of which field."""
LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")
"""What a system puts into a folder that somebody looks at."""
TAGS = {
    *("bagit.txt", "bag-info.txt", "manifest-sha256.txt"),
    *("approval.json", "approval.zip"),
}
MEMBER = re.compile(
    r"(release-[a-f][0-9a-f]{7}/)((?:data/(?:media/)?)?[A-Za-z0-9_-]+\.[a-z0-9]+)"
)
"""The files of a release in a zip file."""

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
MICROSECOND = timedelta(microseconds=1)
OWN_KEY = (
    "The public key was taken from the file itself: compare it with one you trust."
)

Progress = Callable[[int, int], None]
Signed = Callable[[bytes, bytes, bytes], bool]
Dumps = Callable[[Any], bytes]


class Codec(NamedTuple):
    """What reads JSON, and writes it without spaces."""

    loads: Callable[[bytes], Any]
    dumps: Dumps


class Unusable(Exception):
    """There is nothing here that could be checked."""


@dataclass
class Report:
    """What was checked and what was found; `bad` holds (entry, what), -1 for no entry."""

    ok: bool = True
    size: int = 0
    root: str = ""
    bad: list[tuple[int, str]] = field(default_factory=list)
    more: int = 0
    origin: str = ""
    vkey: str = ""
    checkpoints: int = 0
    signatures: int = 0
    bodies_checked: bool = False
    erased: int = 0
    """Entries without a body, as an entry of the log says."""
    strangers: list[str] = field(default_factory=list)
    """What was signed with a key that the newest log does not vouch for."""
    notes: list[str] = field(default_factory=list)

    def stranger(self, first: int, last: int, vkey: str) -> None:
        """Note entries of a log that no log after it names."""
        self.strangers.append(
            f"Nothing here vouches for the key of entries {first} to {last}: compare "
            f"{vkey} with one you trust"
        )

    def add(self, seq: int, what: str) -> None:
        """Note something bad."""
        self.ok = False
        if len(self.bad) < MAX_BAD:
            self.bad.append((seq, what))
        else:
            self.more += 1


# Ed25519, RFC 8032 section 5.1. Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, p: Point) -> Point:
    q = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            q = _add(q, p)
        p = _add(p, p)
        scalar >>= 1
    return q


def _point(data: bytes) -> Optional[Point]:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or (0, 0, 0, 0)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature is good; one that is not canonical never is."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = (
        int.from_bytes(
            hashlib.sha512(signature[:32] + public + message).digest(), "little"
        )
        % L
    )
    p, q = _times(s, BASE), _add(r, _times(h, a))
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


# Tree and leaves.


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class Tree:
    """The right edge of the Merkle tree: its perfect subtrees, the largest first."""

    def __init__(self) -> None:
        """Begin empty."""
        self.size = 0
        self.edge: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        self.size += 1
        count = self.size
        while count % 2 == 0:
            leaf = _sha(b"\x01" + self.edge.pop() + leaf)
            count //= 2
        self.edge.append(leaf)

    def extend(self, leaves: list[bytes]) -> None:
        """Add many leaf hashes, a level of the tree at a time."""
        sha256, edge, size = hashlib.sha256, [], self.size
        nodes = leaves
        self.size += len(leaves)
        while nodes or size:
            if size & 1:
                nodes = [self.edge.pop(), *nodes]
            if len(nodes) & 1:
                edge.append(nodes[-1])
            nodes = [
                sha256(b"\x01" + left + right).digest()
                for left, right in zip(nodes[::2], nodes[1::2])
            ]
            size >>= 1
        self.edge = edge[::-1]

    def join(self, height: int, node: bytes) -> None:
        """Add a perfect subtree of 2 ** height leaves."""
        self.size += 1 << height
        count = self.size >> height
        while count % 2 == 0:
            node = _sha(b"\x01" + self.edge.pop() + node)
            count //= 2
        self.edge.append(node)

    def root(self) -> bytes:
        """Return the root over all leaves."""
        if not self.edge:
            return _sha(b"")
        root = self.edge[-1]
        for left in self.edge[-2::-1]:
            root = _sha(b"\x01" + left + root)
        return root


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
CODEC = Codec(json.loads, lambda value: _json(value).encode())


def _value(value: object) -> str:
    """Return a value as JSON. Raises ValueError for what no field can hold."""
    if isinstance(value, str):
        return _json(value)
    # Not through the encoder, which takes ten times as long for a number.
    if type(value) is int and abs(value) < 2**53:
        return str(value)
    raise ValueError("neither text nor a whole number")


def _leaf(seq: int, commitments: Iterable[bytes]) -> bytes:
    """Return the leaf hash of an entry."""
    return _sha(b"\x00sl1" + seq.to_bytes(8, "big") + b"".join(commitments))


def _opened(seq: int, items: Any) -> tuple[bytes, dict[str, Any], set[str]]:
    """Return leaf hash, fields, and names of those not there. Raises ValueError."""
    commitments: list[bytes] = []
    fields: dict[str, Any] = {}
    places: dict[str, int] = {}
    for place, item in enumerate(items):
        if isinstance(item, str):
            commitments.append(_base64(item))
            if len(commitments[-1]) != 32:
                raise ValueError("not a commitment")
            continue
        name, value, salt = item
        if not isinstance(name, str) or name in fields or len(_base64(salt)) != 16:
            raise ValueError("not a field")
        fields[name], places[name] = value, place
        commitments.append(
            _sha(_base64(salt) + f"[{_value(name)},{_value(value)}]".encode())
        )
    # Without its kind, an entry is of any kind that has these fields in these places.
    kinds = [FIELDS[fields["kind"]]] if "kind" in fields else FIELDS.values()
    for order in ((*COMMON, *kind) for kind in kinds):
        if len(commitments) <= len(order) and all(
            order[place] == name for name, place in places.items()
        ):
            missing = set(order[: len(commitments)]) - fields.keys()
            return _leaf(seq, commitments), fields, missing
    raise ValueError("not the fields of its kind")


def _base64(text: str) -> bytes:
    """Decode base64; raises ValueError unless it is the one right way to write it."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data


# Notes.


def parse_vkey(vkey: str) -> tuple[str, bytes, bytes]:
    """Return name, key id and public key. Raises Unusable."""
    try:
        name, key_id, key = vkey.split("+", 2)
        typed = _base64(key)
        good = _sha(name.encode() + b"\n" + typed)[:4].hex() == key_id
    except ValueError:
        good = False
    if not good or not name or typed[0] != 1 or len(typed) != 33:
        raise Unusable("the public key is not one")
    return name, bytes.fromhex(key_id), typed[1:]


def parse_note(note: str, name: str, key_id: bytes) -> tuple[int, bytes, bytes, bytes]:
    """Return size, root, signed bytes and signature of a checkpoint. Raises ValueError."""
    text, _, lines = note.partition("\n\n")
    origin, size, root = text.split("\n")
    if origin != name or not (size.isdecimal() and size == str(int(size))):
        raise ValueError("not a checkpoint of this log")
    for line in lines.split("\n")[:-1]:
        dash, signer, blob = line.split(" ")
        if dash == "\u2014" and signer == name and _base64(blob)[:4] == key_id:
            return int(size), _base64(root), f"{text}\n".encode(), _base64(blob)[4:]
    raise ValueError("not signed by this log")


class LogRow(NamedTuple):
    """One log of several that follow each other: its first entry, and who signs it."""

    first: int
    origin: str
    vkey: str


def _row(first: object, origin: object, vkey: object) -> LogRow:
    """Return what a store or a copy says of a log. Raises Unusable."""
    if type(first) is not int or first < 0:
        raise Unusable("a log has no first entry")
    return LogRow(first, str(origin), str(vkey))


class Checker:
    """Follows entries and checkpoints of one log in order and keeps the report."""

    def __init__(self, report: Report, log: LogRow, signed: Signed) -> None:
        """Begin with no entry. Raises Unusable if its key is not one."""
        self.report = report
        self.name, self.key_id, self.public = parse_vkey(log.vkey)
        if self.name != log.origin:
            report.add(-1, "the log names another origin than its key")
        self.signed = signed
        self.tree = Tree()
        self.first = self.next = self.good = self.covered = self.seen = log.first
        self.comparable = True

    def missing(self, stop: int, why: str = "") -> None:
        """Say that the entries from the next one to before `stop` are missing."""
        last = f" to {stop - 1} are" if stop - 1 > self.next else " is"
        which = "entries" if stop - 1 > self.next else "entry"
        self.report.add(self.next, f"{which} {self.next}{last} missing{why}")
        self.comparable = False

    def entry(self, seq: int, leaf: object) -> None:
        """Take the leaf hash of the next entry."""
        if seq < self.next:
            self.report.add(seq, f"entry {seq} is out of order")
            self.comparable = False
            return
        if seq > self.next:
            self.missing(seq)
        if isinstance(leaf, bytes) and len(leaf) == 32:
            self.tree.add(leaf)
        else:
            self.report.add(seq, f"entry {seq}: its leaf is damaged")
            self.comparable = False
        self.next = seq + 1

    def entries(self, run: list[tuple[int, Any]]) -> None:
        """Take the leaf hashes of some entries."""
        leaves = [leaf for _, leaf in run]
        whole = {*map(type, leaves)} == {bytes} and {*map(len, leaves)} == {32}
        if whole and (run[0][0], run[-1][0]) == (self.next, self.next + len(run) - 1):
            self.tree.extend(leaves)
            self.next += len(run)
            return
        for seq, leaf in run:
            self.entry(seq, leaf)

    def checkpoint(self, upto: int, note: object, check: bool) -> None:
        """Compare a checkpoint with the tree, and with `check` its signature as well."""
        self.report.checkpoints += 1
        self.seen = max(self.seen, upto)
        try:
            said, root, text, signature = parse_note(str(note), self.name, self.key_id)
        except ValueError as err:
            self.report.add(upto - 1, f"checkpoint {upto} is damaged or forged: {err}")
            return
        here = self.comparable and upto == self.next
        differs = here and root != self.tree.root()
        if check or differs:
            self.report.signatures += 1
        if said != upto - self.first or (
            (check or differs) and not self.signed(self.public, text, signature)
        ):
            self.report.add(
                upto - 1, f"checkpoint {upto} is damaged or forged: bad signature"
            )
            return
        self.covered = max(self.covered, upto)
        if differs:
            self.report.add(
                self.good,
                f"entries {self.good} to {upto - 1} are not those that checkpoint {upto} was "
                f"signed over: at least one was rewritten",
            )
            self.comparable = False
        elif here:
            self.good = upto

    def end(self) -> None:
        """Complete the report, after the last entry and checkpoint of the log."""
        report = self.report
        report.vkey, report.origin = _vkey(self), self.name
        report.size, report.root = self.next - self.first, self.tree.root().hex()
        if self.covered > self.next:
            self.missing(self.covered, ": a checkpoint was signed over more")
        elif self.covered < self.next:
            report.add(
                self.covered,
                f"no checkpoint covers entries {self.covered} to {self.next - 1}",
            )

    def follow(self, before: Optional["Checker"], fields: dict[str, Any]) -> None:
        """Compare the first entry of this log with the log before it."""
        if fields.get("kind") != "restored":
            if before or self.first:
                self.report.add(
                    self.first, f"entry {self.first} does not say why a new log begins"
                )
            return
        size, held = fields.get("size"), fields.get("held")
        if type(size) is not int or type(held) is not int:
            self.report.add(
                self.first, f"entry {self.first} does not say what was before it"
            )
            return
        self.report.notes.append(
            f"A new log begins at entry {self.first}: {fields.get('reason')}. The log before it "
            f"had {size} entries, of which {held} are here. This was a restore, not a forgery, "
            f"if you restored."
        )
        here = before.next - before.first if before else 0
        if here < held:
            self.report.add(
                self.first,
                f"entry {self.first} says that {held} entries of the log before it are "
                f"here, and there are {here}",
            )
        if before is None or not here:
            return
        if (fields.get("origin"), fields.get("key")) != (before.name, _vkey(before)):
            if held:
                self.report.add(
                    self.first, f"entry {self.first} names another log before it"
                )
            else:
                self.report.stranger(before.first, before.next - 1, _vkey(before))
        elif here == size and before.tree.root().hex() != fields.get("root"):
            self.report.add(
                self.first,
                f"entry {self.first} names another head of the log before it",
            )


def _vkey(checker: Checker) -> str:
    key = base64.b64encode(b"\x01" + checker.public).decode()
    return f"{checker.name}+{checker.key_id.hex()}+{key}"


class Erased:
    """What is gone, and which entries say so."""

    def __init__(self) -> None:
        """Begin with nothing gone."""
        self.whole: list[list[int]] = []
        self.partly: dict[int, set[str]] = {}
        self.windows: list[tuple[int, int, int]] = []
        self.lists: dict[int, str] = {}

    def entry(
        self, seq: int, fields: Optional[dict[str, Any]], missing: set[str]
    ) -> None:
        """Take an entry: its fields, None without a body, and names of those not there."""
        if fields is None:
            if self.whole and self.whole[-1][1] == seq:
                self.whole[-1][1] = seq + 1
            else:
                self.whole.append([seq, seq + 1])
            return
        if missing:
            self.partly[seq] = missing
        if fields.get("kind") == "erased":
            first, last, count, digest = (
                fields.get(name) for name in ("first", "last", "entries", "sha256")
            )
            if digest:
                self.lists[seq] = str(digest)
            elif type(first) is type(last) is type(count) is int and count:
                self.windows.append((first, last + 1, count))

    def end(self, report: Report, lists: dict[int, list[int]]) -> None:
        """Report what is gone without a word; `lists` has what each erasure took from."""
        said = _listed(report, self.lists, lists)
        for seq, missing in self.partly.items():
            if seq not in said or missing - PERSON:
                report.add(seq, f"entry {seq}: fields are gone and no entry says why")
        self._bodies(report)
        if report.erased or said:
            report.notes.append(
                f"Erased, as entries of the log say: {report.erased} entries, and who it was in "
                f"{len(said)} more. Their hashes are here."
            )

    def _bodies(self, report: Report) -> None:
        """Report bodies that are gone outside of all windows, or that are too many in one."""
        windows: list[list[int]] = []
        for first, stop, count in sorted(self.windows):
            if windows and first < windows[-1][1]:
                windows[-1][1] = max(windows[-1][1], stop)
                windows[-1][2] += count
            else:
                windows.append([first, stop, count])
        at, gone = 0, [0] * len(windows)
        for start, stop in self.whole:
            report.erased += stop - start
            while start < stop:
                while at < len(windows) and windows[at][1] <= start:
                    at += 1
                begin, end, _ = windows[at] if at < len(windows) else (stop, stop, 0)
                if start < begin:
                    which = f"entry {start}: its body is"
                    if min(begin, stop) - start > 1:
                        which = f"entries {start} to {min(begin, stop) - 1}: their bodies are"
                    report.add(start, f"{which} gone and no entry says why")
                    start = begin
                else:
                    gone[at] += min(stop, end) - start
                    start = end
        for (first, stop, count), number in zip(windows, gone):
            # Each body goes once, and an entry says of how many it was.
            if number > count:
                report.add(
                    first,
                    f"entries {first} to {stop - 1}: the bodies of {number} are gone, and "
                    f"entries say so of {count}",
                )


def _listed(
    report: Report, digests: dict[int, str], lists: dict[int, list[int]]
) -> set[int]:
    """Return what erasures took; `digests` is what each says of its list."""
    said: set[int] = set()
    for seq, digest in digests.items():
        numbers = lists.get(seq, [])
        if (
            all(type(number) is int for number in numbers)
            and _sha(_json(sorted(numbers)).encode()).hex() == digest
        ):
            said.update(numbers)
        else:
            report.add(seq, f"entry {seq}: the list of what it erased was changed")
    return said


class Media:
    """The files that entries name, and which of them an entry says were erased."""

    def __init__(
        self, folder: Optional[str], tick: Callable[[], None] = lambda: None
    ) -> None:
        """Look for the files in `folder`; None: not at all.

        `tick` is called now and then, and may raise to end it.
        """
        self.folder = folder
        self.tick = tick
        self.files: dict[int, tuple[str, str, Any]] = {}
        self.lists: dict[int, str] = {}

    def entry(self, seq: int, fields: dict[str, Any]) -> None:
        """Take an entry that has a body."""
        if fields.get("kind") == "media" and fields.get("file"):
            digest, size = str(fields.get("sha256")), fields.get("bytes")
            self.files[seq] = (str(fields["file"]), digest, size)
        elif fields.get("kind") == "media_erased":
            self.lists[seq] = str(fields.get("sha256"))

    def end(self, report: Report, lists: dict[int, list[int]]) -> None:
        """Check the files; `lists` has the entries of what each erasure took."""
        said = _listed(report, self.lists, lists)
        there = {seq: file for seq, file in self.files.items() if seq not in said}
        if self.folder is None:
            if there:
                report.notes.append(
                    "Pictures and clips were NOT checked against their entries."
                )
            return
        for seq, file in there.items():
            if found := self._wrong(*file):
                report.add(seq, f"entry {seq}: its picture {found}")
        if self.files:
            report.notes.append(
                f"Pictures and clips checked: {len(there)}. Erased, as entries say: {len(said)}."
            )

    def _wrong(self, file: str, digest: str, size: Any) -> str:
        # A name out of a log must not lead anywhere else.
        if not re.fullmatch(r"[0-9a-f]{32}\.[a-z0-9]{1,5}", file):
            return "has a name that is none of ours"
        path, sha = Path(str(self.folder), file), hashlib.sha256()
        try:
            found = path.lstat()
            # What is no file may never end.
            if not stat.S_ISREG(found.st_mode) or found.st_size != size:
                return "was changed"
            with path.open("rb") as data:
                while block := data.read(1 << 20):
                    self.tick()
                    sha.update(block)
        except FileNotFoundError:
            return "is gone and no entry says why"
        except OSError as err:
            return f"cannot be read: {err.strerror}"
        return "" if sha.hexdigest() == digest else "was changed"


def _said(report: Report, bodies_checked: bool) -> None:
    if report.signatures < report.checkpoints:
        report.notes.append(
            f"Signatures checked: {report.signatures} of {report.checkpoints}, the newest; "
            f"the root was compared at each."
        )
    if not bodies_checked:
        report.notes.append("Bodies were NOT checked against their leaves.")


# A store.


def _parts(items: list[tuple[str, Any]], dumps: Dumps) -> list[bytes]:
    """Return each [name, value] as JSON. Raises ValueError for what no field can hold."""
    for _, value in items:
        if type(value) is not str and (type(value) is not int or abs(value) >= 2**53):
            raise ValueError("neither text nor a whole number")
    # One call for all, for speed. In JSON a text has no line feed, and its quotes are
    # escaped: this parts the items, unless a text ends as the separator begins.
    parts = dumps(items)[1:-1].replace(b'],["', b']\n["').split(b"\n")
    if len(parts) != len(items):
        parts = [dumps(item) for item in items]
    return parts


def _salted(key: bytes, seq: int, parts: list[bytes]) -> bytes:
    """Return the leaf hash of an entry from its fields as `_parts` gives them."""
    sha256, number = hashlib.sha256, seq.to_bytes(8, "big")
    stream = hashlib.shake_256(key + number).digest(16 * len(parts))
    data = [b"\x00sl1", number]
    at = 0
    for part in parts:
        data.append(sha256(stream[at : at + 16] + part).digest())
        at += 16
    return sha256(b"".join(data)).digest()


def _body(
    row: tuple[Any, ...], key: Optional[bytes], codec: Codec
) -> tuple[Optional[dict[str, Any]], set[str]]:
    """Check one row. Returns its fields and names of those not there. Raises ValueError."""
    seq, _, kind, time, lock, body, leaf = row
    if body is None:
        return None, set()
    try:
        # Text would do for the decoder, and nobody else reads it as a body.
        fields = codec.loads(memoryview(body).tobytes())
        missing: set[str] = set()
        if isinstance(fields, dict):
            order = (COMMON + FIELDS[fields["kind"]])[: len(fields)]
            parts = _parts([(name, fields[name]) for name in order], codec.dumps)
            same = list(fields) == sorted(fields) and codec.dumps(fields) == body
            made = leaf if key is None else _salted(key, seq, parts)
        else:
            same = codec.dumps(fields) == body
            made, fields, missing = _opened(seq, fields)
        happened = datetime.fromisoformat(fields["time"][:-1] + "+00:00")
        entered = fields["entered"]
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as err:
        raise ValueError("its body is not one of ours") from err
    if seq < 0 or not same or not isinstance(entered, str):
        raise ValueError("its body is not canonical")
    if (kind, time, lock) != (
        fields["kind"],
        (happened - EPOCH) // MICROSECOND,
        fields.get("lock") or None,
    ):
        raise ValueError("its row does not say what its body says")
    if made != leaf:
        raise ValueError("its body is not what was committed to")
    return fields, missing


class _Notes:
    """The checkpoints of a log, in order."""

    def __init__(self, rows: sqlite3.Cursor, checker: Checker, unsigned: int) -> None:
        self.rows = rows
        self.checker = checker
        self.unsigned = unsigned
        self.upto: int = -1
        """The entry up to which the next one goes."""
        self._next()

    def _next(self) -> None:
        self.note = self.rows.fetchone()
        self.upto = self.note[0] if self.note else sys.maxsize

    def take(self, upto: int) -> None:
        """Check those up to an entry; signatures only from a number of checkpoints on."""
        while self.note and self.note[0] <= upto:
            signed = self.checker.report.checkpoints >= self.unsigned
            self.checker.checkpoint(self.note[0], self.note[1], signed)
            self._next()


class _Store:
    """A pass over a store, log by log."""

    def __init__(
        self,
        store: sqlite3.Connection,
        report: Report,
        keys: Optional[str],
        progress: Optional[Progress],
        signed: Signed,
        codec: Codec,
        bodies: bool,
        media: Optional[str],
    ) -> None:
        self.media = Media(media, self.tick)
        self.has_media = False
        self.codec = codec
        self.bodies = bodies
        self.store = store
        self.report = report
        self.keys = keys
        self.progress = progress
        self.signed = signed
        self.erased = Erased()
        self.epochs: dict[Any, Optional[bytes]] = {}
        self.checker: Optional[Checker] = None
        self.schema = ""
        self.total = 0

    def tick(self) -> None:
        """Say that it goes on, after the last entry."""
        if self.progress:
            self.progress(self.total, self.total)

    def logs(self) -> list[LogRow]:
        """Return the logs of the store. Raises Unusable."""
        # A view could go on for ever.
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%virtual%'"
        found = {name for (name,) in self.store.execute(tables)}
        if not {"meta", "entries", "checkpoints"} <= found:
            raise Unusable("there is no log in it")
        self.has_media = "media" in found
        meta = dict(self.store.execute("SELECT key, value FROM meta"))
        self.schema = str(meta.get("schema"))
        if self.schema == "1":
            return [LogRow(0, str(meta.get("origin")), str(meta.get("vkey")))]
        if self.schema != "2":
            raise Unusable(f"this verifier does not know schema {self.schema}")
        if not {"logs", "erasures"} <= found:
            raise Unusable("there is no log in it")
        rows = self.store.execute("SELECT first, origin, vkey FROM logs ORDER BY first")
        return [_row(*row) for row in rows]

    def run(self, log: LogRow, stop: int, max_signatures: int) -> None:
        """Check the entries of one log: those before entry `stop`."""
        before = self.checker
        checker = self.checker = Checker(self.report, log, self.signed)
        # Both ends belong to it; a checkpoint is after the entries that it covers.
        window = (log.first, stop - 1)
        after = (log.first, min(stop, 2**63 - 1))
        # Of an older version's column, too, this is the name.
        (count,) = self.store.execute(
            "SELECT count(*) FROM checkpoints WHERE rowid > ? AND rowid <= ?",
            after,
        ).fetchone()
        (total,) = self.store.execute("SELECT max(seq) + 1 FROM entries").fetchone()
        self.total = total or 0
        notes = _Notes(
            self.store.execute(
                "SELECT rowid, note FROM checkpoints WHERE rowid > ? AND rowid <= ?"
                " ORDER BY rowid",
                after,
            ),
            checker,
            self.report.checkpoints + count - max_signatures,
        )
        if self.bodies:
            self.run_bodies(window, notes, before)
        else:
            self.run_leaves(window, notes)
        notes.take(sys.maxsize)
        checker.end()

    def run_bodies(
        self, window: tuple[int, int], notes: "_Notes", before: Optional[Checker]
    ) -> None:
        """Check bodies, leaves and checkpoints."""
        checker = notes.checker
        entered = ""
        for row in self.store.execute(
            "SELECT seq, epoch, kind, time, lock, body, leaf FROM entries"
            " WHERE seq >= ? AND seq <= ? ORDER BY seq",
            window,
        ):
            seq = row[0]
            if type(seq) is not int:
                raise Unusable("an entry has no number")
            earlier, entered = "" if seq != checker.next else entered, ""
            checker.entry(seq, row[6])
            fields = self.entry(row)
            if seq == checker.first:
                checker.follow(before, fields or {})
            entered = str(fields["entered"]) if fields else ""
            # Entries of one commit share `entered`, and each commit has a checkpoint.
            if earlier and entered and earlier != entered and checker.seen < seq:
                self.report.add(seq - 1, f"checkpoint {seq} is missing")
            if checker.next >= notes.upto:
                notes.take(checker.next)
            if self.progress and checker.next % 1000 == 0:
                self.progress(checker.next, max(self.total, checker.next))

    def run_leaves(self, window: tuple[int, int], notes: "_Notes") -> None:
        """Check leaves and checkpoints: those before a checkpoint go together."""
        checker = notes.checker
        rows = self.store.execute(
            "SELECT seq, leaf FROM entries WHERE seq BETWEEN ? AND ? ORDER BY seq",
            window,
        )
        while run := rows.fetchmany(min(max(notes.upto - checker.next, 1), 10_000)):
            checker.entries(run)
            notes.take(checker.next)
            if self.progress:
                self.progress(checker.next, max(self.total, checker.next))

    def entry(self, row: tuple[Any, ...]) -> Optional[dict[str, Any]]:
        """Check a row; return its fields if they are good."""
        seq, epoch, body = row[0], row[1], row[5]
        key = None
        if (
            self.keys is not None
            and isinstance(body, bytes)
            and not body.startswith(b"[")
        ):
            if epoch not in self.epochs:
                self.epochs[epoch] = _epoch_key(self.keys, epoch)
                if self.epochs[epoch] is None:
                    self.report.add(
                        seq, f"entry {seq}: there is no key of epoch {epoch}"
                    )
            key = self.epochs[epoch]
        try:
            fields, missing = _body(row, key, self.codec)
        except ValueError as err:
            self.report.add(seq, f"entry {seq}: {err}")
            return None
        self.erased.entry(seq, fields, missing)
        if fields:
            self.media.entry(seq, fields)
        return fields

    def end(self, first: int) -> None:
        """Complete the report; `first` is the first entry that a log can have."""
        for (seq,) in self.store.execute(
            "SELECT seq FROM entries WHERE seq < ? UNION SELECT rowid FROM checkpoints"
            " WHERE rowid <= ?",
            (first, first),
        ):
            self.report.add(seq, f"entry {seq} is of no log")
        lists: dict[int, list[int]] = {}
        if self.schema != "1":
            for by, seq in self.store.execute("SELECT by, seq FROM erasures"):
                lists.setdefault(by, []).append(seq)
        if self.bodies:
            self.erased.end(self.report, lists)
            self.media.end(self.report, self._media_lists())

    def _media_lists(self) -> dict[int, list[int]]:
        """Return the entries of what each erasure of files took."""
        lists: dict[int, list[int]] = {}
        if self.has_media:
            for by, seq in self.store.execute(
                "SELECT erased, seq FROM media WHERE erased >= 0"
            ):
                lists.setdefault(by, []).append(seq)
        return lists


def verify_store(
    path: str,
    keys: Optional[str] = None,
    vkey: Optional[str] = None,
    progress: Optional[Progress] = None,
    signed: Signed = ed25519_verify,
    max_signatures: int = MAX_SIGNATURES,
    codec: Codec = CODEC,
    bodies: bool = True,
    media: Optional[str] = None,
) -> Report:
    """Check a store; bodies against their leaves only with the folder of `keys`.

    The pictures that entries name only with that of `media`.
    `signed` and `codec` may be faster ones than this file has. Without `bodies` only
    the tree and its checkpoints are checked.

    Raises Unusable, and what `progress` raises.
    """
    report = Report(bodies_checked=bodies and keys is not None)
    run = None
    try:
        uri = f"{Path(path).absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as store:
            store.text_factory = lambda data: data.decode(errors="replace")
            store.execute("BEGIN")
            run = _Store(store, report, keys, progress, signed, codec, bodies, media)
            logs = _trusted(report, run.logs(), vkey)
            for log, following in zip(logs, [*logs[1:], None]):
                stop = following.first if following else 2**63
                run.run(log, stop, max_signatures)
            run.end(logs[0].first)
    # A name or a message of the file's own may be no text.
    except (sqlite3.DatabaseError, UnicodeDecodeError) as err:
        if (
            run is None
            or run.checker is None
            or isinstance(err, sqlite3.OperationalError)
        ):
            raise Unusable(f"not a log that can be read: {err}") from err
        checker = run.checker
        report.add(
            checker.next, f"the file cannot be read from entry {checker.next} on: {err}"
        )
        checker.end()
    _said(report, report.bodies_checked)
    return report


def _trusted(report: Report, logs: list[LogRow], vkey: Optional[str]) -> list[LogRow]:
    """Return the logs, the newest under the key that the reader trusts."""
    if not logs:
        raise Unusable("there is no log in it")
    if vkey is None:
        report.notes.append(OWN_KEY)
        return logs
    name = parse_vkey(vkey)[0]
    if (logs[-1].vkey, logs[-1].origin) != (vkey, name):
        report.add(-1, "the log names another key or origin than the one checked with")
    return [*logs[:-1], LogRow(logs[-1].first, name, vkey)]


def _epoch_key(folder: str, epoch: object) -> Optional[bytes]:
    if type(epoch) is not int:
        return None
    try:
        key = Path(folder, f"epoch-{epoch}.key").read_bytes()
    except OSError:
        return None
    return key if len(key) == 32 else None


# An export.


def _line(line: bytes) -> tuple[int, bytes, Optional[dict[str, Any]], set[str]]:
    """Return number, leaf, fields and names of those not there. Raises ValueError."""
    try:
        entry = json.loads(line)
        seq = entry["seq"]
        if type(seq) is not int or f"{_json(entry)}\n".encode() != line:
            raise ValueError("not canonical")
        # Nothing beside what is checked, which a reader would take for checked as well.
        if set(entry) == {"seq", "leaf"}:
            return seq, _base64(entry["leaf"]), None, set()
        if set(entry) != {"seq", "fields"}:
            raise ValueError("not an entry")
        leaf, fields, missing = _opened(seq, entry["fields"])
    except (KeyError, TypeError, RecursionError, OverflowError) as err:
        raise ValueError("not an entry") from err
    return seq, leaf, fields, missing


def _header(header: Any) -> tuple[list[LogRow], list[tuple[int, str]], Any]:
    """Return logs, their checkpoints by entry number, and erasures. Raises Unusable."""
    try:
        if header["format"] == "smartlock-le/log-export/1":
            logs, header = [{**header, "first": 0}], {"erasures": []}
        elif header["format"] == "smartlock-le/log-export/2":
            logs = header["logs"]
        else:
            raise Unusable("this verifier does not know the format of the copy")
        rows = [_row(g["first"], g["origin"], g["vkey"]) for g in logs]
        sizes = [g["size"] for g in logs]
        notes = [str(g["checkpoint"]) for g in logs]
        lists: dict[int, list[int]] = {}
        for by, seq in header["erasures"]:
            lists.setdefault(by, []).append(seq)
    except (ValueError, KeyError, TypeError) as err:
        raise Unusable("not an exported log") from err
    if any(type(size) is not int or size < 0 for size in sizes):
        raise Unusable("a log has no size")
    ends = [row.first + size for row, size in zip(rows, sizes)]
    if any(end > row.first for end, row in zip(ends, rows[1:])):
        raise Unusable("two logs have the same entries")
    return rows, list(zip(ends, notes)), lists


def _read_line(file: IO[bytes], most: int) -> bytes:
    """Return the next line; empty at the end. Raises Unusable if it does not end."""
    line = file.readline(most + 1)
    if len(line) > most:
        raise Unusable("a line is longer than any of ours")
    return line


def _loads(text: bytes) -> Any:
    """Return what JSON says that is written as ours. Raises ValueError."""
    try:
        value = json.loads(text)
        # A key that is there twice says two things.
        if _json(value).encode() == text:
            return value
    except RecursionError as err:
        raise ValueError("too deep") from err
    raise ValueError("not canonical")


def verify_export(
    path: str,
    vkey: Optional[str] = None,
    progress: Optional[Progress] = None,
    signed: Signed = ed25519_verify,
) -> Report:
    """Check an exported copy. Raises Unusable, and what `progress` raises."""
    report = Report(bodies_checked=True)
    erased = Erased()
    with open(path, "rb") as file:  # noqa: PTH123
        try:
            header = _loads(_read_line(file, MAX_HEADER)[:-1])
        except ValueError as err:
            raise Unusable("not an exported log") from err
        logs, notes, lists = _header(header)
        logs = _trusted(report, logs, vkey)
        checkers = [Checker(report, log, signed) for log in logs]
        current = 0
        for number, line in enumerate(iter(partial(_read_line, file, MAX_LINE), b"")):
            try:
                seq, leaf, fields, missing = _line(line)
            except ValueError:
                report.add(number, f"line {number + 2} is damaged")
                checkers[current].comparable = False
                continue
            while current + 1 < len(logs) and seq >= logs[current + 1].first:
                current += 1
            checker = checkers[current]
            checker.entry(seq, leaf)
            erased.entry(seq, fields, missing)
            if seq == checker.first:
                checker.follow(checkers[current - 1] if current else None, fields or {})
            if progress and checker.next % 1000 == 0:
                progress(checker.next, max(checker.next, notes[-1][0]))
    for checker, (upto, note) in zip(checkers, notes):
        # A log of which nothing is here was lost before the one after it began.
        if upto > checker.first or note:
            checker.checkpoint(upto, note, True)
        checker.end()
    erased.end(report, lists)
    _said(report, True)
    return report


# Proofs.


def root_of_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, section 2.1.3.2).

    Raises ValueError if the path does not fit index and size.
    """
    last = size - 1
    if not 0 <= index <= last:
        raise ValueError("no such entry in the tree")
    for node in path:
        if not last:
            raise ValueError("the path is too long")
        if index & 1 or index == last:
            leaf = _sha(b"\x01" + node + leaf)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            leaf = _sha(b"\x01" + leaf + node)
        index, last = index >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return leaf


def parse_proof(text: str) -> tuple[int, list[bytes], str]:
    """Return index, path and checkpoint of a C2SP tlog-proof. Raises ValueError."""
    top, _, note = text.partition("\n\n")
    magic, index, *path = top.split("\n")
    word, _, number = index.partition(" ")
    if magic != "c2sp.org/tlog-proof@v1" or word != "index" or not number.isdecimal():
        raise ValueError("not a tlog-proof")
    return int(number), [_base64(node) for node in path], note


def _member(zipped: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Return a file of a zip file, to read. Raises Unusable, KeyError."""
    if zipped.getinfo(name).compress_type not in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    ):
        raise Unusable("the zip file is not one of ours")
    return zipped.open(name)


def _small(zipped: zipfile.ZipFile, name: str, most: int = MAX_LINE) -> bytes:
    """Return what is in a small file of a zip file. Raises Unusable, KeyError."""
    with _member(zipped, name) as file:
        text = file.read(most + 1)
    if len(text) > most:
        raise Unusable(f"{name} is longer than any of ours")
    return text


class _Run:
    """Entries without a gap that have one proof together."""

    def __init__(self, said: Any) -> None:
        """Take what `log.json` says of it. Raises ValueError, KeyError, TypeError."""
        self.start, self.stop = said["start"], said["stop"]
        if set(said) != {"start", "stop", "left", "right"}:
            raise ValueError("not a run")
        if type(self.start) is not int or type(self.stop) is not int:
            raise ValueError("a run has no numbers")
        self.left = [_base64(node) for node in said["left"]]
        self.right = [_base64(node) for node in said["right"]]
        if {*map(len, self.left), *map(len, self.right)} - {32}:
            raise ValueError("a run has what is no hash")
        self.next = self.start
        self.tree = Tree()
        self.leaves: list[bytes] = []
        self.size, self.expected, self.at = 0, b"", 0
        self.first: Optional[dict[str, Any]] = None
        self.why = ""
        """Why it is not good."""

    def begin(self, first: int) -> None:
        """Begin in the log whose first entry this is. Raises ValueError."""
        self.tree.size, self.tree.edge = self.start - first, self.left[:]
        # A perfect subtree for each one in how many leaves there are, the largest first.
        if self.tree.size < 0 or bin(self.tree.size).count("1") != len(self.left):
            raise ValueError("it is not all that is left of them")

    def add(self, seq: int, leaf: bytes) -> None:
        """Take the leaf hash of the next entry. Raises ValueError."""
        if seq != self.next:
            raise ValueError(f"an entry before {seq} is missing")
        self.leaves.append(leaf)
        self.next += 1
        if len(self.leaves) == RUN or self.next == self.stop:
            self.tree.extend(self.leaves)
            self.leaves = []

    def root(self, size: int) -> bytes:
        """Return the root of the tree of so many leaves. Raises ValueError."""
        for node in self.right:
            low = self.tree.size
            if low >= size:
                break
            # The largest that begins at a multiple of its own size, and fits.
            height = min((size - low).bit_length(), (low & -low).bit_length()) - 1
            self.tree.join(height, node)
        else:
            if self.tree.size == size:
                return self.tree.root()
        raise ValueError("it is not all that is right of them")


class _Proofs:
    """A pass over entries with their proofs."""

    def __init__(
        self,
        report: Report,
        logs: list[LogRow],
        notes: list[tuple[int, str]],
        signed: Signed,
        runs: list[_Run],
    ) -> None:
        self.report = report
        self.logs = logs
        self.runs = runs
        self.notes = [note for _, note in notes]
        self.signed = signed
        self.heads: dict[str, tuple[int, bytes, int]] = {}
        self.numbers: list[int] = []
        self.used: dict[int, list[int]] = {}
        self.named: dict[int, tuple[Any, Any]] = {}
        self.rows: Union[_Rows, _Approved, None] = None

    def entry(self, line: bytes, text: Callable[[int], bytes]) -> None:
        """Check a line; `text` gives the proof of an entry. Raises ValueError, KeyError."""
        seq, leaf, fields, _ = _line(line)
        if self.numbers and seq <= self.numbers[-1]:
            self.report.add(seq, f"entry {seq} is out of order")
            return
        self.numbers.append(seq)
        if self.rows and fields:
            self.rows.entry(seq, fields)
        if len(leaf) != 32:
            self.report.add(seq, f"entry {seq}: its leaf is damaged")
            return
        while self.runs and self.runs[0].stop <= seq:
            self.cut(self.runs.pop(0))
        if self.runs and self.runs[0].start <= seq:
            self.of_run(self.runs[0], seq, leaf, fields)
            return
        try:
            index, nodes, note = parse_proof(text(seq).decode())
            size, root, at = self.head(note)
            found = root_of_path(leaf, index, size, nodes)
        except ValueError as err:
            self.report.add(seq, f"entry {seq}: its proof is not good: {err}")
            return
        log = self.logs[at]
        if found != root or log.first + index != seq:
            self.report.add(seq, f"entry {seq}: its proof is another entry's")
            return
        self.used.setdefault(at, []).append(seq)
        if not index:
            self.names(at, fields)

    def names(self, at: int, fields: Optional[dict[str, Any]]) -> None:
        """Note which log the first entry of a log names; it is proven to be that."""
        if fields and fields.get("kind") == "restored":
            self.named[at] = (fields.get("origin"), fields.get("key"))

    def cut(self, run: _Run) -> None:
        """Say that a run does not go on to its end."""
        if not run.why and run.next < run.stop:
            self.report.add(
                run.start, f"entries {run.start} to {run.stop - 1} are not all here"
            )

    def of_run(
        self, run: _Run, seq: int, leaf: bytes, fields: Optional[dict[str, Any]]
    ) -> None:
        """Take an entry of a run, and check the run with its last one."""
        if run.why:
            return
        try:
            if seq == run.start:
                at = max(
                    (n for n, g in enumerate(self.logs) if g.first <= seq), default=0
                )
                run.size, run.expected, run.at = self.head(self.notes[at])
                run.begin(self.logs[run.at].first)
                run.first = fields
            run.add(seq, leaf)
            if run.next < run.stop:
                return
            if run.root(run.size) != run.expected:
                run.why = "they are not those that were signed"
        except ValueError as err:
            run.why = str(err)
        if run.why:
            self.report.add(
                run.start,
                f"entries {run.start} to {run.stop - 1}: their proof is not good: "
                f"{run.why}",
            )
            return
        self.used.setdefault(run.at, []).extend(range(run.start, run.stop))
        if run.start == self.logs[run.at].first:
            self.names(run.at, run.first)

    def head(self, note: str) -> tuple[int, bytes, int]:
        """Return size and root of a checkpoint, and which log it is of. Raises ValueError."""
        if note not in self.heads:
            # One checkpoint a log: entries of two trees would not follow each other.
            if note not in self.notes:
                raise ValueError("not signed by this log")
            at = self.notes.index(note)
            name, key_id, public = parse_vkey(self.logs[at].vkey)
            if name != self.logs[at].origin:
                raise ValueError("the log names another origin than its key")
            size, root, text, signature = parse_note(note, name, key_id)
            if not self.signed(public, text, signature):
                raise ValueError("bad signature")
            end, after = self.logs[at].first + size, self.logs[at + 1 : at + 2]
            if after and end > after[0].first:
                raise ValueError("it has entries of the log after it")
            self.heads[note] = size, root, at
        return self.heads[note]

    def end(self) -> None:
        """Complete the report."""
        report, known = self.report, len(self.logs) - 1
        for run in self.runs:
            self.cut(run)
        report.size = len(self.numbers)
        report.checkpoints = report.signatures = len(self.heads)
        for _, root, at in self.heads.values():
            report.root, report.origin, report.vkey = root.hex(), *self.logs[at][1:]
        while known and self.named.get(known) == self.logs[known - 1][1:]:
            known -= 1
        for at in sorted(self.used):
            if at < known:
                report.stranger(
                    min(self.used[at]), max(self.used[at]), self.logs[at].vkey
                )
        report.notes.append(_runs(sorted(self.numbers)))


def verify_proofs(
    path: Union[str, IO[bytes]],
    vkey: Optional[str] = None,
    progress: Optional[Progress] = None,
    signed: Signed = ed25519_verify,
    rows: Union["_Rows", "_Approved", None] = None,
) -> Report:
    """Check entries that were given with their proofs. Raises Unusable."""
    report = Report(bodies_checked=True)
    try:
        with zipfile.ZipFile(path) as zipped:
            names = zipped.namelist()
            if len(names) != len(set(names)):
                raise Unusable("the zip file has two files of one name")
            header = _loads(_small(zipped, "log.json", MAX_HEADER))
            runs = []
            if header["format"] == "smartlock-le/log-proof/2":
                runs = [_Run(said) for said in header["runs"]]
                before = 0
                for one in runs:
                    if not before <= one.start < one.stop:
                        raise Unusable("the runs of entries are not in order")
                    before = one.stop
            elif header["format"] != "smartlock-le/log-proof/1":
                raise Unusable("this verifier does not know the format of the proofs")
            logs, notes, _ = _header(
                {
                    "format": "smartlock-le/log-export/2",
                    "logs": header["logs"],
                    "erasures": [],
                }
            )
            run = _Proofs(report, _trusted(report, logs, vkey), notes, signed, runs)
            run.rows = rows
            with _member(zipped, "entries.jsonl") as file:
                for line in iter(partial(_read_line, file, MAX_LINE), b""):
                    run.entry(
                        line, lambda seq: _small(zipped, f"proofs/{seq}.tlog-proof")
                    )
                    if progress:
                        progress(len(run.numbers), len(run.numbers))
    except (
        *(ValueError, KeyError, TypeError, EOFError, OverflowError),
        # Encrypted, of a later version, cut off, or not deflated.
        *(zipfile.BadZipFile, RuntimeError, zlib.error),
    ) as err:
        raise Unusable(f"not proofs of ours: {err}") from err
    run.end()
    return report


def _runs(numbers: list[int]) -> str:
    """Say which entries there are, and so which are not."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    said = ", ".join(f"{a} to {b}" if a < b else f"{a}" for a, b in runs)
    return f"Entries {said}. Within each run nothing was left out."


# Releases: a bag (RFC 8493) around proofs.


class _Rows:
    """The table of a release beside its proofs: it says what the entries say, and no more."""

    def __init__(self, report: Report, file: IO[bytes]) -> None:
        self.report = report
        self.lines = iter(partial(_read_line, file, MAX_LINE), b"")
        self.media: dict[str, str] = {}
        """Which hash the log has of a file."""
        self.bad = False

    def entry(self, seq: int, fields: dict[str, Any]) -> None:
        """Compare a row with its entry, if the entry has one."""
        kind = fields.get("kind")
        names = ROWS.get(str(kind))
        if names is None or self.bad:
            return
        said = {
            name: fields[field]
            for name, field in names.items()
            if fields.get(field, "") != ""
        }
        try:
            row = _loads_plain(next(self.lines, b""))
            # What a reader takes in, and no proof has.
            extra = {"person"} if kind == "access" else {"time", "file"}
            person = str(row.get("person", ""))
            fits = (
                row["number"] == seq
                and said.items() <= row.items()
                and not set(row) - set(said) - {"number"} - extra
                and (not person or person == fields.get("actor_name", person))
            )
            if kind == "media":
                self.media[str(row["file"])] = str(row["sha256"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            fits = False
        if not fits:
            self.bad = True
            self.report.add(seq, f"entry {seq}: the table says something else of it")

    def end(self) -> None:
        """Say what the table has beside the entries."""
        if not self.bad and next(self.lines, b""):
            self.report.add(-1, "the table has rows that no entry is for")


class _Approved:
    """The entry that says what was approved."""

    def __init__(self) -> None:
        self.seq = -1
        self.fields: dict[str, Any] = {}

    def entry(self, seq: int, fields: dict[str, Any]) -> None:
        """Take it."""
        if fields.get("kind") == "release":
            self.seq, self.fields = seq, fields


class _Folder:
    """The files of a bag, in a folder or a zip file."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises Unusable, OSError."""
        self.zipped: Optional[zipfile.ZipFile] = None
        self.path = path
        self.prefix = ""
        self.names: set[str] = set()
        if path.is_dir():
            for one in path.rglob("*"):
                mode = one.lstat().st_mode
                if one.name in LITTER:
                    continue
                if stat.S_ISREG(mode):
                    self.names.add(one.relative_to(path).as_posix())
                elif not stat.S_ISDIR(mode):
                    raise Unusable(f"{one.name} is no file")
            return
        self.zipped = zipfile.ZipFile(path)
        for member in self.zipped.infolist():
            found = MEMBER.fullmatch(member.filename)
            mode = member.external_attr >> 16
            if found is None or (stat.S_IFMT(mode) and not stat.S_ISREG(mode)):
                raise Unusable("the zip file is not one of ours")
            if found[1] != (self.prefix or found[1]) or found[2] in self.names:
                raise Unusable("the zip file is not one of ours")
            self.prefix = found[1]
            self.names.add(found[2])

    def open(self, name: str) -> IO[bytes]:
        """Return a file to read. Raises Unusable, KeyError, OSError."""
        if self.zipped:
            return _member(self.zipped, self.prefix + name)
        return (self.path / name).open("rb")

    def small(self, name: str) -> bytes:
        """Return what is in a small file."""
        with self.open(name) as file:
            text = file.read(MAX_HEADER + 1)
        if len(text) > MAX_HEADER:
            raise Unusable(f"{name} is longer than any of ours")
        return text

    def digest(self, name: str) -> Optional[str]:
        """Return the SHA-256 of a file, in hex; None: it cannot be read."""
        digest = hashlib.sha256()
        try:
            with self.open(name) as file:
                for piece in iter(partial(file.read, 1 << 18), b""):
                    digest.update(piece)
        except (OSError, KeyError, zipfile.BadZipFile, zlib.error, EOFError):
            return None
        return digest.hexdigest()

    def copy(self, name: str, copy: IO[bytes]) -> None:
        """Copy a file of proofs, to read it from anywhere in it. Raises Unusable, and others."""
        with self.open(name) as file:
            for piece in iter(partial(file.read, 1 << 18), b""):
                if copy.tell() > MAX_PROOFS:
                    raise Unusable(f"{name} is longer than any of ours")
                copy.write(piece)


def is_bag(path: Path) -> bool:
    """Tell whether it is a release."""
    if path.is_dir():
        return (path / "bagit.txt").is_file()
    try:
        with zipfile.ZipFile(path) as zipped:
            return any(name.endswith("/bagit.txt") for name in zipped.namelist()[:10])
    except (zipfile.BadZipFile, OSError):
        return False


def verify_bag(
    path: Path, vkey: Optional[str] = None, signed: Signed = ed25519_verify
) -> Report:
    """Check a release: its files, its approval, the proofs, table and pictures.

    The approval is an entry of the log, and names the hash of the manifest: so every file
    is one that was approved. Raises Unusable.
    """
    found = Report(bodies_checked=True)
    try:
        folder = _Folder(path)
        _files(found, folder)
        if found.bad:
            # What is not what it says is not looked into.
            return found
        with folder.open("data/events.jsonl") as file, tempfile.TemporaryFile() as copy:
            folder.copy("data/proofs.zip", copy)
            rows = _Rows(found, file)
            report = verify_proofs(copy, vkey, None, signed, rows)
            rows.end()
        listed = {
            n[len("data/") :] for n in folder.names if n.startswith("data/media/")
        }
        for name in sorted(listed):
            digest = rows.media.get(name)
            if digest is None or folder.digest(f"data/{name}") != digest:
                found.add(-1, f"{name} is not what the log has of it")
        for name in sorted(set(rows.media) - listed):
            report.notes.append(f"{name} was not there any more when this was made.")
        _approval(found, report, folder, signed)
    except (
        *(ValueError, KeyError, TypeError, EOFError, RecursionError, OSError),
        *(zipfile.BadZipFile, RuntimeError, zlib.error, IndexError),
    ) as err:
        raise Unusable(f"not a release of ours: {err}") from err
    for at, what in found.bad:
        report.add(at, what)
    report.more += found.more
    return report


def _approval(found: Report, report: Report, folder: _Folder, signed: Signed) -> None:
    """Check that the log says that just this was approved."""
    if "approval.zip" not in folder.names or "approval.json" not in folder.names:
        found.add(-1, "nothing here shows that it was approved")
        return
    approved = _Approved()
    with tempfile.TemporaryFile() as copy:
        folder.copy("approval.zip", copy)
        proven = verify_proofs(copy, report.vkey, None, signed, approved)
    fields = approved.fields
    if proven.bad or proven.strangers or proven.vkey != report.vkey:
        found.add(-1, "its approval is not proven by the log")
    elif (
        fields.get("event") not in ("approved", "seconded")
        or not fields.get("state")
        or fields.get("manifest") != folder.digest("manifest-sha256.txt")
    ):
        found.add(-1, "what was approved is something else")
    else:
        said = _loads_plain(folder.small("approval.json"))
        names = ("time", "release", "request", "instrument", "manifest")
        if said != {"entry": approved.seq, **{name: fields[name] for name in names}}:
            found.add(-1, "approval.json says something else than the log")
        report.notes.append(
            f"Just these files were approved on {fields['time']}, as entry "
            f"{approved.seq} of the log says."
        )


def _loads_plain(text: bytes) -> Any:
    """Return what JSON says in which no name is there twice. Raises ValueError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a name is there twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once)


def _files(report: Report, folder: _Folder) -> None:
    """Check that there are the files that the manifests list, as they say, and no others."""
    payload = {name for name in folder.names if name.startswith("data/")}
    tags = folder.names - payload - {"tagmanifest-sha256.txt"}
    for name in sorted(tags - TAGS):
        report.add(-1, f"{name} is no part of a release")
    for manifest, here in (
        ("tagmanifest-sha256.txt", tags),
        ("manifest-sha256.txt", payload),
    ):
        listed = {}
        for line in folder.small(manifest).decode().splitlines():
            digest, _, name = line.partition("  ")
            if not re.fullmatch("[0-9a-f]{64}", digest) or name in listed:
                raise Unusable("a manifest is not one of ours")
            listed[name] = digest
        for name in sorted(here ^ set(listed)):
            what = "not here" if name in listed else "in no manifest"
            report.add(-1, f"{name} is {what}")
        for name in sorted(here & set(listed)):
            if folder.digest(name) != listed[name]:
                report.add(-1, f"{name} is not what the manifest says")


def _say(line: str) -> None:
    """Print a line: nothing that a file says makes it two, or cannot be shown."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    encoding = sys.stdout.encoding or "ascii"
    print(shown.encode(encoding, "backslashreplace").decode(encoding))


def main(arguments: Optional[list[str]] = None) -> int:
    """Check the file named on the command line and say what was found."""
    parser = argparse.ArgumentParser(description="Check a log of SmartLock LE.")
    parser.add_argument(
        "file", help="log.db, an exported copy, a zip of proofs, or a release"
    )
    parser.add_argument(
        "--keys", help="folder of the epoch keys (default: beside log.db)"
    )
    parser.add_argument(
        "--media", help="folder of the pictures (default: beside log.db)"
    )
    parser.add_argument("--vkey", help="public key that you trust, name+id+base64")
    options = parser.parse_args(arguments)
    path = Path(options.file)
    try:
        start = b""
        if not path.is_dir():
            with path.open("rb") as file:
                start = file.read(16)
        if is_bag(path):
            report = verify_bag(path, options.vkey)
        elif start == b"SQLite format 3\0":
            beside = path.absolute().with_name("keys")
            keys = options.keys or (str(beside) if beside.is_dir() else None)
            pictures = path.absolute().with_name("media")
            media = options.media or (str(pictures) if pictures.is_dir() else None)
            report = verify_store(str(path), keys, options.vkey, media=media)
        elif start[:4] == b"PK\3\4":
            report = verify_proofs(str(path), options.vkey)
        else:
            report = verify_export(str(path), options.vkey)
    except (Unusable, OSError) as err:
        _say(f"{path.name} cannot be checked: {err}")
        return 2
    _say(
        f"Log {report.origin}, {report.size} entries, {report.checkpoints} checkpoints."
    )
    _say(f"Key  {report.vkey}")
    _say(f"Root {report.root}")
    for line in report.notes:
        _say(line)
    for what in report.strangers:
        # Without a key to trust, no key here is better than another.
        _say(f"NOT OK: {what}." if options.vkey else f"{what}.")
    for _, what in report.bad:
        _say(f"NOT OK: {what}.")
    if report.more:
        _say(f"NOT OK: {report.more} more findings.")
    ok = report.ok and not (options.vkey and report.strangers)
    if ok:
        _say("OK: the entries are those that were signed, whole and in order.")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
