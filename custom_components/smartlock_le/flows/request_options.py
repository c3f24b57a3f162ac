"""What was asked of the home, for who clicks: take in, confirm, look at, say no."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Any

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    DateTimeSelector,
    FileSelector,
    FileSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors
from ..log import LogUnavailable
from ..requests.models import AgencyType, RequestError
from ..requests.request import NEXT, Instrument, Purpose, Request, State, Via, Wanted
from ..requests.rules import Limits
from . import request_text
from .agency_options import steady
from .contact_options import ContactOptions

_MOST_SHOWN = 50
_TEXT = TextSelector()
_LONG = TextSelector(TextSelectorConfig(multiline=True))
_SURE = vol.Schema({})
_REASON = vol.Schema({vol.Optional("reason"): _LONG})
_FILE = vol.Schema(
    {vol.Required("file"): FileSelector(FileSelectorConfig(accept="*/*"))}
)
_STEPS = {
    State.VERIFIED: "confirm_request",
    State.OWNER_REVIEW: "review_request",
    State.DECLINED: "decline_request",
    State.CHALLENGED: "challenge_request",
    State.CLOSED: "close_request",
}
"""Which choice leads to which state."""


def _choice(options: list[str], key: str, *, multiple: bool = False) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=options,
            translation_key=key,
            multiple=multiple,
            mode=SelectSelectorMode.LIST if multiple else SelectSelectorMode.DROPDOWN,
        )
    )


def _asked(instrument: Instrument, *, known: bool) -> vol.Schema:
    """Return the form for an instrument; `known`: the agency was chosen already."""
    vias = [one.value for one in Via if one is not Via.SIGNED]
    kinds = [one.value for one in Wanted]
    fields: dict[vol.Marker, Any] = {
        **({} if known else {vol.Required("agency_name"): _TEXT}),
        vol.Required("via", default=vias[0]): _choice(vias, "via"),
        **{vol.Optional(name): _TEXT for name in ("officer", "badge", "contact")},
        vol.Optional("case_number"): _TEXT,
        vol.Required("since"): DateTimeSelector(),
        vol.Required("until"): DateTimeSelector(),
        vol.Required("kinds", default=kinds): _choice(kinds, "wanted", multiple=True),
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
            vol.Required("purpose", default=Purpose.CRIME.value): _choice(
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


def _zoned(value: str) -> datetime | str:
    """Read a time of a form, which is one of this place."""
    time = dt_util.parse_datetime(value)
    return (
        value if time is None else time.replace(tzinfo=dt_util.get_default_time_zone())
    )


class RequestOptions(ContactOptions):
    """The part of the menu that is about requests."""

    _request: Request
    _requests_found: list[Request]
    _instrument: Instrument
    _from_agency: str = ""

    @steady
    async def async_step_requests(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the menu."""
        self._from_agency = ""
        waiting = await self._home.inbox.find(only_open=True, limit=_MOST_SHOWN)
        return self.async_show_menu(
            step_id="requests",
            menu_options=[
                *(("open_requests",) if waiting else ()),
                *("record_request", "find_request", "request_rules"),
            ],
            description_placeholders={"count": str(len(waiting))},
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
                {vol.Required("instrument"): _choice(kinds, "instrument")}
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
                    said[name] = _zoned(said[name])
            if "area" in said:
                said["area"] = round(said["area"] * 1e6)
            recording = self._home.inbox.record(
                said, actors.from_request(), agency_id=self._from_agency, hold=hold
            )
            errors, request = await self._tried(recording)
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
            only_open=True, limit=_MOST_SHOWN
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
            self._requests_found = await self._home.inbox.find(
                search, limit=_MOST_SHOWN
            )
            if self._requests_found:
                return await self.async_step_pick_request(None)
            errors["search"] = "request_not_found"
        return self.async_show_form(
            step_id="find_request",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema({vol.Optional("search"): _TEXT}), user_input or {}
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

    # One request

    @steady
    async def async_step_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show a request, and what can be done with it now."""
        request = self._request = await self._home.inbox.get(self._request.id)
        papers = await self._home.inbox.documents(request.id)
        received = request.state is State.RECEIVED
        steps = [step for state, step in _STEPS.items() if state in NEXT[request.state]]
        if received and not request.agency:
            steps.remove("confirm_request")
        if request.hold:
            steps.append("lift_request")
        else:
            steps.append("hold_request" if request.state.open else "remove_request")
        return self.async_show_menu(
            step_id="request",
            menu_options=[
                "request_guide",
                *(("request_agency",) if received else ()),
                *steps,
                *(("request_papers",) if papers else ()),
                "attach_paper",
            ],
            description_placeholders={
                "about": await request_text.about(self._home, request)
            },
        )

    @steady
    async def async_step_request_guide(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what a request of its kind usually is."""
        if user_input is not None:
            return await self.async_step_request(None)
        return self.async_show_form(
            step_id="request_guide",
            data_schema=_SURE,
            description_placeholders={
                "guide": await request_text.guide(self._home, self._request)
            },
        )

    @steady
    async def async_step_request_agency(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which of the directory it is from."""
        errors: dict[str, str] = {}
        found = []
        if user_input is not None:
            if agency := user_input.get("agency"):
                setting = self._home.inbox.set_agency(
                    self._request.id, agency, actors.from_request()
                )
                errors, done = await self._tried(setting)
                if done:
                    return await self.async_step_request(None)
            search = str(user_input.get("search", ""))
            found = await self._home.agencies.find(search, _MOST_SHOWN)
            if not found:
                errors["search"] = "agency_not_found"
        fields: dict[vol.Marker, Any] = {vol.Optional("search"): _TEXT}
        if found:
            options = [
                SelectOptionDict(value=one.id, label=one.facts.name) for one in found
            ]
            fields[vol.Optional("agency")] = SelectSelector(
                SelectSelectorConfig(options=options)
            )
        shown = user_input or {"search": self._request.ask.agency_name}
        return self.async_show_form(
            step_id="request_agency",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), shown),
            errors=errors,
        )

    @steady
    async def async_step_confirm_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether the agency, called by its own number, knows of it."""
        changing = None
        if user_input is not None:
            changing = self._home.inbox.confirm(
                self._request.id, user_input["called"], actors.from_request()
            )
        called = {vol.Required("called", default=False): BooleanSelector()}
        return await self._step("confirm_request", vol.Schema(called), changing)

    @steady
    async def async_step_review_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Begin to look at it."""
        reviewing = self._home.inbox.review(self._request.id, actors.from_request())
        return await self._step("", _SURE, reviewing)

    @steady
    async def async_step_decline_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say no."""
        return await self._end("decline_request", State.DECLINED, user_input)

    @steady
    async def async_step_challenge_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Note that it is disputed."""
        return await self._end("challenge_request", State.CHALLENGED, user_input)

    @steady
    async def async_step_close_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Be done with it."""
        return await self._end("close_request", State.CLOSED, user_input)

    async def _end(
        self, step: str, state: State, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        changing = None
        if user_input is not None:
            inbox = self._home.inbox
            end = {
                State.DECLINED: inbox.decline,
                State.CHALLENGED: inbox.challenge,
                State.CLOSED: inbox.close,
            }[state]
            reason = user_input.get("reason", "")
            changing = end(self._request.id, reason, actors.from_request())
        return await self._step(step, _REASON, changing)

    @steady
    async def async_step_hold_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Keep what it is about from erasure."""
        holding = self._home.inbox.hold(self._request.id, actors.from_request())
        return await self._step("", _SURE, holding)

    @steady
    async def async_step_lift_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Keep it no longer, if the owner is sure."""
        changing = None
        if user_input is not None:
            changing = self._home.inbox.lift(self._request.id, actors.from_request())
        return await self._step("lift_request", _SURE, changing)

    async def _step(
        self, step: str, schema: vol.Schema, changing: Awaitable[Request] | None
    ) -> ConfigFlowResult:
        """Make a change and show the request again, or the form with what is wrong."""
        errors: dict[str, str] = {}
        if changing is not None:
            errors, done = await self._tried(changing)
            if done or not step:
                # What was no longer possible is not in the menu any more.
                return await self.async_step_request(None)
        return self.async_show_form(step_id=step, data_schema=schema, errors=errors)

    @steady
    async def async_step_remove_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Forget it and its papers, if the owner is sure."""
        if user_input is not None:
            await self._home.inbox.remove(self._request.id, actors.from_request())
            return self.async_abort(reason="request_removed")
        return self.async_show_form(step_id="remove_request", data_schema=_SURE)

    # Its papers

    @steady
    async def async_step_attach_paper(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take a paper in."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._attach(user_input["file"])
            if not errors:
                return await self.async_step_request_papers(None)
        return self.async_show_form(
            step_id="attach_paper", data_schema=_FILE, errors=errors
        )

    async def _attach(self, file_id: str) -> dict[str, str]:
        upload = process_uploaded_file(self.hass, file_id)
        try:
            await self._home.inbox.attach(
                self._request.id, upload, actors.from_request()
            )
        except ValueError:
            return {"file": "csv_gone"}
        except RequestError as err:
            return {"file": err.key}
        except LogUnavailable:
            return {"base": "log_unavailable"}
        return {}

    @steady
    async def async_step_request_papers(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show links to its papers."""
        if user_input is not None:
            return await self.async_step_request(None)
        papers = await self._home.inbox.documents(self._request.id)
        return self.async_show_form(
            step_id="request_papers",
            data_schema=_SURE,
            description_placeholders={
                "papers": request_text.papers(self.hass, self._request, papers)
            },
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
                await home.set_request_rules(limits, target, actors.from_request())
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
                vol.Required("purposes"): _choice(purposes, "purpose", multiple=True),
                vol.Required("agency_types"): _choice(
                    types, "agency_type", multiple=True
                ),
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
