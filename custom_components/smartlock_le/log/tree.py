"""The Merkle tree of RFC 6962, section 2.1, kept as a compact range.

Only the roots of the perfect subtrees along the right edge are held: O(log n) memory
for any number of leaves.
"""

import hashlib
from typing import Self

EMPTY_ROOT = hashlib.sha256().digest()
TILE_HEIGHT = 8
"""The store keeps the hash of each whole subtree of 256 ** n leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that only grows."""

    __slots__ = ("edge", "grown", "size")

    def __init__(self) -> None:
        """Start with no leaf."""
        self.size = 0
        self.edge: list[bytes] = []
        self.grown: list[tuple[int, int, bytes]] = []
        """Height, number and hash of each tile-sized subtree that became whole."""

    def add(self, leaf: bytes) -> None:
        """Add a leaf hash (32 bytes) at the right."""
        # Each zero that the count gains at its low end joins two subtrees of one size.
        self.size += 1
        count = self.size
        height = 0
        while not count & 1:
            leaf = node_hash(self.edge.pop(), leaf)
            count >>= 1
            height += 1
            if not height % TILE_HEIGHT:
                self.grown.append((height, count - 1, leaf))
        self.edge.append(leaf)

    def join(self, height: int, node: bytes) -> None:
        """Add a perfect subtree of 2 ** height leaves at the right, by its root.

        The leaves so far must be a multiple of as many.
        """
        self.size += 1 << height
        count = self.size >> height
        while not count & 1:
            node = node_hash(self.edge.pop(), node)
            count >>= 1
        self.edge.append(node)

    def root(self) -> bytes:
        """Return the root over all leaves so far (32 bytes)."""
        if not self.edge:
            return EMPTY_ROOT
        root = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            root = node_hash(left, root)
        return root

    def copy(self) -> Self:
        """Return a tree that grows on its own from here; `grown` begins empty."""
        other = type(self)()
        other.size = self.size
        other.edge = self.edge.copy()
        return other
