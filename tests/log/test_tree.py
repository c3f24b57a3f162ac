"""The Merkle tree, against RFC 6962."""

import hashlib

from hypothesis import given, strategies as st
import pytest

from custom_components.smartlock_le.log import verify
from custom_components.smartlock_le.log.tree import EMPTY_ROOT, Tree, leaf_hash

from .support import patient

# The test vectors of Certificate Transparency's reference implementation.
LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def recursive(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash as RFC 6962 section 2.1 defines it."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(
        b"\x01" + recursive(leaves[:split]) + recursive(leaves[split:])
    ).digest()


@pytest.mark.parametrize("kind", [Tree, verify.Tree])
def test_vectors(kind: type[Tree | verify.Tree]) -> None:
    """Both of our trees give the published roots."""
    tree = kind()
    assert tree.root() == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.add(leaf_hash(bytes.fromhex(leaf)))
        assert tree.root().hex() == root


@patient
@given(st.lists(st.binary(max_size=8), max_size=70))
def test_incremental_is_recursive(leaves: list[bytes]) -> None:
    """Adding leaf by leaf gives the root that the definition gives."""
    tree, other = Tree(), verify.Tree()
    for leaf in leaves:
        tree.add(leaf_hash(leaf))
        other.add(leaf_hash(leaf))
    assert tree.size == other.size == len(leaves)
    assert tree.root() == other.root() == recursive(leaves)


def test_memory_is_logarithmic() -> None:
    """A thousand leaves leave ten hashes at most."""
    tree = Tree()
    for _ in range(1023):
        tree.add(bytes(32))
    assert len(tree.edge) == 10


def test_copy_grows_alone() -> None:
    """What is added to a copy is not in the tree."""
    tree = Tree()
    tree.add(bytes(32))
    copy = tree.copy()
    copy.add(bytes(32))
    assert (tree.size, copy.size) == (1, 2)
    assert tree.root() == bytes(32)
