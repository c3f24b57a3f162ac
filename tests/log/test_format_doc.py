"""The page about the format says what the format is."""

from pathlib import Path
import re

from custom_components.smartlock_le.log.kinds import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "log-format.md"


def test_every_kind_and_field_is_described() -> None:
    """Whoever checks a log with a program of their own needs no other page."""
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE.read_text(), re.MULTILINE))
    assert set(KINDS) == set(rows) & set(KINDS)
    for kind, schema in KINDS.items():
        named = re.findall(r"`(\w+)`", rows[kind])
        missing = [name for name in schema.fields if name not in named]
        assert not missing, (kind, missing)
