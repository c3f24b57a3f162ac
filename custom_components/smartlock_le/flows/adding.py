"""What every way to add a lock ends with: its keys are kept, and it joins the home."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)
from homeassistant.helpers.translation import async_get_translations
from homeassistant.loader import IntegrationNotFound, async_get_integration
from homeassistant.util.file import WriteError
import voluptuous as vol

from ..const import CONF_FAMILY, CONF_FIRST, CONF_LAST, CONF_OWN_LOCK, DOMAIN
from ..home import loaded_home
from ..locks import families
from ..locks.entities import Brought, Family, brought
from ..locks.keybook import KeyBook, KeyBookUnreadable, LockKeys
from ..locks.nuki.driver import is_nuki
from ..opening import home_folder

_MOST = 65534
"""The highest number that a code can have on any lock."""


async def open_book(hass: HomeAssistant) -> KeyBook:
    """Return the home's key book, or the file itself while no home is loaded.

    Raises KeyBookUnreadable.
    """
    if home := loaded_home(hass):
        return home.book
    book = KeyBook(hass, home_folder(hass) / "keys")
    await book.load()
    return book


@callback
def found_locks(hass: HomeAssistant, known: set[str | None]) -> dict[str, str]:
    """Return the locks in reach that are not in the home: name by address."""
    return {
        info.address: info.name
        for info in bluetooth.async_discovered_service_info(hass, connectable=True)
        if is_nuki(info) and info.address not in known
    }


async def choices(hass: HomeAssistant, known: set[str | None]) -> dict[str, str]:
    """Return every lock that can be added: by its id a line that says what it will do."""
    texts = await async_get_translations(
        hass, hass.config.language, "selector", {DOMAIN}
    )

    def line(name: str, family: Family) -> str:
        ability = texts.get(f"component.{DOMAIN}.selector.family.options.{family}")
        return f"{name}: {ability}" if ability else name

    lines = {
        lock_id: line(name, Family.NUKI)
        for lock_id, name in found_locks(hass, known).items()
    }
    for lock in brought(hass, known).values():
        maker = await _name_of(hass, lock.platform)
        lines[lock.lock_id] = line(f"{lock.name} ({maker})", lock.family)
    return lines


async def _name_of(hass: HomeAssistant, platform: str) -> str:
    """Return what an integration calls itself."""
    try:
        return (await async_get_integration(hass, platform)).name
    except IntegrationNotFound:
        # Its entity outlived it.
        return platform


class AddingSteps[Context: FlowContext, Result: FlowResult[Any, Any], Key](
    FlowHandler[Context, Result, Key]
):
    """The end of every way; and the way of a lock that another integration brought."""

    address: str
    """The lock's id."""
    lock_name: str
    keys: LockKeys
    """What is to be kept of the lock, once it is known."""
    _brought: Brought | None = None
    _answers: dict[str, Any] = {}
    """What was answered of how to stand beside a lock that was brought."""

    @abstractmethod
    async def _complete(self) -> Result:
        """Keep what was found and end the flow. Raises WriteError, KeyBookUnreadable."""

    def _obstacle(self) -> str | None:
        """Return why the lock cannot be added now: a reason to abort."""
        return None

    def _drop_card(self) -> None:
        """Take away the card of a lock that was just added without it."""
        flows = self.hass.config_entries.flow
        for flow in flows.async_progress_by_handler(
            DOMAIN, match_context={"unique_id": self.address}
        ):
            if flow["flow_id"] != self.flow_id:
                flows.async_abort(flow["flow_id"])

    async def _keep(self) -> None:
        """Make what was found durable. Raises WriteError, KeyBookUnreadable."""
        book = await open_book(self.hass)
        await book.put(self.address, self.keys)

    @property
    def _data(self) -> dict[str, Any]:
        """Return what the lock's subentry says: nothing secret."""
        data: dict[str, Any] = {"address": self.address}
        if self._brought:
            data[CONF_FAMILY] = self._brought.family.value
            data |= self._answers
        return data

    def _take(self, lock_id: str) -> bool:
        """Take the lock that was chosen; tell whether another integration brought it."""
        self.address = lock_id
        self._brought = brought(self.hass, set()).get(lock_id)
        if self._brought:
            self.lock_name = self._brought.name
        else:
            self.lock_name = found_locks(self.hass, set()).get(lock_id, lock_id)
        return self._brought is not None

    async def async_step_attach(
        self, user_input: dict[str, Any] | None = None
    ) -> Result:
        """Ask how to stand beside a lock that another integration brought."""
        assert self._brought
        family = self._brought.family
        numbers = await self._numbers(family)
        errors: dict[str, str] = {}
        if user_input is not None:
            self._answers = beside(user_input)
            errors = wrong_numbers(self._answers, numbers)
            if not errors:
                if reason := self._obstacle():
                    return self.async_abort(reason=reason)
                self.keys = LockKeys(
                    self.lock_name, numbers_in(self._answers), family=family.value
                )
                try:
                    return await self._complete()
                except WriteError:
                    errors["base"] = "not_saved"
                except KeyBookUnreadable:
                    errors["base"] = "keys_unreadable"
        return self.async_show_form(
            step_id="attach_numbered"
            if numbers
            else "attach_cloud"
            if families.in_cloud(family)
            else "attach",
            data_schema=beside_schema(numbers, self._answers),
            errors=errors,
            description_placeholders={
                "name": self.lock_name,
                "integration": await _name_of(self.hass, self._brought.platform),
            },
        )

    async_step_attach_numbered = async_step_attach
    async_step_attach_cloud = async_step_attach

    async def _numbers(self, family: Family) -> range:
        """Return which numbers a code can have on the lock; none: it is not asked."""
        if not families.numbered(family):
            return range(0)
        found = await families.numbers(self.hass, self.address, family)
        return range(_MOST + 1) if found is None else found


def beside_schema(numbers: range, before: Mapping[str, Any]) -> vol.Schema:
    """Ask whether a lock of ours is to stand in the place of the other.

    And, where it knows a code by its number alone, which numbers are ours.
    """
    fields: dict[Any, Any] = {
        vol.Required(
            CONF_OWN_LOCK, default=before.get(CONF_OWN_LOCK, False)
        ): BooleanSelector()
    }
    if numbers:
        first = max(families.FIRST, numbers.start)
        last = min(families.LAST, numbers[-1])
        for name, default in ((CONF_FIRST, first), (CONF_LAST, last)):
            fields[vol.Required(name, default=before.get(name, default))] = _NUMBER
    return vol.Schema(fields)


def wrong_numbers(answers: Mapping[str, Any], numbers: range) -> dict[str, str]:
    """Return what is wrong with the numbers that were answered, by field."""
    if not numbers:
        return {}
    for name in (CONF_FIRST, CONF_LAST):
        if answers[name] not in numbers:
            return {name: "no_such_number"}
    if answers[CONF_FIRST] > answers[CONF_LAST]:
        return {CONF_LAST: "numbers_reversed"}
    return {}


_NUMBER = NumberSelector(
    NumberSelectorConfig(min=0, max=_MOST, step=1, mode=NumberSelectorMode.BOX)
)


def beside(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was answered, numbers as whole ones."""
    return {
        name: int(answer) if name in (CONF_FIRST, CONF_LAST) else answer
        for name, answer in answers.items()
    }


def numbers_in(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return which numbers of a lock are ours, as its keys have it."""
    return {name: answers[name] for name in (CONF_FIRST, CONF_LAST) if name in answers}
