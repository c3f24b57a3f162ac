"""What the log says of a lock, beside what the lock did."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.locks.nuki.driver import NukiDriver
from custom_components.smartlock_le.models import DoorCommand, LockUnreachable
from virtual_home.nuki import Completion, LogType, NukiLock

from .homes import only_lock

type Finding = tuple[str, str]

LOST, WRONG, ORPHAN = "lost_entries", "wrong_outcomes", "orphan_codes"
ACTIONS = {DoorCommand.UNLOCK: 1, DoorCommand.LOCK: 2, DoorCommand.OPEN: 3}
# A latch that was held is let go by itself.
_BOLTS = {"locked": (1,), "unlocked": (3,), "open": (3, 5)}


class Judge:
    """Compares what came since it was made."""

    def __init__(self, home: Home, nuki: NukiLock) -> None:
        """Begin here."""
        self._home = home
        self._nuki = nuki
        self._end = home.log.end
        self._index = nuki.device.log.next_index
        self._accepted = nuki.device.accepted.total()
        driver = only_lock(home).driver
        assert isinstance(driver, NukiDriver)
        assert driver._client.credentials
        self._our_id = driver._client.credentials.auth_id
        self.others = 0
        """Commands of somebody else that the lock took."""

    async def entries(self) -> list[dict[str, Any]]:
        """Return the entries since, oldest first."""
        found: list[dict[str, Any]] = []
        after: int | None = self._end - 1
        while after is not None:
            page = await self._home.log.entries(after=after, limit=500)
            found += [{"seq": e.seq, **e.fields} for e in page.entries]
            after = page.next_after
        return found

    def ours_on_lock(self) -> set[str]:
        """Return the names of our codes on the lock."""
        return {c.name for c in self._nuki.device.codes if c.name.startswith("LE ")}

    def done(self, command: DoorCommand | None = None) -> int:
        """Return how often the lock did what we asked it to."""
        return sum(
            entry.type is LogType.LOCK_ACTION
            and entry.auth_id == self._our_id
            and entry.data[3] == Completion.SUCCESS
            and (command is None or entry.data[0] == ACTIONS[command])
            for entry in self._nuki.device.log.entries
            if entry.index >= self._index
        )

    async def compare(self) -> list[Finding]:
        """Return what the log says that is not so, and what it does not say."""
        return list(self._compare(await self.entries()))

    def _compare(self, entries: list[dict[str, Any]]) -> Iterator[Finding]:
        kept = [e.index for e in self._nuki.device.log.entries]
        kept = [index for index in kept if index >= self._index]
        told = [e["lock_index"] for e in entries if e["kind"] == "access"]
        told = [index for index in told if index >= 0]
        if told != kept:
            yield LOST, f"the lock has entries {kept}, the log {told}"
        yield from self._codes()
        yield from self._commands(entries)

    def _codes(self) -> Iterator[Finding]:
        grants = self._home.grants.open_grants()
        wanted = {g.marker for g in grants if g.has_code}
        if left := self.ours_on_lock() - wanted:
            yield ORPHAN, f"{len(left)} codes without a grant"
        if wanted - self.ours_on_lock():
            yield WRONG, "a grant is open and its code is not on the lock"
        for code in self._nuki.device.codes:
            for grant in grants:
                if grant.marker != code.name:
                    continue
                end = code.window and code.window.end
                if not end or end.replace(tzinfo=UTC) != grant.end:
                    yield WRONG, f"the code is until {end}, the grant {grant.end}"

    def _commands(self, entries: list[dict[str, Any]]) -> Iterator[Finding]:
        commands = {e["seq"]: e["command"] for e in entries if e["kind"] == "command"}
        outcomes: dict[int, list[str]] = {seq: [] for seq in commands}
        for entry in entries:
            if entry["kind"] == "outcome" and entry["intent"] in outcomes:
                outcomes[entry["intent"]].append(entry["result"])
        found = {e["intent"] for e in entries if e["kind"] == "found"}
        said = [results[-1] if results else "" for results in outcomes.values()]
        done, maybe = said.count("done"), said.count("unknown")
        if "" in said or any(len(results) != 1 for results in outcomes.values()):
            yield WRONG, f"not one outcome each: {list(outcomes.values())}"
        if any(
            results == ["unknown"] and seq not in found
            for seq, results in outcomes.items()
        ):
            yield WRONG, "an unknown outcome, and nothing found"
        really = self.done()
        if not done <= really <= done + maybe:
            yield WRONG, f"the lock moved {really} times, the log says {said}"
        accepted = self._nuki.device.accepted.total() - self._accepted - self.others
        if accepted > done + maybe + said.count("refused"):
            yield WRONG, f"the lock was told {accepted} times, the log says {said}"
        last = [e for e in entries if e["kind"] == "found"][-1:]
        bolt = self._nuki.device.bolt.state
        if last and last[0] is entries[-1]:
            if bolt not in _BOLTS.get(last[0]["state"], ()):
                yield WRONG, f"the bolt is {bolt}, the log says {last[0]['state']}"

    def answered(
        self, command: DoorCommand | None, error: Exception | None
    ) -> Iterator[Finding]:
        """Compare what the caller of a door command was told."""
        if command is None:
            return
        really = self.done(command)
        if error is None and not really:
            yield WRONG, "a caller was told that the door moved, and it had not"
        if isinstance(error, LockUnreachable) and really:
            yield WRONG, "a caller was told that nothing happened, and it had"

    def problems(self) -> Iterator[Finding]:
        """Check that the home goes on."""
        driver = only_lock(self._home).driver
        if driver.pairing_lost or driver.pin_wrong or not driver.available:
            yield WRONG, "the lock counts as lost, and it is there"
        if self._home.log.lost or self._home.log.problem:
            yield LOST, f"the log: {self._home.log.lost}, {self._home.log.problem}"
