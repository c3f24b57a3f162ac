"""A real Z-Wave JS for a session of tests, on the mock radio of its own makers.

Three locks: `codes` keeps them by the User Code command class, `credentials` by the User
Credential one, `keyless` keeps none. `zwave_radio` in tests/conftest.py gives it,
`zwave_home(hass, radio)` puts Home Assistant's own integration on it. Needs
`socket_enabled`.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
import json
from pathlib import Path
import shutil
import subprocess
import tempfile
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry
import pytest_socket

from harness.ports import HOST

_CACHE = Path(__file__).parents[2] / ".cache"
_NODE = _CACHE / "zigbee2mqtt" / "bin" / "node"
_PACKAGES = _CACHE / "zwave-js"
NODES = {"codes": 2, "credentials": 3, "keyless": 4}
HOME_ID = 0x7E570001
SECURED, UNSECURED = 255, 0
"""Door Lock modes."""


class ZwaveRadio:
    """Z-Wave JS, its server, and the locks below it."""

    def __init__(self, folder: Path) -> None:
        """Start it and wait until its server listens."""
        radio = Path(__file__).with_name("radio.cjs")
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [str(_NODE), str(radio), str(_PACKAGES), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.port: int = self._answer()["port"]

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, Path(self._log.name).read_text()
        return json.loads(line)

    def do(self, what: str, kind: str, **fields: Any) -> Any:
        """Do something with a lock; return what it says."""
        assert self._process.stdin
        command = {"do": what, "node": NODES[kind], **fields}
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def codes(self, kind: str) -> dict[int, str]:
        """Return the codes on a lock."""
        return {int(slot): code for slot, code in self.do("codes", kind).items()}

    def heal(self) -> None:
        """Have every lock locked, well and without a code."""
        for kind in NODES:
            self.do("heal", kind)

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


@contextmanager
def running() -> Iterator[ZwaveRadio]:
    """Run it."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts([HOST])
    folder = Path(tempfile.mkdtemp(prefix="smartlock-le-"))
    radio = ZwaveRadio(folder)
    try:
        yield radio
    finally:
        radio.stop()
        shutil.rmtree(folder)


@asynccontextmanager
async def zwave_home(
    hass: HomeAssistant, radio: ZwaveRadio
) -> AsyncGenerator[MockConfigEntry]:
    """Put Home Assistant's integration on it; give its entry."""
    entry = MockConfigEntry(
        domain="zwave_js",
        unique_id=str(HOME_ID),
        data={"url": f"ws://{HOST}:{radio.port}", "usb_path": None},
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    async with asyncio.timeout(20):
        while _locked(hass, entry) < len(NODES):
            await asyncio.sleep(0.02)
    await hass.async_block_till_done()
    try:
        yield entry
    finally:
        if entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(entry.entry_id)


def _locked(hass: HomeAssistant, entry: MockConfigEntry) -> int:
    states = [hass.states.get(lock.entity_id) for lock in locks(hass, entry)]
    return sum(state is not None and state.state == "locked" for state in states)


def locks(hass: HomeAssistant, entry: MockConfigEntry) -> list[er.RegistryEntry]:
    """Return its lock entities."""
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return [one for one in found if one.domain == "lock"]
