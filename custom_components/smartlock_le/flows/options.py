"""What the owner does without developer tools: let help in now, and end it."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors
from ..access.actions import GRANT_FIELDS, as_request
from ..access.models import (
    DEFAULT_MINUTES,
    MAX_MINUTES,
    MIN_MINUTES,
    GrantError,
    GrantMethod,
    Opened,
)
from ..home import Home
from ..log import LogRefused, LogUnavailable
from ..models import Capability, LockError, LockRefused, LockUnreachable, Refusal

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


def _url_of(user_input: dict[str, Any]) -> str:
    """Return the URL that was entered, or nothing for our own folder."""
    if user_input["place"] == "here":
        return ""
    if not (url := str(user_input.get("url", "")).strip()):
        raise LogRefused("database_url")
    return url


class HomeOptions(OptionsFlow):
    """The menu of the home."""

    _opened: Opened

    @property
    def _home(self) -> Home:
        # Looked up at each step: the home may have stopped under an open menu.
        if self.config_entry.state is not ConfigEntryState.LOADED:
            raise AbortFlow("home_not_loaded")
        home: Home = self.config_entry.runtime_data
        return home

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the menu."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="home_not_loaded")
        return self.async_show_menu(
            step_id="init", menu_options=["help", "end_help", "keep", "database"]
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
        methods = [m.value for m in GrantMethod] if with_code else ["unlock"]
        names = [
            SelectOptionDict(value=lock.ref.id, label=lock.ref.name) for lock in locks
        ]
        targets = sorted(
            [
                f"notify.{name}"
                for name in self.hass.services.async_services_for_domain("notify")
            ]
            + self.hass.states.async_entity_ids("notify")
        )
        for general in ("notify.send_message", "notify.persistent_notification"):
            if general in targets:
                targets.remove(general)
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
                    SelectSelectorConfig(options=targets)
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

    async def async_step_keep(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how long the log keeps what its entries say."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                await self._home.set_retention(
                    int(user_input["days"]), actors.from_request()
                )
            except LogUnavailable:
                errors["base"] = "log_unavailable"
            else:
                return self.async_abort(reason="kept")
        days = NumberSelectorConfig(
            min=1, max=3650, step=1, mode=NumberSelectorMode.BOX
        )
        return self.async_show_form(
            step_id="keep",
            data_schema=vol.Schema(
                {
                    vol.Required(
                        "days", default=self._home.retention_days
                    ): NumberSelector(days)
                }
            ),
            errors=errors,
        )

    async def async_step_database(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the log is kept, and move it there."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                url = _url_of(user_input)
                await self._home.move_log(url, actors.from_request())
            except LogRefused as err:
                errors["base"] = err.key
            except LogUnavailable:
                errors["base"] = "log_unavailable"
            else:
                return self.async_abort(reason="log_moved")
        now = "here" if self._home.log.backend == "sqlite" else "server"
        return self.async_show_form(
            step_id="database",
            data_schema=vol.Schema(
                {
                    vol.Required("place", default=now): SelectSelector(
                        SelectSelectorConfig(
                            options=["here", "server"], translation_key="place"
                        )
                    ),
                    # It holds a password.
                    vol.Optional("url"): TextSelector(
                        TextSelectorConfig(type=TextSelectorType.PASSWORD)
                    ),
                }
            ),
            errors=errors,
        )
