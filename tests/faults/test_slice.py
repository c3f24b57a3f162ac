"""A slice of the campaign, from a seed of its own; `script/faults` runs the whole."""

import pytest

from .__main__ import run

SEED = 20261123


@pytest.mark.parametrize(
    ("part", "points", "what"),
    [
        ("log_kills", 56, "kill_points"),
        ("grant_kills", 5, "kill_points"),
        ("radio", 40, "radio_faults"),
    ],
)
def test_slice(part: str, points: int, what: str) -> None:
    """Nothing is lost, nothing is left, and nothing is said that is not so."""
    result = run(part, SEED, 0, points)
    assert result.findings == []
    assert result.counts[what] == points


def test_stores() -> None:
    """Each disk that fails and each clock that lies, once."""
    result = run("stores", SEED, 0, 1)
    assert result.findings == []
    assert result.counts["disk_faults"] == 4
    assert result.counts["clock_faults"] == 3
