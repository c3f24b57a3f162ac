"""Plates: compared, told one from the next, kept as long as the owner says, in no place else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import batched
import json
from pathlib import Path
from random import Random
import sqlite3
import time
from typing import Any

from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.smartlock_le.cameras import plate_reads as module
from custom_components.smartlock_le.cameras.plate_file import PlatesLocked, load, save
from custom_components.smartlock_le.cameras.plate_store import PlateStore, Row
from custom_components.smartlock_le.cameras.plates import (
    PlateBook,
    PlateList,
    PlateRead,
    Sighting,
    Sightings,
    normal,
)
from custom_components.smartlock_le.models import UNKNOWN_ACTOR, utc_now
from custom_components.smartlock_le.opening import home_folder
from tests.conftest import log_of, until, until_entry
from tests.flows.test_options import choose, go
from tests.support import act, fail_writes

from .conftest import ENTITY, Door
from .test_events import EVENT
from .test_pictures import SETTING, switch

URL = "/api/smartlock_le/plates"
STRANGER, FRIEND, WATCHED, OURS = "QX77ZEB", "FR1END", "WA7CHD", "0URS1"
WANTED: dict[str, Any] = {
    "on": True,
    "floor": 80,
    "hours": 24,
    "days": 30,
    "topic": "frigate",
    "known": "fr-1 end",
    "watch": WATCHED,
    "ignore": f"{OURS}\n\nX1",
}


async def set_up(hass: HomeAssistant, door: Door, **changed: Any) -> dict[str, Any]:
    """Go through the form; return how it ended."""
    flow = await choose(hass, door.entry, "plates")
    return dict(await go(hass, flow["flow_id"], **{**WANTED, **changed}))


@pytest.fixture
async def gate(
    hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
) -> Door:
    """Give a door where plates are read."""
    monkeypatch.setattr(module, "FLUSH", 0.01)
    assert (await set_up(hass, door))["reason"] == "plates_on"
    return door


def see(
    door: Door, plate: str, score: float = 0.9, object_id: str = "", **changed: Any
) -> None:
    """Have a plate read."""
    camera = door.subentry.unique_id
    assert camera
    read = PlateRead(camera, plate, score, utc_now(), object_id)
    door.home.cameras.read(replace(read, **changed))


async def reads(hass: HomeAssistant, **data: Any) -> list[tuple[Any, Any]]:
    """Return which plates the owner is shown, and which lists they are in."""
    found = (await act(hass, "get_plate_reads", data))["reads"]
    return [(read["plate"], read["list"]) for read in found]


async def fill(door: Door) -> None:
    """Have many strangers come by, and what was read on the disk."""
    for number in range(300):
        see(door, f"XY{number}")
    await door.home.cameras.plates.flush()


def damage(path: Path) -> None:
    """Spoil the middle of a file."""
    data = bytearray(path.read_bytes())
    assert len(data) > 16384
    data[4096:-4096] = b"\xa5" * (len(data) - 8192)
    path.write_bytes(data)


def on_disk(hass: HomeAssistant) -> bytes:
    """Return all that is in our folder."""
    return b"".join(
        path.read_bytes() for path in home_folder(hass).rglob("*") if path.is_file()
    )


class TestCompared:
    """What two readers write differently is one plate."""

    @pytest.mark.parametrize(
        ("text", "plate"),
        [
            ("ab 123-c", "AB123C"),
            ("AB·123·C", "AB123C"),
            ("ＡＢ１２", "AB12"),
            ("wü-x 1", "WÜX1"),
            ("A", None),
            ("  ", None),
            ("", None),
            ("A" * 13, None),
            ("-" * 1000 + "AB1", None),
        ],
    )
    def test_normal(self, text: str, plate: str | None) -> None:
        """Letters and digits alone count."""
        assert normal(text) == plate

    def test_the_hash_needs_its_key(self) -> None:
        """The same plate in two homes has nothing in common."""
        one, two = PlateBook(b"1" * 32), PlateBook(b"2" * 32)
        assert one.digest("AB1") == one.digest("AB1") != two.digest("AB1")
        assert "AB1" not in repr(PlateBook(b"1" * 32, {"AB1": PlateList.KNOWN}))
        assert "AB1" not in repr(PlateRead("c", "AB1", 1.0, utc_now()))


class TestOneFromTheNext:
    """Of one vehicle the best is kept."""

    def take(
        self, *read: tuple[str, float, str, float], unique: bool = False
    ) -> list[tuple[int, bool]]:
        """Return, for each read, which vehicle it is of and whether it is better."""
        sightings, known = Sightings(), list[Sighting]()
        found = []
        for plate, score, object_id, second in read:
            time = datetime(2026, 11, 27, tzinfo=UTC) + timedelta(seconds=second)
            one = PlateRead("camera", plate, score, time, object_id, unique)
            seen = sightings.of(one, plate.encode())
            place = next((n for n, one in enumerate(known) if one is seen), len(known))
            known[place:] = known[place:] or [seen]
            found.append((place, seen.better(score, listed=False)))
        return found

    def test_an_object(self) -> None:
        """It is one as long as it has its id, whatever is read of it."""
        assert self.take(
            ("AB1", 0.8, "x", 0),
            ("AB1", 0.7, "x", 1),
            ("AB12", 0.9, "x", 500),
            ("AB12", 0.9, "y", 501),
        ) == [(0, True), (0, False), (0, True), (1, True)]

    def test_an_id_that_is_used_again(self) -> None:
        """A reader that counts begins anew one day; Frigate never says it of another."""
        reads = ("AB1", 0.9, "1", 0), ("CD2", 0.8, "1", 601)
        assert self.take(*reads) == [(0, True), (1, True)]
        assert self.take(*reads, unique=True) == [(0, True), (0, False)]

    def test_listed(self) -> None:
        """A listed plate counts more than what a reader is surer of."""
        seen = Sighting(utc_now())
        told = [(0.9, False), (0.8, True), (0.95, False), (0.8, True), (0.85, True)]
        better = [seen.better(score, listed=listed) for score, listed in told]
        assert better == [True, True, False, False, True]

    def test_no_object(self) -> None:
        """The same plate within a minute of the last time is one."""
        assert self.take(
            ("AB1", 0.8, "", 0),
            ("AB1", 0.9, "", 50),
            ("AB2", 0.9, "", 51),
            ("AB1", 0.8, "", 100),
            ("AB1", 0.8, "", 200),
            ("AB1", 0.8, "", 100),
        ) == [(0, True), (0, True), (1, True), (0, False), (2, True), (3, True)]

    def test_memory(self) -> None:
        """It does not grow with what comes by."""
        sightings = Sightings()
        for number in range(10_000):
            read = PlateRead("camera", f"AB{number}", 0.9, utc_now(), str(number))
            sightings.of(read, b"")
        assert len(sightings._seen) == 2000


class TestKept:
    """In a file of its own, and no longer than wanted."""

    def test_nothing_is_left(self, tmp_path: Path) -> None:
        """What was erased is nowhere on the disk."""
        path = tmp_path / "ours" / "plates.db"
        with closing(PlateStore.open(path)) as store:
            rows = [
                Row(n, bytes([n]) * 16, "c", n, 0.5, "known" if n % 2 else "")
                for n in range(1, 101)
            ]
            store.put(rows)
            assert store.erase(81, 41, 1000) == 60
            store.remove([99])
            left = {row.id for row in store.find(0, 1000, None, 1000)}
            assert left == {*range(41, 81, 2), *range(81, 101)} - {99}
            assert store.find(0, 1000, bytes([100]) * 16, 9) == [rows[99]]
            data = b"".join(p.read_bytes() for p in path.parent.iterdir())
            for row in rows:
                assert (row.digest in data) is (row.id in left)
            assert store.erase_all() == len(left)
        assert not any(row.digest in path.read_bytes() for row in rows)
        assert path.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("seed", range(4))
    def test_nothing_is_left_for_days(self, tmp_path: Path, seed: int) -> None:
        """What came and went one by one, was read better, was listed and not."""
        random, path = Random(seed), tmp_path / "plates.db"
        rows: dict[int, Row] = {}
        digests: set[bytes] = set()
        with closing(PlateStore.open(path)) as store:
            for hour in range(100):
                for _ in range(random.randrange(15)):
                    number = len(digests) + 1
                    for _ in range(random.choice([1, 1, 2])):
                        which = random.choice(["", "", "", "known"])
                        digest = random.randbytes(16)
                        digests.add(digest)
                        rows[number] = Row(number, digest, "camera", hour, 0.9, which)
                        store.put([rows[number]])
                if rows and random.randrange(3) == 0:
                    gone = random.choice(list(rows))
                    store.remove([gone])
                    del rows[gone]
                store.erase(hour - 24, hour - 72, hour)
                rows = {
                    number: row
                    for number, row in rows.items()
                    if row.time >= hour - (72 if row.list else 24)
                }
                disk = path.read_bytes()
                left = {digest for digest in digests if digest in disk}
                assert left == {row.digest for row in rows.values()}

    def test_a_store_that_is_locked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What cannot be read now is not thrown away."""
        path = tmp_path / "plates.db"
        row = Row(1, b"1" * 16, "c", 1, 0.5, "known")
        with closing(PlateStore.open(path)) as store:
            store.put([row])

        def locked(_: PlateStore) -> None:
            raise sqlite3.OperationalError("database is locked")

        with monkeypatch.context() as patch:
            patch.setattr(PlateStore, "_make", locked)
            with pytest.raises(sqlite3.OperationalError):
                PlateStore.open(path)
        with closing(PlateStore.open(path)) as store:
            assert store.find(0, 9, None, 9) == [row]

    def test_a_file_that_is_none(self, tmp_path: Path) -> None:
        """It makes room for another: it was to be forgotten anyway."""
        path = tmp_path / "plates.db"
        path.write_bytes(b"this is no database, and was never one" * 100)
        with closing(PlateStore.open(path)) as store:
            assert store.last() == 0

    def test_the_private_file(self, tmp_path: Path) -> None:
        """It is made once, and what is wrong with it says nothing of what is in it."""
        path = tmp_path / "keys" / "plates.json"
        book = load(path)
        save(path, PlateBook(book.key, {"AB1": PlateList.WATCH}))
        assert load(path) == PlateBook(book.key, {"AB1": PlateList.WATCH})
        assert path.stat().st_mode & 0o777 == 0o600
        for text in (
            '{"key": "QUIz"}',
            "AB1",
            '{"key": "QUIz", "lists": {"AB1": "x"}}',
        ):
            path.write_text(text)
            with pytest.raises(PlatesLocked) as caught:
                load(path)
            assert "AB1" not in str(caught.value)

    async def test_as_hashes(self, hass: HomeAssistant, gate: Door) -> None:
        """No plate but those that are listed is on the disk."""
        for plate in (STRANGER, FRIEND, OURS):
            see(gate, plate)
        assert await reads(hass) == [(FRIEND, "known"), ("", "")]
        disk = on_disk(hass)
        assert STRANGER.encode() not in disk and FRIEND.encode() in disk
        found = (await act(hass, "get_plate_reads"))["reads"]
        assert [(r["camera"], r["score"]) for r in found] == [(ENTITY, 0.9)] * 2

    async def test_forgotten(
        self, hass: HomeAssistant, gate: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a day, and after a month what is listed; an entry says how many."""
        see(gate, STRANGER)
        see(gate, FRIEND)
        plates = gate.home.cameras.plates
        assert plates._book
        digests = [plates._book.digest(plate) for plate in (STRANGER, FRIEND)]
        now = utc_now()
        for later, left in (
            (timedelta(hours=23), [True, True]),
            (timedelta(hours=25), [False, True]),
            (timedelta(days=31), [False, False]),
        ):
            monkeypatch.setattr(module, "utc_now", lambda later=later: now + later)
            await gate.home.upkeep.run()
            disk = on_disk(hass)
            assert [digest in disk for digest in digests] == left
        erased = await log_of(gate.home, "plates_erased")
        assert [(e["reason"], e["reads"]) for e in erased] == [("retention", 1)] * 2
        assert (await gate.home.log.verify()).ok

    async def test_a_clock_that_was_ahead(
        self, hass: HomeAssistant, gate: Door
    ) -> None:
        """What it dated into the future goes when it is right again."""
        plates = gate.home.cameras.plates
        future = utc_now() + timedelta(days=20)
        plates.read(PlateRead(gate.subentry.unique_id or "", STRANGER, 0.9, future))
        see(gate, FRIEND)
        await plates.erase_old()
        assert plates._store
        (row,) = await hass.async_add_executor_job(
            plates._store.find, 0, 2**62, None, 9
        )
        assert plates._book and row.digest == plates._book.digest(FRIEND)

    async def test_damaged(self, hass: HomeAssistant, gate: Door) -> None:
        """What would forget nothing any more makes room at the next start."""
        await fill(gate)
        await hass.config_entries.async_unload(gate.entry.entry_id)
        await hass.async_add_executor_job(damage, home_folder(hass) / "plates.db")
        await hass.config_entries.async_setup(gate.entry.entry_id)
        assert await reads(hass) == []
        see(gate, FRIEND)
        assert await reads(hass) == [(FRIEND, "known")]

    async def test_damaged_meanwhile(self, hass: HomeAssistant, gate: Door) -> None:
        """It makes room for another when it is to forget, and not at the next start."""
        await fill(gate)
        await hass.async_add_executor_job(damage, home_folder(hass) / "plates.db")
        plates = gate.home.cameras.plates
        assert plates._store
        # SQLite would look into its memory, which is whole.
        plates._store._file.execute("PRAGMA shrink_memory")
        await plates.erase_old()
        assert await reads(hass) == []
        see(gate, FRIEND)
        assert await reads(hass) == [(FRIEND, "known")]

    async def test_500_in_a_minute(self, hass: HomeAssistant, gate: Door) -> None:
        """One car in the drive is one read, and one entry."""
        for number in range(500):
            see(gate, FRIEND, 0.8 + number / 5000, "car")
        await until_entry(gate.home, "plate")
        assert await reads(hass) == [(FRIEND, "known")]
        (read,) = (await act(hass, "get_plate_reads"))["reads"]
        assert read["score"] == pytest.approx(0.8998)
        assert len(await log_of(gate.home, "plate")) == 1
        await gate.media(1)

    async def test_many(self, hass: HomeAssistant, gate: Door) -> None:
        """They do not wait for the clock."""
        for number in range(450):
            see(gate, f"AB{number}")
        await until(lambda: not gate.home.cameras.plates._waiting)
        assert len(await reads(hass, limit=500)) == 450

    async def test_after_a_restart(self, hass: HomeAssistant, gate: Door) -> None:
        """What was read is still there, what is read takes no place of it."""
        see(gate, STRANGER)
        await hass.config_entries.async_reload(gate.entry.entry_id)
        await hass.async_block_till_done()
        see(gate, FRIEND)
        assert await reads(hass) == [(FRIEND, "known"), ("", "")]

    async def test_the_disk_takes_none(
        self,
        hass: HomeAssistant,
        gate: Door,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """The read is lost; who was to be told is told."""

        def full(*_: object) -> None:
            raise sqlite3.OperationalError(f"disk is full of {STRANGER}")

        with monkeypatch.context() as patch:
            patch.setattr(PlateStore, "put", full)
            patch.setattr(PlateStore, "erase", full)
            see(gate, STRANGER)
            see(gate, WATCHED)
            await until_entry(gate.home, "plate", list="watch")
            await gate.home.cameras.plates.erase_old()
        assert await reads(hass) == []
        assert STRANGER not in caplog.text

    async def test_the_disk_erases_none(
        self, hass: HomeAssistant, gate: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is to go goes later."""

        def full(*_: object) -> None:
            raise sqlite3.OperationalError("disk is full")

        see(gate, "0UR5", 0.85, "car")
        await gate.home.cameras.plates.flush()
        with monkeypatch.context() as patch:
            patch.setattr(PlateStore, "remove", full)
            see(gate, OURS, 0.9, "car")
            await gate.home.cameras.plates.flush()
        assert await reads(hass) == []
        see(gate, FRIEND)
        assert await reads(hass) == [(FRIEND, "known")]


class TestListed:
    """Those that the owner knows, watches for, or does not want to know of."""

    async def test_known(self, hass: HomeAssistant, gate: Door) -> None:
        """An event, an entry and a picture; none of them names it."""
        seen: list[Event] = []
        hass.bus.async_listen(MATCH_ALL, seen.append)
        see(gate, FRIEND, object_id="car")
        entry = await until_entry(gate.home, "plate", list="known")
        [media] = await gate.media(1)
        assert (media["result"], media["lock"]) == ("taken", entry["lock"])
        await until(lambda: hass.states.get(EVENT).attributes.get("of") == "plate")
        assert FRIEND not in str([event.as_dict() for event in seen])
        assert FRIEND not in str([entry, media])
        # Frigate lost it and found it again: it was there all the time.
        see(gate, FRIEND, object_id="car")
        see(gate, FRIEND, object_id="another")
        later = utc_now() + timedelta(minutes=9)
        see(gate, FRIEND, object_id="a third", time=later)
        # It went and came back.
        later += timedelta(minutes=11)
        see(gate, FRIEND, object_id="a fourth", time=later)
        await gate.media(2)
        assert len(await log_of(gate.home, "plate")) == 2
        assert len(await reads(hass)) == 4

    async def test_other_settings(self, hass: HomeAssistant, gate: Door) -> None:
        """Who is there already does not come because of them; who is watched now does."""
        see(gate, FRIEND, object_id="car")
        await gate.media(1)
        await set_up(hass, gate, hours=12)
        see(gate, FRIEND, 0.95, object_id="car")
        await gate.home.cameras.plates.flush()
        assert len(await log_of(gate.home, "plate")) == 1
        await set_up(hass, gate, known="", watch=FRIEND)
        see(gate, FRIEND, 0.9, object_id="car")
        await until_entry(gate.home, "plate", list="watch")
        await gate.media(2)

    async def test_watched(self, hass: HomeAssistant, gate: Door) -> None:
        """The owner is warned, without its name."""
        see(gate, WATCHED)
        await until_entry(gate.home, "plate", list="watch")
        notices = hass.data["persistent_notification"]
        await until(lambda: notices)
        (notice,) = notices.values()
        assert notice["message"] == "A plate that you watch for was read at Porch."
        await gate.media(1)

    async def test_ignored(self, hass: HomeAssistant, gate: Door) -> None:
        """Nothing is kept, nor what was read of it wrongly at first."""
        see(gate, "0UR5", 0.85, "car")
        assert len(await reads(hass)) == 1
        see(gate, OURS, 0.95, "car")
        see(gate, OURS)
        # It is no stranger's because a reader is surer of less.
        see(gate, "0UR5", 0.99, "car")
        assert await reads(hass) == []
        assert not await log_of(gate.home, "plate")

    async def test_ignored_from_now_on(
        self, hass: HomeAssistant, gate: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is read while the lists are saved is not kept either."""
        monkeypatch.setattr(module, "FLUSH", 1000)

        def slow(path: Path, book: PlateBook) -> None:
            hass.loop.call_soon_threadsafe(see, gate, "AB1")
            time.sleep(0.1)
            save(path, book)

        monkeypatch.setattr(module, "save", slow)
        await set_up(hass, gate, ignore="AB1")
        assert await reads(hass) == []

    async def test_read_better_later(self, hass: HomeAssistant, gate: Door) -> None:
        """A friend whose plate was read wrongly at first is told all the same."""
        see(gate, "FR1EN0", 0.85, "car")
        see(gate, FRIEND, 0.95, "car")
        await until_entry(gate.home, "plate", list="known")
        assert await reads(hass) == [(FRIEND, "known")]
        await gate.media(1)

    async def test_listed_later(self, hass: HomeAssistant, gate: Door) -> None:
        """What is kept already is in the lists that there are now."""
        for plate in (STRANGER, FRIEND, "AB1"):
            see(gate, plate)
        await set_up(hass, gate, known=STRANGER, ignore="AB1")
        assert await reads(hass) == [("", ""), (STRANGER, "known")]

    async def test_not_sure(self, hass: HomeAssistant, gate: Door) -> None:
        """A sign that looks like a plate."""
        see(gate, "CAM03", 0.79)
        assert await reads(hass) == []

    async def test_private(self, hass: HomeAssistant, gate: Door) -> None:
        """The switch stops this, too."""
        await switch(hass, on=True)
        see(gate, FRIEND)
        see(gate, STRANGER, object_id="car", unique=True)
        await switch(hass, on=False)
        # It is said again when the car goes.
        see(gate, STRANGER, object_id="car", unique=True)
        see(gate, WATCHED, object_id="car", unique=True)
        assert await reads(hass) == []
        see(gate, STRANGER, object_id="another", unique=True)
        assert await reads(hass) == [("", "")]
        assert not await log_of(gate.home, "plate")


class TestLookedUp:
    """The owner asks for one plate, in the menu: an action would be on the bus."""

    async def test_found(self, hass: HomeAssistant, gate: Door) -> None:
        """When and where it was read; nothing tells which was asked for."""
        seen: list[Event] = []
        hass.bus.async_listen(MATCH_ALL, seen.append)
        now = utc_now().replace(microsecond=0)
        see(gate, STRANGER, time=now - timedelta(hours=2))
        see(gate, STRANGER, 0.95, time=now)
        see(gate, FRIEND)
        flow = await choose(hass, gate.entry, "find_plate")
        flow = await go(hass, flow["flow_id"], plate="qx 77-zeb")
        assert not flow["errors"]
        shown = flow["description_placeholders"]["found"].splitlines()
        local = [dt_util.as_local(now - timedelta(hours=back)) for back in (0, 2)]
        assert shown == [
            f"- {then:%Y-%m-%d %H:%M:%S} · Porch · {score}"
            for then, score in zip(local, ("95%", "90%"), strict=True)
        ]
        assert STRANGER not in str([event.as_dict() for event in seen])

    @pytest.mark.parametrize(
        ("plate", "error"), [("other", "plate_not_read"), ("/", "plate_not_one")]
    )
    async def test_none(
        self, hass: HomeAssistant, gate: Door, plate: str, error: str
    ) -> None:
        """It is said."""
        see(gate, STRANGER)
        flow = await choose(hass, gate.entry, "find_plate")
        flow = await go(hass, flow["flow_id"], plate=plate)
        assert flow["errors"] == {"plate": error}

    async def test_locked(
        self, hass: HomeAssistant, gate: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So is that nobody knows."""

        def gone(*_: object) -> None:
            raise sqlite3.OperationalError("gone")

        monkeypatch.setattr(PlateStore, "find", gone)
        flow = await choose(hass, gate.entry, "find_plate")
        flow = await go(hass, flow["flow_id"], plate=STRANGER)
        assert flow["errors"] == {"base": "plates_locked"}


class TestTheOwner:
    """Off at first; on after a notice; off at once."""

    async def test_off_at_first(self, hass: HomeAssistant, door: Door) -> None:
        """Nothing is read, no file is made."""
        see(door, STRANGER)
        await hass.async_block_till_done()
        assert await reads(hass) == []
        assert not (home_folder(hass) / "plates.db").exists()
        assert not (home_folder(hass) / "keys" / "plates.json").exists()

    async def test_on_and_off(self, hass: HomeAssistant, gate: Door) -> None:
        """Off forgets all that was read; the lists stay."""
        see(gate, STRANGER)
        await gate.home.cameras.plates.flush()
        assert (await set_up(hass, gate, on=False))["reason"] == "plates_off"
        see(gate, STRANGER)
        assert await reads(hass) == []
        [erased] = await log_of(gate.home, "plates_erased")
        assert (erased["reason"], erased["reads"]) == ("off", 1)
        values = [
            e["value"]
            for e in await log_of(gate.home, "setting")
            if e["setting"] == "plates"
        ]
        assert values == ["on", "off"]
        flow = await choose(hass, gate.entry, "plates")
        shown = {
            key.schema: key.description["suggested_value"]
            for key in flow["data_schema"].schema
        }
        assert shown == {
            **WANTED,
            "on": False,
            "known": FRIEND,
            "ignore": f"{OURS}\nX1",
        }
        await set_up(hass, gate)
        assert await reads(hass) == []

    async def test_off_with_a_lost_key(self, hass: HomeAssistant, gate: Door) -> None:
        """It works, and forgets all; until then what is there goes on time."""
        await fill(gate)
        await hass.config_entries.async_unload(gate.entry.entry_id)
        (home_folder(hass) / "keys" / "plates.json").write_text("{")
        await hass.config_entries.async_setup(gate.entry.entry_id)
        assert gate.home.plate_settings.on
        assert (await set_up(hass, gate, on=False))["reason"] == "plates_off"
        assert not gate.home.plate_settings.on
        assert not (home_folder(hass) / "plates.db").exists()
        [erased] = await log_of(gate.home, "plates_erased")
        assert (erased["reason"], erased["reads"]) == ("off", 300)

    async def test_on_time_with_a_lost_key(
        self, hass: HomeAssistant, gate: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was read before is forgotten all the same."""
        await fill(gate)
        await hass.config_entries.async_unload(gate.entry.entry_id)
        (home_folder(hass) / "keys" / "plates.json").write_text("{")
        await hass.config_entries.async_setup(gate.entry.entry_id)
        now = utc_now() + timedelta(hours=25)
        monkeypatch.setattr(module, "utc_now", lambda: now)
        await gate.home.upkeep.run()
        [erased] = await log_of(gate.home, "plates_erased")
        assert (erased["reason"], erased["reads"]) == ("retention", 300)

    async def test_off_with_a_damaged_store(
        self, hass: HomeAssistant, gate: Door
    ) -> None:
        """It goes as it is."""
        await fill(gate)
        await gate.home.cameras.plates.stop()
        await hass.async_add_executor_job(damage, home_folder(hass) / "plates.db")
        assert (await set_up(hass, gate, on=False))["reason"] == "plates_off"
        assert not (home_folder(hass) / "plates.db").exists()

    async def test_off_without_the_log(self, hass: HomeAssistant, gate: Door) -> None:
        """Off waits for nothing; it is entered later."""
        await fill(gate)
        await fail_writes(gate.home)
        assert (await set_up(hass, gate, on=False))["reason"] == "plates_off"
        assert not gate.home.plate_settings.on
        assert not gate.home.cameras.plates.settings.on
        assert not (home_folder(hass) / "plates.db").exists()
        await fail_writes(gate.home, fail=False)
        # What waits goes with the next.
        await gate.home.log.append("setting", {**SETTING, **UNKNOWN_ACTOR.fields()})
        await until_entry(gate.home, "setting", setting="plates", value="off")

    async def test_a_read_while_it_is_switched_off(
        self, hass: HomeAssistant, gate: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is none any more, whichever moment it comes in."""
        append = gate.home.log.append_or_keep

        async def read_then_append(*args: Any, **more: Any) -> Any:
            see(gate, STRANGER)
            result = await append(*args, **more)
            see(gate, FRIEND)
            return result

        await fill(gate)
        monkeypatch.setattr(gate.home.log, "append_or_keep", read_then_append)
        assert (await set_up(hass, gate, on=False))["reason"] == "plates_off"
        assert not (home_folder(hass) / "plates.db").exists()
        assert not gate.home.cameras.plates._waiting

    async def test_stopped_while_it_is_switched_off(
        self, hass: HomeAssistant, gate: Door
    ) -> None:
        """What is left then goes at the next start."""
        await fill(gate)
        await hass.config_entries.async_unload(gate.entry.entry_id)
        off = {**gate.entry.options, "plates": {"on": False}}
        hass.config_entries.async_update_entry(gate.entry, options=off)
        await hass.config_entries.async_setup(gate.entry.entry_id)
        assert not (home_folder(hass) / "plates.db").exists()

    async def test_removed(self, hass: HomeAssistant, gate: Door) -> None:
        """Nobody would forget what was read: it goes with the home."""
        see(gate, STRANGER)
        await gate.home.cameras.plates.flush()
        assert (home_folder(hass) / "plates.db").exists()
        await hass.config_entries.async_remove(gate.entry.entry_id)
        assert not (home_folder(hass) / "plates.db").exists()

    @pytest.mark.parametrize(
        ("changed", "errors"),
        [
            ({"topic": " / "}, {"topic": "topic_invalid"}),
            ({"topic": "frigate/#"}, {"topic": "topic_invalid"}),
            ({"known": "A"}, {"known": "plate_invalid"}),
            ({"watch": f"{WATCHED}\n{FRIEND}"}, {"watch": "plate_twice"}),
        ],
    )
    async def test_wrong(
        self,
        hass: HomeAssistant,
        door: Door,
        changed: dict[str, Any],
        errors: dict[str, str],
    ) -> None:
        """It is said at the field, and nothing is changed."""
        assert (await set_up(hass, door, **changed))["errors"] == errors
        assert not door.home.plate_settings.on

    async def test_not_entered(self, hass: HomeAssistant, door: Door) -> None:
        """What cannot be entered is not changed."""
        await fail_writes(door.home)
        assert (await set_up(hass, door))["errors"] == {"base": "log_unavailable"}
        assert not door.home.plate_settings.on

    async def test_files_that_cannot_be_had(
        self, hass: HomeAssistant, gate: Door
    ) -> None:
        """It is said; the door works."""
        await hass.config_entries.async_unload(gate.entry.entry_id)
        (home_folder(hass) / "keys" / "plates.json").write_text("{")
        await hass.config_entries.async_setup(gate.entry.entry_id)
        see(gate, STRANGER)
        assert await reads(hass) == []
        flow = await choose(hass, gate.entry, "plates")
        assert flow["errors"] == {"base": "plates_locked"}
        result = await go(hass, flow["flow_id"], **WANTED)
        assert result["errors"] == {"base": "plates_locked"}
        assert result["type"] is FlowResultType.FORM

    async def test_the_store_is_gone(
        self, hass: HomeAssistant, gate: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who asks is told so."""

        def gone(*_: object) -> None:
            raise sqlite3.OperationalError("gone")

        monkeypatch.setattr(PlateStore, "find", gone)
        with pytest.raises(HomeAssistantError) as caught:
            await act(hass, "get_plate_reads")
        assert caught.value.translation_key == "plates_locked"

    async def test_no_room_for_the_store(self, hass: HomeAssistant, door: Door) -> None:
        """Then nothing is read."""
        (home_folder(hass) / "plates.db").mkdir()
        await set_up(hass, door)
        assert not door.home.cameras.plates.settings.on


class TestReaders:
    """Another reader of the house tells over HTTP, with a login of Home Assistant."""

    async def test_a_read(
        self, hass: HomeAssistant, gate: Door, hass_client: ClientSessionGenerator
    ) -> None:
        """It is one like any other; the answer says nothing of lists."""
        client = await hass_client()
        for plate in (STRANGER, FRIEND, OURS):
            said = {"camera": ENTITY, "plate": plate, "score": 0.93}
            response = await client.post(URL, json=said)
            assert response.status == HTTPStatus.NO_CONTENT
            assert not await response.read()
        assert await reads(hass) == [(FRIEND, "known"), ("", "")]

    @pytest.mark.parametrize(
        ("said", "status"),
        [
            ("[]", HTTPStatus.BAD_REQUEST),
            ("{", HTTPStatus.BAD_REQUEST),
            ("\xff", HTTPStatus.BAD_REQUEST),
            ("[" * 3000, HTTPStatus.BAD_REQUEST),
            ("x" * 5000, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
            ('{"camera": "camera.other", "plate": "AB1"}', HTTPStatus.NOT_FOUND),
            ('{"camera": ["camera.porch"], "plate": "AB1"}', HTTPStatus.NOT_FOUND),
            *(
                (f'{{"camera": "camera.porch", {rest}}}', HTTPStatus.BAD_REQUEST)
                for rest in (
                    '"plate": "AB1"',
                    '"score": 0.9',
                    '"plate": 7, "score": 0.9',
                    '"plate": "A", "score": 0.9',
                    '"plate": "AB1", "score": "0.9"',
                    '"plate": "AB1", "score": true',
                    '"plate": "AB1", "score": 93',
                    '"plate": "AB1", "score": -0.1',
                    '"plate": "AB1", "score": 0.9, "id": 7',
                    '"plate": "AB1", "score": 0.9, "id": "' + "x" * 101 + '"',
                )
            ),
        ],
    )
    async def test_hostile(
        self,
        hass: HomeAssistant,
        gate: Door,
        hass_client: ClientSessionGenerator,
        said: str,
        status: HTTPStatus,
    ) -> None:
        """It is refused, and nothing is kept."""
        client = await hass_client()
        assert (await client.post(URL, data=said.encode("latin1"))).status == status
        assert await reads(hass) == []

    async def test_in_pieces(
        self, hass: HomeAssistant, gate: Door, hass_client: ClientSessionGenerator
    ) -> None:
        """A reader may take its time to say it."""
        said = json.dumps({"camera": ENTITY, "plate": STRANGER, "score": 0.93})

        async def pieces(text: str) -> AsyncGenerator[bytes]:
            for part in batched(text, 20):
                yield "".join(part).encode()
                await asyncio.sleep(0.01)

        client = await hass_client()
        response = await client.post(URL, data=pieces(said))
        assert response.status == HTTPStatus.NO_CONTENT
        response = await client.post(URL, data=pieces(said + " " * 500))
        assert response.status == HTTPStatus.NO_CONTENT
        response = await client.post(URL, data=pieces(said + " " * 4096))
        assert response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    async def test_strangers(
        self,
        hass: HomeAssistant,
        gate: Door,
        hass_client: ClientSessionGenerator,
        hass_client_no_auth: ClientSessionGenerator,
        hass_read_only_user: MockUser,
        hass_read_only_access_token: str,
    ) -> None:
        """Nobody without a login, nobody who may only look; and not while it is off."""
        said = {"camera": ENTITY, "plate": STRANGER, "score": 0.93}
        nobody = await hass_client_no_auth()
        assert (await nobody.post(URL, json=said)).status == HTTPStatus.UNAUTHORIZED
        guest = await hass_client(hass_read_only_access_token)
        assert (await guest.post(URL, json=said)).status == HTTPStatus.NOT_FOUND
        await set_up(hass, gate, on=False)
        client = await hass_client()
        assert (await client.post(URL, json=said)).status == HTTPStatus.NOT_FOUND
        assert await reads(hass) == []
