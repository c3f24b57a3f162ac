"""What tests of releases share: an agency with a key, a request, and a door with visitors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
import errno
import hashlib
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.cameras.models import Taken, What
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import Entry
from custom_components.smartlock_le.models import Actor, ActorKind, Wanted, utc_now
from custom_components.smartlock_le.requests.models import Agency
from custom_components.smartlock_le.requests.request import Request, State
from custom_components.smartlock_le.sharing import releases
from custom_components.smartlock_le.sharing.models import (
    Field,
    Release,
    ReleaseError,
    Scope,
)
from custom_components.smartlock_le.sharing.records import Sending
from tests.requests.conftest import uploads
from tests.requests.test_agencies import verified
from tests.requests.test_agency_facts import SAID as AGENCY
from tests.requests.test_inbox import asked

from .keys import RECIPIENT

__all__ = ["uploads"]

OWNER = Actor(ActorKind.OWNER, "0ea1f00d", "Olive Okonkwo")
RESIDENT = Actor(ActorKind.OWNER, "5ec0d000", "Rasmus Resident")
UNTIL = utc_now().replace(microsecond=0) - timedelta(hours=1)
SINCE = UNTIL - timedelta(hours=2)
CAMERA = "camera-1"


@pytest.fixture
async def police(home: Home) -> Agency:
    """Have an agency that was called back and has a key."""
    said = {**AGENCY, "age_recipient": RECIPIENT}
    return await verified(home, await home.agencies.add(said, OWNER))


async def in_review(home: Home, police: Agency, **other: Any) -> Request:
    """Take a request in that the owner looks at."""
    said = asked(since=SINCE, until=UNTIL, **other)
    request = await home.inbox.record(said, OWNER, agency_id=police.id)
    await home.inbox.confirm(request.id, True, OWNER)
    return await home.inbox.review(request.id, OWNER)


@pytest.fixture
async def request_made(home: Home, police: Agency) -> Request:
    """Have a voluntary request that could be answered, and sharing on."""
    await home.set_sharing(True, OWNER)
    return await in_review(home, police)


def door(home: Home) -> str:
    """Return the id of the lock."""
    (lock,) = home.roster.locks.values()
    return lock.ref.id


async def came(
    home: Home, minute: float, name: str = "", kind: str = "guest", **other: Any
) -> Entry:
    """Have somebody open the door so many minutes into the window."""
    fields: Mapping[str, Any] = {
        "lock": door(home),
        "event": "unlocked",
        "method": "keypad",
        "actor_kind": kind,
        "actor": hashlib.sha256(name.encode()).hexdigest()[:8],
        "actor_name": name,
        "grant": "",
        "source": "lock_log",
        "lock_index": 4711,
        "lock_time": "",
        "sealed": "c2VhbGVkLXNlY3JldA==",
        "alarm": "armed_away",
        **other,
    }
    at = SINCE + timedelta(minutes=minute)
    return await home.log.append("access", fields, time=at)


async def pictured(home: Home, minute: float, what: What, data: bytes) -> None:
    """Keep a picture of so many minutes into the window."""
    await home.cameras.album.keep(
        what,
        Taken(data, what, 4, 4),
        "taken",
        camera=CAMERA,
        lock=door(home),
        of=-1,
        began=SINCE + timedelta(minutes=minute),
        wanted=lambda: True,
    )


@pytest.fixture
async def visitors(home: Home) -> list[Entry]:
    """Have three people come and go in the window, and others before and after."""
    await came(home, -30, "Ulrike Before")
    found = [
        await came(home, 5, "Gustav Guest"),
        await came(home, 20, "Olive Okonkwo", "owner"),
        await came(home, 30, "Gustav Guest"),
        await came(home, 40, "Nobody Else", lock="another-lock"),
    ]
    await came(home, 150, "Zacharias After")
    return found


def scope(home: Home, *details: Field, **other: Any) -> Scope:
    """Return one that asks for the accesses of the door."""
    said: dict[str, Any] = {
        "devices": frozenset({door(home)}),
        "kinds": frozenset({Wanted.ACCESS}),
        "fields": frozenset(details),
        "since": SINCE,
        "until": UNTIL,
        **other,
    }
    return Scope(**said)


async def given(home: Home, request: Request, wanted: Scope) -> Release:
    """Preview and approve."""
    release = await home.releases.preview(request.id, wanted, OWNER)
    return await home.releases.approve(release.id, release.manifest, OWNER)


def file_of(home: Home, release: Release) -> Path:
    """Return where the file is that goes."""
    return (
        Path(home.hass.config.path("smartlock_le"))
        / "releases"
        / release.id
        / release.file_name
    )


def later(by: timedelta) -> datetime:
    """Return a moment from now on."""
    return utc_now() + by


def folder_of(home: Home, release: Release) -> Path:
    """Return its folder."""
    return file_of(home, release).parent


async def refused(doing: Any) -> str:
    """Return why something is refused."""
    with pytest.raises(ReleaseError) as caught:
        await doing
    return caught.value.key


async def state_of(home: Home, request: Request) -> State:
    """Return how far a request is."""
    return (await home.inbox.get(request.id)).state


async def compelled(home: Home, police: Agency, tmp_path: Path) -> Request:
    """Have a subpoena that the owner looks at, with the paper on record."""
    request = await in_review(home, police, instrument="subpoena", basis="Rule 17")
    paper = tmp_path / "subpoena.pdf"
    paper.write_bytes(b"%PDF-1.4 subpoena")
    await home.inbox.attach(request.id, nullcontext(paper), OWNER)
    return request


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file be made of what is approved."""

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(releases, "pack", full)
        yield


async def reload(hass: HomeAssistant, entry: HomeEntry) -> Home:
    """Start the home anew."""
    assert await hass.config_entries.async_reload(entry.entry_id)
    return entry.runtime_data


async def begun(home: Home, release: Release) -> Sending:
    """Begin to fetch it by a new address."""
    return await home.releases.begin(await secret_of(home, release))


async def secret_of(home: Home, release: Release) -> str:
    """Return what is secret in a new address of it."""
    return (await home.releases.make_link(release.id, 1, OWNER))[1]
