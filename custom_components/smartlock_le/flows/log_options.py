"""What the owner decides of the log: how long it is kept, where, and who stamps it."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol
from yarl import URL

from .. import actors
from ..home import Home
from ..log import (
    LogError,
    LogRefused,
    LogUnavailable,
    StampNotBelievable,
    StampNotInstalled,
    StampRefused,
    StampUnreachable,
    root_certificate,
)

_STAMPS = vol.Schema(
    {
        vol.Required("on"): BooleanSelector(),
        vol.Optional("url"): TextSelector(
            TextSelectorConfig(type=TextSelectorType.URL)
        ),
        vol.Optional("root"): TextSelector(TextSelectorConfig(multiline=True)),
    }
)


def _is_url(text: str) -> bool:
    try:
        url = URL(text)
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


def _database_url(user_input: dict[str, Any]) -> str:
    """Return the URL that was entered, or nothing for our own folder."""
    if user_input["place"] == "here":
        return ""
    if not (url := str(user_input.get("url", "")).strip()):
        raise LogRefused("database_url")
    return url


def _first_stamp(failure: LogError | None) -> str:
    """Return how it ended that stamps were switched on: by why there is none yet."""
    if failure is None:
        return "stamps_on"
    if isinstance(failure, StampUnreachable):
        return "stamps_on_unreachable"
    if isinstance(failure, StampRefused):
        return "stamps_on_refused"
    if isinstance(failure, StampNotBelievable):
        return "stamps_on_not_believable"
    return "stamps_on_later"


class LogOptions(OptionsFlow):
    """The steps about the log."""

    @property
    def _home(self) -> Home:
        # Looked up at each step: the home may have stopped under an open menu.
        if self.config_entry.state is not ConfigEntryState.LOADED:
            raise AbortFlow("home_not_loaded")
        home: Home = self.config_entry.runtime_data
        return home

    def _notify_targets(self) -> list[str]:
        """Return whom a message can be sent to."""
        targets = {
            *(
                f"notify.{name}"
                for name in self.hass.services.async_services_for_domain("notify")
            ),
            *self.hass.states.async_entity_ids("notify"),
        }
        return sorted(
            targets - {"notify.send_message", "notify.persistent_notification"}
        )

    async def async_step_keep(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how long the log keeps what its entries say, and the pictures."""
        errors: dict[str, str] = {}
        if user_input is not None and user_input["media_days"] > user_input["days"]:
            errors["media_days"] = "longer_than_log"
        elif user_input is not None:
            try:
                await self._home.set_retention(
                    int(user_input["days"]),
                    int(user_input["media_days"]),
                    actors.from_request(),
                )
            except LogUnavailable:
                errors["base"] = "log_unavailable"
            else:
                return self.async_abort(reason="kept")
        days = NumberSelectorConfig(
            min=1, max=3650, step=1, mode=NumberSelectorMode.BOX
        )
        now = {"days": self._home.retention_days, "media_days": self._home.media_days}
        shown = user_input or now
        return self.async_show_form(
            step_id="keep",
            data_schema=vol.Schema(
                {
                    vol.Required(name, default=shown[name]): NumberSelector(days)
                    for name in now
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
                url = _database_url(user_input)
                await self._home.move_log(url, actors.from_request())
            except LogRefused as err:
                errors["base"] = err.key
            except LogUnavailable:
                errors["base"] = "log_unavailable"
            else:
                return self.async_abort(reason="log_moved")
        now = "here" if self._home.log.backend == "sqlite" else "server"
        chosen = (user_input or {}).get("place", now)
        return self.async_show_form(
            step_id="database",
            data_schema=vol.Schema(
                {
                    vol.Required("place", default=chosen): SelectSelector(
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

    async def async_step_stamps(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether the log is stamped, and by whom."""
        errors: dict[str, str] = {}
        home = self._home
        if user_input is not None:
            if not user_input["on"]:
                await home.stop_stamps(actors.from_request())
                return self.async_abort(reason="stamps_off")
            url, root = user_input.get("url", "").strip(), ""
            if not _is_url(url):
                errors["url"] = "url_invalid"
            try:
                root = await self.hass.async_add_executor_job(
                    root_certificate, user_input.get("root", "")
                )
            except ValueError:
                errors["root"] = "root_invalid"
            if not errors:
                try:
                    await home.stamping.install()
                    failure = await home.start_stamps(url, root, actors.from_request())
                except StampNotInstalled:
                    errors["base"] = "stamps_not_installed"
                except LogUnavailable:
                    errors["base"] = "log_unavailable"
                else:
                    return self.async_abort(reason=_first_stamp(failure))
        shown = {"on": home.stamps is not None, **home.stamp_authority}
        return self.async_show_form(
            step_id="stamps",
            data_schema=self.add_suggested_values_to_schema(
                _STAMPS, user_input or shown
            ),
            errors=errors,
        )
