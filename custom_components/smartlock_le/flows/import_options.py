"""The codes of keymaster and Lock Code Manager, for who clicks: see them, take them over."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from homeassistant.components.lock import DOMAIN as LOCK_DOMAIN
from homeassistant.components.person import DOMAIN as PERSON
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)
from homeassistant.helpers.translation import async_get_translations
import voluptuous as vol

from .. import actors, importing, persons
from ..access.change import Change
from ..access.code_models import CodeError
from ..const import DOMAIN
from ..importing import Found, Obstacle
from ..log import LogUnavailable
from ..models import Capability
from ..notices import common_text
from .code_options import CodeOptions, as_text


class ImportOptions(CodeOptions):
    """The part of the menu in which codes come over."""

    _offered: Mapping[str, tuple[Found, Mapping[str, int | None]]]
    """What can come over, and under which numbers it is on locks of ours."""
    _imported: str

    async def async_step_import_codes(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what there is, and take over what is chosen."""
        if user_input is not None:
            lines = [
                f"- **{as_text(found.name)}**: {await self._take_over(found, numbers)}"
                for place, (found, numbers) in self._offered.items()
                if place in user_input["codes"]
            ]
            self._imported = "\n".join(lines)
            return await self.async_step_codes_imported()
        left: list[str] = []
        self._offered = {}
        for place, found in enumerate(await importing.find(self.hass)):
            numbers = self._on_our_locks(found)
            obstacle = found.obstacle or ("" if numbers else Obstacle.NO_LOCK)
            if obstacle:
                reason = await common_text(self.hass, obstacle)
                left.append(f"- **{as_text(found.name)}**: {reason}")
            else:
                self._offered = {**self._offered, str(place): (found, numbers)}
        if not self._offered:
            return self.async_abort(
                reason="nothing_to_import",
                description_placeholders={"left": "\n".join(left)},
            )
        options = [
            SelectOptionDict(value=place, label=self._label(found, numbers))
            for place, (found, numbers) in self._offered.items()
        ]
        choice = SelectSelector(SelectSelectorConfig(options=options, multiple=True))
        return self.async_show_form(
            step_id="import_codes",
            data_schema=vol.Schema(
                {vol.Required("codes", default=list(self._offered)): choice}
            ),
            description_placeholders={
                "left": "\n".join(left) or await common_text(self.hass, "import_all")
            },
        )

    async def async_step_codes_imported(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say what came over."""
        if user_input is not None:
            return self.async_abort(reason="codes_imported")
        return self.async_show_form(
            step_id="codes_imported",
            data_schema=vol.Schema({}),
            description_placeholders={"codes": self._imported},
            last_step=True,
        )

    def _label(self, found: Found, numbers: Mapping[str, int | None]) -> str:
        doors = ", ".join(self._home.codes.lock_name(lock) for lock in numbers)
        return f"{found.name} ({doors})"

    @callback
    def _on_our_locks(self, found: Found) -> dict[str, int | None]:
        """Return the locks of the home that it is on, and under which number."""
        registry = er.async_get(self.hass)
        numbers: dict[str, int | None] = {}
        for lock in self._home.roster.locks.values():
            if Capability.CODES not in lock.capabilities:
                continue
            ours = registry.async_get_entity_id(
                LOCK_DOMAIN, DOMAIN, f"{lock.ref.id}_lock"
            )
            for entity_id in {lock.driver.entity_id, ours} & set(found.slots):
                numbers[lock.ref.id] = found.slots[str(entity_id)]
        return numbers

    async def _take_over(self, found: Found, numbers: Mapping[str, int | None]) -> str:
        """Make a code of ours of it; return what became of it, as a text."""
        codes, actor = self._home.codes, actors.from_request()
        times = {"start": found.start, "end": found.end, "uses": found.uses}
        change = Change(
            name=found.name,
            locks=frozenset(numbers),
            times={**times, "schedule": found.schedule},
            digits=found.digits,
            found={lock: slot for lock, slot in numbers.items() if slot is not None},
        )
        schedules = self._home.keeping.schedules
        if found.schedule and not schedules.usable(found.schedule):
            return await self._text("schedule_not_found")
        try:
            person = self._person_named(found.name)
            if person is None:
                await codes.add_guest(change, actor)
                return await common_text(self.hass, "import_guest")
            change = replace(change, name=persons.name_of(self.hass, person))
            await codes.set_person(person, change, actor)
        except CodeError as err:
            return await self._text(err.key)
        except LogUnavailable:
            return await self._text("log_unavailable")
        return await common_text(self.hass, "import_person")

    async def _text(self, key: str) -> str:
        """Return the words of an error of this menu."""
        texts = await async_get_translations(
            self.hass, self.hass.config.language, "options", {DOMAIN}
        )
        return texts[f"component.{DOMAIN}.options.error.{key}"]

    @callback
    def _person_named(self, name: str) -> str | None:
        """Return the person of that name who has no code yet."""
        for state in self.hass.states.async_all(PERSON):
            person = persons.id_of(self.hass, state.entity_id)
            if person and state.name.casefold() == name.casefold():
                return None if self._home.codes.of_person(person) else person
        return None
