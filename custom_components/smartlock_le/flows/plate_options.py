"""Number plates: whether they are read, for how long, which are listed, and one looked up."""

from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors
from ..cameras.plate_file import PlatesLocked
from ..cameras.plate_reads import AHEAD, PlateSettings
from ..cameras.plates import PlateList, normal
from ..log import LogUnavailable
from ..models import utc_now
from .log_options import LogOptions

_LINES = TextSelector(TextSelectorConfig(multiline=True))


def _number(most: float, step: float = 1, least: float = 1) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(
            min=least, max=most, step=step, mode=NumberSelectorMode.BOX
        )
    )


_SCHEMA = vol.Schema(
    {
        vol.Required("on"): BooleanSelector(),
        vol.Required("floor"): _number(100, least=50),
        vol.Required("hours"): _number(24),
        vol.Required("days"): _number(30),
        vol.Required("topic"): TextSelector(),
        **{vol.Optional(one.value): _LINES for one in PlateList},
    }
)
_FIND = vol.Schema({vol.Required("plate"): TextSelector()})
_FOUND = 50
"""Reads of a plate that are shown."""


class PlateOptions(LogOptions):
    """The steps about plates."""

    async def async_step_plates(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for all of it; the owner alone sees which plates are listed."""
        errors: dict[str, str] = {}
        home = self._home
        if user_input is not None:
            settings = PlateSettings(
                user_input["on"],
                user_input["floor"] / 100,
                int(user_input["hours"]),
                int(user_input["days"]),
                user_input["topic"].strip().strip("/"),
            )
            lists, errors = _lists(user_input)
            if not settings.topic or set(settings.topic) & set("#+"):
                errors["topic"] = "topic_invalid"
            if not errors:
                try:
                    await home.set_plates(settings, lists, actors.from_request())
                except LogUnavailable:
                    errors["base"] = "log_unavailable"
                except PlatesLocked:
                    errors["base"] = "plates_locked"
                else:
                    return self.async_abort(
                        reason="plates_on" if settings.on else "plates_off"
                    )
        try:
            shown = user_input or await self._plates_shown()
        except PlatesLocked:
            shown, errors["base"] = {}, "plates_locked"
        return self.async_show_form(
            step_id="plates",
            data_schema=self.add_suggested_values_to_schema(_SCHEMA, shown),
            errors=errors,
        )

    async def _plates_shown(self) -> dict[str, Any]:
        now, book = self._home.plate_settings, await self._home.cameras.plates.lists()
        return {
            "on": now.on,
            "floor": round(now.floor * 100),
            "hours": now.hours,
            "days": now.days,
            "topic": now.topic,
            **{one.value: "\n".join(book.listed(one)) for one in PlateList},
        }

    async def async_step_find_plate(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say when a plate was read. What an action is asked would be on the bus."""
        errors: dict[str, str] = {}
        found: list[str] = []
        if user_input is not None:
            if (plate := normal(user_input["plate"])) is None:
                errors["plate"] = "plate_not_one"
            else:
                try:
                    found = await self._found(plate)
                except PlatesLocked:
                    errors["base"] = "plates_locked"
                else:
                    if not found:
                        errors["plate"] = "plate_not_read"
        return self.async_show_form(
            step_id="find_plate",
            data_schema=self.add_suggested_values_to_schema(_FIND, user_input or {}),
            description_placeholders={"found": "\n".join(found)},
            errors=errors,
        )

    async def _found(self, plate: str) -> list[str]:
        """Return when a plate was read, the newest first, as lines of Markdown."""
        cameras, now = self._home.cameras, utc_now()
        longest = timedelta(days=self._home.plate_settings.days + 1)
        reads = await cameras.plates.find(
            now - longest, now + AHEAD, plate=plate, limit=_FOUND
        )
        lines = []
        for read in reads:
            camera = cameras.find(read["camera"])
            time = dt_util.as_local(read["time"])
            name = camera.settings.name if camera else "?"
            score = f"{read['score']:.0%}"
            lines.append(f"- {time:%Y-%m-%d %H:%M:%S} · {name} · {score}")
        return lines


def _lists(
    user_input: dict[str, Any],
) -> tuple[dict[str, PlateList], dict[str, str]]:
    """Return the plates that were entered, one a line, and what is wrong with them."""
    lists: dict[str, PlateList] = {}
    errors = {}
    for one in PlateList:
        for line in user_input.get(one.value, "").splitlines():
            if not line.strip():
                continue
            if (plate := normal(line)) is None:
                errors[one.value] = "plate_invalid"
            elif lists.setdefault(plate, one) is not one:
                errors[one.value] = "plate_twice"
    return lists, errors
