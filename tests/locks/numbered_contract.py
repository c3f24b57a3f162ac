"""The contract of locks that know a code only by its number, whatever lock is behind it.

A family brings a `numbered` fixture and inherits this beside the rest of the contract.
"""

from abc import ABC, abstractmethod
import asyncio

from homeassistant.util.file import WriteError
import pytest

from custom_components.smartlock_le.locks import numbered as module
from custom_components.smartlock_le.locks.numbered import NumberedCodes
from custom_components.smartlock_le.models import (
    Capability,
    DoorCommand,
    LockError,
    LockRefused,
    Refusal,
    Schedule,
)

from .support import window


class Book:
    """Keeps numbers as the key book does, in memory."""

    def __init__(self) -> None:
        """Know every name, and no number."""
        self.kept: dict[str, int] = {}
        self.at_rest: set[str] = set()
        self.broken = False
        self.unknown = False

    def taken(self) -> dict[str, int]:
        """Give the numbers by name."""
        return self.kept

    def resting(self) -> set[str]:
        """Give the names that have nothing under their number."""
        return self.at_rest

    async def take(self, name: str, number: int) -> None:
        """Keep one."""
        if self.broken:
            raise WriteError("full")
        if not self.unknown:
            self.kept[name] = number
            self.at_rest.discard(name)

    async def rest(self, name: str) -> None:
        """Let one rest."""
        if self.broken:
            raise WriteError("full")
        self.at_rest.add(name)


class NumberedBench(ABC):
    """A started driver whose numbers are in `book`, usable from 1 to 5, and its lock."""

    driver: NumberedCodes
    book: Book
    forgotten = Refusal.CODE_FORGOTTEN
    """Why it failed where the lock says yes and does not keep it."""

    @property
    @abstractmethod
    def codes(self) -> dict[int, str]:
        """The digits on the lock by canonical number."""

    @abstractmethod
    def add_code(self, number: int, digits: str) -> None:
        """Add a code at the keypad, as the owner does."""

    @abstractmethod
    def forget(self) -> None:
        """Let the lock acknowledge codes and keep none from now on."""

    @abstractmethod
    def refuse(self) -> None:
        """Let the lock say no to the next code."""

    @abstractmethod
    async def reach(self, *, there: bool) -> None:
        """Bring the lock out of reach, or back."""


class NumberedContract:
    """What every such driver does."""

    async def test_life_of_a_number(self, numbered: NumberedBench) -> None:
        """Set, read, changed in place, cleared; a name keeps its number."""
        driver = numbered.driver
        digits, other = driver.new_code(), driver.new_code()
        number = await driver.set_code(digits, "LE one", window())
        assert numbered.codes == {number: digits}
        [found] = await driver.read_codes()
        assert (found.id, found.name, found.enabled) == (number, "LE one", True)
        assert found.certain is (Capability.CODE_STATUS in driver.capabilities)
        assert await driver.set_code(other, "LE one", window()) == number
        assert numbered.codes == {number: other}
        await driver.change_window(number, "LE one", window(2))
        await driver.clear_code(number, "LE one")
        assert numbered.codes == {}
        assert numbered.book.kept == {"LE one": number}
        assert await driver.read_codes() == []
        assert await driver.set_code(digits, "LE one", window()) == number

    async def test_two_people_two_numbers(self, numbered: NumberedBench) -> None:
        """Each has its own, and nobody else's is touched."""
        driver = numbered.driver
        one = await driver.set_code(driver.new_code(), "LE one", window())
        two = await driver.set_code(driver.new_code(), "LE two", window())
        assert one != two
        assert driver.name_of(one) == "LE one"
        assert driver.name_of(99) == driver.name_of(None) == ""
        await driver.clear_marked({"LE two", "LE gone"})
        assert set(numbered.codes) == {one}

    async def test_a_number_of_somebody_else(self, numbered: NumberedBench) -> None:
        """It is left alone where the lock says that it is taken."""
        driver = numbered.driver
        if Capability.CODE_STATUS not in driver.capabilities:
            return
        numbered.add_code(1, "135790")
        ours = await driver.set_code(driver.new_code(), "LE one", window())
        assert ours != 1
        assert numbered.codes[1] == "135790"
        with pytest.raises(LockRefused) as caught:
            await driver.clear_code(1, "LE one")
        assert caught.value.reason is Refusal.CODE_GONE
        with pytest.raises(LockRefused):
            await driver.change_window(1, "LE one", window())

    async def test_somebody_came_while_a_number_rested(
        self, numbered: NumberedBench
    ) -> None:
        """Their code is neither overwritten nor cleared: ours goes to another number."""
        driver = numbered.driver
        if Capability.CODE_STATUS not in driver.capabilities:
            return
        number = await driver.set_code(driver.new_code(), "LE one", window())
        await driver.clear_code(number, "LE one")
        numbered.add_code(number, "135790")
        await driver.clear_marked({"LE one"})
        with pytest.raises(LockRefused):
            await driver.clear_code(number, "LE one")
        assert numbered.codes == {number: "135790"}
        assert await driver.find_code("LE one") is None
        other = await driver.set_code(driver.new_code(), "LE one", window())
        assert other != number
        assert numbered.codes[number] == "135790"

    async def test_no_number_left(self, numbered: NumberedBench) -> None:
        """It says so, and takes none of somebody else."""
        driver = numbered.driver
        for number in range(1, 6):
            await driver.set_code(driver.new_code(), f"LE {number}", window())
        with pytest.raises(LockRefused) as caught:
            await driver.set_code(driver.new_code(), "LE more", window())
        assert caught.value.reason is Refusal.CODES_FULL
        assert len(numbered.codes) == 5

    async def test_a_number_that_is_not_kept_is_not_used(
        self, numbered: NumberedBench
    ) -> None:
        """Without it nobody could take the code off again."""
        driver = numbered.driver
        for flaw in ("broken", "unknown"):
            setattr(numbered.book, flaw, True)
            with pytest.raises(LockRefused) as caught:
                await driver.set_code(driver.new_code(), "LE one", window())
            assert caught.value.reason is Refusal.NOT_KEPT
            setattr(numbered.book, flaw, False)
        assert numbered.codes == {}

    async def test_it_acknowledges_and_forgets(self, numbered: NumberedBench) -> None:
        """A code that is not there is not said to be."""
        driver = numbered.driver
        if Capability.CODE_STATUS not in driver.capabilities:
            return
        numbered.forget()
        with pytest.raises(LockRefused) as caught:
            await driver.set_code(driver.new_code(), "LE one", window())
        assert caught.value.reason is numbered.forgotten
        assert await driver.read_codes() == []

    async def test_it_says_no(self, numbered: NumberedBench) -> None:
        """A no is an error, whatever road it came by."""
        driver = numbered.driver
        numbered.refuse()
        with pytest.raises(LockError):
            await driver.set_code(driver.new_code(), "LE one", window())
        assert numbered.codes == {}

    async def test_a_code_twice(self, numbered: NumberedBench) -> None:
        """Two names never have the same digits."""
        driver = numbered.driver
        digits = driver.new_code()
        one = await driver.set_code(digits, "LE one", window())
        with pytest.raises(LockError):
            await driver.set_code(digits, "LE two", window())
        assert numbered.codes == {one: digits}

    async def test_digits_it_would_not_take(self, numbered: NumberedBench) -> None:
        """They are not sent, and not said."""
        driver = numbered.driver
        codes = {driver.new_code() for _ in range(200)}
        assert len(codes) > 190
        assert all(driver.check_code(digits) for digits in codes)
        for digits in ("", "1", "١٢٣٤٥٦", "12x456", "1" * 40):
            assert not driver.check_code(digits)
            with pytest.raises(LockRefused) as caught:
                await driver.set_code(digits, "LE one", window())
            assert caught.value.reason is Refusal.CODE_INVALID
        assert numbered.codes == {}

    async def test_a_schedule_is_not_its_own(self, numbered: NumberedBench) -> None:
        """A lock that keeps to no time refuses, and sets nothing."""
        driver, weekend = numbered.driver, Schedule(weekdays=frozenset({5, 6}))
        with pytest.raises(LockRefused) as caught:
            await driver.set_code(driver.new_code(), "LE one", window(), weekend)
        assert caught.value.reason is Refusal.NOT_SUPPORTED
        number = await driver.set_code(driver.new_code(), "LE one", window())
        with pytest.raises(LockRefused):
            await driver.change_window(number, "LE one", window(), weekend)

    async def test_away(self, numbered: NumberedBench) -> None:
        """Nothing is set, nothing is said to be gone."""
        driver = numbered.driver
        number = await driver.set_code(driver.new_code(), "LE one", window())
        await numbered.reach(there=False)
        with pytest.raises(LockError):
            await driver.set_code(driver.new_code(), "LE two", window())
        with pytest.raises(LockError):
            await driver.clear_code(number, "LE one")
        with pytest.raises(LockError):
            await driver.clear_marked({"LE one"})
        assert set(numbered.codes) == {number}
        await numbered.reach(there=True)

    async def test_the_door_goes_before_codes(
        self, numbered: NumberedBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While a code waits for the lock to rest, a door command does not."""
        driver = numbered.driver
        monkeypatch.setattr(module, "PAUSE", 0.5)
        await driver.set_code(driver.new_code(), "LE one", window())
        code = driver.set_code(driver.new_code(), "LE two", window())
        waiting = asyncio.create_task(code)
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await driver.command(DoorCommand.UNLOCK)
        assert not waiting.done()
        await waiting
