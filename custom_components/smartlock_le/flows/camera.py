"""Add a camera to the home, or set it up anew."""

from typing import Any

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from ..cameras import masks
from ..const import (
    CONF_CAMERA,
    CONF_DOORS,
    CONF_MASKS,
    CONF_PRIVATE,
    SUBENTRY_CAMERA,
    SUBENTRY_LOCK,
)


class CameraFlow(ConfigSubentryFlow):
    """A camera of the home."""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which camera, which doors it looks at, and what of it is never kept."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="home_not_loaded")
        errors: dict[str, str] = {}
        if user_input is not None:
            entity_id = user_input[CONF_CAMERA]
            data, errors = _read(user_input)
            state = self.hass.states.get(entity_id)
            if state is None:
                errors[CONF_CAMERA] = "camera_not_found"
            entry = er.async_get(self.hass).async_get(entity_id)
            camera_id = entry.id if entry else entity_id
            if camera_id in self._known():
                errors[CONF_CAMERA] = "already_configured"
            if not errors and state:
                return self.async_create_entry(
                    title=state.name,
                    data={**data, CONF_PRIVATE: False},
                    unique_id=camera_id,
                )
        schema = vol.Schema(
            {
                vol.Required(CONF_CAMERA): EntitySelector(
                    EntitySelectorConfig(domain=SUBENTRY_CAMERA)
                ),
                **self._schema(),
            }
        )
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or {CONF_DOORS: list(self._doors())}
            ),
            errors=errors,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for doors and zones again."""
        entry, subentry = self._get_entry(), self._get_reconfigure_subentry()
        errors: dict[str, str] = {}
        if user_input is not None:
            data, errors = _read(user_input)
            if not errors:
                # The entry's listener takes them up.
                return self.async_update_and_abort(
                    entry, subentry, data={**subentry.data, **data}
                )
        # A door may have left the home since.
        still = [door for door in subentry.data[CONF_DOORS] if door in self._doors()]
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(self._schema()),
                user_input or {**subentry.data, CONF_DOORS: still},
            ),
            errors=errors,
            description_placeholders={"name": subentry.title},
        )

    def _known(self) -> set[str | None]:
        return {
            one.unique_id
            for one in self._get_entry().subentries.values()
            if one.subentry_type == SUBENTRY_CAMERA
        }

    def _doors(self) -> dict[str, str]:
        """Return the names of the home's locks by their ids."""
        return {
            one.unique_id: one.title
            for one in self._get_entry().subentries.values()
            if one.subentry_type == SUBENTRY_LOCK and one.unique_id
        }

    def _schema(self) -> dict[vol.Marker, Any]:
        doors = [
            SelectOptionDict(value=lock_id, label=name)
            for lock_id, name in self._doors().items()
        ]
        return {
            vol.Optional(CONF_DOORS): SelectSelector(
                SelectSelectorConfig(
                    options=doors, multiple=True, mode=SelectSelectorMode.LIST
                )
            ),
            vol.Optional(CONF_MASKS): TextSelector(TextSelectorConfig(multiline=True)),
        }


def _read(user_input: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what was entered, and what is wrong with it."""
    zones = user_input.get(CONF_MASKS, "").strip()
    errors = {}
    try:
        masks.parse(zones)
    except ValueError:
        errors[CONF_MASKS] = "masks_invalid"
    return {CONF_DOORS: user_input.get(CONF_DOORS, []), CONF_MASKS: zones}, errors
