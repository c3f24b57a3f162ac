"""Who is told when it matters, and how: contacts, voice, the PIN, the monitoring centre."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
import secrets
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
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
from homeassistant.util.file import WriteError
import voluptuous as vol

from .. import actors
from ..emergency import phrases
from ..emergency.channels.channel import ChannelError, is_emergency_number
from ..emergency.channels.dc09 import Dc09
from ..emergency.channels.dc09_frame import Protocol
from ..emergency.channels.dc09_link import Transport
from ..emergency.settings import CentreSettings, Contact, Settings, account_number
from ..log import LogUnavailable
from ..models import utc_now
from ..notices import common_texts
from .request_options import RequestOptions
from .request_page import SURE, choice

_TEXT = TextSelector()
_SECRET = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
_SHORTEST_PIN, _LONGEST_PIN = 4, 8
_LONGEST_NAME = 50


def _number(low: int, high: int, unit: str | None = None) -> NumberSelector:
    config = NumberSelectorConfig(min=low, max=high, mode=NumberSelectorMode.BOX)
    if unit:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


class EmergencyOptions(RequestOptions):
    """The part of the menu that is about distress."""

    _contact: Contact
    _asked_number: str = ""

    @property
    def _settings(self) -> Settings:
        return self._home.emergency.settings

    async def async_step_emergency(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show how it stands, and the menu."""
        settings = self._settings
        texts = await common_texts(self.hass, "emergency_")
        tested = sum(bool(one.tested) for one in settings.contacts)
        state = [
            texts[
                "ready"
                if self._home.emergency.heard
                else "no_assist"
                if settings.ready and settings.languages
                else "not_ready"
            ],
            texts["contacts"].format(all=len(settings.contacts), tested=tested),
        ]
        if settings.centre and (centre := self._home.emergency.centre):
            health = centre.health
            key = "ok" if health and health.ok else "bad" if health else "unknown"
            if health and health.ok and health.reason:
                key = health.reason
            state.append(texts[f"centre_{key}"])
        else:
            state.append(texts["centre_none"])
        return self.async_show_menu(
            step_id="emergency",
            menu_options=[
                "add_contact_person",
                *(("pick_contact_person",) if settings.contacts else ()),
                *("distress_rules", "distress_sources", "centre"),
                *(("centre_off",) if settings.centre else ()),
            ],
            description_placeholders={"state": " ".join(state)},
        )

    async def _change(
        self, decide: Callable[[Settings], Settings], what: str
    ) -> dict[str, str]:
        """Decide anew; return what a form is to say."""
        return await _kept(
            self._home.emergency.change(decide, what, actors.from_request())
        )

    # Contacts

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
                vol.Required("name"): _TEXT,
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
            data_schema=vol.Schema({vol.Required("number"): _TEXT}),
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
        return await self.async_step_emergency(None)

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

    # How distress is heard, and ended

    async def async_step_distress_rules(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for languages, times, and the PIN that ends an alarm."""
        errors: dict[str, str] = {}
        settings = self._settings
        if user_input is not None:
            errors = await self._rules(user_input)
            if not errors:
                return self.async_abort(reason="distress_rules_saved")
        known = await self.hass.async_add_executor_job(phrases.languages)
        pin = vol.Optional("pin") if settings.pin else vol.Required("pin")
        schema = vol.Schema(
            {
                vol.Required("languages"): choice(known, "phrases", multiple=True),
                vol.Required("window"): _number(0, 120, "s"),
                vol.Required("pause"): _number(0, 120, "s"),
                pin: _SECRET,
            }
        )
        shown = user_input or {
            # At the first time the language that the house speaks.
            "languages": [*settings.languages]
            or [one for one in known if one == self.hass.config.language],
            "window": settings.window,
            "pause": settings.pause,
        }
        return self.async_show_form(
            step_id="distress_rules",
            data_schema=self.add_suggested_values_to_schema(
                schema, {key: value for key, value in shown.items() if key != "pin"}
            ),
            errors=errors,
        )

    async def _rules(self, said: dict[str, Any]) -> dict[str, str]:
        pin = str(said.get("pin", ""))
        if pin and not (
            pin.isascii()
            and pin.isdigit()
            and _SHORTEST_PIN <= len(pin) <= _LONGEST_PIN
        ):
            return {"pin": "distress_pin"}
        heard = tuple(said["languages"])
        window, pause = int(said["window"]), int(said["pause"])
        errors = await self._change(
            lambda now: replace(now, languages=heard, window=window, pause=pause),
            f"languages: {' '.join(heard)}; window: {window}; pause: {pause}",
        )
        if errors:
            return errors
        if not pin:
            return {}
        return await _kept(self._home.emergency.set_pin(pin, actors.from_request()))

    async def async_step_distress_sources(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what raises distress by itself."""
        errors: dict[str, str] = {}
        settings = self._settings
        registry = er.async_get(self.hass)
        if user_input is not None:
            found = [
                (one, registry.async_get(one)) for one in user_input.get("sensors", [])
            ]
            alarm = bool(user_input["alarm"])
            chosen = tuple(entry.id if entry else one for one, entry in found)
            errors = await self._change(
                lambda now: replace(now, alarm=alarm, sensors=chosen),
                f"alarm: {alarm}; sensors: {len(chosen)}",
            )
            if not errors:
                return self.async_abort(reason="distress_rules_saved")
        sensors = EntitySelectorConfig(domain="binary_sensor", multiple=True)
        now = [er.async_resolve_entity_id(registry, one) for one in settings.sensors]
        return self.async_show_form(
            step_id="distress_sources",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(
                    {
                        vol.Required("alarm"): BooleanSelector(),
                        vol.Optional("sensors"): EntitySelector(sensors),
                    }
                ),
                user_input
                or {"alarm": settings.alarm, "sensors": [one for one in now if one]},
            ),
            errors=errors,
        )

    # The monitoring centre

    async def async_step_centre(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what the contract says, and try it."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._try_centre(user_input)
            if not errors:
                return self.async_abort(reason="centre_saved")
        protocols = [one.value for one in Protocol]
        transports = [one.value for one in Transport]
        schema = vol.Schema(
            {
                vol.Required("account"): _TEXT,
                vol.Required("host"): _TEXT,
                vol.Required("port"): _number(1, 65535),
                vol.Optional("second_host"): _TEXT,
                vol.Optional("second_port"): _number(1, 65535),
                vol.Required("transport", default="tcp"): choice(
                    transports, "transport"
                ),
                vol.Required("protocol", default="ADM-CID"): choice(
                    [SelectOptionDict(value=one, label=one) for one in protocols], ""
                ),
                vol.Optional("key"): _SECRET,
                vol.Required("key_hexadecimal", default=True): BooleanSelector(),
                vol.Required("every", default=15): _number(1, 1440, "min"),
            }
        )
        return self.async_show_form(
            step_id="centre",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or _shown(self._settings.centre)
            ),
            errors=errors,
        )

    async def _try_centre(self, said: dict[str, Any]) -> dict[str, str]:
        account = account_number(said["account"])
        if account is None:
            return {"account": "centre_account"}
        second = str(said.get("second_host", "")).strip()
        if second and not said.get("second_port"):
            return {"second_port": "centre_second_port"}
        known = self._settings.centre
        settings = CentreSettings(
            account=account,
            protocol=Protocol(said["protocol"]),
            transport=Transport(said["transport"]),
            host=str(said["host"]).strip(),
            port=int(said["port"]),
            second_host=second,
            second_port=int(said.get("second_port") or 0),
            key=said.get("key") or (known.key if known else ""),
            key_hexadecimal=said["key_hexadecimal"],
            every=int(said["every"]),
        )
        try:
            centre = Dc09(settings.build())
        except ValueError:
            return {"key": "centre_key"}
        health = await centre.look()
        if not health.ok:
            return {"base": f"centre_{health.reason}"}
        return await self._change(
            lambda now: replace(now, centre=settings), "centre on"
        )

    async def async_step_centre_off(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether the centre is not to hear of anything any more."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._change(
                lambda now: replace(now, centre=None), "centre off"
            )
            if not errors:
                return self.async_abort(reason="centre_is_off")
        return self.async_show_form(
            step_id="centre_off", data_schema=SURE, errors=errors
        )


def _shown(centre: CentreSettings | None) -> dict[str, Any]:
    if centre is None:
        return {}
    shown = {
        "account": centre.account,
        "host": centre.host,
        "port": centre.port,
        "second_host": centre.second_host,
        "second_port": centre.second_port,
        "transport": centre.transport.value,
        "protocol": centre.protocol.value,
        "key_hexadecimal": centre.key_hexadecimal,
        "every": centre.every,
    }
    return {name: value for name, value in shown.items() if value not in ("", 0)}


async def _kept(changing: Awaitable[None]) -> dict[str, str]:
    try:
        await changing
    except LogUnavailable:
        return {"base": "log_unavailable"}
    except WriteError:
        return {"base": "not_saved"}
    return {}
