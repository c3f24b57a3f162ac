"""The twelve safeguards that EFF, ACLU, the Policing Project and others ask of such programmes.

Each of them once, in a real home, from the side of who lives there.
"""

from datetime import timedelta
from functools import partial
from pathlib import Path
import subprocess

from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pyrage
import pytest

from custom_components.smartlock_le.cameras import clip
from custom_components.smartlock_le.cameras.models import What
from custom_components.smartlock_le.cameras.plate_reads import PlateSettings
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import Entry, erasures, verify
from custom_components.smartlock_le.models import Wanted, utc_now
from custom_components.smartlock_le.requests.models import Agency, RequestError
from custom_components.smartlock_le.requests.request import Request, Rule, State
from custom_components.smartlock_le.sharing.models import Field, ReleaseError, Stage
from custom_components.smartlock_le.sharing.report import report
from tests.cameras.test_clips import FFMPEG, server
from tests.conftest import log_of
from tests.requests.test_inbox import asked
from tests.requests.test_request_menu import open_page

from .conftest import (
    OWNER,
    RESIDENT,
    SINCE,
    UNTIL,
    came,
    file_of,
    given,
    in_review,
    pictured,
    scope,
)
from .keys import IDENTITY

LONG = timedelta(days=400)


def rules_of(request: Request) -> set[Rule]:
    """Return which rules a request breaks."""
    return set(request.broken)


async def test_01_default_is_no(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    police: Agency,
    visitors: list[Entry],
) -> None:
    """No answer, time that passes, a restart: nothing is made, and nothing leaves."""
    assert not home.sharing
    request = await in_review(home, police, deadline=UNTIL)
    await home.inbox.remind(utc_now() + LONG, lambda _: None)
    await home.releases.tidy(utc_now() + LONG)
    assert await hass.config_entries.async_reload(entry.entry_id)
    home = entry.runtime_data
    assert await home.releases.of_request(request.id) is None
    assert not await log_of(home, "release")
    folder = Path(hass.config.path("smartlock_le")) / "releases"
    assert not folder.exists() or not list(folder.iterdir())
    assert (await home.inbox.get(request.id)).state is State.OWNER_REVIEW


async def test_02_refuse_comes_first(
    hass: HomeAssistant, entry: HomeEntry, home: Home, request_made: Request
) -> None:
    """Where nobody has to, no is the first choice, as large as any, and no word presses."""
    page = await open_page(hass, entry, request_made.id)
    assert page["menu_options"][0] == "decline_request"
    about = page["description_placeholders"]["about"].casefold()
    for word in ("please", "urgent", "must", "help the police", "duty"):
        assert word not in about


async def test_03_hard_scope(home: Home, police: Agency) -> None:
    """Too long, too large, no case, no active one, a third one: declined by themselves."""
    wide = {"since": SINCE - timedelta(hours=11)}
    for other, rule in (
        (wide, Rule.WINDOW_LONG),
        ({"area": 1_300_001}, Rule.AREA_LARGE),
        ({"case_number": ""}, Rule.NO_CASE_NUMBER),
        ({"active": False}, Rule.NOT_ACTIVE),
    ):
        said = asked(**{"since": SINCE, "until": UNTIL, "case_number": "1", **other})
        request = await home.inbox.record(said, OWNER, agency_id=police.id)
        assert rule in rules_of(request) and request.state is State.DECLINED
    for number in range(3):
        said = asked(since=SINCE, until=UNTIL, case_number="same")
        request = await home.inbox.record(said, OWNER, agency_id=police.id)
        assert (Rule.TOO_MANY in rules_of(request)) is (number == 2)
    # Nor does an emergency widen it: what is asked for is the most that goes.
    await home.set_sharing(True, OWNER)
    exigent = await in_review(home, police, instrument="exigent", case_number="2")
    wider = scope(home, since=SINCE - timedelta(seconds=1))
    with pytest.raises(ReleaseError, match="release_wider_window"):
        await home.releases.preview(exigent.id, wider, OWNER)


async def test_04_verified_requester(
    home: Home, police: Agency, visitors: list[Entry]
) -> None:
    """Who was not called back is quarantined, whatever hurry there is said to be."""
    await home.set_sharing(True, OWNER)
    for instrument in ("voluntary", "exigent", "search_warrant"):
        said = asked(since=SINCE, until=UNTIL, instrument=instrument)
        request = await home.inbox.record(said, OWNER)
        assert request.state is State.RECEIVED
        with pytest.raises(RequestError, match="request_no_agency"):
            await home.inbox.confirm(request.id, True, OWNER)
        with pytest.raises(ReleaseError, match="release_not_answerable"):
            await home.releases.preview(request.id, scope(home), OWNER)
    assert not await log_of(home, "release")


async def test_05_no_policing_of_speech(home: Home, police: Agency) -> None:
    """Protest, religion, health, immigration; federal agencies, unless the owner says so."""
    for purpose in ("protest", "religion", "health", "immigration"):
        said = asked(since=SINCE, until=UNTIL, case_number=purpose, purpose=purpose)
        request = await home.inbox.record(said, OWNER, agency_id=police.id)
        assert Rule.PURPOSE_EXCLUDED in rules_of(request)
        assert request.state is State.DECLINED
    for kind in ("federal", "immigration"):
        agency = await home.agencies.add(
            {"name": kind, "type": kind, "country": "US"}, OWNER
        )
        said = asked(since=SINCE, until=UNTIL, case_number=kind)
        request = await home.inbox.record(said, OWNER, agency_id=agency.id)
        assert Rule.AGENCY_EXCLUDED in rules_of(request)


async def test_06_minimise(
    home: Home, request_made: Request, visitors: list[Entry], tmp_path: Path
) -> None:
    """Unless the owner says so: when, where, what; no person, no way, no picture.

    That no byte of the rest is in it, for any log and scope: test_withheld.
    """
    await pictured(home, 6, What.STILL, b"\xff\xd8 face")
    release = await given(home, request_made, scope(home))
    data = pyrage.decrypt(
        file_of(home, release).read_bytes(),
        [pyrage.x25519.Identity.from_str(IDENTITY)],
    )
    assert (release.counts.people, release.counts.media) == (0, 0)
    for hidden in (b"Gustav", b"Olive", b"face", b"Nobody"):
        assert hidden not in data
    path = tmp_path / "release.zip"
    path.write_bytes(data)
    assert verify.verify_bag(path, home.log.vkey).ok


async def test_07_end_to_end(
    home: Home, request_made: Request, visitors: list[Entry]
) -> None:
    """Sealed for the agency, so that nothing in between can read it."""
    release = await given(home, request_made, scope(home))
    sealed = file_of(home, release).read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1\n")
    for word in (b"PK\x03\x04", b"unlocked", b"Springfield", b"manifest"):
        assert word not in sealed


async def test_07_no_sound(
    hass: HomeAssistant, socket_enabled: None, tmp_path: Path
) -> None:
    """Of a camera that has ears, the clip has none."""
    path = tmp_path / "loud.mp4"
    sound = ("-f", "lavfi", "-i", "sine=duration=2", "-shortest")
    picture = ("-f", "lavfi", "-i", "testsrc=duration=2:size=64x64:rate=5")
    made = [FFMPEG, *picture, *sound, *("-c:v", "libx264"), str(path)]
    await hass.async_add_executor_job(partial(subprocess.run, made, check=True))

    def has_sound(name: Path) -> bool:
        done = subprocess.run(
            [FFMPEG, "-i", name], check=False, capture_output=True, text=True
        )
        assert "Video:" in done.stderr
        return "Audio:" in done.stderr

    async def answer(request: web.Request) -> web.FileResponse:
        return web.FileResponse(path)

    await async_setup_component(hass, "ffmpeg", {"ffmpeg": {"ffmpeg_bin": FFMPEG}})
    async with server(answer) as url:
        stream = clip.Stream(f"{url}/loud.mp4", encoded=True)
        (tmp_path / "kept.mp4").write_bytes(await clip.record(hass, stream, 1, ()))
    assert has_sound(path)
    assert not has_sound(tmp_path / "kept.mp4")


async def test_08_the_owner_knows(
    home: Home, request_made: Request, visitors: list[Entry]
) -> None:
    """Each look, step and release is an entry of a log that verifies."""
    await home.inbox.viewed(request_made, OWNER)
    release = await given(home, request_made, scope(home))
    await home.releases.carry(release.id, OWNER)
    events = [one["event"] for one in await log_of(home, "request", "release")]
    assert events == [
        *("received", "verified", "owner_review", "viewed"),
        *("previewed", "approved", "sealed", "delivered"),
    ]
    assert (await home.log.verify()).ok
    gagged = await in_review(
        home, await agency_of(home, request_made), instrument="subpoena", gag=True
    )
    assert gagged.hidden
    made = await report(home.log, SINCE, utc_now() + LONG, public=False)
    assert (made.total, made.gagged) == (1, "0-4")


async def agency_of(home: Home, request: Request) -> Agency:
    """Return the agency of a request."""
    return await home.agencies.get(request.agency)


async def test_09_transparency(
    home: Home, request_made: Request, visitors: list[Entry], police: Agency
) -> None:
    """Counted from the log: by kind, agency, outcome, people; small counts as bands."""
    await home.inbox.decline((await in_review(home, police)).id, "", OWNER)
    release = await given(home, request_made, scope(home, Field.PEOPLE))
    await home.releases.carry(release.id, OWNER)
    until = utc_now() + LONG
    made = (await report(home.log, SINCE, until, public=False)).as_dict()
    assert made["outcome"] == {"declined": 1, "narrowed": 1}
    assert (made["delivered"], made["people"], made["devices"]) == (1, 2, 1)
    assert made["unapproved"] == 0
    public = await report(home.log, SINCE, until, public=True)
    assert public.total == public.people == "1-4"
    again = await report(home.log, SINCE, until, public=True)
    assert again.as_json() == public.as_json()
    assert again.as_csv() == public.as_csv()


async def test_10_short_retention(home: Home, visitors: list[Entry]) -> None:
    """A plate that nobody listed for a day, the log for ninety; what is erased is proven."""
    assert PlateSettings().hours == 24
    assert (home.retention_days, home.media_days) == (90, 30)
    await home.log.care.erase_person("Gustav Guest", OWNER.fields())
    names = [one.get("actor_name") for one in await log_of(home, "access")]
    assert "Gustav Guest" not in names and "Olive Okonkwo" in names
    assert await home.log.read(erasures.select())
    done = await home.log.verify()
    assert done.ok and any("Erased" in note for note in done.notes)


async def test_11_bias_and_abuse(
    hass: HomeAssistant, home: Home, police: Agency, request_made: Request
) -> None:
    """No one is looked for by race alone; no list of faces or plates is anybody else's."""
    said = asked(
        since=SINCE, until=UNTIL, case_number="race", sought="A young black male"
    )
    request = await home.inbox.record(said, OWNER, agency_id=police.id)
    assert Rule.RACE_ONLY in rules_of(request)
    # Who was told no may ask better, and the owner may look at it again.
    better = {**said, "sought": "A man in a red jacket", "case_number": "race"}
    request = await home.inbox.record(better, OWNER, agency_id=police.id)
    assert request.broken == ()
    kinds = {kind.value for kind in Wanted}
    assert kinds == {"access", "pictures", "clips"}
    # Nothing that a voice could do: those are exposed to it by default.
    ours = er.async_entries_for_config_entry(er.async_get(hass), home.entry.entry_id)
    assert not {one.domain for one in ours} & {"todo", "scene", "script"}


async def test_12_revoke_and_expire(
    home: Home, request_made: Request, visitors: list[Entry]
) -> None:
    """Consent has its items, its hash and its end, and is taken back at once.

    That no byte goes after that, in the middle of a transfer too: test_release_menu.
    """
    await home.set_request_rules(home.request_limits, "", OWNER, second=True)
    release = await given(home, request_made, scope(home))
    assert release.stage is Stage.WAITING
    release = await home.releases.approve(release.id, release.manifest, RESIDENT)
    assert release.expires - utc_now() <= timedelta(days=7)
    release, secret = await home.releases.make_link(release.id, 1, OWNER)
    await home.releases.withdraw(release.id, RESIDENT)
    with pytest.raises(ReleaseError):
        await home.releases.begin(secret)
    assert not file_of(home, release).exists()
    await came(home, 50)
    again = await given(home, request_made, scope(home))
    again = await home.releases.approve(again.id, again.manifest, RESIDENT)
    await home.releases.tidy(again.expires)
    assert (await home.releases.get(again.id)).stage is Stage.EXPIRED
