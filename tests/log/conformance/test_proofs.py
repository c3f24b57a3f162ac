"""Checkpoints and proofs before readers that others wrote: Go's, and aics-tlog."""

import pytest

from .judges import Item, Judge, forged
from .logs import SIZES, Given

LOGS = ("grown", "regrown", "forgetful")


@pytest.mark.parametrize("name", LOGS)
def test_accepted(judge: Judge, given: dict[str, Given], name: str) -> None:
    """All checkpoints, and proofs of inclusion and growth, are what the standards say."""
    log = given[name]
    if name != "forgetful":
        # A log that begins anew says two things at once: why, and that it started.
        assert set(SIZES) - log.checkpoints.keys() <= {1 if name == "regrown" else 0}
    assert len(log.inclusions) > 70
    assert len(log.growths) > 20
    assert all(judge(log.items))


def largest(items: list[Item]) -> Item:
    """Return the item with the longest proof."""
    return max(items, key=lambda item: len(item.proof or b"") + len(item.growth))


@pytest.mark.parametrize("name", LOGS[:2])
def test_flipped_bits(judge: Judge, given: dict[str, Given], name: str) -> None:
    """Each bit counts, of a checkpoint, a signature, a leaf and each kind of proof."""
    log = given[name]
    for item in (largest(log.inclusions), largest(log.growths)):
        assert judge([item]) == [True]
        places = forged(item)
        assert {"text", "signature"} <= places.keys()
        assert places.keys() & {"proof", "growth"}
        for place, items in places.items():
            assert len(items) >= (2 if place == "index" else 256)
            assert not any(judge(items)), place


def test_flipped_hash_of_an_erased_leaf(judge: Judge, given: dict[str, Given]) -> None:
    """Of an entry that was erased the hash counts."""
    items = [item for item in given["forgetful"].inclusions if item.leaf_hash]
    assert all(judge(items))
    assert not any(judge(forged(items[0])["leaf_hash"]))


def test_wrong_key(judge: Judge, given: dict[str, Given]) -> None:
    """What one log signed, another did not."""
    (one, other) = (given[name] for name in ("grown", "forgetful"))
    assert one.vkey != other.vkey
    for item in (one.items[0], one.inclusions[-1], one.growths[-1]):
        stolen = Item(other.vkey, item.checkpoint, item.proof, item.leaf)
        assert judge([stolen]) == [False]
