"""One request, for who clicks: what it says, what can be done with it, its documents."""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    FileSelector,
    FileSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from .. import actors
from ..log import LogUnavailable
from ..requests.models import RequestError
from ..requests.request import NEXT, Request, State
from . import request_text
from .contact_options import ContactOptions
from .fields import TEXT_FIELD
from .steady import steady, tried

MOST_SHOWN = 50
_LONG = TextSelector(TextSelectorConfig(multiline=True))
SURE = vol.Schema({})
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


def choice(
    options: list[str] | list[SelectOptionDict], key: str, *, multiple: bool = False
) -> SelectSelector:
    """Return a choice of one, or of several by ticks; `key` has the words."""
    return SelectSelector(
        SelectSelectorConfig(
            options=options,
            translation_key=key,
            multiple=multiple,
            mode=SelectSelectorMode.LIST if multiple else SelectSelectorMode.DROPDOWN,
        )
    )


class RequestPage(ContactOptions):
    """The part of the menu that is about one request."""

    _request: Request

    @steady
    async def async_step_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show a request, and what can be done with it now."""
        request = self._request = await self._home.inbox.get(self._request.id)
        documents = await self._home.inbox.documents.of(request.id)
        received = request.state is State.RECEIVED
        steps = [step for state, step in _STEPS.items() if state in NEXT[request.state]]
        if received and not request.agency:
            steps.remove("confirm_request")
        release = await self._home.releases.of_request(request.id)
        if release and release.stage.pending:
            # It is withdrawn first.
            steps = [step for step in steps if step != "review_request"]
        if await self._home.inbox.is_held(request):
            steps.append("lift_request")
        else:
            steps.append("hold_request" if request.state.open else "remove_request")
        # Of what compels nobody the no comes first.
        asks = not request.ask.instrument.compels
        no = [step for step in steps if asks and step == _STEPS[State.DECLINED]]
        steps = [step for step in steps if step not in no]
        return self.async_show_menu(
            step_id="request",
            menu_options=[
                *no,
                "request_guide",
                *(("request_agency",) if received else ()),
                *(("release",) if release else ()),
                *(("prepare_release",) if request.answerable and not release else ()),
                *steps,
                *(("request_documents",) if documents else ()),
                "attach_document",
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
            data_schema=SURE,
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
                errors, done = await tried(setting)
                if done:
                    return await self.async_step_request(None)
            search = str(user_input.get("search", ""))
            found = await self._home.agencies.find(search, MOST_SHOWN)
            if not found:
                errors["search"] = "agency_not_found"
        fields: dict[vol.Marker, Any] = {vol.Optional("search"): TEXT_FIELD}
        if found:
            options = await self._agency_choices(found)
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
        # What is no longer possible is not in the menu any more.
        with suppress(RequestError):
            await self._home.inbox.review(self._request.id, actors.from_request())
        return await self.async_step_request(None)

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
        with suppress(RequestError):
            await self._home.inbox.hold(self._request.id, actors.from_request())
        return await self.async_step_request(None)

    @steady
    async def async_step_lift_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Keep it no longer, if the owner is sure."""
        changing = None
        if user_input is not None:
            changing = self._home.inbox.lift(self._request.id, actors.from_request())
        return await self._step("lift_request", SURE, changing)

    async def _step(
        self, step: str, schema: vol.Schema, changing: Awaitable[Request] | None
    ) -> ConfigFlowResult:
        """Make a change and show the request again, or the form with what is wrong."""
        errors: dict[str, str] = {}
        if changing is not None:
            errors, done = await tried(changing)
            if done:
                return await self.async_step_request(None)
        return self.async_show_form(step_id=step, data_schema=schema, errors=errors)

    @steady
    async def async_step_remove_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Forget it and its documents, if the owner is sure."""
        errors: dict[str, str] = {}
        if user_input is not None:
            removing = self._home.inbox.remove(self._request.id, actors.from_request())
            errors, _ = await tried(removing)
            if not errors:
                return self.async_abort(reason="request_removed")
        return self.async_show_form(
            step_id="remove_request", data_schema=SURE, errors=errors
        )

    # Its documents

    @steady
    async def async_step_attach_document(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take a document in."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._attach(user_input["file"])
            if not errors:
                return await self.async_step_request_documents(None)
        return self.async_show_form(
            step_id="attach_document", data_schema=_FILE, errors=errors
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
    async def async_step_request_documents(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show links to its documents."""
        if user_input is not None:
            return await self.async_step_request(None)
        documents = await self._home.inbox.documents.of(self._request.id)
        return self.async_show_form(
            step_id="request_documents",
            data_schema=SURE,
            description_placeholders={
                "documents": request_text.links(self.hass, self._request, documents)
            },
        )
