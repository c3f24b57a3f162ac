"""Silent alarm and duress, for who clicks.

What is set is never shown again: whoever forces somebody to open this page learns nothing.
"""

from base64 import b64encode
from dataclasses import replace
import re
import secrets
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector, SelectOptionDict
from nacl.public import PrivateKey
import voluptuous as vol

from ..emergency.channels.channel import ChannelError
from ..emergency.pin import Pin, hash_pin
from ..emergency.settings import SilentSettings
from ..models import utc_now
from .emergency_options import is_pin
from .fields import SECRET_FIELD, TEXT_FIELD
from .noonlight_options import NoonlightOptions
from .request_page import SURE, choice

_WORD = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)+")
"""Two words or more: one alone is said every day. Nothing that a sentence means something by."""
_LONGEST_WORD = 80


class SilentOptions(NoonlightOptions):
    """The part of the menu that is about silent alarms."""

    _silent: SilentSettings
    _silent_pin: str
    _silent_key: str
    _silent_numbers: dict[str, str]
    """What each contact is to tell, by their id."""

    async def async_step_silent(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what raises one, and who hears of it; then send them a test."""
        errors: dict[str, str] = {}
        settings = self._settings
        can_tell = self._home.emergency.silent.can_tell
        contacts = [one for one in settings.contacts if await can_tell(one)]
        if not contacts:
            # Only a contact can end one.
            return self.async_abort(reason="silent_no_way")
        if user_input is not None:
            errors = await self._try_silent(user_input)
            if not errors:
                return await self.async_step_silent_test(None)
        fields: dict[vol.Marker, Any] = {
            # Of what must be there the frontend ticks the first, as if it had been set.
            vol.Optional("contacts"): choice(
                [SelectOptionDict(value=one.id, label=one.name) for one in contacts],
                "",
                multiple=True,
            )
        }
        if settings.centre:
            fields[vol.Required("centre", default=False)] = BooleanSelector()
        if settings.webhook:
            fields[vol.Required("webhook", default=False)] = BooleanSelector()
        fields[vol.Optional("pin")] = SECRET_FIELD
        if codes := self._home.codes.all():
            fields[vol.Optional("codes")] = choice(
                [SelectOptionDict(value=one.id, label=one.name) for one in codes],
                "",
                multiple=True,
            )
        fields[vol.Required("phrases", default=False)] = BooleanSelector()
        fields[vol.Optional("word")] = TEXT_FIELD
        shown = {key: one for key, one in (user_input or {}).items() if key != "pin"}
        return self.async_show_form(
            step_id="silent",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), shown),
            errors=errors,
        )

    async def _try_silent(self, said: dict[str, Any]) -> dict[str, str]:
        pin, word = str(said.get("pin", "")), str(said.get("word", "")).strip()
        if pin and not is_pin(pin):
            return {"pin": "distress_pin"}
        if word and not (len(word) <= _LONGEST_WORD and _WORD.fullmatch(word)):
            return {"word": "silent_word"}
        if word and await self._home.emergency.voice.knows(word):
            return {"word": "silent_word_taken"}
        silent = SilentSettings(
            contacts=tuple(said.get("contacts", ())),
            centre=bool(said.get("centre")),
            webhook=bool(said.get("webhook")),
            codes=tuple(said.get("codes", ())),
            phrases=bool(said["phrases"]),
            word=word,
        )
        if not silent.contacts:
            return {"contacts": "silent_nobody"}
        if silent.phrases and not self._settings.languages:
            return {"phrases": "silent_no_language"}
        if not (pin or silent.codes or silent.phrases or word):
            return {"base": "silent_nothing"}
        self._silent, self._silent_pin = silent, pin
        drawn = secrets.SystemRandom().sample(range(1000, 10000), len(silent.contacts))
        self._silent_numbers = dict(zip(silent.contacts, map(str, drawn), strict=True))
        try:
            await self._home.emergency.silent.test(silent, self._silent_numbers)
        except ChannelError:
            return {"base": "silent_not_sent"}
        return {}

    async def async_step_silent_test(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which numbers arrived: each contact has their own."""
        errors: dict[str, str] = {}
        if user_input is not None:
            told = sorted(str(user_input["number"]).split())
            if told != sorted(self._silent_numbers.values()):
                errors["number"] = "wrong_number"
            else:
                errors = await self._save_silent()
            if not errors:
                return await self.async_step_silent_key(None)
        return self.async_show_form(
            step_id="silent_test",
            data_schema=vol.Schema({vol.Required("number"): TEXT_FIELD}),
            errors=errors,
        )

    async def _save_silent(self) -> dict[str, str]:
        pin = self._silent_pin
        key = PrivateKey.generate()
        silent = replace(
            self._silent,
            since=utc_now().isoformat(),
            seal=b64encode(bytes(key.public_key)).decode(),
        )
        # Only now: who tries PINs here has a test sent to all of them.
        if pin and await self._home.emergency.meaning(pin) is Pin.HOUSE:
            return {"base": "silent_pin_taken"}
        if pin:
            hashed = await self.hass.async_add_executor_job(hash_pin, pin)
            silent = replace(silent, pin=hashed)
        errors = await self._change(
            lambda now: replace(now, silent=silent), "silent alarm set"
        )
        self._silent_key = b64encode(bytes(key)).decode()
        return errors

    async def async_step_silent_key(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the key of the contacts, this once: it is kept nowhere."""
        if user_input is not None:
            return self.async_abort(reason="silent_saved")
        return self.async_show_form(
            step_id="silent_key",
            data_schema=SURE,
            description_placeholders={"key": self._silent_key},
            last_step=True,
        )

    async def async_step_silent_off(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether nothing is to raise one any more."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._change(
                lambda now: replace(now, silent=None), "silent alarm off"
            )
            if not errors:
                return self.async_abort(reason="silent_is_off")
        return self.async_show_form(
            step_id="silent_off", data_schema=SURE, errors=errors
        )
