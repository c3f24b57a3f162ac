"""Codes and guests, for who clicks: give, change, take away, see how they stand."""

from collections.abc import Mapping
from typing import Any

from homeassistant.components.person import DOMAIN as PERSON
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    DateTimeSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors, importing, persons
from ..access.change import Given
from ..access.code_actions import PIN, WHEN, as_change
from ..access.code_models import MAX_USES, Code, CodeError, Holder
from ..inputs import TEXT
from ..log import LogUnavailable
from ..models import Capability
from ..notices import common_text
from .fields import SECRET_FIELD, TEXT_FIELD
from .plate_options import PlateOptions

_CHECK = vol.Schema(
    {
        vol.Optional("name"): TEXT,
        vol.Optional("person"): str,
        vol.Optional("locks"): vol.All([str], vol.Length(min=1)),
        vol.Optional("pin"): PIN,
        vol.Optional("new_pin"): bool,
        **WHEN,
    }
)


class CodeOptions(PlateOptions):
    """The part of the menu that is about codes."""

    _given: Given
    _code: Code

    async def async_step_codes(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the menu of codes, and how each stands."""
        if not self._code_locks():
            return self.async_abort(reason="no_code_lock")
        return self.async_show_menu(
            step_id="codes",
            menu_options=[
                *("guest", "person", "change_code", "remove_code"),
                *(("import_codes",) if importing.present(self.hass) else ()),
            ],
            description_placeholders={"codes": await self._as_text()},
        )

    def _code_locks(self) -> list[SelectOptionDict]:
        return [
            SelectOptionDict(value=lock.ref.id, label=lock.ref.name)
            for lock in self._home.roster.locks.values()
            if Capability.CODES in lock.capabilities
        ]

    async def _as_text(self) -> str:
        """Return a list of the codes, without a digit of them."""
        if not self._home.codes.all():
            return await common_text(self.hass, "no_codes")
        return "\n".join(
            [
                f"- **{as_text(code.name)}**, {await self._until(code)}."
                f" {as_text(self._places(code))}"
                for code in self._home.codes.all()
            ]
        )

    def _places(self, code: Code) -> str:
        """Say how a code stands on each lock."""
        return ", ".join(
            f"{self._home.codes.lock_name(place.lock)}: {place.state.value}"
            for place in code.places.values()
        )

    async def _until(self, code: Code) -> str:
        """Say until when a code opens."""
        if code.when.end is None:
            return await common_text(self.hass, "no_end")
        end = dt_util.as_local(code.when.end).strftime("%Y-%m-%d %H:%M")
        return (await common_text(self.hass, "until")).format(end=end)

    def _when(self, *, locks: bool = True) -> dict[vol.Marker, Any]:
        fields: dict[vol.Marker, Any] = {}
        if locks:
            options = self._code_locks()
            choice = SelectSelectorConfig(options=options, multiple=True)
            only = [option["value"] for option in options] if len(options) == 1 else []
            fields[vol.Required("locks", default=only)] = SelectSelector(choice)
        return fields | {
            vol.Optional("start"): DateTimeSelector(),
            vol.Optional("end"): DateTimeSelector(),
            vol.Optional("schedule"): EntitySelector(
                EntitySelectorConfig(domain=["schedule", "calendar"])
            ),
            vol.Optional("uses"): NumberSelector(
                NumberSelectorConfig(
                    min=0, max=MAX_USES, step=1, mode=NumberSelectorMode.BOX
                )
            ),
        }

    async def async_step_guest(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Make a guest."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._make(user_input)
            if not errors:
                return await self.async_step_code_given()
        fields = {
            vol.Required("name"): TEXT_FIELD,
            **self._when(),
            vol.Optional("pin"): SECRET_FIELD,
        }
        return self._form("guest", fields, user_input, errors)

    async def async_step_person(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Give a person a code."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._make(user_input)
            if not errors:
                return await self.async_step_code_given()
        fields = {
            vol.Required("person"): EntitySelector(EntitySelectorConfig(domain=PERSON)),
            **self._when(),
            vol.Optional("pin"): SECRET_FIELD,
        }
        return self._form("person", fields, user_input, errors)

    async def async_step_change_code(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose whose code is to be changed."""
        return await self._choose("change_code", user_input, self.async_step_new_times)

    async def async_step_new_times(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change locks and times, or draw another PIN."""
        errors: dict[str, str] = {}
        if user_input is not None:
            # What was emptied is to be without.
            emptied = {"start": None, "end": None, "schedule": ""}
            errors = await self._make(
                {**emptied, **user_input}, change=self._code, drawn=False
            )
            if not errors and self._given.digits:
                return await self.async_step_code_given()
            if not errors:
                return self.async_abort(reason="code_changed")
        fields = self._when() | {
            vol.Optional("pin"): SECRET_FIELD,
            vol.Required("new_pin", default=False): BooleanSelector(),
        }
        return self._form("new_times", fields, user_input or _shown(self._code), errors)

    async def async_step_remove_code(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take a code away."""
        return await self._choose("remove_code", user_input, self._remove)

    async def _remove(self) -> ConfigFlowResult:
        left = await self._home.codes.remove(self._code.id, actors.from_request())
        return self.async_abort(reason="code_stays" if left else "code_removed")

    async def _choose(
        self, step: str, user_input: dict[str, Any] | None, then: Any
    ) -> ConfigFlowResult:
        codes = {code.id: code for code in self._home.codes.all()}
        if not codes:
            return self.async_abort(reason="no_code")
        errors: dict[str, str] = {}
        if user_input is not None:
            if code := codes.get(user_input["code"]):
                self._code = code
                result: ConfigFlowResult = await then()
                return result
            errors["base"] = "code_not_found"
        options = [
            SelectOptionDict(
                value=code.id, label=f"{code.name} ({await self._until(code)})"
            )
            for code in codes.values()
        ]
        selector = SelectSelector(SelectSelectorConfig(options=options))
        return self.async_show_form(
            step_id=step,
            data_schema=vol.Schema({vol.Required("code"): selector}),
            errors=errors,
        )

    async def async_step_code_given(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the PIN, this once, and what to tell the guest."""
        if user_input is not None:
            return self.async_abort(reason="code_given")
        code = self._given.code
        notice = ""
        if code.holder is Holder.GUEST:
            notice = await self._home.guest_notice()
        return self.async_show_form(
            step_id="code_given" if self._given.digits else "code_set",
            data_schema=vol.Schema({}),
            description_placeholders={
                "pin": " ".join(self._given.digits),
                "name": as_text(code.name),
                "until": await self._until(code),
                "notice": notice,
                "locks": as_text(self._places(code)),
            },
            last_step=True,
        )

    async_step_code_set = async_step_code_given

    # How

    async def _make(
        self,
        user_input: dict[str, Any],
        *,
        change: Code | None = None,
        drawn: bool = True,
    ) -> dict[str, str]:
        """Do what the form says; return its errors."""
        codes, actor = self._home.codes, actors.from_request()
        asked = {name: value for name, value in user_input.items() if value != ""}
        asked |= {"schedule": user_input.get("schedule", "")}
        if drawn:
            asked["new_pin"] = "pin" not in asked
        try:
            data = _CHECK(asked)
            schedule = data.get("schedule")
            if schedule and not self._home.keeping.schedules.usable(schedule):
                return {"schedule": "schedule_not_found"}
            if change is not None:
                self._given = await codes.change(change.id, as_change(data), actor)
            elif "person" in data:
                person = persons.id_of(self.hass, data["person"])
                if person is None:
                    return {"person": "not_a_person"}
                data["name"] = persons.name_of(self.hass, person)
                self._given = await codes.set_person(person, as_change(data), actor)
            else:
                self._given = await codes.add_guest(as_change(data), actor)
        except vol.Invalid:
            return {"base": "code_incomplete"}
        except CodeError as err:
            return {"base": err.key}
        except LogUnavailable:
            return {"base": "log_unavailable"}
        return {}

    def _form(
        self,
        step: str,
        fields: dict[vol.Marker, Any],
        shown: Mapping[str, Any] | None,
        errors: dict[str, str],
    ) -> ConfigFlowResult:
        # A PIN that was typed is not sent back.
        kept = {name: value for name, value in (shown or {}).items() if name != "pin"}
        return self.async_show_form(
            step_id=step,
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), kept),
            errors=errors,
        )


def _shown(code: Code) -> dict[str, Any]:
    """Return what the form of a code begins with."""
    shown: dict[str, Any] = {"locks": sorted(code.locks)}
    for name in ("start", "end"):
        if moment := getattr(code.when, name):
            local = dt_util.as_local(moment)
            shown[name] = local.strftime("%Y-%m-%d %H:%M:%S")
    if code.when.schedule:
        shown["schedule"] = code.when.schedule
    return shown


def as_text(text: str) -> str:
    """Return a text as Markdown that shows each letter of it, and shapes nothing."""
    return "".join(
        letter if letter.isalnum() or letter in " ,'" else f"&#{ord(letter)};"
        for letter in text
    )
