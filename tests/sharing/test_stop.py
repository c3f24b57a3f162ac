"""What stops a release: at each step, at once, for good."""

import asyncio
from datetime import timedelta
from pathlib import Path
import shutil
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import Entry, LogUnavailable
from custom_components.smartlock_le.models import utc_now
from custom_components.smartlock_le.opening import home_folder
from custom_components.smartlock_le.requests.models import Agency
from custom_components.smartlock_le.requests.request import Request, State
from custom_components.smartlock_le.sharing import giving
from custom_components.smartlock_le.sharing.models import Field, ReleaseError, Stage
from tests.conftest import log_of, until_entry
from tests.support import fail_writes

from .conftest import (
    OWNER,
    begun,
    folder_of,
    full_disk,
    given,
    later,
    refused,
    scope,
    secret_of,
    state_of,
)


class TestStop:
    """Withdrawn, over, used up."""

    @pytest.mark.parametrize("step", ["previewed", "sealed", "link", "sending"])
    async def test_withdrawn_at_each_step(
        self, home: Home, request_made: Request, visitors: list[Entry], step: str
    ) -> None:
        """Nothing of it is there any more, and the request waits for the owner again."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        secret, sending = "", None
        if step != "previewed":
            release = await home.releases.approve(release.id, release.manifest, OWNER)
        if step in ("link", "sending"):
            secret = await secret_of(home, release)
        if step == "sending":
            sending = await home.releases.begin(secret)
        await home.releases.withdraw(release.id, OWNER)
        assert not folder_of(home, release).exists()
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN
        assert await state_of(home, request_made) is State.OWNER_REVIEW
        if secret:
            assert await refused(home.releases.begin(secret)) == "release_not_found"
        if sending:
            assert not sending.may_go()
            await home.releases.end(sending)
        assert (await home.releases.withdraw(release.id, OWNER)).stage.over
        events = [one["event"] for one in await log_of(home, "release")]
        assert events.count("withdrawn") == 1 and events[-1] == "withdrawn"
        await given(home, request_made, scope(home))

    async def test_no_way_out_of_the_folder(self, home: Home) -> None:
        """What it names is a folder of ours, and no other."""
        for name in ("..", "../..", "", "/etc", "abcdef0", "abcdef012"):
            withdrawing = home.releases.withdraw(name, OWNER)
            assert await refused(withdrawing) == "release_not_found"
        assert Path(home.hass.config.path("smartlock_le")).is_dir()

    async def test_withdrawn_without_a_log(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """The file is away at once, and it is entered when that is possible."""
        release = await given(home, request_made, scope(home))
        await fail_writes(home)
        await home.releases.withdraw(release.id, OWNER)
        await fail_writes(home, fail=False)
        assert not folder_of(home, release).exists()
        linking = home.releases.make_link(release.id, 1, OWNER)
        assert await refused(linking) == "release_not_now"

    async def test_over(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A link has its hours, what was approved its week."""
        release = await given(home, request_made, scope(home))
        for hours in (0, 169):
            linking = home.releases.make_link(release.id, hours, OWNER)
            assert await refused(linking) == "release_hours"
        secret = await secret_of(home, release)
        with monkeypatch.context() as patch:
            patch.setattr(giving, "utc_now", lambda: later(timedelta(minutes=61)))
            assert await refused(home.releases.begin(secret)) == "release_not_found"
            patch.setattr(giving, "utc_now", lambda: later(timedelta(days=8)))
            linking = home.releases.make_link(release.id, 1, OWNER)
            assert await refused(linking) == "release_old"
        await home.releases.tidy(later(timedelta(days=8)))
        assert (await home.releases.get(release.id)).stage is Stage.EXPIRED
        assert not folder_of(home, release).exists()

    async def test_once(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Of two at once one gets it, of two links the later."""
        release = await given(home, request_made, scope(home))
        old = await secret_of(home, release)
        new = await secret_of(home, release)
        assert await refused(home.releases.begin(old)) == "release_not_found"
        found = await asyncio.gather(
            *(home.releases.begin(new) for _ in range(3)), return_exceptions=True
        )
        kinds = [isinstance(one, ReleaseError) for one in found]
        assert kinds == [False, True, True]

    async def test_somebody_is_to_be_forgotten(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What was approved and not fetched goes no more."""
        release = await given(home, request_made, scope(home, Field.NAMES))
        await home.log.care.erase_person("Gustav Guest", OWNER.fields())
        await home.releases.tidy(utc_now())
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN


class TestTakenBack:
    """By what is said or done elsewhere."""

    async def test_no_after_it_went_once(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Another address of it is good only as long as the owner says nothing else."""
        release = await given(home, request_made, scope(home))
        await home.releases.carry(release.id, OWNER)
        secret = await secret_of(home, release)
        await home.inbox.close(request_made.id, "", OWNER)
        assert await refused(home.releases.begin(secret)) == "release_not_answerable"

    async def test_agency_that_is_gone(
        self, home: Home, police: Agency, visitors: list[Entry], request_made: Request
    ) -> None:
        """Nobody is given anything in its name."""
        release = await given(home, request_made, scope(home))
        secret = await secret_of(home, release)
        await home.agencies.remove(police.id, OWNER)
        assert await refused(home.releases.begin(secret)) == "release_not_answerable"

    async def test_off_while_the_log_cannot_be_read(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """On again, what was approved before needs another approval."""
        release = await given(home, request_made, scope(home))
        secret = await secret_of(home, release)

        async def broken(*_: Any) -> None:
            raise LogUnavailable("locked")

        with monkeypatch.context() as patch:
            patch.setattr(home.releases, "_read", broken)
            await home.set_sharing(False, OWNER)
        await home.set_sharing(True, OWNER)
        assert await refused(home.releases.begin(secret)) == "release_sharing_off"
        await home.releases.tidy(utc_now())
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN
        await given(home, request_made, scope(home))

    async def test_forgotten_after_it_was_sealed(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """It goes no more, from that moment on."""
        release = await given(home, request_made, scope(home, Field.NAMES))
        secret = await secret_of(home, release)
        await home.log.care.erase_person("Gustav Guest", OWNER.fields())
        why = await refused(home.releases.begin(secret))
        assert why in ("release_stale", "release_not_found")
        await until_entry(home, "release", event="withdrawn", detail="person")

    async def test_forgotten_before_it_was_sealed(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """Approved on a full disk, it is not sealed afterwards."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)

        with full_disk():
            approving = home.releases.approve(release.id, release.manifest, OWNER)
            assert await refused(approving) == "release_no_space"
        await home.log.care.erase_person("Gustav Guest", OWNER.fields())
        approving = home.releases.approve(release.id, release.manifest, OWNER)
        assert await refused(approving) in ("release_stale", "release_not_now")
        assert not folder_of(home, release).exists()

    async def test_reload_while_it_goes(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """What the home before began ends with it."""
        release = await given(home, request_made, scope(home))
        sending = await begun(home, release)
        gone = list[bool]()
        sending.abort = lambda: gone.append(True)
        assert await hass.config_entries.async_reload(entry.entry_id)
        assert gone and not sending.may_go()

    async def test_put_back(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
        tmp_path: Path,
    ) -> None:
        """A backup revives nothing that was withdrawn, nor an address that was used."""
        release = await given(home, request_made, scope(home))
        secret = await secret_of(home, release)
        folder = home_folder(hass)
        assert await hass.config_entries.async_unload(entry.entry_id)
        shutil.copytree(folder, tmp_path / "backup")
        assert await hass.config_entries.async_setup(entry.entry_id)
        await entry.runtime_data.releases.withdraw(release.id, OWNER)
        assert await hass.config_entries.async_unload(entry.entry_id)
        shutil.copy(tmp_path / "backup/log.db", folder)
        shutil.copytree(
            tmp_path / "backup/releases", folder / "releases", dirs_exist_ok=True
        )
        assert await hass.config_entries.async_setup(entry.entry_id)
        home = entry.runtime_data
        assert await log_of(home, "restored")
        assert await refused(home.releases.begin(secret)) == "release_not_found"
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN


class TestOnItsWay:
    """What is out is out."""

    async def test_one_at_a_time(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """While it goes there is no second address; half of it counts as gone."""
        release = await given(home, request_made, scope(home))
        sending = await begun(home, release)
        linking = home.releases.make_link(release.id, 1, OWNER)
        assert await refused(linking) == "release_not_now"
        assert await refused(home.releases.carry(release.id, OWNER)) == (
            "release_not_now"
        )
        await home.releases.end(sending)
        assert (await home.releases.get(release.id)).stage is Stage.SEALED
        sending = await begun(home, release)
        sending.sent = 1
        await home.releases.end(sending)
        assert (await home.releases.get(release.id)).stage is Stage.DELIVERED
        assert await state_of(home, request_made) is State.DELIVERED

    async def test_ended_while_it_goes(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What is out is out, also where it is withdrawn then; a home that ends takes nothing."""
        release = await given(home, request_made, scope(home))
        sending = await begun(home, release)
        sending.sent = 5
        release = await home.releases.withdraw(release.id, OWNER)
        assert release.delivered and home.releases.delivered_this_year == 1
        assert await state_of(home, request_made) is State.DELIVERED
        await home.inbox.review(request_made.id, OWNER)
        release = await given(home, request_made, scope(home))
        home.releases.stop()
        await home.releases.tidy(utc_now())
        assert (await home.releases.get(release.id)).stage is Stage.SEALED

    async def test_end_that_could_not_be_entered(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """It is the next day: as gone."""
        release = await given(home, request_made, scope(home))
        sending = await begun(home, release)
        await home.releases.tidy(utc_now())
        assert (await home.releases.get(release.id)).stage is Stage.SENDING
        home.releases.sent(sending)
        await home.releases.tidy(utc_now())
        assert (await home.releases.get(release.id)).stage is Stage.DELIVERED
