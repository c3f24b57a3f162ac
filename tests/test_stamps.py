"""Time stamps as the owner has them: switched on and off, daily, and again when they fail."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime, timedelta
import json
import logging
from pathlib import Path
from typing import Any

from aiohttp import web
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.requirements import RequirementsNotFound
from homeassistant.util import dt as dt_util
import pytest

from custom_components.smartlock_le import stamping
from custom_components.smartlock_le.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import (
    Log,
    LogError,
    LogUnavailable,
    StampNotBelievable,
    StampNotInstalled,
    StampRefused,
    StampUnreachable,
)
from custom_components.smartlock_le.log.stamps import earliest
from custom_components.smartlock_le.models import HOME_ACTOR, utc_now
from custom_components.smartlock_le.stamping import Stamping, StampSettings

from .conftest import log_of, until
from .flows.test_options import choose, go
from .log.authority import Authority, dripping
from .support import act, fail_writes, issues

type Spawn = Callable[[Any, str], object]


def stamped(log: Log) -> bool:
    """Return whether there is any stamp."""
    return earliest(log._store.reader, -1, log.end) is not None


def current(log: Log) -> bool:
    """Return whether all that is in the log is stamped."""
    return earliest(log._store.reader, log.end - 1, log.end) is not None


def later(home: Home, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Let it be later for stamps."""

    def clock() -> datetime:
        return utc_now() + by

    monkeypatch.setattr(home.log.stamps, "_clock", clock)


def problem(hass: HomeAssistant) -> str:
    """Return the state of the binary sensor."""
    state = hass.states.get("binary_sensor.test_home_log_problem")
    assert state
    return state.state


async def refuse(_: web.Request) -> web.StreamResponse:
    """Answer as an authority in trouble."""
    return web.Response(status=503)


async def switch_on(
    hass: HomeAssistant, entry: HomeEntry, url: str, root: str
) -> dict[str, Any]:
    """Click through the menu."""
    flow_id = (await choose(hass, entry, "stamps"))["flow_id"]
    result: dict[str, Any] = await go(hass, flow_id, on=True, url=url, root=root)
    return result


# Switched on and off


async def test_on_and_off(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    tsa: str,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Off at first; each change is an entry that names no authority."""
    assert home.stamps is None
    await home.upkeep.run()
    assert not authority.asked
    result = await switch_on(hass, entry, f" {tsa} ", authority.root)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "stamps_on")
    assert len(authority.asked) == 1
    assert current(home.log)
    assert home.stamps
    assert (home.stamps.url, home.stamps.root) == (tsa, authority.root)

    result = await choose(hass, entry, "stamps")
    suggested = {
        str(key): key.description["suggested_value"]
        for key in result["data_schema"].schema
    }
    assert suggested == {"on": True, "url": tsa, "root": authority.root}
    for _ in range(2):
        flow_id = (await choose(hass, entry, "stamps"))["flow_id"]
        result = await go(hass, flow_id, on=False)
        assert result["reason"] == "stamps_off"
        assert home.stamps is None
    entered = await log_of(home, "setting")
    assert [
        (e["setting"], e["value"], e["actor_kind"])
        for e in entered
        if e["setting"] == "stamps"
    ] == [("stamps", "on", "owner"), ("stamps", "off", "owner")]
    await home.upkeep.run()
    assert len(authority.asked) == 1
    shown = await async_get_config_entry_diagnostics(hass, entry)
    for text in (json.dumps([shown, entered]), str(hass.states.async_all())):
        assert tsa not in text
        assert "BEGIN CERTIFICATE" not in text
    ours = [r for r in caplog.records if "smartlock_le" in r.name]
    assert all(tsa not in record.getMessage() for record in ours)
    # What was chosen is there to be switched on again.
    assert home.stamp_authority == {"url": tsa, "root": authority.root}


@pytest.mark.parametrize(
    "url",
    ["", "stamps", "ftp://a.example", "http://", "https:///x", "http://a:b:c", "//a"],
)
async def test_a_bad_address(
    hass: HomeAssistant, entry: HomeEntry, home: Home, authority: Authority, url: str
) -> None:
    """Is said, and changes nothing."""
    end = home.log.end
    result = await switch_on(hass, entry, url, authority.root)
    assert (result["step_id"], result["errors"]) == ("stamps", {"url": "url_invalid"})
    assert (home.stamps, home.stamp_authority, home.log.end) == (None, {}, end)


async def test_a_bad_certificate(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    """Is said, together with a bad address; nothing has to be typed twice."""
    end = home.log.end
    result = await switch_on(hass, entry, "https://a.example", "-----BEGIN")
    assert result["errors"] == {"root": "root_invalid"}
    result = await go(hass, result["flow_id"], on=True)
    assert result["errors"] == {"url": "url_invalid", "root": "root_invalid"}
    assert (home.stamps, home.log.end) == (None, end)


async def test_what_checks_stamps_cannot_be_installed(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    tsa: str,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The form says so, nothing changes; it is tried again."""
    end = home.log.end
    asked = []

    async def fail(_: Any, name: str, wanted: list[str], is_built_in: bool) -> None:
        asked.append(wanted)
        raise RequirementsNotFound(name, wanted)

    with monkeypatch.context() as patch:
        patch.setattr(stamping, "async_process_requirements", fail)
        result = await switch_on(hass, entry, tsa, authority.root)
        assert result["errors"] == {"base": "stamps_not_installed"}
        assert (home.stamps, home.log.end) == (None, end)
    result = await go(hass, result["flow_id"], on=True, url=tsa, root=authority.root)
    assert result["reason"] == "stamps_on"
    assert asked == [["rfc3161-client>=1.0.9"]]
    # Not there any more, after an update of Python.
    monkeypatch.setattr(stamping, "async_process_requirements", fail)
    assert isinstance(await home.stamping.run(), StampNotInstalled)


async def test_without_a_log(
    hass: HomeAssistant, entry: HomeEntry, home: Home, tsa: str, authority: Authority
) -> None:
    """On only if it can be entered; off at once."""
    await fail_writes(home)
    result = await switch_on(hass, entry, tsa, authority.root)
    assert result["errors"] == {"base": "log_unavailable"}
    assert home.stamps is None
    await fail_writes(home, fail=False)
    await switch_on(hass, entry, tsa, authority.root)
    await fail_writes(home)
    flow_id = (await choose(hass, entry, "stamps"))["flow_id"]
    assert (await go(hass, flow_id, on=False))["reason"] == "stamps_off"
    assert home.stamps is None
    await fail_writes(home, fail=False)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (StampUnreachable("x"), "stamps_on_unreachable"),
        (StampRefused("x"), "stamps_on_refused"),
        (StampNotBelievable("x"), "stamps_on_not_believable"),
        (LogUnavailable("x"), "stamps_on_later"),
    ],
)
async def test_no_first_stamp(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    failure: LogError,
    reason: str,
) -> None:
    """They are on all the same, and the page says what is wrong."""

    async def take(*_: object) -> bool:
        raise failure

    monkeypatch.setattr(home.log.stamps, "take", take)
    result = await switch_on(hass, entry, "http://a.example", authority.root)
    assert result["reason"] == reason
    assert home.stamps
    assert home.stamping._retry


# Daily, hourly, overdue


async def test_daily(
    hass: HomeAssistant, entry: HomeEntry, home: Home, tsa: str, authority: Authority
) -> None:
    """With the upkeep, but only if the log has grown."""
    await switch_on(hass, entry, tsa, authority.root)
    home.upkeep._due(dt_util.utcnow())
    await until(lambda: home.log.last_verified)
    await home.upkeep.run()
    assert len(authority.asked) == 1
    await act(hass, "export_log")
    assert not current(home.log)
    home.upkeep._due(dt_util.utcnow())
    await until(lambda: current(home.log))
    assert len(authority.asked) == 2
    assert (await act(hass, "verify_log"))["ok"]


async def test_hourly_where_it_fails(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    tsa: str,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Said once; tried until it works, and no more then."""
    assert timedelta(hours=1) == stamping._RETRY
    monkeypatch.setattr(stamping, "_RETRY", timedelta(seconds=0.05))
    tried = []

    async def count(request: web.Request) -> web.StreamResponse:
        tried.append(request)
        return await refuse(request)

    authority.handler = count
    result = await switch_on(hass, entry, tsa, authority.root)
    assert result["reason"] == "stamps_on_refused"
    await until(lambda: len(tried) >= 4)
    warned = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert sum("No time stamp" in record.getMessage() for record in warned) == 1
    assert not stamped(home.log)
    authority.handler = None
    await until(lambda: stamped(home.log))
    await until(lambda: not home.stamping._failing)
    assert home.stamping._retry is None


async def test_overdue(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    tsa: str,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three days after the last good one; until the next."""
    await switch_on(hass, entry, tsa, authority.root)
    await act(hass, "export_log")
    authority.handler = refuse
    later(home, monkeypatch, timedelta(days=2, hours=23))
    await home.upkeep.run()
    assert home.log.problem is None
    later(home, monkeypatch, timedelta(days=3, hours=1))
    await home.upkeep.run()
    await until(lambda: issues(hass) == {"log_stamp_overdue"})
    await until(lambda: problem(hass) == "on")
    authority.handler = None
    later(home, monkeypatch, timedelta(0))
    await home.upkeep.run()
    await until(lambda: not issues(hass))
    await until(lambda: problem(hass) == "off")


async def test_overdue_from_the_switching_on(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    tsa: str,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There never was one; it is no problem once nobody wants any."""
    authority.handler = refuse
    await switch_on(hass, entry, tsa, authority.root)
    assert home.log.problem is None
    later(home, monkeypatch, timedelta(days=3, hours=1))
    await home.upkeep.run()
    await until(lambda: issues(hass) == {"log_stamp_overdue"})
    flow_id = (await choose(hass, entry, "stamps"))["flow_id"]
    await go(hass, flow_id, on=False)
    await until(lambda: not issues(hass))
    assert home.stamping._retry is None


async def test_unload_leaves_no_timer(
    hass: HomeAssistant, entry: HomeEntry, home: Home, tsa: str, authority: Authority
) -> None:
    """Neither the one that waits nor one of a run that ends later."""
    authority.handler = refuse
    await switch_on(hass, entry, tsa, authority.root)
    assert home.stamping._retry
    await hass.config_entries.async_unload(entry.entry_id)
    assert home.stamping._retry is None
    assert isinstance(await home.stamping.run(), LogError)
    assert home.stamping._retry is None


async def test_switched_off_while_it_is_asked(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    tsa: str,
    authority: Authority,
) -> None:
    """The end of what was under way brings nothing back."""
    going, gone = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        going.set()
        await gone.wait()
        return await refuse(request)

    await switch_on(hass, entry, tsa, authority.root)
    await act(hass, "export_log")
    authority.handler = slow
    running = hass.async_create_task(home.stamping.run())
    await going.wait()
    await home.stop_stamps(HOME_ACTOR)
    gone.set()
    assert isinstance(await running, StampRefused)
    assert (home.stamping._retry, home.log.problem) == (None, None)


# Over HTTP


@pytest.fixture
async def log(tmp_path: Path) -> AsyncGenerator[Log]:
    """Give a log without a home."""
    log = await Log.open(tmp_path / "log", origin="a.example/x", version="1")
    yield log
    await log.close()


def stamping_of(
    hass: HomeAssistant, log: Log, url: str, root: str, since: datetime | None = None
) -> Stamping:
    """Have a log stamped."""
    settings = StampSettings(url, root, since or utc_now())
    return Stamping(hass, log, lambda: settings, lambda _, __: None)


async def run_once(stamping_: Stamping) -> LogError | None:
    """Run, and take the retry away."""
    failure = await stamping_.run()
    stamping_.stop()
    return failure


async def broken_off(request: web.Request) -> web.StreamResponse:
    """Hang up in the middle."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"0")
    assert request.transport
    request.transport.close()
    return response


async def page(request: web.Request) -> web.StreamResponse:
    """Answer as a hotel's network does."""
    return web.Response(text="<html>Welcome</html>", content_type="text/html")


@pytest.mark.parametrize(
    ("handler", "timeout", "kind"),
    [
        (refuse, 30, StampRefused),
        (broken_off, 30, StampUnreachable),
        (page, 30, StampNotBelievable),
        (dripping(bytes(10_000)), 30, StampNotBelievable),
        (dripping(), 0.3, StampUnreachable),
    ],
    ids=["refuses", "hangs up", "a page", "huge", "slow drip"],
)
async def test_a_hostile_authority(
    hass: HomeAssistant,
    log: Log,
    tsa: str,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    timeout: float,
    kind: type[LogError],
) -> None:
    """It changes nothing, and costs neither time nor memory."""
    assert stamping._TIMEOUT == 30
    monkeypatch.setattr(stamping, "_TIMEOUT", timeout)
    authority.handler = handler
    failure = await run_once(stamping_of(hass, log, tsa, authority.root))
    assert type(failure) is kind
    assert tsa not in str(failure)
    assert not stamped(log)
    assert log.problem is None
    monkeypatch.setattr(stamping, "_TIMEOUT", 30)
    authority.handler = None
    assert await run_once(stamping_of(hass, log, tsa, authority.root)) is None
    assert stamped(log)


async def test_a_redirect(
    hass: HomeAssistant, log: Log, tsa: str, authority: Authority
) -> None:
    """Nobody is asked whom the owner did not name, whatever they would answer."""

    async def elsewhere(_: web.Request) -> web.StreamResponse:
        authority.handler = None
        raise web.HTTPTemporaryRedirect("/")

    authority.handler = elsewhere
    failure = await run_once(stamping_of(hass, log, tsa, authority.root))
    assert isinstance(failure, StampRefused)
    assert not authority.asked
    assert not stamped(log)


async def test_another_root(
    hass: HomeAssistant,
    log: Log,
    tsa: str,
    authority: Authority,
    other_authority: Authority,
) -> None:
    """Who answers is not who was chosen."""
    failure = await run_once(stamping_of(hass, log, tsa, other_authority.root))
    assert isinstance(failure, StampNotBelievable)
    assert not stamped(log)


async def test_nobody_there(
    hass: HomeAssistant, log: Log, socket_enabled: None, authority: Authority
) -> None:
    """No internet, for example."""
    async with authority.serve() as url:
        pass
    failure = await run_once(stamping_of(hass, log, url, authority.root))
    assert isinstance(failure, StampUnreachable)


async def test_a_log_in_memory(
    hass: HomeAssistant, tsa: str, authority: Authority
) -> None:
    """Is not stamped: nothing of it lasts."""
    log = await Log.memory(origin="a.example/x", version="1", problem="unopened")
    assert await stamping_of(hass, log, tsa, authority.root).run() is None
    assert not authority.asked
    await log.close()


async def test_a_log_that_closes_meanwhile(
    hass: HomeAssistant,
    tmp_path: Path,
    tsa: str,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """How old the newest stamp is cannot be read: that is no reason to give up."""
    log = await Log.open(tmp_path / "log2", origin="a.example/x", version="1")
    await log.close()
    long_ago = utc_now() - timedelta(days=9)
    runs = stamping_of(hass, log, tsa, authority.root, long_ago)
    assert isinstance(await runs.run(), LogUnavailable)
    assert runs._retry
    assert log.problem is None
    runs.stop()


async def test_switched_off_while_it_is_judged(
    hass: HomeAssistant,
    log: Log,
    tsa: str,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody wants a stamp any more: none is overdue."""
    chosen: list[StampSettings | None] = [
        StampSettings(tsa, authority.root, utc_now() - timedelta(days=9))
    ]
    real = log.stamps.too_old

    async def too_old(since: datetime) -> bool:
        late = await real(since)
        assert late
        chosen[0] = None
        return late

    monkeypatch.setattr(log.stamps, "too_old", too_old)
    authority.handler = refuse
    runs = Stamping(hass, log, lambda: chosen[0], lambda _, __: None)
    await runs.run()
    assert log.problem is None
    runs.stop()
