"""The private file of what opens our locks: pairings, PINs, and the codes we made.

It outlives a lock's subentry: a key without one is a lock still to be cleaned. The
markers of our codes are here, apart from the log, so that they can be taken off a lock
even when the log is lost.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
import json
from pathlib import Path
from typing import Any, Self

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant

from .. import private
from ..const import CONF_FAMILY, CONF_FIRST, CONF_LAST

_VERSION = 1


class KeyBookUnreadable(Exception):
    """The file is there, but it is not ours to read."""


@dataclass(frozen=True, slots=True)
class LockKeys:
    """What we hold of one lock. All of it but the name is secret."""

    name: str
    credentials: dict[str, Any] = field(repr=False)
    """What its family needs to speak to it."""
    pin: int | None = field(default=None, repr=False)
    """The lock's own PIN, where its family has one."""
    has_keypad: bool = False
    firmware: str = ""
    markers: tuple[str, ...] = ()
    """Names of codes that we made and that may be on the lock."""
    family: str = "nuki"
    numbers: dict[str, int] = field(default_factory=dict)
    """The number of each of those names, on a lock that knows codes only by number."""
    resting: tuple[str, ...] = ()
    """Names of those that keep their number while nothing of ours is under it."""

    @classmethod
    def brought(cls, subentry: ConfigSubentry) -> Self:
        """Return the keys of a lock that another integration brought.

        None but which of its numbers are ours, where it knows codes by number.
        """
        kept = (CONF_FIRST, CONF_LAST)
        numbers = {name: subentry.data[name] for name in kept if name in subentry.data}
        family = str(subentry.data[CONF_FAMILY])
        return cls(subentry.title, numbers, family=family)


class KeyBook:
    """All keys of the home, by lock id."""

    def __init__(self, hass: HomeAssistant, folder: Path) -> None:
        """`folder` is private to us; the file in it is readable by us alone."""
        self._hass = hass
        self._path = folder / "locks.json"
        self._keys: dict[str, LockKeys] = {}
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Read the file. Raises KeyBookUnreadable."""
        self._keys = await self._hass.async_add_executor_job(self._read)

    def _read(self) -> dict[str, LockKeys]:
        try:
            data = json.loads(self._path.read_text())
            if data["version"] != _VERSION:
                raise KeyBookUnreadable("version")
            return {
                lock: LockKeys(
                    **keys
                    | {"markers": tuple(keys["markers"])}
                    | {"resting": tuple(keys.get("resting", ()))}
                )
                for lock, keys in data["locks"].items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
            # The text of these errors may quote the file: keep it out of the log.
            raise KeyBookUnreadable(type(err).__name__) from None

    async def _change(
        self, change: Callable[[dict[str, LockKeys]], dict[str, LockKeys]]
    ) -> None:
        """Make a change durable, then take it over. Raises WriteError.

        Goes on to its end where the caller is cancelled: what is in the file must be
        what is in memory.
        """
        task = self._hass.async_create_task(self._make(change), "keys of the locks")
        # Retrieved, whether or not somebody waits for it.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.wait({task})
        task.result()

    async def _make(
        self, change: Callable[[dict[str, LockKeys]], dict[str, LockKeys]]
    ) -> None:
        async with self._changing:
            keys = change(self._keys)
            if keys != self._keys:
                await self._hass.async_add_executor_job(self._write, keys)
                self._keys = keys

    def _write(self, keys: dict[str, LockKeys]) -> None:
        data = {lock: asdict(entry) for lock, entry in keys.items()}
        text = json.dumps({"version": _VERSION, "locks": data})
        private.write(self._path, text)

    def __contains__(self, lock: str) -> bool:
        """Tell whether we hold keys of this lock."""
        return lock in self._keys

    def __getitem__(self, lock: str) -> LockKeys:
        """Return the keys of a lock. Raises KeyError."""
        return self._keys[lock]

    def get(self, lock: str) -> LockKeys | None:
        """Return the keys of a lock, if we hold any."""
        return self._keys.get(lock)

    def ids(self) -> set[str]:
        """Return the ids of every lock we hold keys of."""
        return set(self._keys)

    def markers(self, lock: str) -> tuple[str, ...]:
        """Return the names of our codes that may be on the lock."""
        return self._keys[lock].markers if lock in self._keys else ()

    async def put(self, lock: str, keys: LockKeys) -> None:
        """Keep new keys of a lock, with the markers it had. Raises WriteError."""

        def change(all_keys: dict[str, LockKeys]) -> dict[str, LockKeys]:
            before = all_keys.get(lock, keys)
            kept = replace(
                keys,
                markers=before.markers,
                numbers=before.numbers,
                resting=before.resting,
            )
            return {**all_keys, lock: kept}

        await self._change(change)

    async def destroy(self, lock: str, *, only: LockKeys) -> None:
        """Forget the keys of a lock for good. Raises WriteError.

        Not where they are another pairing than `only`: the lock came back meanwhile.
        """

        def change(all_keys: dict[str, LockKeys]) -> dict[str, LockKeys]:
            keys = all_keys.get(lock)
            if keys is None or keys.credentials != only.credentials:
                return all_keys
            return {k: all_keys[k] for k in all_keys if k != lock}

        await self._change(change)

    async def add_marker(self, lock: str, marker: str) -> None:
        """Remember a code before it is set. Raises WriteError."""
        await self._mark(
            lock,
            lambda markers: markers if marker in markers else (*markers, marker),
        )

    async def drop_marker(self, lock: str, marker: str) -> None:
        """Forget a code that is known to be off the lock. Raises WriteError."""
        await self._mark(lock, lambda markers: tuple(m for m in markers if m != marker))

    def numbers(self, lock: str) -> Mapping[str, int]:
        """Return the numbers of our codes on the lock, by name."""
        return self._keys[lock].numbers if lock in self._keys else {}

    async def take_number(self, lock: str, name: str, number: int) -> None:
        """Give a number of the lock to a name that is kept. Raises WriteError."""

        def change(all_keys: dict[str, LockKeys]) -> dict[str, LockKeys]:
            keys = all_keys.get(lock)
            if keys is None or name not in keys.markers:
                return all_keys
            if number in (n for one, n in keys.numbers.items() if one != name):
                return all_keys
            numbers = {**keys.numbers, name: number}
            resting = tuple(one for one in keys.resting if one != name)
            taken = replace(keys, numbers=numbers, resting=resting)
            return {**all_keys, lock: taken}

        await self._change(change)

    async def rest_number(self, lock: str, name: str) -> None:
        """Keep a number for a name while nothing of ours is under it. Raises WriteError."""

        def change(all_keys: dict[str, LockKeys]) -> dict[str, LockKeys]:
            keys = all_keys.get(lock)
            if keys is None or name not in keys.numbers or name in keys.resting:
                return all_keys
            resting = (*keys.resting, name)
            return {**all_keys, lock: replace(keys, resting=resting)}

        await self._change(change)

    def resting(self, lock: str) -> tuple[str, ...]:
        """Return the names under whose numbers there is nothing of ours."""
        return self._keys[lock].resting if lock in self._keys else ()

    async def set_firmware(self, lock: str, firmware: str) -> None:
        """Remember what a lock runs, for the time until it is read. Raises WriteError."""

        def change(all_keys: dict[str, LockKeys]) -> dict[str, LockKeys]:
            if lock not in all_keys:
                return all_keys
            return {**all_keys, lock: replace(all_keys[lock], firmware=firmware)}

        await self._change(change)

    async def _mark(
        self, lock: str, mark: Callable[[tuple[str, ...]], tuple[str, ...]]
    ) -> None:
        def change(all_keys: dict[str, LockKeys]) -> dict[str, LockKeys]:
            if lock not in all_keys:
                return all_keys
            keys = all_keys[lock]
            markers = mark(keys.markers)
            numbers = {k: n for k, n in keys.numbers.items() if k in markers}
            resting = tuple(name for name in keys.resting if name in markers)
            changed = replace(keys, markers=markers, numbers=numbers, resting=resting)
            return {**all_keys, lock: changed}

        await self._change(change)


class LockNumbers:
    """The numbers of one lock in the key book."""

    def __init__(self, book: KeyBook, lock: str) -> None:
        """Take the book and the lock's id."""
        self._book = book
        self._lock = lock

    def taken(self) -> Mapping[str, int]:
        """Return the numbers by the names of our codes."""
        return self._book.numbers(self._lock)

    async def take(self, name: str, number: int) -> None:
        """Give a number to a name that is kept already. Raises WriteError."""
        await self._book.take_number(self._lock, name, number)

    def resting(self) -> Collection[str]:
        """Return the names under whose numbers there is nothing of ours."""
        return self._book.resting(self._lock)

    async def rest(self, name: str) -> None:
        """Keep a number for a name with nothing under it. Raises WriteError."""
        await self._book.rest_number(self._lock, name)
