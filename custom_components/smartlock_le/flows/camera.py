"""Add a camera to the home, or set it up anew."""

from collections.abc import Mapping
import shutil
from typing import Any

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentry,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol
from yarl import URL

from ..cameras import masks
from ..cameras.announcers import suggested
from ..cameras.clip import LONGEST, binary
from ..cameras.models import Seen
from ..const import (
    CONF_CAMERA,
    CONF_CLIP,
    CONF_DOORS,
    CONF_FRIGATE,
    CONF_FRIGATE_URL,
    CONF_MASKS,
    CONF_PICTURED,
    CONF_PRIVATE,
    DOMAIN,
    SUBENTRY_CAMERA,
    SUBENTRY_LOCK,
)

_EXAMPLE = "http://192.168.1.20:5000"


def _is_address(text: str) -> bool:
    """Tell whether it is where Frigate can be asked: it takes no password there."""
    try:
        url = URL(text)
    except ValueError:
        return False
    asked = url.query_string or url.fragment or url.user or url.password
    return url.scheme in ("http", "https") and bool(url.host) and not asked


class CameraFlow(ConfigSubentryFlow):
    """A camera of the home."""

    _entity_id = ""
    _camera_id = ""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which camera."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="home_not_loaded")
        errors: dict[str, str] = {}
        if user_input is not None:
            self._entity_id = user_input[CONF_CAMERA]
            self._camera_id = self._lasting(self._entity_id)
            if self.hass.states.get(self._entity_id) is None:
                errors[CONF_CAMERA] = "camera_not_found"
            elif self._camera_id in self._known():
                errors[CONF_CAMERA] = "already_configured"
            else:
                return await self.async_step_setup()
        camera = EntitySelector(EntitySelectorConfig(domain=SUBENTRY_CAMERA))
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema({vol.Required(CONF_CAMERA): camera}), user_input
            ),
            errors=errors,
        )

    async def async_step_setup(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which doors it looks at, what announces things, what is never kept."""
        state = self.hass.states.get(self._entity_id)
        name = state.name if state else self._entity_id
        errors: dict[str, str] = {}
        if user_input is not None:
            data, errors = await self._read(user_input)
            if self._camera_id in self._known():
                return self.async_abort(reason="already_configured")
            if not errors:
                return self.async_create_entry(
                    title=name,
                    data={**data, CONF_PRIVATE: False},
                    unique_id=self._camera_id,
                )
        return self._form(
            "setup",
            user_input
            or {
                CONF_DOORS: list(self._doors()),
                CONF_PICTURED: [Seen.RING.value],
                **suggested(self.hass, self._entity_id),
            },
            errors,
            name,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask all but the camera again."""
        entry, subentry = self._get_entry(), self._get_reconfigure_subentry()
        errors: dict[str, str] = {}
        if user_input is not None:
            data, errors = await self._read(user_input)
            if not errors:
                # The entry's listener takes them up.
                return self.async_update_and_abort(
                    entry, subentry, data={**subentry.data, **data}
                )
        return self._form(
            "reconfigure", user_input or self._shown(subentry), errors, subentry.title
        )

    def _form(
        self, step: str, shown: Mapping[str, Any], errors: dict[str, str], name: str
    ) -> SubentryFlowResult:
        return self.async_show_form(
            step_id=step,
            data_schema=self.add_suggested_values_to_schema(self._schema(), shown),
            errors=errors,
            description_placeholders={"name": name, "example": _EXAMPLE},
        )

    def _shown(self, subentry: ConfigSubentry) -> dict[str, Any]:
        """Return what was chosen, as far as it is still there."""
        registry, data = er.async_get(self.hass), subentry.data
        announced = {
            kind.value: [
                entity_id
                for one in data.get(kind, [])
                if (entity_id := er.async_resolve_entity_id(registry, one))
            ]
            for kind in Seen
        }
        doors = [door for door in data[CONF_DOORS] if door in self._doors()]
        return {**data, **announced, CONF_DOORS: doors}

    def _lasting(self, entity_id: str) -> str:
        """Return what an entity is known by, also when it is renamed."""
        entry = er.async_get(self.hass).async_get(entity_id)
        return entry.id if entry else entity_id

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

    def _schema(self) -> vol.Schema:
        doors = [
            SelectOptionDict(value=lock_id, label=name)
            for lock_id, name in self._doors().items()
        ]
        announcers = EntitySelector(
            EntitySelectorConfig(
                domain=["binary_sensor", "event"],
                multiple=True,
                exclude_entities=[
                    entry.entity_id
                    for entry in er.async_get(self.hass).entities.values()
                    if entry.platform == DOMAIN
                ],
            )
        )
        return vol.Schema(
            {
                vol.Optional(CONF_DOORS): SelectSelector(
                    SelectSelectorConfig(
                        options=doors, multiple=True, mode=SelectSelectorMode.LIST
                    )
                ),
                **{vol.Optional(kind.value): announcers for kind in Seen},
                vol.Optional(CONF_FRIGATE): TextSelector(),
                vol.Optional(CONF_FRIGATE_URL): TextSelector(
                    TextSelectorConfig(type=TextSelectorType.URL)
                ),
                vol.Optional(CONF_PICTURED): SelectSelector(
                    SelectSelectorConfig(
                        options=[kind.value for kind in Seen],
                        translation_key=CONF_PICTURED,
                        multiple=True,
                        mode=SelectSelectorMode.LIST,
                    )
                ),
                vol.Optional(CONF_CLIP): NumberSelector(
                    NumberSelectorConfig(
                        min=0, max=LONGEST, step=5, unit_of_measurement="s"
                    )
                ),
                vol.Optional(CONF_MASKS): TextSelector(
                    TextSelectorConfig(multiline=True)
                ),
            }
        )

    async def _read(
        self, user_input: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what was entered, and what is wrong with it."""
        zones = user_input.get(CONF_MASKS, "").strip()
        errors = {}
        try:
            masks.parse(zones)
        except ValueError:
            errors[CONF_MASKS] = "masks_invalid"
        address = user_input.get(CONF_FRIGATE_URL, "").strip().rstrip("/")
        if address and not _is_address(address):
            errors[CONF_FRIGATE_URL] = "frigate_url_invalid"
        seconds = int(user_input.get(CONF_CLIP, 0))
        if seconds and not await self.hass.async_add_executor_job(
            shutil.which, binary(self.hass)
        ):
            errors[CONF_CLIP] = "ffmpeg_missing"
        announced = {
            kind.value: [self._lasting(one) for one in user_input.get(kind, [])]
            for kind in Seen
        }
        return {
            CONF_DOORS: user_input.get(CONF_DOORS, []),
            CONF_PICTURED: user_input.get(CONF_PICTURED, []),
            CONF_FRIGATE: user_input.get(CONF_FRIGATE, "").strip(),
            CONF_FRIGATE_URL: address,
            CONF_CLIP: seconds,
            CONF_MASKS: zones,
            **announced,
        }, errors
