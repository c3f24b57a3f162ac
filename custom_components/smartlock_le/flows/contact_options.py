"""The owner's own contact at the police, for who clicks."""

from collections.abc import Awaitable
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector, TextSelector
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors
from ..notices import common_text
from ..requests.contact import Contact
from .agency_options import AgencyOptions
from .code_options import as_text
from .steady import steady, tried

_NOTES = 20
"""Notes that are shown."""
_CONTACT = vol.Schema(
    {
        vol.Required("name"): TextSelector(),
        vol.Optional("reach"): TextSelector(),
        vol.Required("remind", default=False): BooleanSelector(),
    }
)
_NOTE = vol.Schema({vol.Required("text"): TextSelector()})


class ContactOptions(AgencyOptions):
    """The part of the menu that is about the contact."""

    @steady
    async def async_step_local_contact(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show who it is and what was written down."""
        contact = await self._home.contact.get()
        return self.async_show_menu(
            step_id="local_contact",
            menu_options=[
                *(("note_contact",) if contact else ()),
                "save_contact",
                *(("remove_contact",) if contact else ()),
            ],
            description_placeholders={"about": await self._about_contact(contact)},
        )

    async def _about_contact(self, contact: Contact | None) -> str:
        if contact is None:
            return await common_text(self.hass, "no_contact")
        notes = [
            f"- {dt_util.as_local(note.time):%Y-%m-%d}: {as_text(note.text)}"
            for note in contact.notes[:_NOTES]
        ]
        who = f"**{as_text(contact.name)}**"
        return "\n\n".join([who, as_text(contact.reach), "\n".join(notes)])

    @steady
    async def async_step_save_contact(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask who it is."""
        errors: dict[str, str] = {}
        if user_input is not None:
            saving = self._home.contact.save(user_input, actors.from_request())
            if not (errors := await self._contact_tried(saving)):
                return await self.async_step_local_contact(None)
        contact = await self._home.contact.get()
        shown = (
            {"name": contact.name, "reach": contact.reach, "remind": contact.remind}
            if contact
            else {}
        )
        return self.async_show_form(
            step_id="save_contact",
            data_schema=self.add_suggested_values_to_schema(
                _CONTACT, user_input or shown
            ),
            errors=errors,
        )

    @steady
    async def async_step_note_contact(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what was said."""
        errors: dict[str, str] = {}
        if user_input is not None:
            noting = self._home.contact.note(user_input["text"], actors.from_request())
            if not (errors := await self._contact_tried(noting)):
                return await self.async_step_local_contact(None)
        return self.async_show_form(
            step_id="note_contact",
            data_schema=self.add_suggested_values_to_schema(_NOTE, user_input or {}),
            errors=errors,
        )

    @steady
    async def async_step_remove_contact(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Forget it, if the owner is sure."""
        if user_input is not None:
            await self._home.contact.remove(actors.from_request())
            await self._home.check_contact()
            return self.async_abort(reason="contact_removed")
        return self.async_show_form(
            step_id="remove_contact", data_schema=vol.Schema({})
        )

    async def _contact_tried(self, changing: Awaitable[None]) -> dict[str, str]:
        """Return what a form is to say of a change; nothing: it is done."""
        errors, _ = await tried(changing)
        if not errors:
            await self._home.check_contact()
        return errors
