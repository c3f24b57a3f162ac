"""Proofs of RFC 6962, section 2.1: that an entry is in a tree, and that a tree only grew.

Written as C2SP tlog-proof, which carries the signed checkpoint that they lead to.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence

from .errors import LogUnavailable
from .tree import TILE_HEIGHT, Tree, node_hash

_WIDTH = 1 << TILE_HEIGHT
_MOST_TILES = 64

type Fetch = Callable[[int, int, int], Sequence[bytes]]
"""Gives the hashes `start` to before `stop` at a height of the tree (0: the leaves)."""


class Prover:
    """Builds proofs over a tree of which leaves and every eighth level are at hand."""

    def __init__(self, fetch: Fetch) -> None:
        """Take what reads hashes; `height` is always a multiple of TILE_HEIGHT.

        Where it gives too few, proofs raise LogUnavailable.
        """
        self._fetch = fetch
        # A run of entries shares its tiles.
        self._tiles: dict[tuple[int, int], Sequence[bytes]] = {}

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of leaf `index` in the tree of `size` leaves.

        RFC 6962, section 2.1.1. Raises IndexError where there is no such leaf.
        """
        if not 0 <= index < size:
            raise IndexError("no such leaf in this tree")
        low, high, path = 0, size, []
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._hash(middle, high))
                high = middle
            else:
                path.append(self._hash(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, old: int, size: int) -> list[bytes]:
        """Return the proof that the tree of `old` leaves is the beginning of this one.

        RFC 6962, section 2.1.2. Raises IndexError where it cannot be.
        """
        if not 0 < old <= size:
            raise IndexError("no such tree in this one")
        low, high, whole, path = 0, size, True, []
        while old < high:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self._hash(middle, high))
                high = middle
            else:
                path.append(self._hash(low, middle))
                low, whole = middle, False
        if not whole:
            path.append(self._hash(low, high))
        return path[::-1]

    def run(self, start: int, stop: int, size: int) -> tuple[list[bytes], list[bytes]]:
        """Return the roots of the perfect subtrees left and right of some leaves.

        With leaves `start` to before `stop` they make the tree of `size` leaves, so one
        proof is for all of these. Raises IndexError where there are no such leaves.
        """
        if not 0 <= start < stop <= size:
            raise IndexError("no such leaves in this tree")
        right = [
            self._hash(low, low + (1 << height)) for low, height in rest(stop, size)
        ]
        return self.edge(start), right

    def edge(self, size: int) -> list[bytes]:
        """Return the roots of the perfect subtrees of a tree, the largest first."""
        low, edge = 0, []
        for height in reversed(range(size.bit_length())):
            if size >> height & 1:
                edge.append(self._hash(low, low + (1 << height)))
                low += 1 << height
        return edge

    def _hash(self, low: int, high: int) -> bytes:
        """Return the root over leaves `low` to before `high`, a subtree of the tree."""
        count = high - low
        if count & (count - 1):
            middle = low + _split(count)
            return node_hash(self._hash(low, middle), self._hash(middle, high))
        level = count.bit_length() - 1
        height = level - level % TILE_HEIGHT
        start, stop = low >> height, high >> height
        first = start - start % _WIDTH
        nodes = self._tile(height, start // _WIDTH, stop)[start - first : stop - first]
        if len(nodes) != stop - start:
            raise LogUnavailable("hashes of the tree are missing", damaged=True)
        while len(nodes) > 1:
            nodes = [node_hash(*pair) for pair in zip(*[iter(nodes)] * 2, strict=True)]
        return nodes[0]

    def _tile(self, height: int, number: int, stop: int) -> Sequence[bytes]:
        """Return the hashes of a tile, at least up to before `stop`."""
        first = number * _WIDTH
        tile = self._tiles.get((height, number), ())
        if first + len(tile) < stop:
            if len(self._tiles) >= _MOST_TILES:
                self._tiles.clear()
            tile = self._fetch(height, first, first + _WIDTH)
            self._tiles[height, number] = tile
        return tile


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def rest(low: int, size: int) -> Iterator[tuple[int, int]]:
    """Give the perfect subtrees that hold leaves `low` to before `size`: begin, height."""
    while low < size:
        height = (size - low).bit_length() - 1
        if low:
            # One begins at a multiple of its own size.
            height = min(height, (low & -low).bit_length() - 1)
        yield low, height
        low += 1 << height


def begin_run(start: int, left: Sequence[bytes]) -> Tree:
    """Return the tree of what is left of a run: its leaves are added to it."""
    tree = Tree()
    tree.size, tree.edge = start, list(left)
    return tree


def end_run(tree: Tree, size: int, right: Sequence[bytes]) -> bytes:
    """Return the root that a run leads to, once its leaves are added."""
    for (_, height), node in zip(rest(tree.size, size), right, strict=True):
        tree.join(height, node)
    return tree.root()


def check_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Return whether an audit path leads from a leaf hash to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    last = size - 1
    for node in path:
        if not last:
            return False
        if index & 1 or index == last:
            leaf = node_hash(node, leaf)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            leaf = node_hash(leaf, node)
        index, last = index >> 1, last >> 1
    return not last and leaf == root


def check_consistency(
    old: int, old_root: bytes, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Return whether a proof shows that one tree begins another (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not path and old_root == root
    nodes = list(path)
    if not old & (old - 1):
        nodes.insert(0, old_root)
    if not nodes:
        return False
    index, last = old - 1, size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    before = after = nodes[0]
    for node in nodes[1:]:
        if not last:
            return False
        if index & 1 or index == last:
            before, after = node_hash(node, before), node_hash(node, after)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            after = node_hash(after, node)
        index, last = index >> 1, last >> 1
    return not last and (before, after) == (old_root, root)


def tlog_proof(index: int, path: Sequence[bytes], checkpoint: str) -> str:
    """Return an inclusion proof as text (C2SP tlog-proof)."""
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}"]
    lines += [b64encode(node).decode() for node in path]
    return "\n".join(lines) + f"\n\n{checkpoint}"


def tlog_growth(old: int, path: Sequence[bytes], checkpoint: str) -> str:
    """Return a consistency proof as text (C2SP tlog-witness, body of add-checkpoint)."""
    lines = [f"old {old}", *(b64encode(node).decode() for node in path)]
    return "\n".join(lines) + f"\n\n{checkpoint}"
