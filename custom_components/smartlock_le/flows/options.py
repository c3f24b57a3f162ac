"""What the owner does without developer tools: let help in now, and end it."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors, outgoing
from ..access.actions import GRANT_FIELDS, as_request
from ..access.models import ASKED, DEFAULT_MINUTES, GrantError, GrantMethod, Opened
from ..const import DOMAIN
from ..inputs import MAX_MINUTES, MIN_MINUTES
from ..log import LogUnavailable
from ..models import Capability, LockError, LockRefused, LockUnreachable, Refusal
from ..notices import common_texts
from .code_options import as_text
from .feed_options import FeedOptions

_CHECK = vol.Schema(GRANT_FIELDS)
_SHOWN_REFUSALS = {
    Refusal.PAIRING_LOST,
    Refusal.WRONG_PIN,
    Refusal.CODES_FULL,
    Refusal.BUSY,
    Refusal.JAMMED,
}


def _error(err: LockError | GrantError) -> str:
    if isinstance(err, GrantError):
        return err.key
    if isinstance(err, LockUnreachable):
        return "lock_unreachable"
    if isinstance(err, LockRefused):
        return err.reason.value if err.reason in _SHOWN_REFUSALS else "refused"
    return "outcome_unknown"


class HomeOptions(FeedOptions):
    """The menu of the home."""

    _opened: Opened

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the menu."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="home_not_loaded")
        incidents = self._home.emergency.incidents.open()
        return self.async_show_menu(
            step_id="init",
            menu_options=[
                *(("feeds",) if incidents or self._following.feeds.open else ()),
                *("help", "end_help", "emergency", "responders"),
                *("codes", "alarm", "plates"),
                *(("find_plate",) if self._home.plate_settings.on else ()),
                *("requests", "agencies", "leave", "keep", "database", "stamps"),
            ],
            description_placeholders={"now": await self._now()},
        )

    async def async_step_leave(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show every way out of this house, and how it stands."""
        if user_input is not None:
            return await self.async_step_init(None)
        texts = await common_texts(self.hass, "leave_")
        lines = []
        for way in outgoing.ways(self._home):
            state = texts["never" if way.on is None else "on" if way.on else "off"]
            to = f" ({as_text(way.to)})" if way.to else ""
            lines.append(f"- **{state}**{to}: {texts[way.key]}")
        return self.async_show_form(
            step_id="leave",
            data_schema=vol.Schema({}),
            description_placeholders={"ways": "\n".join(lines)},
        )

    async def async_step_alarm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which alarm system the house has."""
        errors: dict[str, str] = {}
        if user_input is not None:
            chosen = user_input.get("panel", "")
            entry = er.async_get(self.hass).async_get(chosen)
            # Ours would be triggered by what it triggers.
            if entry and entry.platform == DOMAIN:
                errors["panel"] = "alarm_ours"
            else:
                try:
                    await self._home.set_alarm(
                        entry.id if entry else chosen, actors.from_request()
                    )
                except LogUnavailable:
                    errors["base"] = "log_unavailable"
                else:
                    return self.async_abort(reason="alarm_saved")
        panel = EntitySelector(EntitySelectorConfig(domain="alarm_control_panel"))
        return self.async_show_form(
            step_id="alarm",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema({vol.Optional("panel"): panel}),
                user_input or {"panel": self._home.alarm.entity_id},
            ),
            errors=errors,
        )

    async def async_step_help(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask who, why, how long; then open the grant."""
        locks = {lock.ref.id: lock for lock in self._home.roster.locks.values()}
        if not locks:
            return self.async_abort(reason="no_lock")
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                data = _CHECK({**user_input, "minutes": int(user_input["minutes"])})
            except vol.Invalid:
                errors["base"] = "incomplete"
            else:
                try:
                    self._opened = await self._home.grants.open(
                        as_request(data), actors.from_request()
                    )
                except (LockError, GrantError) as err:
                    errors["base"] = _error(err)
                else:
                    return await self.async_step_help_code()
        return self.async_show_form(
            step_id="help",
            data_schema=self.add_suggested_values_to_schema(
                self._help_schema(), user_input or {}
            ),
            errors=errors,
        )

    def _help_schema(self) -> vol.Schema:
        locks = self._home.roster.locks.values()
        with_code = any(Capability.CODES in lock.capabilities for lock in locks)
        methods = [m.value for m in ASKED] if with_code else ["unlock"]
        names = [
            SelectOptionDict(value=lock.ref.id, label=lock.ref.name) for lock in locks
        ]
        text = TextSelector()
        return vol.Schema(
            {
                vol.Required("lock", default=names[0]["value"]): SelectSelector(
                    SelectSelectorConfig(options=names)
                ),
                vol.Required("agency"): text,
                vol.Required("incident"): text,
                vol.Required("reason"): text,
                vol.Required("minutes", default=DEFAULT_MINUTES): NumberSelector(
                    NumberSelectorConfig(min=MIN_MINUTES, max=MAX_MINUTES, step=1)
                ),
                vol.Required("method", default=methods[0]): SelectSelector(
                    SelectSelectorConfig(options=methods, translation_key="method")
                ),
                vol.Required("first_use", default=False): BooleanSelector(),
                vol.Optional("notify"): SelectSelector(
                    SelectSelectorConfig(options=self._notify_targets())
                ),
            }
        )

    async def async_step_help_code(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the code, this once."""
        grant = self._opened.grant
        until = dt_util.as_local(grant.end).strftime("%H:%M")
        if user_input is not None:
            return self.async_abort(
                reason="help_let_in", description_placeholders={"until": until}
            )
        if not self._opened.code:
            step = "help_unlocked"
        elif grant.method is GrantMethod.BOTH and not self._opened.unlocked:
            step = "help_code_only"
        else:
            step = "help_code"
        return self.async_show_form(
            step_id=step,
            data_schema=vol.Schema({}),
            description_placeholders={
                "code": " ".join(self._opened.code),
                "agency": grant.agency,
                "until": until,
            },
            last_step=True,
        )

    async_step_help_code_only = async_step_help_code
    async_step_help_unlocked = async_step_help_code

    async def async_step_end_help(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End an open grant."""
        grants = {grant.id: grant for grant in self._home.grants.open_grants()}
        if not grants:
            return self.async_abort(reason="no_grant")
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                gone = await self._home.grants.revoke(
                    user_input["grant"], actors.from_request()
                )
            except GrantError as err:
                errors["base"] = err.key
            else:
                return self.async_abort(reason="help_ended" if gone else "code_left")
        options = [
            SelectOptionDict(value=grant.id, label=f"{grant.agency} ({grant.incident})")
            for grant in grants.values()
        ]
        return self.async_show_form(
            step_id="end_help",
            data_schema=vol.Schema(
                {
                    vol.Required("grant"): SelectSelector(
                        SelectSelectorConfig(options=options)
                    )
                }
            ),
            errors=errors,
        )
