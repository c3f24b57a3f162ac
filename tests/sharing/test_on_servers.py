"""A release out of a log on PostgreSQL and MariaDB, both real."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
import shutil

from custom_components.smartlock_le.log import Log, put, verify
from custom_components.smartlock_le.models import Asked, Wanted
from custom_components.smartlock_le.sharing.models import Field, Scope, Stage
from custom_components.smartlock_le.sharing.records import Enter, Means
from custom_components.smartlock_le.sharing.releases import Releases
from custom_components.smartlock_le.sharing.tables import settings
from tests.requests import test_on_servers as servers

from .conftest import OWNER
from .test_withheld import BEGIN, DOORS, Happened, about, asked, said

postgresql, mariadb = servers.postgresql, servers.mariadb
server, database, log = servers.server, servers.database, servers.log


class Asking:
    """A request that is compelled, whatever becomes of it."""

    def __init__(self, scope: Scope) -> None:
        """Ask for this."""
        self.scope = scope
        self.states: list[str] = []

    async def asked(self, request_id: str) -> Asked:
        """Return it."""
        return asked(self.scope)

    async def answer(
        self, request_id: str, state: str, enter: Enter, *, must: bool
    ) -> bool:
        """Note what it comes to."""
        self.states.append(state)
        # In the transaction of the entry there is a row of the request.
        await enter(list(put(settings, name="request", value=state)))
        return True


async def test_release(log: Log, tmp_path: Path) -> None:
    """It is made, approved, sealed, fetched once, and known at the next start."""
    for number in range(100):
        one = Happened("access", number, DOORS[number % 2], number % 3, owner=False)
        fields = {**said(one, number), "actor_name": "Überfall 🚓"}
        await log.append("access", fields, time=BEGIN + timedelta(minutes=number))
    scope = Scope(
        devices=frozenset({DOORS[0]}),
        kinds=frozenset({Wanted.ACCESS}),
        fields=frozenset({Field.NAMES}),
        since=BEGIN,
        until=BEGIN + timedelta(minutes=90),
    )
    loop, asking = asyncio.get_running_loop(), Asking(scope)

    async def none(since: datetime, until: datetime) -> list[object]:
        return []

    async def told(release_id: str) -> object:
        return about()

    means = Means(
        sharing=bool,
        second=bool,
        devices=lambda: frozenset(DOORS),
        pictures=none,  # type: ignore[arg-type]
        about=told,  # type: ignore[arg-type]
        changed=lambda: None,
        spawn=lambda work, name: loop.create_task(work, name=name),
    )
    releases = Releases(log, tmp_path / "releases", asking, means)
    await releases.load()
    release = await releases.preview("abcdef01", scope, OWNER)
    assert (release.counts.entries, release.counts.people) == (45, 3)
    release = await releases.approve(release.id, release.manifest, OWNER)
    release, secret = await releases.make_link(release.id, 1, OWNER)
    again = Releases(log, tmp_path / "releases", asking, means)
    await again.load()
    sending = await again.begin(secret)
    path = tmp_path / "release.zip"
    shutil.copy(sending.path, path)
    sending.sent = release.size
    await again.end(sending)
    assert (await again.get(release.id)).stage is Stage.DELIVERED
    assert asking.states == ["complied_by_law", "sealed", "delivered"]
    report = verify.verify_bag(path, log.vkey)
    assert report.bad == []
    assert (await log.verify()).ok
    assert datetime.now(UTC) < release.expires
