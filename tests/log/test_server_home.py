"""A home whose log is on a database server, as its owner has it."""

import logging
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.requirements import RequirementsNotFound
from homeassistant.util import dt as dt_util
import pytest

from custom_components.smartlock_le import opening
from custom_components.smartlock_le.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import HOME_ACTOR
from tests.conftest import log_of, until
from tests.support import GRANT, act, issues
from virtual_home.nuki import NukiLock

from .servers import Running


async def ask(hass: HomeAssistant, entry: HomeEntry, **answers: Any) -> Any:
    """Say where the log is to be kept."""
    options = hass.config_entries.options
    flow = (await options.async_init(entry.entry_id))["flow_id"]
    shown = await options.async_configure(flow, {"next_step_id": "database"})
    assert shown["type"] is FlowResultType.FORM
    return await options.async_configure(flow, answers)


async def test_the_owner_moves_the_log(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    nuki: NukiLock,
    server: Running,
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """There with an open grant, and back: all goes on, and nothing says where it is."""
    caplog.set_level(logging.DEBUG)
    text = {**GRANT, "agency": "Engine 7 é", "reason": "x" * 100}
    grant = await act(hass, "grant_emergency_access", text)
    url = server.url(database)
    result = await ask(hass, entry, place="server", url=url)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "log_moved")
    entered = (await log_of(home, "setting"))[-1]
    assert (entered["setting"], entered["value"]) == ("database", server.kind)
    assert entered["actor_kind"] == "owner"
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    assert diagnostics["log"]["database"] == server.kind

    await hass.config_entries.async_reload(entry.entry_id)
    home = entry.runtime_data
    assert (home.log.backend, home.log.problem) == (server.kind, None)
    (opened,) = home.grants.open_grants()
    assert (opened.id, opened.agency) == (grant["grant"], "Engine 7 é")
    nuki.device.turn(lock=False)
    await until(lambda: home.roster.find(nuki.address).driver.state.bolt == "unlocked")
    assert (await act(hass, "verify_log"))["ok"]
    await act(hass, "revoke_grant", {"grant": opened.id})
    assert not server.run("SELECT * FROM grants", database)

    result = await ask(hass, entry, place="here")
    assert result["reason"] == "log_moved"
    assert home.log.backend == "sqlite"
    assert (await act(hass, "verify_log"))["ok"]
    for secret in ("secret", str(server.port), database):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"place": "here"}, "database_same"),
        ({"place": "server"}, "database_url"),
        ({"place": "server", "url": " "}, "database_url"),
        ({"place": "server", "url": "http://x/y"}, "database_url"),
        (
            {"place": "server", "url": "postgresql://a:b@127.0.0.1:1/x"},
            "database_unreachable",
        ),
        (
            {"place": "server", "url": "mysql://a:b@127.0.0.1:1/x"},
            "database_unreachable",
        ),
    ],
)
async def test_places_that_are_none(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    socket_enabled: None,
    answers: dict[str, str],
    error: str,
) -> None:
    """It is said why, and nothing has changed."""
    before = home.log.size
    result = await ask(hass, entry, **answers)
    assert result["errors"] == {"base": error}
    assert (home.log.backend, home.log.size) == ("sqlite", before)
    assert (await act(hass, "verify_log"))["ok"]


async def test_a_driver_that_cannot_be_installed(
    hass: HomeAssistant, entry: HomeEntry, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No internet: the log stays; one that is there already is tried again."""
    wanted: list[list[str]] = []

    async def offline(
        _: HomeAssistant, ___: str, packages: list[str], **__: bool
    ) -> None:
        wanted.append(packages)
        raise RequirementsNotFound("smartlock_le", packages)

    monkeypatch.setattr(opening, "async_process_requirements", offline)
    result = await ask(hass, entry, place="server", url="mariadb://a:b@127.0.0.1/x")
    assert result["errors"] == {"base": "database_driver"}
    assert [package.partition(">")[0] for (package,) in wanted] == ["PyMySQL"]
    assert (await act(hass, "verify_log"))["ok"]
    await hass.config_entries.async_unload(entry.entry_id)
    file = opening.home_folder(hass) / "database"
    file.write_text("postgresql://a:b@127.0.0.1:1/x")
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.runtime_data.log.problem == "unopened"
    assert not await opening.opens_now(hass, entry.entry_id)
    file.unlink()
    assert await opening.opens_now(hass, entry.entry_id)
    file.mkdir()
    assert not await opening.opens_now(hass, entry.entry_id)
    file.rmdir()


async def test_a_log_in_memory_does_not_move(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    """There is nothing to move."""
    await hass.config_entries.async_unload(entry.entry_id)
    (opening.home_folder(hass) / "database").write_text("nonsense")
    await hass.config_entries.async_setup(entry.entry_id)
    result = await ask(hass, entry, place="here")
    assert result["errors"] == {"base": "log_unavailable"}


async def test_a_server_that_starts_after_us(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    nuki: NukiLock,
    postgresql: Running,
    socket_enabled: None,
) -> None:
    """Life goes on without; the log is taken up when it is there, and no grant is lost."""
    postgresql.run("CREATE DATABASE later")
    await home.move_log(postgresql.url("later"), HOME_ACTOR)
    size = home.log.size
    await hass.config_entries.async_unload(entry.entry_id)
    postgresql.stop()
    try:
        await hass.config_entries.async_setup(entry.entry_id)
        home = entry.runtime_data
        assert issues(hass) == {"log_unopened"}
        await until(lambda: home.roster.find(nuki.address).driver.available)
        grant = await act(hass, "grant_emergency_access", GRANT)
        home.upkeep._again(dt_util.utcnow())
    finally:
        postgresql.start()
    await home._reopen()
    await hass.async_block_till_done()
    assert entry.runtime_data is home
    assert home.grants.open_grants()
    await act(hass, "revoke_grant", {"grant": grant["grant"]})
    home.upkeep._again(dt_util.utcnow())
    await until(lambda: getattr(entry, "runtime_data", home) is not home)
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    home = entry.runtime_data
    assert home.log.backend == "postgresql"
    assert home.log.size > size
    assert issues(hass) == set()
    await until(lambda: home.roster.find(nuki.address).driver.available)
    await home.move_log("", HOME_ACTOR)
    postgresql.run("DROP DATABASE later WITH (FORCE)")
