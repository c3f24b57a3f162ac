"""What was asked of the home, for who clicks: take in, confirm, look at, say no."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from homeassistant.components.http.auth import async_sign_path
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    DateSelector,
    DateTimeSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors
from ..log import LogUnavailable
from ..models import Wanted
from ..requests.models import AgencyType
from ..requests.request import Instrument, Purpose, Request, Via
from ..requests.rules import Limits
from ..web.intake import URL as INTAKE_URL
from ..web.report import URL as REPORT_URL
from . import request_text
from .fields import TEXT_FIELD
from .release_options import ReleasePage
from .request_page import MOST_SHOWN, SURE, choice
from .request_text import SIGNED
from .steady import steady, tried

_MOST_OPEN = 500
"""More than fits a screen, and so few that nobody hides one behind others."""
_LONG = TextSelector(TextSelectorConfig(multiline=True))


def _asked(instrument: Instrument, *, known: bool) -> vol.Schema:
    """Return the form for an instrument; `known`: the agency was chosen already."""
    vias = [one.value for one in Via if one is not Via.SIGNED]
    kinds = [one.value for one in Wanted]
    fields: dict[vol.Marker, Any] = {
        **({} if known else {vol.Required("agency_name"): TEXT_FIELD}),
        vol.Required("via", default=vias[0]): choice(vias, "via"),
        **{vol.Optional(name): TEXT_FIELD for name in ("officer", "badge", "contact")},
        vol.Optional("case_number"): TEXT_FIELD,
        vol.Required("since"): DateTimeSelector(),
        vol.Required("until"): DateTimeSelector(),
        vol.Required("kinds", default=kinds): choice(kinds, "wanted", multiple=True),
        vol.Optional("need"): _LONG,
        vol.Optional("sought"): _LONG,
    }
    if instrument.holds:
        fields[vol.Optional("basis")] = _LONG
    else:
        purposes = [one.value for one in Purpose]
        area = NumberSelectorConfig(
            min=0, max=10000, step=0.01, mode=NumberSelectorMode.BOX
        )
        fields |= {
            vol.Required("purpose", default=Purpose.CRIME.value): choice(
                purposes, "purpose"
            ),
            vol.Required("active", default=False): BooleanSelector(),
            vol.Optional("area"): NumberSelector(area),
        }
    fields[vol.Optional("deadline")] = DateTimeSelector()
    if instrument.compels:
        fields[vol.Required("gag", default=False)] = BooleanSelector()
    fields[vol.Required("hold", default=instrument.holds)] = BooleanSelector()
    return vol.Schema(fields)


class RequestOptions(ReleasePage):
    """The part of the menu that is about requests."""

    _requests_found: list[Request]
    _instrument: Instrument
    _from_agency: str = ""
    _links: str

    @steady
    async def async_step_requests(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the menu."""
        self._from_agency = ""
        waiting = await self._home.inbox.count_open()
        return self.async_show_menu(
            step_id="requests",
            menu_options=[
                *(("open_requests",) if waiting else ()),
                *("record_request", "find_request", "request_report"),
                *("request_rules", "intake"),
            ],
            description_placeholders={"count": str(waiting)},
        )

    # Take one in

    async def async_step_record_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what kind of request it is."""
        if user_input is not None:
            self._instrument = Instrument(user_input["instrument"])
            return await self.async_step_request_asked(None)
        kinds = [one.value for one in Instrument]
        return self.async_show_form(
            step_id="record_request",
            data_schema=vol.Schema(
                {vol.Required("instrument"): choice(kinds, "instrument")}
            ),
        )

    async def async_step_request_of_agency(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take one in from the agency that is shown."""
        self._from_agency = self._agency.id
        return await self.async_step_record_request(None)

    @steady
    async def async_step_request_asked(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what it says."""
        errors: dict[str, str] = {}
        if user_input is not None:
            said = {**user_input, "instrument": self._instrument.value}
            hold = said.pop("hold")
            for name in ("since", "until", "deadline"):
                if name in said:
                    said[name] = request_text.local(said[name])
            if "area" in said:
                said["area"] = round(said["area"] * 1e6)
            recording = self._home.inbox.record(
                said, actors.from_request(), agency_id=self._from_agency, hold=hold
            )
            errors, request = await tried(recording)
            if request:
                self._request = request
                return await self.async_step_request(None)
        schema = _asked(self._instrument, known=bool(self._from_agency))
        return self.async_show_form(
            step_id="request_asked",
            data_schema=self.add_suggested_values_to_schema(schema, user_input or {}),
            errors=errors,
        )

    # Find one

    @steady
    async def async_step_open_requests(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show those that wait for the owner."""
        self._requests_found = await self._home.inbox.find(
            only_open=True, limit=_MOST_OPEN
        )
        return await self.async_step_pick_request(None)

    @steady
    async def async_step_find_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a part of its id, agency, case or officer."""
        errors: dict[str, str] = {}
        if user_input is not None:
            search = str(user_input.get("search", ""))
            self._requests_found = await self._home.inbox.find(search, limit=MOST_SHOWN)
            if self._requests_found:
                return await self.async_step_pick_request(None)
            errors["search"] = "request_not_found"
        return self.async_show_form(
            step_id="find_request",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema({vol.Optional("search"): TEXT_FIELD}), user_input or {}
            ),
            errors=errors,
        )

    @steady
    async def async_step_pick_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which of those that were found."""
        if user_input is not None:
            self._request = await self._home.inbox.get(user_input["request"])
            await self._home.inbox.viewed(self._request, actors.from_request())
            return await self.async_step_request(None)
        options = [
            SelectOptionDict(
                value=one.id, label=await request_text.line(self.hass, one)
            )
            for one in self._requests_found
        ]
        picked = SelectSelector(SelectSelectorConfig(options=options))
        return self.async_show_form(
            step_id="pick_request",
            data_schema=vol.Schema({vol.Required("request"): picked}),
        )

    # What is not answered

    async def async_step_request_rules(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what is not answered, whoever asks, and whom to tell."""
        errors: dict[str, str] = {}
        home = self._home
        if user_input is not None:
            limits = Limits(
                frozenset(map(Purpose, user_input["purposes"])),
                frozenset(map(AgencyType, user_input["agency_types"])),
            )
            target = user_input.get("notify", "")
            try:
                await home.set_request_rules(
                    limits,
                    target,
                    actors.from_request(),
                    second=user_input["second"],
                )
            except LogUnavailable:
                errors["base"] = "log_unavailable"
            else:
                return self.async_abort(reason="request_rules_saved")
        purposes, types = [
            [one.value for one in kind] for kind in (Purpose, AgencyType)
        ]
        targets = SelectSelectorConfig(options=self._notify_targets())
        schema = vol.Schema(
            {
                vol.Required("purposes"): choice(purposes, "purpose", multiple=True),
                vol.Required("agency_types"): choice(
                    types, "agency_type", multiple=True
                ),
                vol.Required("second", default=home.second_approval): BooleanSelector(),
                vol.Optional("notify"): SelectSelector(targets),
            }
        )
        now = home.request_limits
        shown = {
            "purposes": sorted(now.purposes),
            "agency_types": sorted(now.agency_types),
            "notify": home.request_target,
        }
        return self.async_show_form(
            step_id="request_rules",
            data_schema=self.add_suggested_values_to_schema(
                schema,
                user_input
                or {key: value for key, value in shown.items() if value != ""},
            ),
            errors=errors,
        )

    async def async_step_intake(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether agencies may send signed requests, and show where to."""
        errors: dict[str, str] = {}
        intake = self._home.intake
        if user_input is not None:
            try:
                if not user_input["on"]:
                    await intake.switch_off(actors.from_request())
                    return self.async_abort(reason="intake_off")
                if not intake.token or user_input["anew"]:
                    await intake.switch_on(actors.from_request())
                return await self.async_step_intake_address(None)
            except LogUnavailable:
                errors["base"] = "log_unavailable"
        fields: dict[vol.Marker, Any] = {
            vol.Required("on", default=bool(intake.token)): BooleanSelector(),
            vol.Required("anew", default=False): BooleanSelector(),
        }
        return self.async_show_form(
            step_id="intake", data_schema=vol.Schema(fields), errors=errors
        )

    async def async_step_intake_address(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the address."""
        if user_input is not None:
            return await self.async_step_requests(None)
        return self.async_show_form(
            step_id="intake_address",
            data_schema=SURE,
            description_placeholders={
                "address": request_text.from_outside(
                    self.hass, INTAKE_URL + self._home.intake.token
                )
            },
        )

    async def async_step_request_report(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for which period, and give links."""
        errors: dict[str, str] = {}
        today = dt_util.start_of_local_day()
        if user_input is not None:
            since, until = (
                dt_util.start_of_local_day(date.fromisoformat(user_input[name]))
                for name in ("since", "until")
            )
            # The last day is in it.
            until = dt_util.start_of_local_day(until.date() + timedelta(days=1))
            if since < until:
                form = "public" if user_input["public"] else "owner"
                path = f"{form}/{since.isoformat()}/{until.isoformat()}"
                self._links = "\n".join(
                    f"- [report.{kind}]({async_sign_path(self.hass, url, SIGNED)})"
                    for kind in ("html", "csv", "json")
                    for url in [f"{REPORT_URL}{kind}/{quote(path)}"]
                )
                return await self.async_step_report_links(None)
            errors["until"] = "request_window"
        shown = {
            "since": today.replace(month=1, day=1).date().isoformat(),
            "until": today.date().isoformat(),
        }
        fields: dict[vol.Marker, Any] = {
            vol.Required("since"): DateSelector(),
            vol.Required("until"): DateSelector(),
            vol.Required("public", default=True): BooleanSelector(),
        }
        return self.async_show_form(
            step_id="request_report",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), user_input or shown
            ),
            errors=errors,
        )

    async def async_step_report_links(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the links, which are good for some minutes."""
        if user_input is not None:
            return await self.async_step_requests(None)
        return self.async_show_form(
            step_id="report_links",
            data_schema=SURE,
            description_placeholders={"links": self._links},
        )
