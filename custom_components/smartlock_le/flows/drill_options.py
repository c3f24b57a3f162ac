"""Drills, for who clicks: begin one, end it, see how it went."""

from contextlib import suppress
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector, SelectOptionDict
import voluptuous as vol

from .. import actors
from ..emergency.drills import Drills, Plan, Scenario
from ..emergency.models import EmergencyError
from ..log import LogUnavailable
from ..notices import common_texts
from .request_page import SURE, choice
from .silent_options import SilentOptions


class DrillOptions(SilentOptions):
    """The part of the menu that is about drills."""

    @property
    def _drills(self) -> Drills:
        return self._home.emergency.drills

    async def async_step_drill(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what can be done now."""
        running = self._drills.running is not None
        return self.async_show_menu(
            step_id="drill",
            menu_options=[
                "drill_end" if running else "drill_start",
                *(("drill_sheet",) if self._drills.last else ()),
            ],
        )

    async def async_step_drill_start(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what is rehearsed, and with whom."""
        errors: dict[str, str] = {}
        settings = self._settings
        if not settings.contacts:
            return self.async_abort(reason="drill_no_contact")
        if user_input is not None:
            plan = Plan(
                scenario=Scenario(user_input["scenario"]),
                contacts=tuple(user_input.get("contacts", ())),
                centre=bool(user_input.get("centre")),
                webhook=bool(user_input.get("webhook")),
                code=str(user_input.get("code", "")),
            )
            try:
                await self._drills.start(plan, actors.from_request())
            except EmergencyError as err:
                errors["base"] = err.key
            else:
                return self.async_abort(reason="drill_begun")
        fields: dict[vol.Marker, Any] = {
            vol.Required("scenario"): choice(
                [one.value for one in Scenario], "scenario"
            ),
            vol.Optional("contacts"): choice(
                [
                    SelectOptionDict(value=one.id, label=one.name)
                    for one in settings.contacts
                ],
                "",
                multiple=True,
            ),
        }
        if settings.centre:
            fields[vol.Required("centre", default=False)] = BooleanSelector()
        if settings.webhook:
            fields[vol.Required("webhook", default=False)] = BooleanSelector()
        if codes := self._home.codes.all():
            fields[vol.Optional("code")] = choice(
                [SelectOptionDict(value=one.id, label=one.name) for one in codes], ""
            )
        everybody = {"contacts": [one.id for one in settings.contacts]}
        return self.async_show_form(
            step_id="drill_start",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), user_input or everybody
            ),
            errors=errors,
        )

    async def async_step_drill_end(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether it is over, and show how it went."""
        if user_input is None:
            return self.async_show_form(step_id="drill_end", data_schema=SURE)
        # It may have ended meanwhile: how it went is what is wanted.
        with suppress(EmergencyError):
            await self._drills.end(actors.from_request())
        return await self.async_step_drill_sheet(None)

    async def async_step_drill_sheet(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show who was told when, who answered, what failed and how to mend it."""
        if user_input is not None:
            return await self.async_step_drill(None)
        try:
            sheet = await self._drills.sheet()
        except EmergencyError as err:
            return self.async_abort(reason=err.key)
        except LogUnavailable:
            return self.async_abort(reason="drill_log_unavailable")
        return self.async_show_form(
            step_id="drill_sheet",
            data_schema=vol.Schema({}),
            description_placeholders={"sheet": await self._as_sheet(sheet)},
            last_step=False,
        )

    async def _as_sheet(self, sheet: dict[str, Any]) -> str:
        texts = await common_texts(self.hass, "drill_")

        def after(seconds: int | None) -> str:
            if seconds is None:
                return texts["never"]
            return texts["after"].format(minutes=seconds // 60, seconds=seconds % 60)

        lines = [texts["real"]] if sheet["real_distress"] else []
        lines += [
            texts["person"].format(
                name=one["name"],
                told=after(one["told"]),
                answered=after(one["answered"]),
            )
            for one in sheet["people"]
        ]
        lines += [
            texts[what].format(after=after(sheet[what]))
            for what in ("centre", "webhook")
            if sheet[f"{what}_asked"]
        ]
        said = ["coming", "there"]
        if sheet["code_asked"]:
            said += ["opened", "heard", "safe"]
        lines += [texts[what].format(after=after(sheet[what])) for what in said]
        for one in sheet["wrong"]:
            mend = texts.get(f"mend_{one['reason']}", texts["mend_other"])
            lines.append(f"**{one['who']}** {mend}".replace("****", "").strip())
        return "\n".join(f"- {line}" for line in lines)
