"""A release: what of the log and the pictures goes to one agency, once."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

import orjson

from ..models import Actor, Asked, Wanted


class ReleaseError(Exception):
    """It cannot be done. `key` is a key of `exceptions` in the translations."""

    def __init__(self, key: str, field: str = "base") -> None:
        """Keep the key, and which field of a form it is about."""
        super().__init__(key)
        self.key = key
        self.field = field


class Field(StrEnum):
    """What goes of an access beside when, where and what; nothing unless it is named."""

    METHOD = "method"
    RECORD = "record"
    """What the lock itself wrote down: its own time and number."""
    PEOPLE = "people"
    """Who it was, as Person 1, Person 2: by those of another release nobody is found."""
    NAMES = "names"
    OWNER = "owner"
    """The owner's own name, where names go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Devices x kinds x fields x window."""

    devices: frozenset[str]
    """Ids of locks and cameras."""
    kinds: frozenset[Wanted]
    fields: frozenset[Field] = frozenset()
    since: datetime
    until: datetime

    def check(self, asked: Asked) -> None:
        """Raise ReleaseError where it is no scope, or more than what is asked for."""
        if not self.devices:
            raise ReleaseError("release_no_device", "devices")
        if not self.kinds:
            raise ReleaseError("release_no_kind", "kinds")
        if self.since >= self.until:
            raise ReleaseError("request_window", "until")
        if self.since < asked.since or self.until > asked.until:
            raise ReleaseError("release_wider_window", "since")
        if not asked.kinds.issuperset(self.kinds):
            raise ReleaseError("release_wider_kinds", "kinds")

    def narrows(self, asked: Asked, devices: frozenset[str]) -> bool:
        """Tell whether it is less than what is asked for, of all devices there are."""
        return (
            (self.since, self.until) != (asked.since, asked.until)
            or self.kinds != asked.kinds
            or not self.devices >= devices
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values: times in ISO 8601, UTC."""
        return {
            "devices": sorted(self.devices),
            "kinds": sorted(self.kinds),
            "fields": sorted(self.fields),
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
        }

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """Read what `as_dict` gave."""
        return cls(
            devices=frozenset(said["devices"]),
            kinds=frozenset(map(Wanted, said["kinds"])),
            fields=frozenset(map(Field, said["fields"])),
            since=datetime.fromisoformat(said["since"]),
            until=datetime.fromisoformat(said["until"]),
        )


class Stage(StrEnum):
    """How far a release is."""

    PREVIEW = "preview"
    """The owner looks at it; nobody else can."""
    WAITING = "waiting"
    """Approved by one, it waits for a second person."""
    APPROVED = "approved"
    """It is not sealed yet."""
    SEALED = "sealed"
    """A file that nobody fetched."""
    SENDING = "sending"
    """The first byte is out."""
    DELIVERED = "delivered"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def over(self) -> bool:
        """Tell whether nothing of it is left."""
        return self in (Stage.WITHDRAWN, Stage.EXPIRED)

    @property
    def pending(self) -> bool:
        """Tell whether it is approved, and did not go yet."""
        return self in (Stage.APPROVED, Stage.SEALED, Stage.SENDING)

    @property
    def ready(self) -> bool:
        """Tell whether there is a file to give."""
        return self in (Stage.SEALED, Stage.SENDING, Stage.DELIVERED)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is in it."""

    entries: int = 0
    """That say something."""
    hidden: int = 0
    """Of which only the hash goes."""
    broken: int = 0
    """Damaged in the log, so of these there is only the hash too."""
    erased: int = 0
    people: int = 0
    devices: int = 0
    media: int = 0
    missing: int = 0
    """Pictures that an entry names and that are not there as it says."""
    bytes: int = 0


_TIMES = ("created", "approved", "expires", "link_until", "delivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release."""

    id: str
    request: str
    instrument: str
    agency_type: str
    compelled: bool
    gag: bool
    scope: Scope
    narrowed: bool
    recipient: str = field(repr=False)
    stage: Stage = Stage.PREVIEW
    manifest: str = ""
    """SHA-256 of the bag's manifest: what an approval names."""
    counts: Counts = Counts()
    created: datetime
    end: int
    """The number that the next entry of the log had then."""
    approved_by: str = field(default="", repr=False)
    approved: datetime | None = None
    expires: datetime
    sha256: str = ""
    """Of the file that goes."""
    size: int = 0
    link: str = field(default="", repr=False)
    """SHA-256 of the secret in its address; empty: there is none."""
    link_until: datetime | None = None
    delivered: datetime | None = None

    def is_current(self, now: datetime) -> bool:
        """Tell whether its time is not over; by a clock that went back nobody knows."""
        return self.created <= now < self.expires

    @property
    def file_name(self) -> str:
        """What the file is called."""
        return f"release-{self.id}.zip" + (".age" if self.recipient else "")

    def entry(
        self, event: str, actor: Actor, state: str = "", detail: str = ""
    ) -> dict[str, str | int]:
        """Return the fields of an entry about it: no name. `state`: of its request."""
        return {
            "release": self.id,
            "event": event,
            "request": self.request,
            "state": state,
            "instrument": self.instrument,
            "agency_type": self.agency_type,
            "gag": "yes" if self.gag else "no",
            "detail": detail,
            "manifest": self.manifest,
            "sha256": self.sha256,
            "entries": self.counts.entries,
            "people": self.counts.people,
            "devices": self.counts.devices,
            "media": self.counts.media,
            **actor.fields(),
            "actor_name": "",
        }

    def as_row(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        return {
            "id": self.id,
            "request": self.request,
            "stage": self.stage.value,
            "said": orjson.dumps(
                {
                    **asdict(self),
                    "scope": self.scope.as_dict(),
                    "stage": self.stage.value,
                }
            ).decode(),
            "link": self.link,
            "created": int(self.created.timestamp()),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read what the store keeps."""
        said = orjson.loads(row["said"])
        times = {
            name: datetime.fromisoformat(said[name]).astimezone(UTC)
            for name in _TIMES
            if said[name]
        }
        return cls(
            **{
                **said,
                **times,
                "scope": Scope.from_dict(said["scope"]),
                "stage": Stage(said["stage"]),
                "counts": Counts(**said["counts"]),
            }
        )
