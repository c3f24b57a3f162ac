"""Proofs against RFC 6962 as it is written, and bodies there and back."""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
import hashlib

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.smartlock_le.log import KINDS, LogUnavailable, verify
from custom_components.smartlock_le.log.body import (
    fields_of,
    is_opened,
    opened,
    pack,
    withheld,
)
from custom_components.smartlock_le.log.canonical import MAX_INT, Value, dumps
from custom_components.smartlock_le.log.leaf import entry_leaf
from custom_components.smartlock_le.log.proof import (
    Prover,
    check_consistency,
    check_inclusion,
    tlog_proof,
)
from custom_components.smartlock_le.log.tree import Tree

from .support import patient, sample

EDGES = [1, 2, 3, 255, 256, 257, 511, 512, 513, 65535, 65536, 65537]
SIZES = st.sampled_from(EDGES) | st.integers(1, 66_000)


def sha(data: bytes) -> bytes:
    """Return SHA-256."""
    return hashlib.sha256(data).digest()


# RFC 6962, section 2.1, word for word; D[low:high] is named by its ends.


def split(count: int) -> int:
    """Return the largest power of two smaller than `count`."""
    k = 1
    while k * 2 < count:
        k *= 2
    return k


@cache
def mth(low: int, high: int) -> bytes:
    """Return MTH(D[low:high]) where each D[i] is the hash of a leaf that is its number."""
    if high - low == 1:
        return sha(b"\0" + low.to_bytes(8, "big"))
    k = split(high - low)
    return sha(b"\1" + mth(low, low + k) + mth(low + k, high))


def path(m: int, low: int, high: int) -> list[bytes]:
    """Return PATH(m, D[low:high])."""
    if high - low == 1:
        return []
    k = split(high - low)
    if m < k:
        return [*path(m, low, low + k), mth(low + k, high)]
    return [*path(m - k, low + k, high), mth(low, low + k)]


def subproof(m: int, low: int, high: int, whole: bool) -> list[bytes]:
    """Return SUBPROOF(m, D[low:high], whole)."""
    if m == high - low:
        return [] if whole else [mth(low, high)]
    k = split(high - low)
    if m <= k:
        return [*subproof(m, low, low + k, whole), mth(low + k, high)]
    return [*subproof(m - k, low + k, high, False), mth(low, low + k)]


def prover(size: int) -> Prover:
    """Return what builds proofs in a tree of so many leaves."""

    def fetch(height: int, start: int, stop: int) -> Sequence[bytes]:
        assert not height % 8
        assert stop - start == 256
        return [
            mth(number << height, number + 1 << height)
            for number in range(start, min(stop, size >> height))
        ]

    return Prover(fetch)


PROVERS = {size: prover(size) for size in EDGES}


def other(node: bytes) -> bytes:
    """Return a hash that differs in a bit."""
    return bytes([node[0] ^ 1]) + node[1:]


@settings(patient, max_examples=200)
@given(st.data())
def test_inclusion(data: st.DataObject) -> None:
    """A path is that of the RFC, leads to the root, and only from its own leaf."""
    size = data.draw(SIZES)
    index = data.draw(st.integers(0, size - 1))
    proof = PROVERS.get(size, prover(size)).inclusion(index, size)
    assert proof == path(index, 0, size)
    leaf, root = mth(index, index + 1), mth(0, size)
    assert check_inclusion(leaf, index, size, proof, root)
    assert verify.root_of_path(leaf, index, size, proof) == root
    wrong = [
        (other(leaf), index, size, proof, root),
        (leaf, index, size, proof, other(root)),
        (leaf, index, size, [*proof, root], root),
        (leaf, size, size, proof, root),
        (leaf, -1, size, proof, root),
    ]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], other(proof[at]), *proof[at + 1 :]]
        wrong += [
            (leaf, index, size, changed, root),
            (leaf, index, size, proof[:-1], root),
            (leaf, index ^ 1, size, proof, root),
        ]
    for arguments in wrong:
        assert not check_inclusion(*arguments)
        try:
            assert verify.root_of_path(*arguments[:4]) != arguments[4]
        except ValueError:
            assert len(arguments[3]) != len(proof) or not 0 <= arguments[1] < size


@settings(patient, max_examples=200)
@given(st.data())
def test_consistency(data: st.DataObject) -> None:
    """A proof of growth is that of the RFC, and shows nothing else."""
    size = data.draw(SIZES)
    edges = [edge for edge in EDGES if edge <= size]
    old = data.draw(st.sampled_from(edges) | st.integers(1, size))
    proof = PROVERS.get(size, prover(size)).consistency(old, size)
    assert proof == subproof(old, 0, size, True)
    before, root = mth(0, old), mth(0, size)
    assert check_consistency(old, before, size, proof, root)
    wrong = [
        (old, other(before), size, proof, root),
        (old, before, size, proof, other(root)),
        (old, before, size, [*proof, root], root),
        (0, before, size, proof, root),
        (size + 1, before, size, proof, root),
    ]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], other(proof[at]), *proof[at + 1 :]]
        wrong += [
            (old, before, size, changed, root),
            (old, before, size, proof[:-1], root),
            (old, before, size, [], root),
        ]
    for arguments in wrong:
        assert not check_consistency(*arguments)


@pytest.mark.parametrize("size", [0, *EDGES])
def test_edge(size: int) -> None:
    """The right edge that the tiles give is that of a tree that grew."""
    tree = Tree()
    for number in range(size):
        tree.add(mth(number, number + 1))
    assert prover(size).edge(size) == tree.edge
    assert [entry for entry in tree.grown if entry[0] == 8] == [
        (8, number, mth(number << 8, number + 1 << 8)) for number in range(size >> 8)
    ]


def test_no_such_proof() -> None:
    """What cannot be proved is refused; missing hashes are damage, whatever is missing."""
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(IndexError):
            prover(3).inclusion(index, size)
    for old, size in ((0, 3), (4, 3), (-1, 3)):
        with pytest.raises(IndexError):
            prover(3).consistency(old, size)
    for fetch in (lambda *_: [], lambda *_: [bytes(32)] * 3):
        with pytest.raises(LogUnavailable, match="hashes of the tree are missing"):
            Prover(fetch).edge(4)


def test_tiles_are_read_once_and_let_go() -> None:
    """A run of entries shares its tiles, and a long one holds few of them."""
    size, asked = 40_000, list[tuple[int, int]]()
    whole = prover(size)._fetch

    def fetch(height: int, start: int, stop: int) -> Sequence[bytes]:
        asked.append((height, start))
        return whole(height, start, stop)

    built = Prover(fetch)
    for index in range(1000, 1100):
        assert built.inclusion(index, size) == path(index, 0, size)
    assert len(asked) == len(set(asked)) < 10
    for index in range(0, size, 256):
        assert built.inclusion(index, size) == path(index, 0, size)
        assert len(built._tiles) <= 64


def test_text() -> None:
    """A proof as text is what the verifier reads."""
    nodes = [bytes(32), bytes(range(32))]
    text = tlog_proof(7, nodes, "origin\n9\nroot\n\n— x y\n")
    assert text.splitlines()[:3] == [
        "c2sp.org/tlog-proof@v1",
        "index 7",
        b64encode(bytes(32)).decode(),
    ]
    assert verify.parse_proof(text) == (7, nodes, "origin\n9\nroot\n\n— x y\n")


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@st.composite
def entry(draw: st.DrawFn) -> dict[str, Value]:
    """Draw the fields of an entry of any kind."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    values: dict[str, Value] = {
        name: draw(TEXT if type(value) is str else st.integers(-MAX_INT, MAX_INT))
        for name, value in sample(kind).items()
    }
    return {"kind": kind, "time": draw(TEXT), "entered": draw(TEXT), **values}


@settings(patient, max_examples=200)
@given(entry(), st.binary(min_size=32, max_size=32), st.integers(0, 2**63), st.data())
def test_bodies(
    fields: dict[str, Value], key: bytes, seq: int, data: st.DataObject
) -> None:
    """Whole, opened, or with fields gone: the same entry under the same leaf."""
    body = dumps(fields)
    assert not is_opened(body)
    assert list(fields_of(seq, body).items()) == list(fields.items())
    items = opened(key, seq, body)
    stored = pack(items)
    assert is_opened(stored)
    # It needs no key any more.
    assert opened(b"", seq, stored) == items
    assert list(fields_of(seq, stored).items()) == list(fields.items())
    names = data.draw(st.sets(st.sampled_from(list(fields))))
    less = opened(b"", seq, pack(withheld(items, names)))
    left = {name: value for name, value in fields.items() if name not in names}
    assert fields_of(seq, pack(less)) == left
    assert withheld(less, names) == less
    leaf = entry_leaf(key, seq, fields)
    # Another hand's way to the leaf, from what is stored alone.
    assert verify._opened(seq, items) == (leaf, fields, set())
    *found, missing = verify._opened(seq, less)
    assert found == [leaf, left]
    # Without its kind nobody can say what the others are called.
    assert (missing == names) if "kind" not in names else missing
