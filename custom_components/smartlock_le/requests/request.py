"""A request: what somebody asks of the home, on what ground, and how far it is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
import hashlib
from typing import Any, Self

import orjson

from ..models import Actor, Wanted


class Instrument(StrEnum):
    """On what ground it is asked."""

    VOLUNTARY = "voluntary"
    PRESERVATION = "preservation"
    SUBPOENA = "subpoena"
    COURT_ORDER = "court_order"
    SEARCH_WARRANT = "search_warrant"
    EXIGENT = "exigent"

    @property
    def compels(self) -> bool:
        """Tell whether a court or an office orders it, and nobody merely asks."""
        return self in _COMPEL

    @property
    def holds(self) -> bool:
        """Tell whether what it is about is kept from erasure by default."""
        return self in _COMPEL or self is Instrument.PRESERVATION


_COMPEL = (Instrument.SUBPOENA, Instrument.COURT_ORDER, Instrument.SEARCH_WARRANT)


class Purpose(StrEnum):
    """What for, as it is said by who asks."""

    CRIME = "crime"
    MISSING_PERSON = "missing_person"
    TRAFFIC = "traffic"
    PROTEST = "protest"
    RELIGION = "religion"
    HEALTH = "health"
    IMMIGRATION = "immigration"
    OTHER = "other"


class Via(StrEnum):
    """How it came."""

    PAPER = "paper"
    EMAIL = "email"
    PHONE = "phone"
    IN_PERSON = "in_person"
    SIGNED = "signed"
    """Through the address that takes signed ones."""


class State(StrEnum):
    """How far it is."""

    RECEIVED = "received"
    """Nobody knows yet whether it is from whom it says: it is quarantined."""
    VERIFIED = "verified"
    """The agency confirmed it, or signed it with its key."""
    OWNER_REVIEW = "owner_review"
    NARROWED = "narrowed"
    """The owner gives less than what is asked for."""
    APPROVED = "approved"
    COMPLIED_BY_LAW = "complied_by_law"
    SEALED = "sealed"
    """What is given is a file that nobody fetched yet."""
    DELIVERED = "delivered"
    DECLINED = "declined"
    CHALLENGED = "challenged"
    """Before a court, or before whoever made it."""
    CLOSED = "closed"

    @property
    def open(self) -> bool:
        """Tell whether it waits for the owner."""
        return self not in (State.DELIVERED, State.DECLINED, State.CLOSED)

    @property
    def given(self) -> bool:
        """Tell whether something of this house goes, or went, for it."""
        return self in (*_GRANTED, State.SEALED, State.DELIVERED)


_GRANTED = (State.NARROWED, State.APPROVED, State.COMPLIED_BY_LAW)

NEXT: Mapping[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.VERIFIED, State.DECLINED, State.CLOSED}),
    State.VERIFIED: frozenset({State.OWNER_REVIEW, State.DECLINED, State.CLOSED}),
    State.OWNER_REVIEW: frozenset(
        {*_GRANTED, State.DECLINED, State.CHALLENGED, State.CLOSED}
    ),
    **dict.fromkeys(_GRANTED, frozenset({State.SEALED, State.OWNER_REVIEW})),
    # What was sealed is withdrawn before anything else is said.
    State.SEALED: frozenset({State.DELIVERED, State.OWNER_REVIEW}),
    State.DELIVERED: frozenset({*_GRANTED, State.OWNER_REVIEW, State.CLOSED}),
    State.CHALLENGED: frozenset({State.OWNER_REVIEW, State.DECLINED, State.CLOSED}),
    State.DECLINED: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}
"""Which states come after which."""


class Rule(StrEnum):
    """What a voluntary request may not be; the first words are Ring's limits."""

    NO_CASE_NUMBER = "no_case_number"
    NOT_ACTIVE = "not_active"
    WINDOW_SHORT = "window_short"
    WINDOW_LONG = "window_long"
    WINDOW_AHEAD = "window_ahead"
    AREA_LARGE = "area_large"
    TOO_MANY = "too_many"
    RACE_ONLY = "race_only"
    NO_NEED = "no_need"
    PURPOSE_EXCLUDED = "purpose_excluded"
    AGENCY_EXCLUDED = "agency_excluded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What it says. Nothing of it shows in a log line: it names people."""

    instrument: Instrument
    via: Via
    agency_name: str = field(repr=False)
    since: datetime
    until: datetime
    """The window that it asks about, UTC."""
    kinds: tuple[Wanted, ...] = tuple(Wanted)
    officer: str = field(default="", repr=False)
    badge: str = field(default="", repr=False)
    contact: str = field(default="", repr=False)
    """As it is in the request: nothing to call back by."""
    case_number: str = field(default="", repr=False)
    active: bool = False
    """It is said to be of an investigation that goes on."""
    purpose: Purpose = Purpose.OTHER
    need: str = field(default="", repr=False)
    """What happened, or what threatens."""
    sought: str = field(default="", repr=False)
    """Whom or what they look for."""
    basis: str = field(default="", repr=False)
    """The law or the decision that it names."""
    area: int = 0
    """Square metres; 0: this home alone."""
    deadline: datetime | None = None
    gag: bool = False
    """Those whom it is about, and who lives here, may not be told."""
    reference: str = field(default="", repr=False)
    """By which the agency itself knows it."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values: times in ISO 8601, UTC."""
        said = asdict(self)
        for name in ("since", "until", "deadline"):
            said[name] = said[name].isoformat() if said[name] else None
        return said

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """Read what `as_dict` gave."""
        times = {
            name: datetime.fromisoformat(said[name]) if said[name] else None
            for name in ("since", "until", "deadline")
        }
        return cls(
            **{
                **said,
                **times,
                "instrument": Instrument(said["instrument"]),
                "via": Via(said["via"]),
                "purpose": Purpose(said["purpose"]),
                "kinds": tuple(map(Wanted, said["kinds"])),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One that came in."""

    id: str
    ask: Ask
    salt: str = field(repr=False)
    """Without it nobody finds by guessing what `digest` stands for."""
    received: datetime
    changed: datetime
    """Since when it is in this state."""
    agency: str = ""
    """The one of the directory that it is from, if the owner or its key says so."""
    agency_type: str = ""
    state: State = State.RECEIVED
    broken: tuple[Rule, ...] = ()
    hold: str = ""
    """The hold on what it is about."""
    reason: str = field(default="", repr=False)
    """What the owner wrote down of the last step."""
    reminded: int = 0
    """1: of the deadline a day before; 2: that it is over."""
    reference_key: str = ""
    payload: str = ""
    """SHA-256 of what was signed."""

    @property
    def digest(self) -> str:
        """What stands in the log for all that it says."""
        said = orjson.dumps(self.ask.as_dict(), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(self.salt.encode() + said).hexdigest()

    @property
    def answerable(self) -> bool:
        """Tell whether anything may be given for it at all, if the owner wants to."""
        confirmed = self.state is State.OWNER_REVIEW or self.state.given
        asks = self.ask.instrument is not Instrument.PRESERVATION
        return confirmed and asks and not self.broken

    @property
    def hidden(self) -> bool:
        """Tell whether those who live here may not know of it.

        What came by itself says so for nobody until it is confirmed from whom it is.
        """
        believed = self.ask.via is not Via.SIGNED or self.state is not State.RECEIVED
        return self.ask.gag and believed

    def entry(
        self, event: str, actor: Actor, detail: str = "", document: str = ""
    ) -> dict[str, str]:
        """Return the fields of an entry about it: no name, no word of what it says.

        Not that of who did it either: entries about requests are never erased.
        """
        return {
            "request": self.id,
            "event": event,
            "state": self.state.value,
            "instrument": self.ask.instrument.value,
            "via": self.ask.via.value,
            "agency": self.agency,
            "agency_type": self.agency_type,
            "gag": "yes" if self.ask.gag else "no",
            "detail": detail,
            "digest": self.digest,
            "document": document,
            **actor.fields(),
            "actor_name": "",
        }

    def as_row(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        ask = self.ask
        return {
            "id": self.id,
            "said": orjson.dumps(ask.as_dict()).decode(),
            "salt": self.salt,
            "agency": self.agency,
            "agency_type": self.agency_type,
            "state": self.state.value,
            "open": int(self.state.open),
            "received": int(self.received.timestamp()),
            "changed": int(self.changed.timestamp()),
            "deadline": int(ask.deadline.timestamp()) if ask.deadline else -1,
            "gag": int(self.hidden),
            "broken": " ".join(self.broken),
            "hold": self.hold,
            "reason": self.reason,
            "reminded": self.reminded,
            "case_key": case_key(self.agency or ask.agency_name, ask.case_number),
            "reference_key": self.reference_key,
            "payload": self.payload,
            "words": f"{self.id}\n{ask.agency_name}\n{ask.case_number}\n{ask.officer}".casefold(),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read what the store keeps."""
        same = ("id", "salt", "agency", "agency_type", "hold", "reason", "reminded")
        return cls(
            **{name: row[name] for name in (*same, "reference_key", "payload")},
            ask=Ask.from_dict(orjson.loads(row["said"])),
            state=State(row["state"]),
            received=datetime.fromtimestamp(row["received"], UTC),
            changed=datetime.fromtimestamp(row["changed"], UTC),
            broken=tuple(map(Rule, row["broken"].split())),
        )


def case_key(agency: str, case_number: str) -> str:
    """Return by what two requests are of one case; empty: there is no case."""
    if not case_number:
        return ""
    said = f"{agency}\n{case_number}".casefold()
    return hashlib.sha256(said.encode()).hexdigest()
