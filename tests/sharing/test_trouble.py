"""Kills, full disks, damage: never twice, never half."""

from collections.abc import Callable
from datetime import timedelta
import errno
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import (
    Entry,
    LogUnavailable,
    entries as log_entries,
)
from custom_components.smartlock_le.opening import home_folder
from custom_components.smartlock_le.requests.models import Agency
from custom_components.smartlock_le.requests.request import Request, State
from custom_components.smartlock_le.sharing import giving, releases as module
from custom_components.smartlock_le.sharing.models import Stage
from custom_components.smartlock_le.sharing.records import Records
from tests.conftest import log_of
from tests.requests.test_agencies import verified
from tests.requests.test_agency_facts import SAID as AGENCY
from tests.support import fail_writes

from .conftest import (
    OWNER,
    begun,
    file_of,
    folder_of,
    full_disk,
    given,
    in_review,
    later,
    refused,
    reload,
    scope,
    secret_of,
    state_of,
)
from .keys import ZERO


class TestTrouble:
    """What goes wrong on the way."""

    async def test_full_disk(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It stays approved, and is sealed when there is room: then, or at the next start."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "full")

        approve = home.releases.approve
        with monkeypatch.context() as patch:
            patch.setattr(module, "pack", full)
            approving = approve(release.id, release.manifest, OWNER)
            assert await refused(approving) == "release_no_space"
            assert (await home.releases.get(release.id)).stage is Stage.APPROVED
            assert not file_of(home, release).exists()
            home = await reload(hass, entry)
            assert (await home.releases.get(release.id)).stage is Stage.APPROVED
        home = await reload(hass, entry)
        assert (await home.releases.get(release.id)).stage is Stage.SEALED
        events = [one["event"] for one in await log_of(home, "release")]
        assert events == ["previewed", "approved", "sealed"]

    async def test_full_disk_at_the_preview(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Nothing is left of it."""

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr(module.bundle, "declare", full)
        making = home.releases.preview(request_made.id, scope(home), OWNER)
        assert await refused(making) == "release_no_space"
        folder = Path(home.hass.config.path("smartlock_le")) / "releases"
        assert not list(folder.iterdir())

    async def test_log_cannot_be_written(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """No step without its entry, and no byte."""
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await home.releases.preview(request_made.id, scope(home), OWNER)
        await fail_writes(home, fail=False)
        folder = Path(home.hass.config.path("smartlock_le")) / "releases"
        assert not list(folder.iterdir())
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await home.releases.approve(release.id, release.manifest, OWNER)
        await fail_writes(home, fail=False)
        assert (await home.releases.get(release.id)).stage is Stage.PREVIEW
        release = await home.releases.approve(release.id, release.manifest, OWNER)
        secret = await secret_of(home, release)
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await home.releases.begin(secret)
        await fail_writes(home, fail=False)
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await home.releases.carry(release.id, OWNER)
        await fail_writes(home, fail=False)

    async def test_killed_while_it_goes(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """It does not go twice, and counts as gone; the owner may make another address."""
        release = await given(home, request_made, scope(home))
        secret = await secret_of(home, release)
        await home.releases.begin(secret)
        home = await reload(hass, entry)
        assert (await home.releases.get(release.id)).stage is Stage.DELIVERED
        assert await refused(home.releases.begin(secret)) == "release_not_found"
        last = (await log_of(home, "release"))[-1]
        assert (last["event"], last["state"]) == ("interrupted", "delivered")
        assert home.releases.delivered_this_year == 1
        assert await state_of(home, request_made) is State.DELIVERED
        sending = await begun(home, release)
        assert sending.path.is_file()

    async def test_files_that_nobody_knows(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """A folder without a release goes, and so does a release without its file."""
        release = await given(home, request_made, scope(home))
        stranger = folder_of(home, release).with_name("abcdef01")
        stranger.mkdir()
        file_of(home, release).unlink()
        home = await reload(hass, entry)
        assert not stranger.exists()
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN
        assert await state_of(home, request_made) is State.OWNER_REVIEW
        assert (await log_of(home, "release"))[-1]["event"] == "lost"

    @pytest.mark.parametrize(
        "harm",
        [
            lambda bag: (bag / "data/events.csv").write_text("forged"),
            lambda bag: (bag / "data/events.csv").unlink(),
            lambda bag: (bag / "manifest-sha256.txt").write_text(""),
        ],
    )
    async def test_changed_after_it_was_looked_at(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        harm: Callable[[Path], Any],
    ) -> None:
        """It does not go, not even in part."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        harm(folder_of(home, release) / "bag")
        approving = home.releases.approve(release.id, release.manifest, OWNER)
        assert await refused(approving) == "release_damaged"
        assert not folder_of(home, release).exists()
        assert await state_of(home, request_made) is State.OWNER_REVIEW

    async def test_no_key(
        self, home: Home, police: Agency, visitors: list[Entry]
    ) -> None:
        """Without a key it is a plain zip file; another key makes a preview stale."""
        await home.set_sharing(True, OWNER)
        request = await in_review(home, police)
        release = await home.releases.preview(request.id, scope(home), OWNER)
        assert release.file_name.endswith(".zip.age")
        said = {**AGENCY, "age_recipient": ""}
        agency = await home.agencies.get(police.id)
        await home.agencies.change(agency, said, OWNER)
        await verified(home, await home.agencies.get(police.id))
        approving = home.releases.approve(release.id, release.manifest, OWNER)
        assert await refused(approving) == "release_recipient_changed"
        release = await given(home, request, scope(home))
        assert release.file_name.endswith(".zip")
        assert file_of(home, release).read_bytes()[:2] == b"PK"

    async def test_nothing_beside_the_sealed_file(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Not the preview either, which anybody could read."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        path = await home.releases.looked_at(release.id, packed=True)
        assert path.is_file()
        release = await home.releases.approve(release.id, release.manifest, OWNER)
        assert list(folder_of(home, release).iterdir()) == [file_of(home, release)]
        looking = home.releases.looked_at(release.id, packed=False)
        assert await refused(looking) == "release_not_now"

    async def test_stuck(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """An approved one whose request went on keeps no home from starting."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)

        with full_disk():
            approving = home.releases.approve(release.id, release.manifest, OWNER)
            assert await refused(approving) == "release_no_space"
        await home.inbox.review(request_made.id, OWNER)
        assert await hass.config_entries.async_reload(entry.entry_id)
        home = entry.runtime_data
        assert (await home.releases.get(release.id)).stage is Stage.APPROVED
        await home.releases.withdraw(release.id, OWNER)
        await given(home, request_made, scope(home))

    async def test_no_room_for_the_proofs(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """A full disk is no log that cannot be used."""
        folder = home_folder(home.hass) / "releases"
        await home.hass.async_add_executor_job(folder.mkdir, 0o700, True, True)

        async def full(*_: Any) -> None:
            raise LogUnavailable("full") from OSError(errno.ENOSPC, "full")

        patch = pytest.MonkeyPatch()
        patch.setattr(home.log, "export_proofs", full)
        making = home.releases.preview(request_made.id, scope(home), OWNER)
        assert await refused(making) == "release_no_space"
        patch.undo()

    async def test_key_of_nobody(
        self, home: Home, police: Agency, visitors: list[Entry]
    ) -> None:
        """A recipient that reads as one and is none is found before anything is made."""
        await home.set_sharing(True, OWNER)
        request = await in_review(home, police)
        agency = await home.agencies.get(police.id)
        await home.agencies.change(agency, {**AGENCY, "age_recipient": ZERO}, OWNER)
        await verified(home, await home.agencies.get(police.id))
        making = home.releases.preview(request.id, scope(home), OWNER)
        assert await refused(making) == "release_recipient"
        assert not await log_of(home, "release")

    async def test_clock_goes_back(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """By it nobody knows when the time is over: nothing goes until it is right."""
        first = await home.releases.preview(request_made.id, scope(home), OWNER)
        with monkeypatch.context() as patch:
            patch.setattr(module, "utc_now", lambda: later(-timedelta(days=365)))
            approving = home.releases.approve(first.id, first.manifest, OWNER)
            assert await refused(approving) == "release_old"
        release = await home.releases.approve(first.id, first.manifest, OWNER)
        secret = await secret_of(home, release)
        with monkeypatch.context() as patch:
            patch.setattr(giving, "utc_now", lambda: later(-timedelta(days=365)))
            assert await refused(home.releases.begin(secret)) == "release_old"
        assert (await home.releases.begin(secret)).may_go()

    async def test_log_that_cannot_be_read_at_the_start(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """What was left undone is taken up the next day."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        with full_disk():
            approving = home.releases.approve(release.id, release.manifest, OWNER)
            assert await refused(approving) == "release_no_space"

        async def broken(*_: Any) -> None:
            raise LogUnavailable("locked")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Records, "_read", broken)
            home = await reload(hass, entry)
        assert (await home.releases.get(release.id)).stage is Stage.APPROVED
        await home.releases.keep_up()
        assert (await home.releases.get(release.id)).stage is Stage.SEALED

    async def test_approval_that_is_nowhere(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What no entry of the log approves is not sealed."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        with full_disk():
            approving = home.releases.approve(release.id, release.manifest, OWNER)
            assert await refused(approving) == "release_no_space"
        gone = log_entries.update().where(log_entries.c.kind == "release")
        await home.log.append(
            "contact",
            {"event": "note", **OWNER.fields()},
            also=lambda _: [gone.values(kind="note")],
        )
        approving = home.releases.approve(release.id, release.manifest, OWNER)
        assert await refused(approving) == "release_damaged"
