"""Who is here, who came and went, and what is cleaned before its keys are destroyed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.smartlock_le.const import DOMAIN, SUBENTRY_LOCK
from custom_components.smartlock_le.locks import roster as roster_module
from custom_components.smartlock_le.locks.driver import LockDriver
from custom_components.smartlock_le.locks.keybook import KeyBook, LockKeys
from custom_components.smartlock_le.locks.roster import Roster, clean_home
from custom_components.smartlock_le.log import Log
from custom_components.smartlock_le.models import LockRef, LockRefused, Refusal
from tests.conftest import until
from virtual_home.faults import Direction
from virtual_home.home import VirtualHome
from virtual_home.nuki import NukiLock

from .support import built, entries, eventually, same, spawner, window

MARKER = "LE one"


class House:
    """A config entry with one lock, its book, its log and its roster."""

    def __init__(
        self, hass: HomeAssistant, nuki: NukiLock, book: KeyBook, log: Log
    ) -> None:
        """Build it with the lock in it."""
        self.hass = hass
        self.nuki = nuki
        self.book = book
        self.log = log
        self.uncleaned: list[tuple[str, str | None]] = []
        self.entry = MockConfigEntry(domain=DOMAIN)
        self.entry.add_to_hass(hass)
        self.add_lock()
        self.restart()

    def restart(self) -> Roster:
        """Make a new roster, as after a restart."""
        self.roster = Roster(
            self.hass,
            self.entry,
            self.log,
            self.book,
            spawn=spawner(self.hass),
            identify=same,
            uncleaned=lambda lock, name: self.uncleaned.append((lock, name)),
        )
        return self.roster

    def add_lock(self, kind: str = SUBENTRY_LOCK, address: str = "") -> None:
        """Add a subentry."""
        address = address or self.nuki.address
        subentry = ConfigSubentry(
            data=MappingProxyType({}),
            subentry_type=kind,
            title="Front door",
            unique_id=address,
        )
        self.hass.config_entries.async_add_subentry(self.entry, subentry)

    def remove_lock(self) -> None:
        """Remove every subentry."""
        for subentry_id in list(self.entry.subentries):
            self.hass.config_entries.async_remove_subentry(self.entry, subentry_id)

    async def set_codes(self) -> int:
        """Set a code of ours and one of somebody else; return the number of that."""
        keys = self.book[self.nuki.address]
        driver = built(self.hass, self.nuki.address, keys)
        await self.book.add_marker(self.nuki.address, MARKER)
        await driver.set_code(driver.new_code(), MARKER, window())
        await driver.stop()
        device = self.nuki.device
        return device.codes.add(345678, "Grandma", None, device.now).code_id

    @property
    def codes(self) -> list[int]:
        """The codes on the lock."""
        return [code.code_id for code in self.nuki.device.codes]

    @property
    def knows_us(self) -> bool:
        """Whether the lock lets us in."""
        credentials = self.entry.runtime_data
        return credentials["auth_id"] in self.nuki.device.users.entries

    async def cleaned(self) -> dict[str, Any]:
        """Wait until no clean-up runs; return what the log says of it."""
        await until(lambda: not self.roster._cleaning)
        [entry] = await entries(self.log, "lock_cleaned")
        return entry


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon."""
    monkeypatch.setattr(roster_module, "CLEAN_RETRY", 0.1)
    monkeypatch.setattr(roster_module, "REMOVE_DEADLINE", 1.0)


@pytest.fixture
async def book(
    hass: HomeAssistant, nuki: NukiLock, keys: LockKeys, tmp_path: Path
) -> KeyBook:
    """Give a book with the keys of the first lock."""
    book = KeyBook(hass, tmp_path / "keys")
    await book.put(nuki.address, keys)
    return book


@pytest.fixture
async def house(
    hass: HomeAssistant, nuki: NukiLock, keys: LockKeys, book: KeyBook, log: Log
) -> AsyncIterator[House]:
    """Give a house."""
    house = House(hass, nuki, book, log)
    house.entry.runtime_data = keys.credentials
    yield house
    await house.roster.stop()


async def test_come_and_go(house: House) -> None:
    """Locks follow the subentries; each coming and going is entered once."""
    house.add_lock(address="54:D2:72:00:00:01")
    house.add_lock("camera", "cam")
    roster = house.roster
    changes = roster.sync()
    [lock] = changes.added
    assert changes.removed == []
    assert lock.ref.id == house.nuki.address
    assert roster.find(lock.ref.id) is lock
    assert roster.find("other") is None
    assert (roster.sync().added, roster.sync().removed) == ([], [])
    await roster.enter_members()
    await roster.enter_members()
    [added] = await entries(house.log, "lock_added")
    assert (added["lock"], added["name"]) == (house.nuki.address, "Front door")
    assert (added["model"], added["firmware"]) == ("Nuki Smart Lock", "3.9.5")
    assert added["actor_kind"] == "owner"
    assert roster.keyless() == [LockRef("54:D2:72:00:00:01", "Front door")]
    house.remove_lock()
    assert roster.sync().removed == [lock]
    await roster.enter_members()
    await roster.enter_members()
    assert len(await entries(house.log, "lock_removed")) == 1
    await lock.stop()


async def test_went_while_we_were_away(house: House) -> None:
    """A lock that is gone at the next start is said to have gone, and no other."""
    house.roster.sync()
    await house.roster.enter_members()
    await house.roster.stop()
    house.restart().sync()
    await house.roster.enter_members()
    assert len(await entries(house.log, "lock_added")) == 1
    await house.roster.stop()
    house.remove_lock()
    house.restart().sync()
    await house.roster.enter_members()
    [removed] = await entries(house.log, "lock_removed")
    assert removed["lock"] == house.nuki.address


async def test_members_without_log(house: House) -> None:
    """A log that cannot be read keeps no lock from working."""
    house.roster.sync()
    await house.log.close()
    await house.roster.enter_members()
    assert house.roster.find(house.nuki.address)


async def test_stop(house: House) -> None:
    """Every lock is let go."""
    [lock] = house.roster.sync().added
    await lock.start()
    await until(lambda: lock.driver.available)
    await house.roster.stop()
    await until(lambda: house.nuki.connection is None)


# Clean-up


async def test_clean(house: House, air: VirtualHome) -> None:
    """Our codes off first, then our pairing, then the keys; others stay."""
    theirs = await house.set_codes()
    order: list[str] = []

    def watch() -> None:
        order.append(
            f"{len(house.codes)} codes, {house.knows_us:d} pairing,"
            f" {house.nuki.address in house.book:d} keys"
        )

    house.roster.clean_orphans()
    assert not house.roster._cleaning
    house.remove_lock()
    house.nuki.device.listeners.append(watch)
    house.roster.clean_orphans()
    house.roster.clean_orphans()
    assert len(house.roster._cleaning) == 1
    entry = await house.cleaned()
    assert (entry["result"], entry["codes_left"]) == ("clean", 0)
    assert list(dict.fromkeys(order))[-2:] == [
        "1 codes, 1 pairing, 1 keys",
        "1 codes, 0 pairing, 1 keys",
    ]
    assert house.codes == [theirs]
    assert not house.knows_us
    assert house.book.ids() == set()
    assert house.uncleaned == [(house.nuki.address, None)]
    await until(lambda: air.central.free == air.central.slots)


async def test_clean_when_it_is_back(house: House) -> None:
    """Out of reach: its keys are kept and people told, until it is back."""
    await house.set_codes()
    house.remove_lock()
    await house.nuki.set_in_range(False)
    house.roster.clean_orphans()
    await until(lambda: house.uncleaned)
    assert house.uncleaned[0] == (house.nuki.address, "Front door")
    assert house.nuki.address in house.book
    await house.nuki.set_in_range(True)
    assert (await house.cleaned())["result"] == "clean"
    assert not house.knows_us
    assert house.uncleaned[-1] == (house.nuki.address, None)


async def test_back_before_it_was_clean(house: House) -> None:
    """A lock that comes back to the home is not cleaned away."""
    await house.set_codes()
    house.remove_lock()
    await house.nuki.set_in_range(False)
    house.roster.clean_orphans()
    await until(lambda: house.uncleaned)
    house.add_lock()
    [lock] = house.roster.sync().added
    await until(lambda: not house.roster._cleaning)
    house.roster.clean_orphans()
    assert not house.roster._cleaning
    assert house.uncleaned[-1] == (house.nuki.address, None)
    await house.nuki.set_in_range(True)
    await lock.start()
    await until(lambda: lock.driver.available)
    assert house.knows_us
    assert house.book.markers(house.nuki.address) == (MARKER,)


async def test_clean_at_the_next_start(house: House) -> None:
    """Stopped before it could be cleaned: the next start takes it up."""
    await house.set_codes()
    house.remove_lock()
    await house.nuki.set_in_range(False)
    house.roster.clean_orphans()
    await until(lambda: house.uncleaned)
    await house.roster.stop()
    assert not house.roster._cleaning
    assert house.nuki.address in house.book
    assert house.knows_us
    await house.nuki.set_in_range(True)
    house.restart().clean_orphans()
    assert (await house.cleaned())["result"] == "clean"
    assert not house.knows_us


async def test_clean_a_lock_that_forgot_us(house: House) -> None:
    """There is nothing that we could do: said until the owner has heard it."""
    await house.set_codes()
    house.remove_lock()
    users = house.nuki.device.users
    users.remove(house.entry.runtime_data["auth_id"])
    house.roster.clean_orphans()
    await until(lambda: house.uncleaned and not house.roster._cleaning)
    assert house.uncleaned == [(house.nuki.address, "Front door")]
    assert await entries(house.log, "lock_cleaned") == []
    assert house.nuki.address in house.book
    await house.roster.give_up(house.nuki.address)
    entry = await house.cleaned()
    assert (entry["result"], entry["codes_left"]) == ("given_up", 1)
    assert house.uncleaned[-1] == (house.nuki.address, None)
    assert house.book.ids() == set()


async def test_clean_with_the_last_answer_lost(house: House) -> None:
    """The lock forgot us as it was asked to, and the codes are known to be off."""
    theirs = await house.set_codes()
    house.remove_lock()
    # Challenge, count, 2 codes and an end, twice; challenge, status; challenge: status.
    house.nuki.faults.lose(Direction.FROM_LOCK, 14, drop_link=True)
    house.roster.clean_orphans()
    entry = await house.cleaned()
    assert not house.nuki.faults.pending()
    assert (entry["result"], entry["codes_left"]) == ("pairing_lost", 0)
    assert house.codes == [theirs]
    assert not house.knows_us
    assert house.book.ids() == set()


async def test_clean_without_pin(house: House, keys: LockKeys) -> None:
    """Without a PIN and a code there is nothing that the lock would let us do."""
    await house.book.put(house.nuki.address, replace(keys, pin=None))
    house.remove_lock()
    house.roster.clean_orphans()
    assert (await house.cleaned())["codes_left"] == 0
    assert house.knows_us


@pytest.mark.parametrize("codes", [False, True])
async def test_clean_with_a_wrong_pin(
    house: House, keys: LockKeys, codes: bool
) -> None:
    """The PIN is tried once; what it would have taken off is said to be left."""
    if codes:
        await house.set_codes()
    await house.book.put(house.nuki.address, replace(keys, pin=4321))
    house.remove_lock()
    house.roster.clean_orphans()
    if codes:
        await until(lambda: len(house.uncleaned) > 1)
        assert house.nuki.address in house.book
        await house.roster.give_up(house.nuki.address)
        assert (await house.cleaned())["codes_left"] == 1
    else:
        assert (await house.cleaned())["result"] == "pairing_left"
    assert house.nuki.device.pin._wrong == 1
    assert house.knows_us


async def test_clean_and_the_unforeseen(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and tried again."""
    await house.set_codes()
    house.remove_lock()
    clean, faults = roster_module.clean, [KeyError()]

    async def fail_once(driver: LockDriver, markers: set[str]) -> None:
        if faults:
            raise faults.pop()
        await clean(driver, markers)

    monkeypatch.setattr(roster_module, "clean", fail_once)
    house.roster.clean_orphans()
    assert (await house.cleaned())["result"] == "clean"
    assert "could not be cleaned" in caplog.text
    assert house.uncleaned[0] == (house.nuki.address, "Front door")


async def test_paired_again_while_it_is_cleaned(house: House, keys: LockKeys) -> None:
    """New keys are not those that were cleaned: they stay."""
    house.remove_lock()
    await house.nuki.set_in_range(False)
    house.roster.clean_orphans()
    await until(lambda: house.uncleaned)
    credentials = {**keys.credentials, "key": "c0ffee"}
    await house.book.put(house.nuki.address, replace(keys, credentials=credentials))
    await house.nuki.set_in_range(True)
    assert (await house.cleaned())["result"] == "clean"
    assert house.book[house.nuki.address].credentials == credentials


async def test_called_off(house: House) -> None:
    """A cleaning that was called off has let go before its lock starts."""
    house.remove_lock()
    await house.nuki.set_in_range(False)
    house.roster.clean_orphans()
    await until(lambda: house.uncleaned)
    [task] = house.roster._cleaning.values()
    house.add_lock()
    house.roster.sync()
    await house.roster.enter_members()
    assert task.cancelled()
    assert not house.roster._called_off


async def test_away_and_back(house: House) -> None:
    """What happened while a lock was not in the home is not told later."""
    for turned in (0, 1):
        [lock] = house.roster.sync().added
        await house.roster.enter_members()
        await lock.start()
        await until(lambda lock=lock: lock._last_index is not None)
        house.nuki.device.turn(lock=False)

        async def told(count: int = turned + 1) -> bool:
            return len(await entries(house.log, "access")) == count

        await eventually(told)
        await lock.stop()
        house.remove_lock()
        house.roster.sync()
        await house.roster.enter_members()
        house.nuki.device.turn(lock=True)
        house.add_lock()


async def test_codes_without_pin(house: House, keys: LockKeys) -> None:
    """A code that we cannot take off is never said to be off."""
    await house.set_codes()
    await house.book.put(house.nuki.address, replace(keys, pin=None))
    house.remove_lock()
    house.roster.clean_orphans()
    await until(lambda: house.uncleaned)
    assert len(house.codes) == 2
    await house.roster.give_up(house.nuki.address)
    entry = await house.cleaned()
    assert (entry["result"], entry["codes_left"]) == ("given_up", 1)


async def test_give_up(house: House) -> None:
    """The owner's word destroys the keys of a removed lock, and of no other."""
    await house.set_codes()
    await house.roster.give_up("other")
    house.roster.sync()
    await house.roster.give_up(house.nuki.address)
    assert house.nuki.address in house.book
    house.remove_lock()
    house.roster.sync()
    await house.nuki.set_in_range(False)
    house.roster.clean_orphans()
    await until(lambda: house.uncleaned)
    await house.roster.give_up(house.nuki.address)
    entry = await house.cleaned()
    assert (entry["result"], entry["codes_left"]) == ("given_up", 1)
    assert house.book.ids() == set()
    assert house.uncleaned[-1] == (house.nuki.address, None)


async def test_keys_that_cannot_be_destroyed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is clean, the disk full: it stays an orphan until the next start."""
    house.remove_lock()

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    target = "custom_components.smartlock_le.private.written"
    with monkeypatch.context() as patch:
        patch.setattr(target, fail)
        house.roster.clean_orphans()
        assert (await house.cleaned())["result"] == "clean"
    assert house.nuki.address in house.book
    assert house.uncleaned == []
    house.restart().clean_orphans()
    await until(lambda: not house.roster._cleaning)
    assert house.book.ids() == set()
    results = [e["result"] for e in await entries(house.log, "lock_cleaned")]
    assert results == ["clean", "pairing_lost"]


async def test_clean_home(house: House, hass: HomeAssistant, keys: LockKeys) -> None:
    """Removing the home cleans what it reaches and names the rest, in time."""
    theirs = await house.set_codes()
    far = replace(keys, name="Back door")
    await house.book.put("54:D2:72:00:00:01", far)
    async with asyncio.timeout(5):
        assert await clean_home(hass, house.book) == ["Back door"]
    assert house.book.ids() == {"54:D2:72:00:00:01"}
    assert house.codes == [theirs]
    assert not house.knows_us


async def test_clean_home_on_a_full_disk(
    house: House, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that cannot be destroyed are a lock that is left, and no fault."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    target = "custom_components.smartlock_le.private.written"
    monkeypatch.setattr(target, fail)
    assert await clean_home(hass, house.book) == ["Front door"]


async def test_clean_home_refused(
    house: House, hass: HomeAssistant, keys: LockKeys
) -> None:
    """A lock that says no is one that is left."""
    await house.set_codes()
    await house.book.put(house.nuki.address, replace(keys, pin=4321))
    assert await clean_home(hass, house.book) == ["Front door"]
    assert house.nuki.address in house.book
    assert len(house.codes) == 2


def test_refusals_have_words() -> None:
    """The text of an error is its reason, with the maker's number where there is one."""
    assert str(LockRefused(Refusal.BUSY)) == "busy"
    assert str(LockRefused(Refusal.BUSY, "0x45")) == "busy: 0x45"
