"""Who is told when it matters, for who clicks: contacts, and whether messages arrive."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
import secrets
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)
from homeassistant.util.file import WriteError
import voluptuous as vol

from .. import actors
from ..emergency.channels.channel import ChannelError, is_emergency_number
from ..emergency.settings import Contact, Settings
from ..log import LogUnavailable
from ..models import utc_now
from ..notices import common_texts
from .fields import TEXT_FIELD
from .request_options import RequestOptions
from .request_page import SURE

_LONGEST_NAME = 50


async def kept(changing: Awaitable[None]) -> dict[str, str]:
    """Return what a form is to say of a change."""
    try:
        await changing
    except LogUnavailable:
        return {"base": "log_unavailable"}
    except WriteError:
        return {"base": "not_saved"}
    return {}


class ContactPeople(RequestOptions):
    """The part of the menu that is about contacts."""

    _contact: Contact
    _asked_number: str = ""

    @property
    def _settings(self) -> Settings:
        return self._home.emergency.settings

    async def _change(
        self, decide: Callable[[Settings], Settings], what: str
    ) -> dict[str, str]:
        """Decide anew; return what a form is to say."""
        return await kept(
            self._home.emergency.change(decide, what, actors.from_request())
        )

    async def async_step_add_contact_person(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask who is to be told, and how."""
        errors: dict[str, str] = {}
        if user_input is not None:
            name = str(user_input["name"]).strip()
            target = user_input["target"]
            if not 0 < len(name) <= _LONGEST_NAME:
                errors["name"] = "name_missing"
            elif is_emergency_number(target):
                errors["target"] = "emergency_number"
            else:
                contact = Contact(name=name, target=target)
                errors = await self._change(
                    lambda now: now.with_contact(contact), "contact added"
                )
                if not errors:
                    self._contact = contact
                    return await self.async_step_test_contact_person(None)
        targets = SelectSelectorConfig(options=self._notify_targets())
        schema = vol.Schema(
            {
                vol.Required("name"): TEXT_FIELD,
                vol.Required("target"): SelectSelector(targets),
            }
        )
        return self.async_show_form(
            step_id="add_contact_person",
            data_schema=self.add_suggested_values_to_schema(schema, user_input or {}),
            errors=errors,
        )

    async def async_step_pick_contact_person(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which one."""
        if user_input is not None:
            found = self._settings.contact(user_input["contact"])
            if found is None:
                return self.async_abort(reason="contact_person_gone")
            self._contact = found
            return await self.async_step_contact_person(None)
        options = [
            SelectOptionDict(value=one.id, label=one.name)
            for one in self._settings.contacts
        ]
        picked = SelectSelector(SelectSelectorConfig(options=options))
        return self.async_show_form(
            step_id="pick_contact_person",
            data_schema=vol.Schema({vol.Required("contact"): picked}),
        )

    async def async_step_contact_person(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show a contact, and what can be done."""
        contact = self._settings.contact(self._contact.id)
        if contact is None:
            return self.async_abort(reason="contact_person_gone")
        texts = await common_texts(self.hass, "emergency_")
        return self.async_show_menu(
            step_id="contact_person",
            menu_options=[
                "test_contact_person",
                *(
                    ("first_contact_person",)
                    if contact != self._settings.contacts[0]
                    else ()
                ),
                "remove_contact_person",
            ],
            description_placeholders={
                "name": contact.name,
                "target": contact.target,
                "tested": contact.tested[:10] or texts["never"],
            },
        )

    async def async_step_test_contact_person(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Send a number, and ask which one arrived."""
        errors: dict[str, str] = {}
        contact = self._contact
        if user_input is None:
            self._asked_number = f"{secrets.randbelow(9000) + 1000}"
            try:
                await self._home.emergency.test_contact(contact, self._asked_number)
            except ChannelError:
                return self.async_abort(reason="contact_test_failed")
        elif str(user_input["number"]).strip() != self._asked_number:
            errors["number"] = "wrong_number"
        else:
            tested = replace(contact, tested=utc_now().isoformat())
            errors = await self._change(
                lambda now: now.with_changed(tested), "contact tested"
            )
            if not errors:
                return self.async_abort(reason="contact_tested")
        return self.async_show_form(
            step_id="test_contact_person",
            data_schema=vol.Schema({vol.Required("number"): TEXT_FIELD}),
            description_placeholders={"name": contact.name},
            errors=errors,
        )

    async def async_step_first_contact_person(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Tell this one before the others from now on."""
        first = self._contact.id
        if await self._change(lambda now: now.with_first(first), "contact first"):
            return self.async_abort(reason="contact_person_unchanged")
        return await self.async_step_contact_person(None)

    async def async_step_remove_contact_person(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether they are not to be told any more."""
        errors: dict[str, str] = {}
        if user_input is not None:
            gone = self._contact.id
            errors = await self._change(
                lambda now: now.without_contact(gone), "contact removed"
            )
            if not errors:
                return self.async_abort(reason="contact_person_removed")
        return self.async_show_form(
            step_id="remove_contact_person",
            data_schema=SURE,
            description_placeholders={"name": self._contact.name},
            errors=errors,
        )
