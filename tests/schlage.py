"""Schlage's cloud with one lock, as the client's library asks it.

The cloud is ours; real are Home Assistant's integration and the library. What the library
sends and how it reads the answers is its own: `Cloud.request` stands where `requests` does.
`schlage_home(hass)` gives it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
import json
import time
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
import requests

LOCKED, UNLOCKED, JAMMED = 1, 0, 2
DEVICE = "cloud-lock-1"
LOCK_ID = f"schlage:{DEVICE}"
_FOREVER = 0xFFFFFFFF


class Cloud:
    """The lock as the cloud has it, and the hand on both."""

    def __init__(self) -> None:
        """Start locked, well and without a code."""
        self.state = LOCKED
        self.by: dict[str, Any] = {
            "actionType": "thumbTurn",
            "UUID": None,
            "name": None,
        }
        self.codes: dict[str, dict[str, Any]] = {}
        self.moves = 0
        self.length: int | None = None
        self.there = True
        self.jammed = self.refuses = self.forgets = False
        self.delay_s = 0.0
        self.asked_for_codes: Callable[[], None] = lambda: None
        self._made = 0

    def add(self, name: str, digits: str) -> None:
        """Keep a code, as the maker's app does."""
        self._made += 1
        code_id = f"code-{self._made}"
        self.codes[code_id] = {
            "accesscodeId": code_id,
            "friendlyName": name,
            "accessCode": int(digits),
            "accessCodeLength": len(digits),
            "activationSecs": 0,
            "expirationSecs": _FOREVER,
            "schedule1": None,
            "disabled": 0,
        }

    def moved(self, state: int, action: str, name: str | None = None) -> None:
        """Move, and say who it was."""
        self.state = state
        self.by = {"actionType": action, "UUID": None, "name": name}

    @property
    def _lock(self) -> dict[str, Any]:
        attributes = {"lockState": self.state, "lockStateMetadata": self.by}
        attributes |= {"batteryLevel": 80, "mainFirmwareVersion": "1.0"}
        return {
            "deviceId": DEVICE,
            "name": "Side door",
            "modelName": "BE489WB",
            "devicetypeId": "be489WB",
            "connected": True,
            "users": [],
            "attributes": attributes,
        }

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Answer the library."""
        time.sleep(self.delay_s)
        response = requests.Response()
        response.status_code = 200
        said: Any = {}
        path = url.partition("/v1/")[2]
        if not self.there:
            response.status_code = 503
        elif path == "devices":
            said = [self._lock]
        elif path == f"devices/{DEVICE}":
            if method == "put":
                self._turn(kwargs["json"]["attributes"]["lockState"])
            said = self._lock
        elif path.endswith("/storage/accesscode"):
            said = list(self.codes.values())
            self.asked_for_codes()
        elif path.endswith("/commands"):
            response.status_code, said = self._told(kwargs["json"])
        elif path.endswith("/logs") or path == "notifications":
            said = [] if method == "get" else _notification(kwargs["json"])
        elif path == "users/@me":
            said = {"identityId": "somebody"}
        response._content = json.dumps(said).encode()
        return response

    def _turn(self, state: int) -> None:
        self.moves += 1
        self.moved(JAMMED if self.jammed else state, "virtualKey")

    def _told(self, command: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        data = command["data"]
        if command["name"] == "deleteaccesscode":
            self.codes.pop(data["accesscodeId"], None)
            return 200, {}
        if self.refuses or self.length not in (None, data["accessCodeLength"]):
            self.refuses = False
            return 400, {"message": f"no {data['accessCode']}"}
        if not self.forgets:
            digits = f"{data['accessCode']:0{data['accessCodeLength']}}"
            self.add(data["friendlyName"], digits)
        return 200, {"accesscodeId": f"code-{self._made}"}

    def digits(self) -> dict[str, str]:
        """Return the digits by the name of their code."""
        return {
            code["friendlyName"]: f"{code['accessCode']:0{code['accessCodeLength']}}"
            for code in self.codes.values()
        }


def _notification(asked: dict[str, Any]) -> dict[str, Any]:
    now = "2026-11-26T00:00:00.000Z"
    more = {
        "userId": "somebody",
        "deviceId": DEVICE,
        "createdAt": now,
        "updatedAt": now,
    }
    return {**asked, **more}


class SchlageHome:
    """The cloud and Home Assistant's entry."""

    def __init__(self, hass: HomeAssistant, cloud: Cloud) -> None:
        """Take the cloud."""
        self.hass = hass
        self.cloud = cloud
        self.entry = MockConfigEntry(
            domain="schlage",
            unique_id="somebody",
            data={"username": "somebody", "password": "secret"},
        )

    async def refresh(self) -> None:
        """Have Home Assistant ask the cloud, as it does every half a minute."""
        await self.entry.runtime_data.async_refresh()

    def look_at_question(self, number: int) -> None:
        """Do that while the codes are asked for, at the question of this number from now."""
        questions = count()

        def asked() -> None:
            if next(questions) == number:
                looking = asyncio.run_coroutine_threadsafe(
                    self.refresh(), self.hass.loop
                )
                looking.result()

        self.cloud.asked_for_codes = asked

    async def look(self) -> None:
        """Have Home Assistant ask the cloud, and take in what it said."""
        await self.refresh()
        await self.hass.async_block_till_done(wait_background_tasks=True)


@asynccontextmanager
async def schlage_home(hass: HomeAssistant) -> AsyncGenerator[SchlageHome]:
    """Run Home Assistant's Schlage with the lock in its cloud."""
    home = SchlageHome(hass, Cloud())
    home.entry.add_to_hass(hass)
    with (
        patch("pyschlage.auth.pycognito.Cognito"),
        patch("pyschlage.auth.utils.RequestsSrpAuth"),
        patch("pyschlage.auth.requests.request", home.cloud.request),
        patch(
            "homeassistant.helpers.update_coordinator.REQUEST_REFRESH_DEFAULT_COOLDOWN",
            0,
        ),
        patch(
            "homeassistant.components.schlage.coordinator.UPDATE_INTERVAL",
            timedelta(days=1),
        ),
    ):
        assert await hass.config_entries.async_setup(home.entry.entry_id)
        await hass.async_block_till_done()
        yield home
        if home.entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(home.entry.entry_id)
