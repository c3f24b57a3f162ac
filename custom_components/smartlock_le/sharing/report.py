"""The transparency report: what was asked in a period, and what became of it.

It is counted from the log alone, so the same log gives the same bytes, and a period that
is over stays as it is. What nobody may be told of is in no count, only in a range.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
import csv
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import io
from statistics import median
from typing import Any

import orjson

from ..log import Entry, Log

BAND = 5
"""Counts of the public form, and of what nobody may be told of, are in bands of so many."""
_KINDS = ("request", "release")
_ENDS = ("declined", "challenged", "closed", "approved", "narrowed", "complied_by_law")
"""States that are an answer of this house."""
_GIVEN = ("delivered", "people", "devices", "feeds", "unapproved")
_PAGE = 1000
_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Asked:
    """What the entries of one request say."""

    instrument: str
    agency_type: str
    gag: bool
    received: datetime
    outcome: str = "open"
    rules: tuple[str, ...] = ()
    hours: float | None = None
    people: int = 0
    devices: int = 0
    approved: set[str] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Report:
    """Counts of a period; of the public form they are bands, as text."""

    since: datetime
    until: datetime
    public: bool
    total: int | str
    gagged: str
    median_hours: int | None
    """From when it came to the first answer, whole hours."""
    delivered: int | str
    """For how many something left the house."""
    people: int | str
    """In what left it, added up."""
    devices: int | str
    feeds: int | str
    """Incidents that an agency followed as they went on, for each agency."""
    unapproved: int
    """That left the house without anybody's approval in the log: there must be none."""
    tables: Mapping[str, Mapping[str, int | str]] = field(default_factory=dict)
    """`instrument`, `agency_type`, `outcome`, `rule`: each by its values."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "public": self.public,
            "total": self.total,
            "gagged": self.gagged,
            "median_hours": self.median_hours,
            **{name: getattr(self, name) for name in _GIVEN},
            **{name: dict(table) for name, table in self.tables.items()},
        }

    def as_json(self) -> bytes:
        """Return it as JSON."""
        option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
        return orjson.dumps(self.as_dict(), option=option)

    def as_csv(self) -> bytes:
        """Return it as CSV (RFC 4180): table, value, count."""
        file = io.StringIO(newline="")
        rows = csv.writer(file)
        rows.writerow(("table", "value", "count"))
        for name in ("since", "until", "total", "gagged", "median_hours", *_GIVEN):
            rows.writerow(("report", name, self.as_dict()[name]))
        for name, table in self.tables.items():
            rows.writerows((name, value, count) for value, count in table.items())
        return file.getvalue().encode()


async def report(log: Log, since: datetime, until: datetime, *, public: bool) -> Report:
    """Count what was received from `since` to before `until`, as it stood then.

    Raises LogUnavailable.
    """
    asked: dict[str, _Asked] = {}
    after: int | None = -1
    while after is not None:
        page = await log.entries(
            after=after, limit=_PAGE, kinds=_KINDS, since=since, until=until
        )
        _follow(asked, page.entries)
        after = page.next_after
    followed = await _followed(log, since, until)
    return _counted(list(asked.values()), followed, since, until, public)


async def _followed(log: Log, since: datetime, until: datetime) -> dict[str, bool]:
    """Return the feeds of which something went for the first time in this period, by id.

    And whether somebody had approved it. What may be out counts as out. Raises
    LogUnavailable.
    """
    approved: set[str] = set()
    went: dict[str, tuple[datetime, bool]] = {}
    after: int | None = -1
    while after is not None:
        page = await log.entries(
            # What goes was approved within a day before it.
            after=after,
            limit=_PAGE,
            kinds=("feed",),
            since=since - _DAY,
            until=until,
        )
        for entry in page.entries:
            feed, event = str(entry.fields["feed"]), entry.fields["event"]
            first = event == "approved" and entry.fields["detail"] == "first"
            if event in ("approved", "seconded") and not first:
                approved.add(feed)
            if event in ("sending", "delivered"):
                went.setdefault(feed, (entry.time, feed in approved))
        after = page.next_after
    return {feed: sure for feed, (time, sure) in went.items() if time >= since}


def _follow(asked: dict[str, _Asked], entries: Iterable[Entry]) -> None:
    """Go on with what the next entries say."""
    for entry in entries:
        said = {name: str(value) for name, value in entry.fields.items()}
        if said["event"] == "received":
            asked[said["request"]] = _Asked(
                said["instrument"],
                said["agency_type"] or "unknown",
                said["gag"] == "yes",
                entry.time,
            )
        if (one := asked.get(said["request"])) is None:
            # It came before the period: it is in the report of that one.
            continue
        one.agency_type = said["agency_type"] or one.agency_type
        if entry.kind == "release":
            _given(one, said)
        # A release says what its request came to by it.
        what = said["state"] if entry.kind == "release" else said["event"]
        if what == "owner_review" and not one.delivered:
            # Whatever was approved is taken back.
            one.outcome = "open"
        if what not in _ENDS:
            continue
        by_rule = what == "declined" and said.get("actor_kind") == "home"
        if what != "closed" or one.outcome == "open":
            one.outcome = "declined_by_rule" if by_rule else what
        if by_rule:
            one.rules = tuple(said["detail"].split())
        if one.hours is None:
            one.hours = (entry.time - one.received).total_seconds() / 3600


def _given(one: _Asked, said: Mapping[str, str]) -> None:
    """Take what an entry says of a release."""
    release, event = said["release"], said["event"]
    if event in ("approved", "seconded") and said["state"]:
        one.approved.add(release)
    out = (
        event == "delivered" or "delivered" in said["state"] or said["detail"] == "out"
    )
    if out and release not in one.delivered:
        one.delivered.add(release)
        one.people += int(said["people"])
        one.devices += int(said["devices"])


def _counted(
    asked: list[_Asked],
    followed: dict[str, bool],
    since: datetime,
    until: datetime,
    public: bool,
) -> Report:
    told = [one for one in asked if not one.gag]
    tables = {
        "instrument": Counter(one.instrument for one in told),
        "agency_type": Counter(one.agency_type for one in told),
        "outcome": Counter(one.outcome for one in told),
        "rule": Counter(rule for one in told for rule in one.rules),
    }
    hours = [one.hours for one in told if one.hours is not None]
    few = len(hours) < (BAND if public else 1)

    def shown(count: int) -> int | str:
        return band(count) if public else count

    return Report(
        since,
        until,
        public,
        shown(len(told)),
        gagged=_gagged(len(asked) - len(told)),
        median_hours=None if few else round(median(hours)),
        delivered=shown(sum(1 for one in told if one.delivered)),
        people=shown(sum(one.people for one in told)),
        devices=shown(sum(one.devices for one in told)),
        feeds=shown(len(followed)),
        unapproved=sum(len(one.delivered - one.approved) for one in asked)
        + sum(1 for approved in followed.values() if not approved),
        tables={
            name: {value: shown(count) for value, count in sorted(counts.items())}
            for name, counts in tables.items()
        },
    )


def band(count: int) -> str:
    """Return the band of a count: 0, 1-4, 5-9 and so on."""
    low = count // BAND * BAND
    return f"{max(low, 1)}-{low + BAND - 1}" if count else "0"


def _gagged(count: int) -> str:
    """Return a range in which none is as likely as some: 0-4, 5-9 and so on."""
    low = count // BAND * BAND
    return f"{low}-{low + BAND - 1}"
