"""The steps that pair a lock and take its PIN, for every flow that needs them."""

from contextlib import AbstractAsyncContextManager
from typing import Any, override

from homeassistant.core import callback
from homeassistant.data_entry_flow import FlowContext, FlowResult
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util.file import WriteError
import voluptuous as vol

from ..const import DOMAIN
from ..locks.keybook import KeyBookUnreadable, LockKeys
from ..locks.nuki.client import Credentials, NukiClient
from ..locks.nuki.messages import Config
from ..locks.nuki.product import Product
from ..models import LockError, LockRefused, LockUnreachable, Refusal
from . import abandoned
from .adding import AddingSteps, open_book

CONF_PIN = "pin"
_PIN_DIGITS = 4
_APP_NAME = "SmartLock LE"


class PairingSteps[Context: FlowContext, Result: FlowResult[Any, Any], Key](
    AddingSteps[Context, Result, Key]
):
    """Steps `pair` and `pin`; then `_complete`."""

    _credentials: Credentials | None = None
    _unkept: Credentials | None = None
    """A pairing of this flow that is in no file yet."""
    _config: Config | None = None
    _pin: int | None = None
    _before: LockKeys | None = None
    """What we held before, where only the PIN changes: then there must be one."""

    def _client(self) -> AbstractAsyncContextManager[NukiClient]:
        """Speak to the lock."""
        return abandoned.client_of(
            self.hass, self.address, self.lock_name, self._credentials
        )

    @override
    async def _keep(self) -> None:
        await super()._keep()
        self._unkept = None

    @callback
    @override
    def async_remove(self) -> None:
        """Take a pairing back that nobody kept: the dialog was closed, or came to no end."""
        super().async_remove()
        if self._unkept:
            abandoned.remember(self.hass, self.address, self._unkept)
            self.hass.async_create_background_task(
                abandoned.take_back(self.hass, self.address, self.lock_name, self._pin),
                f"{DOMAIN} abandoned pairing of {self.address}",
            )

    async def async_step_pair(self, user_input: dict[str, Any] | None = None) -> Result:
        """Pair, once the person switched the lock's pairing mode on."""
        errors: dict[str, str] = {}
        if user_input is not None:
            # Before the lock is asked: nobody takes back a pairing that is not kept.
            if reason := self._obstacle():
                return self.async_abort(reason=reason)
            try:
                async with self._client() as client:
                    if self._credentials is None:
                        self._credentials = await client.pair(_APP_NAME)
                        self._unkept = self._credentials
                    self._config = await client.read_config()
            except LockError as err:
                if isinstance(err, LockRefused) and (
                    err.reason is Refusal.NOT_SUPPORTED
                ):
                    return self._unsupported(err.detail or self.lock_name)
                errors["base"] = _error(err)
            else:
                if self._config.product is not Product.SMART_LOCK:
                    return self._unsupported(self._config.product)
                # From here on by the name that its owner gave it in the maker's app.
                self.lock_name = self._named(self._config)
                return await self.async_step_pin()
        return self.async_show_form(
            step_id="pair",
            data_schema=vol.Schema({}),
            errors=errors,
            description_placeholders={"name": self.lock_name},
        )

    def _named(self, config: Config) -> str:
        """Return what to call it: two of one name are told apart by their Nuki ID."""
        name = config.name or self.lock_name
        taken = {
            subentry.title
            for entry in self.hass.config_entries.async_entries(DOMAIN)
            for subentry in entry.subentries.values()
            if subentry.unique_id != self.address
        }
        return f"{name} ({config.nuki_id:08X})" if name in taken else name

    def _unsupported(self, device: str) -> Result:
        """End with what this device is."""
        return self.async_abort(
            reason="unsupported_lock", description_placeholders={"device": device}
        )

    async def _change_pin(self) -> Result:
        """Take a PIN under the pairing that we have."""
        try:
            self._before = (await open_book(self.hass)).get(self.address)
        except KeyBookUnreadable:
            return self.async_abort(reason="keys_unreadable")
        if self._before is None:
            return await self.async_step_pair()
        self._credentials = Credentials.from_dict(self._before.credentials)
        return await self.async_step_pin()

    async def async_step_pin(self, user_input: dict[str, Any] | None = None) -> Result:
        """Take the security PIN, or go on without."""
        errors: dict[str, str] = {}
        if user_input is not None:
            digits = user_input.get(CONF_PIN, "").strip()
            error = await self._check_pin(digits)
            if error is None:
                self._pin = int(digits) if digits else None
                if digits:
                    await abandoned.take_back(
                        self.hass, self.address, self.lock_name, self._pin
                    )
                self.keys = self._found()
                try:
                    return await self._complete()
                except WriteError:
                    error = "not_saved"
                except KeyBookUnreadable:
                    error = "keys_unreadable"
            errors[CONF_PIN if digits or self._before else "base"] = error
        has_keypad = self._config is None or self._config.has_keypad
        field = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
        return self.async_show_form(
            step_id="pin" if has_keypad else "pin_without_keypad",
            data_schema=vol.Schema({vol.Optional(CONF_PIN): field}),
            errors=errors,
            description_placeholders={"name": self.lock_name},
        )

    async_step_pin_without_keypad = async_step_pin

    async def _check_pin(self, digits: str) -> str | None:
        """Return what is wrong with a PIN; each wrong one counts at the lock."""
        if not digits:
            # An open grant may need the one that we have to take its code off.
            return "pin_empty" if self._before else None
        if len(digits) != _PIN_DIGITS or not (digits.isascii() and digits.isdigit()):
            return "pin_format"
        try:
            async with self._client() as client:
                if self._config is None:
                    self._config = await client.read_config()
                right = await client.verify_pin(int(digits))
        except LockError as err:
            return _error(err)
        return None if right else "wrong_pin"

    def _found(self) -> LockKeys:
        """Return what was found, for the key book."""
        assert self._config
        assert self._credentials
        return LockKeys(
            name=self.lock_name,
            credentials=self._credentials.as_dict(),
            pin=self._pin,
            has_keypad=self._config.has_keypad,
            firmware=self._config.firmware,
        )


def _error(err: LockError) -> str:
    if isinstance(err, LockUnreachable):
        return "cannot_reach"
    if isinstance(err, LockRefused):
        if err.reason in (Refusal.NOT_PAIRING, Refusal.PIN_BLOCKED):
            return err.reason.value
        return "refused"
    return "answer_lost"
