"""What is kept over a restart."""

from datetime import UTC, datetime, time, timedelta
import json
import os
from pathlib import Path

from tests.virtual_home.conftest import FAST
from tests.virtual_home.raw import RawClient, wait_for
from virtual_home.home import HomeOptions, VirtualHome, several_locks
from virtual_home.nuki import Command, DoorState, LockState
from virtual_home.nuki.keypad import Window


async def test_restart(tmp_path: Path) -> None:
    """Pairings, codes, log, bolt and clock are as before."""
    path = tmp_path / "home.json"
    options = HomeOptions(locks=several_locks(2, FAST), state_file=path)
    async with VirtualHome(options) as home:
        lock = home.locks[0]
        first = await RawClient.connect(home.central, lock.address)
        await first.pair()
        window = Window(datetime(2026, 1, 1, tzinfo=UTC), None, 3, time(8), time(9))
        await first.add_code(345678, "Anna", window.pack())
        await first.add_code(345679, "Bob")
        assert lock.device.press(345679).opened
        await wait_for(lambda: lock.device.bolt.state is LockState.UNLOCKED)
        lock.device.move_door(is_open=True)
        lock.device.clock_offset = timedelta(hours=1)
        lock.device.changed()
        await wait_for(lambda: '"door": 3' in path.read_text())
        assert path.stat().st_mode & 0o777 == 0o600
        codes, log = list(lock.device.codes), list(lock.device.log.entries)
    async with VirtualHome(options) as home:
        lock, other = home.locks
        assert lock.device.bolt.state is LockState.UNLOCKED
        assert lock.device.door is DoorState.OPENED
        assert lock.device.clock_offset == timedelta(hours=1)
        assert list(lock.device.codes) == codes
        assert list(lock.device.log.entries) == log
        assert lock.device.codes.next_id == 3
        assert other.device.bolt.state is LockState.LOCKED
        again = (await RawClient.connect(home.central, lock.address)).known_as(first)
        assert (await again.request(Command.KEYTURNER_STATES))[0] == 0x0C
    assert os.listdir(tmp_path) == ["home.json"]  # noqa: PTH208


async def test_another_lock(tmp_path: Path) -> None:
    """A lock that the file does not know starts new."""
    path = tmp_path / "home.json"
    path.write_text(json.dumps({"version": 1, "locks": []}))
    async with VirtualHome(HomeOptions(locks=(FAST,), state_file=path)) as home:
        assert not list(home.locks[0].device.codes)
    assert len(json.loads(path.read_text())["locks"]) == 1
