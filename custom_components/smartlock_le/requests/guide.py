"""What a request of its kind usually is, where the home is: words to think with, no advice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self

import orjson

from .request import Instrument

FILE = Path(__file__).with_name("guide.json")
OLD = timedelta(days=365)
_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
"""The member states."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an entry stands on."""

    cite: str
    read: bool
    """We read it. Else it is cited from memory."""


@dataclass(frozen=True, slots=True)
class GuideEntry:
    """What is known of one instrument in one place."""

    what: str
    issued_by: str
    compels: str
    questions: tuple[str, ...]
    sources: tuple[Source, ...]
    verified: bool
    reviewed_on: date

    def dated(self, today: date) -> bool:
        """Tell whether it was looked at too long ago."""
        return today - self.reviewed_on > OLD


@dataclass(frozen=True, slots=True)
class Guide:
    """All entries, and what changed in which version."""

    version: int
    changes: tuple[tuple[int, str], ...]
    entries: Mapping[tuple[str, Instrument], GuideEntry]

    @classmethod
    def load(cls) -> Self:
        """Read the file that comes with us. It blocks."""
        data: dict[str, Any] = orjson.loads(FILE.read_bytes())
        return cls(
            data["version"],
            tuple((one["version"], one["text"]) for one in data["changes"]),
            {
                (one["jurisdiction"], Instrument(one["instrument"])): _entry(one)
                for one in data["entries"]
            },
        )

    def find(self, country: str, instrument: Instrument) -> GuideEntry | None:
        """Return what is known of an instrument in a country (ISO 3166-1 alpha-2)."""
        return self.entries.get((place_of(country), instrument))

    def dated(self, country: str, today: date) -> bool:
        """Tell whether what is known of a country was looked at too long ago."""
        place = place_of(country)
        return any(
            entry.dated(today)
            for (where, _), entry in self.entries.items()
            if where == place
        )

    def since(self, version: int) -> list[str]:
        """Return what changed after a version."""
        return [text for number, text in self.changes if number > version]


def place_of(country: str) -> str:
    """Return by which law an entry is filed; empty: there is none for this country."""
    if country in _EU.split():
        return "eu"
    return {"US": "us", "GB": "uk"}.get(country, "")


def _entry(one: Mapping[str, Any]) -> GuideEntry:
    return GuideEntry(
        one["what"],
        one["issued_by"],
        one["compels"],
        tuple(one["questions"]),
        tuple(Source(source["cite"], source["read"]) for source in one["sources"]),
        one["confidence"] == "read",
        date.fromisoformat(one["reviewed_on"]),
    )
