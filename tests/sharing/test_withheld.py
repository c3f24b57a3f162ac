"""What is withheld is not in a release, whatever is in the log; what is given verifies."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import io
import json
from pathlib import Path
import tempfile
from typing import Any
import zipfile

from hypothesis import HealthCheck, given, settings, strategies as st

from custom_components.smartlock_le.log import KINDS, Log, verify
from custom_components.smartlock_le.log.leaf import salts
from custom_components.smartlock_le.models import Asked, Wanted
from custom_components.smartlock_le.sharing import bundle
from custom_components.smartlock_le.sharing.bag import MANIFEST, pack
from custom_components.smartlock_le.sharing.models import Field, ReleaseError, Scope
from tests.log.support import ORIGIN

from .words import WORDS

BEGIN = datetime(2026, 11, 20, 12, tzinfo=UTC)
DOORS = ("door-in-scope", "door-out-of-scope")
KIND_NAMES = (
    # Often what is asked for, out of its turn as well.
    *("access",) * 6,
    *("camera_event", "grant", "code", "holder", "setting", "alarm"),
)
OPEN = {
    *("kind", "time", "entered", "lock", "event"),
}
OF_DETAIL = {
    Field.METHOD: {"method"},
    Field.RECORD: {"source", "lock_index", "lock_time"},
}


@dataclass(frozen=True)
class Happened:
    """One thing that happens, and when: in minutes from the begin."""

    kind: str
    minute: int
    door: str
    person: int
    owner: bool


things = st.builds(
    Happened,
    st.sampled_from(KIND_NAMES),
    st.integers(-10, 70),
    st.sampled_from(DOORS),
    st.integers(0, 3),
    st.booleans(),
)
scopes = st.builds(
    lambda details, start, length: Scope(
        devices=frozenset({DOORS[0]}),
        kinds=frozenset({Wanted.ACCESS}),
        fields=frozenset(details),
        since=BEGIN + timedelta(minutes=start),
        until=BEGIN + timedelta(minutes=start + length),
    ),
    st.sets(st.sampled_from(list(Field))),
    st.integers(0, 60),
    st.integers(1, 60),
)


def said(one: Happened, number: int) -> dict[str, Any]:
    """Return fields whose every value is found again wherever it turns up."""
    fields: dict[str, Any] = {}
    for at, (name, wanted) in enumerate(KINDS[one.kind].fields.items()):
        mark = f"{number:03}x{at:02}"
        fields[name] = f"secret-{name}-{mark}" if wanted is str else 10**12 + number
    if "lock" in fields:
        fields["lock"] = one.door
    if "actor_name" in fields:
        kind = "owner" if one.owner else "guest"
        fields["actor_kind"] = kind
        fields["actor"] = f"pseudonym-{kind}-{one.person}"
        fields["actor_name"] = f"Name-{kind}-{one.person}-Surname"
    return fields


def asked(scope: Scope) -> Asked:
    """Return a request for all of it."""
    return Asked(
        request="abcdef01",
        instrument="subpoena",
        compelled=True,
        answerable=True,
        documents=1,
        agency="Springfield Police",
        agency_type="local",
        recipient="",
        since=scope.since,
        until=scope.until,
        kinds=frozenset(Wanted),
        received=BEGIN,
        gag=False,
        record={"request": "abcdef01"},
    )


def about() -> bundle.About:
    """Return what a reader is told."""
    return bundle.About(
        release="abcdef02",
        names={DOORS[0]: "Front door"},
        zone=UTC,
        language="en",
        version="1",
        made=BEGIN,
        words=WORDS,
    )


def texts(data: bytes) -> Iterator[bytes]:
    """Give every file of a zip file, of those in it too."""
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        for name in zipped.namelist():
            member = zipped.read(name)
            yield name.encode()
            yield member
            if name.endswith(".zip"):
                yield from texts(member)


def shown(one: Happened, name: str, scope: Scope) -> bool:
    """Tell whether a field may be in it: the rule, said a second time."""
    when = BEGIN + timedelta(minutes=one.minute)
    within = scope.since <= when < scope.until
    if one.kind != "access" or one.door != DOORS[0] or not within:
        return False
    fields = set(OPEN)
    for detail in scope.fields:
        fields |= OF_DETAIL.get(detail, set())
    if Field.NAMES in scope.fields and (not one.owner or Field.OWNER in scope.fields):
        fields |= {"actor_kind", "actor_name"}
    return name in fields


async def released(
    folder: Path, things: list[Happened], scope: Scope
) -> tuple[bytes, list[tuple[Happened, int, dict[str, Any]]], Log] | None:
    """Have things happen, and make a release of them; None: there is nothing to give."""
    log = await Log.open(folder / "log", origin=ORIGIN, version="1")
    done = []
    for number, one in enumerate(things):
        when = BEGIN + timedelta(minutes=one.minute)
        fields = said(one, number)
        entry = await log.append(one.kind, fields, time=when)
        done.append((one, entry.seq, dict(entry.fields)))
    try:
        manifest, _ = await bundle.make(
            log, folder / "bag", asked(scope), scope, (), about()
        )
    except ReleaseError as err:
        if err.key != "release_empty":
            raise
        return None
    finally:
        await log.close()
    out = io.BytesIO()
    pack(folder / "bag", "release-abcdef02", manifest, {}, out)
    assert (folder / "bag" / MANIFEST).is_file()
    return out.getvalue(), done, log


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(things, min_size=1, max_size=40), scopes)
def test_nothing_of_it(things: list[Happened], scope: Scope) -> None:
    """No withheld value, no salt of one, no key; each value that is given verifies."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = asyncio.run(released(folder, things, scope))
        if made is None:
            assert not any(shown(one, "lock", scope) for one in things)
            return
        data, done, log = made
        everything = b"\0".join(texts(data))
        (key,) = [
            path.read_bytes()
            for path in (folder / "log/keys").iterdir()
            if path.name.startswith("epoch-")
        ]
        assert key not in everything and key.hex().encode() not in everything
        given = {
            str(value)
            for one, _, fields in done
            for field, value in fields.items()
            if shown(one, field, scope)
        }
        told = []
        for one, seq, fields in done:
            for salt, (field, value) in zip(
                salts(key, seq, len(fields)), fields.items(), strict=True
            ):
                if shown(one, field, scope):
                    continue
                if field == "time" and b64encode(salt) in everything:
                    told.append(seq)
                    continue
                secret = isinstance(value, str) and len(value) > 12
                if secret and field != "time" and str(value) not in given:
                    assert str(value).encode() not in everything, field
                assert b64encode(salt) not in everything, field
        # When it was just before and just after the window, and nothing else of it.
        inside = [
            seq
            for one, seq, _ in done
            if scope.since <= BEGIN + timedelta(minutes=one.minute) < scope.until
        ]
        assert set(told) <= {min(inside) - 1, max(inside) + 1}
        path = folder / "release.zip"
        path.write_bytes(data)
        report = verify.verify_bag(path, log.vkey)
        # It is a preview: nobody approved it.
        assert report.bad == [(-1, "nothing here shows that it was approved")]
        with zipfile.ZipFile(path) as zipped:
            rows = [
                json.loads(line)
                for line in zipped.read(
                    "release-abcdef02/data/events.jsonl"
                ).splitlines()
            ]
        wanted = [seq for one, seq, _ in done if shown(one, "lock", scope)]
        assert [row["number"] for row in rows] == wanted
