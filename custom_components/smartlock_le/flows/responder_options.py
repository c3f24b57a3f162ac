"""Links for responders, for who clicks: made, shown once, withdrawn; and what they show."""

from contextlib import suppress
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    QrCodeSelector,
    QrCodeSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors
from ..access.models import GrantError
from ..inputs import MAX_MINUTES, MIN_MINUTES
from ..notices import common_texts
from ..responders.actions import LINK_FIELDS, as_link_request
from ..responders.models import DEFAULT_MINUTES, Link, LinkError, Made
from ..responders.sheet import MAX_TEXT, Sheet
from .contact_people import kept
from .drill_options import DrillOptions
from .fields import TEXT_FIELD
from .request_page import SURE, choice

_LONG = TextSelector(TextSelectorConfig(multiline=True))
_CHECK = vol.Schema(LINK_FIELDS)
_WRITTEN = ("address", "finding", "people", "hazards", "otherwise")


def _picked(names: dict[str, str]) -> SelectSelector:
    options = [SelectOptionDict(value=one, label=name) for one, name in names.items()]
    return choice(options, "", multiple=True)


class ResponderOptions(DrillOptions):
    """The part of the menu that is about responders."""

    _made: Made
    _address: str
    _link: Link
    _told_code: str = ""

    async def async_step_responders(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show how it stands, and the menu."""
        keeping = self._home.responders
        texts = await common_texts(self.hass, "responders_")
        found = keeping.links.open()
        state = [
            texts["links"].format(count=len(found)),
            texts["sheet" if keeping.sheet.address else "no_sheet"],
        ]
        with suppress(LinkError):
            keeping.address()
            state.append(texts["reachable"])
        return self.async_show_menu(
            step_id="responders",
            menu_options=[
                *("make_link", *(("pick_link",) if found else ()), "sheet"),
            ],
            description_placeholders={"state": " ".join(state)},
        )

    def _doors(self) -> dict[str, str]:
        locks = self._home.roster.locks.values()
        return {lock.ref.id: lock.ref.name for lock in locks}

    # A link

    async def async_step_make_link(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask who comes, and to which doors; then make it."""
        doors, keeping = self._doors(), self._home.responders
        if not doors:
            return self.async_abort(reason="no_lock")
        errors: dict[str, str] = {}
        try:
            keeping.address()
            if user_input is not None:
                errors = await self._make_link(user_input)
                if not errors:
                    return await self.async_step_link_made(None)
        except LinkError as err:
            return self.async_abort(reason=err.key)
        offered = [lock for lock in keeping.sheet.doors if lock in doors]
        minutes = NumberSelectorConfig(min=MIN_MINUTES, max=MAX_MINUTES, step=1)
        schema = vol.Schema(
            {
                vol.Required("agency"): TEXT_FIELD,
                vol.Required("reason"): TEXT_FIELD,
                vol.Required("locks"): _picked(doors),
                vol.Required("minutes"): NumberSelector(minutes),
                vol.Required("asks_code"): BooleanSelector(),
            }
        )
        shown = user_input or {
            # Few houses have a second door with a lock of this kind.
            "locks": offered or ([*doors] if len(doors) == 1 else []),
            "minutes": DEFAULT_MINUTES,
            "asks_code": keeping.sheet.asks_code,
        }
        return self.async_show_form(
            step_id="make_link",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
        )

    async def _make_link(self, said: dict[str, Any]) -> dict[str, str]:
        try:
            data = _CHECK({**said, "minutes": int(said["minutes"])})
        except vol.Invalid:
            return {"base": "incomplete"}
        try:
            self._made, self._address = await self._home.responders.make(
                as_link_request(data), actors.from_request()
            )
        except GrantError as err:
            return {"base": err.key}
        return {}

    async def async_step_link_made(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the link, this once."""
        link = self._made.link
        until = dt_util.as_local(link.end).strftime("%H:%M")
        if user_input is not None:
            return self.async_abort(
                reason="link_good", description_placeholders={"until": until}
            )
        picture = QrCodeSelector(QrCodeSelectorConfig(data=self._address, scale=5))
        return self.async_show_form(
            step_id="link_made_code" if self._made.code else "link_made",
            data_schema=vol.Schema({vol.Optional("qr_code"): picture}),
            description_placeholders={
                "address": self._address,
                "code": " ".join(self._made.code),
                "until": until,
            },
            last_step=True,
        )

    async_step_link_made_code = async_step_link_made

    async def async_step_pick_link(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which one."""
        found = {link.id: link for link in self._home.responders.links.open()}
        if user_input is not None:
            if user_input["link"] not in found:
                return self.async_abort(reason="link_over")
            self._link = found[user_input["link"]]
            return await self.async_step_link(None)
        options = [
            SelectOptionDict(value=link.id, label=f"{link.agency} ({link.reason})")
            for link in found.values()
        ]
        picked = SelectSelector(SelectSelectorConfig(options=options))
        return self.async_show_form(
            step_id="pick_link",
            data_schema=vol.Schema({vol.Required("link"): picked}),
        )

    async def async_step_link(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what can be done with it."""
        until = dt_util.as_local(self._link.end).strftime("%H:%M")
        return self.async_show_menu(
            step_id="link",
            menu_options=["withdraw_link", "link_code"],
            description_placeholders={
                "agency": self._link.agency,
                "until": until,
                "visits": str(len(self._link.visits)),
            },
        )

    async def async_step_link_code(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show another code for the door."""
        if user_input is not None:
            self._told_code = ""
            return await self.async_step_link(None)
        try:
            # A form that is shown again says the same.
            self._told_code = (
                self._told_code
                or await self._home.responders.links.new_code(
                    self._link.id, actors.from_request()
                )
            )
        except LinkError:
            return self.async_abort(reason="link_over")
        return self.async_show_form(
            step_id="link_code",
            data_schema=SURE,
            description_placeholders={"code": " ".join(self._told_code)},
            last_step=True,
        )

    async def async_step_withdraw_link(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Let it be over now: that takes one tap."""
        with suppress(LinkError):
            await self._home.responders.links.withdraw(
                self._link.id, actors.from_request()
            )
        return self.async_abort(reason="link_over")

    # What links show

    async def async_step_sheet(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what responders are to know."""
        errors: dict[str, str] = {}
        sheet = self._home.responders.sheet
        if user_input is not None:
            written = {one: str(user_input.get(one, "")).strip() for one in _WRITTEN}
            errors = {
                one: "too_long" for one, text in written.items() if len(text) > MAX_TEXT
            }
            if not errors:
                new = Sheet(
                    **written,
                    doors=tuple(user_input.get("doors", ())),
                    cameras=tuple(user_input.get("cameras", ())),
                    asks_code=user_input["asks_code"],
                    target=user_input.get("target", ""),
                )
                errors = await kept(
                    self._home.responders.write(new, actors.from_request())
                )
            if not errors:
                return self.async_abort(reason="sheet_saved")
        doors = self._doors()
        cameras = {
            camera.settings.id: camera.settings.name
            for camera in self._home.cameras.cameras.values()
        }
        targets = SelectSelectorConfig(options=self._notify_targets())
        fields: dict[vol.Marker, Any] = {vol.Optional(one): _LONG for one in _WRITTEN}
        if doors:
            fields[vol.Optional("doors")] = _picked(doors)
        if cameras:
            fields[vol.Optional("cameras")] = _picked(cameras)
        fields[vol.Required("asks_code")] = BooleanSelector()
        fields[vol.Optional("target")] = SelectSelector(targets)
        shown = user_input or {
            **{one: getattr(sheet, one) for one in _WRITTEN},
            "doors": [lock for lock in sheet.doors if lock in doors],
            "cameras": [camera for camera in sheet.cameras if camera in cameras],
            "asks_code": sheet.asks_code,
            "target": sheet.target,
        }
        return self.async_show_form(
            step_id="sheet",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields),
                {key: one for key, one in shown.items() if one != ""},
            ),
            errors=errors,
        )
