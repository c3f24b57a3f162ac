"""An agency, and what can be wrong with what is said of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
import hashlib
from typing import Any, Self

import orjson


class RequestError(Exception):
    """It cannot be done. `key` is a key of `exceptions` in the translations."""

    def __init__(self, key: str) -> None:
        """Keep the key."""
        super().__init__(key)
        self.key = key


class BadField(RequestError):
    """A field says what it cannot say."""

    def __init__(self, field: str, key: str) -> None:
        """Keep which; never what it says."""
        super().__init__(key)
        self.field = field


class AgencyType(StrEnum):
    """What an agency is."""

    LOCAL = "local"
    STATE = "state"
    FEDERAL = "federal"
    IMMIGRATION = "immigration"
    PROSECUTOR = "prosecutor"
    COURT = "court"
    RESCUE = "rescue"
    OTHER = "other"


class Standing(StrEnum):
    """Whether what an agency asks may be answered at all."""

    UNVERIFIED = "unverified"
    """Nobody called it back: what it asks is quarantined."""
    CHANGED = "changed"
    """Something of it is not as it was confirmed: so is this."""
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is said of an agency: by a list, by a letter, by the agency itself."""

    name: str
    national_id: str = ""
    """ORI in the United States (nine characters), or what its country has."""
    country: str = ""
    """ISO 3166-1 alpha-2."""
    type: AgencyType = AgencyType.OTHER
    jurisdiction: str = ""
    records_contact: str = ""
    emergency_contact: str = ""
    email_domain: str = ""
    age_recipient: str = ""
    """What is sealed for it: a recipient of age, X25519."""
    signing_key: str = ""
    """By which its requests are signed: Ed25519, 32 bytes in base 64."""

    @property
    def known_by(self) -> str:
        """By what two are the same: their national id, else name and jurisdiction."""
        name = f"{self.name} / {self.jurisdiction}"
        same = f"{self.country} {self.national_id or name}".casefold()
        return hashlib.sha256(same.encode()).hexdigest()

    @property
    def digest(self) -> str:
        """What stands for all of it: who confirms it says with it what they saw."""
        return hashlib.sha256(orjson.dumps(asdict(self))).hexdigest()

    @property
    def words(self) -> str:
        """What a search looks through."""
        texts = self.name, self.national_id, self.jurisdiction, self.email_domain
        return "\n".join(texts).casefold()


FIELDS = tuple(field.name for field in fields(Facts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """One of the directory."""

    id: str
    facts: Facts
    called: datetime | None = None
    """When the owner called it back."""
    number: str = ""
    source: str = ""
    """Where the owner found that number."""
    confirmed: Mapping[str, str] | None = None
    """The fields as they were confirmed then."""
    stale: bool = False
    """Something of it changed since, and perhaps back: nobody was asked whether."""

    @property
    def changed(self) -> list[str]:
        """Return which fields are not as they were confirmed."""
        then = self.confirmed
        if then is None:
            return []
        return [name for name, now in asdict(self.facts).items() if then[name] != now]

    @property
    def standing(self) -> Standing:
        """Tell whether it was called back, and is still the one that answered."""
        if self.confirmed is None:
            return Standing.UNVERIFIED
        return Standing.CHANGED if self.stale else Standing.VERIFIED

    def saying(self, facts: Facts) -> Self:
        """Return it with other facts, which nobody confirmed."""
        other = facts != self.facts
        return replace(self, facts=facts, stale=self.stale or other)

    def as_row(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        facts = self.facts
        return {
            "id": self.id,
            **asdict(facts),
            "called": int(self.called.timestamp()) if self.called else -1,
            "number": self.number,
            "source": self.source,
            "confirmed": orjson.dumps(self.confirmed).decode(),
            "stale": int(self.stale),
            "known_by": facts.known_by,
            "words": facts.words,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read what the store keeps."""
        said = {name: row[name] for name in FIELDS}
        called = row["called"]
        return cls(
            id=row["id"],
            facts=Facts(**{**said, "type": AgencyType(said["type"])}),
            called=datetime.fromtimestamp(called, UTC) if called >= 0 else None,
            number=row["number"],
            source=row["source"],
            confirmed=orjson.loads(row["confirmed"]),
            stale=bool(row["stale"]),
        )
