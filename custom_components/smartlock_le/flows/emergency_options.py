"""What happens when it matters: voice, times, the PIN, sensors, the monitoring centre."""

from dataclasses import replace
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
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors
from ..emergency import phrases
from ..emergency.channels.dc09 import Dc09
from ..emergency.channels.dc09_frame import Protocol
from ..emergency.channels.dc09_link import Transport
from ..emergency.country_numbers import number_of
from ..emergency.models import EmergencyError
from ..emergency.settings import CentreSettings, account_number
from ..notices import common_texts
from .contact_people import ContactPeople, kept
from .fields import SECRET_FIELD, TEXT_FIELD
from .request_page import SURE, choice

_SHORTEST_PIN, _LONGEST_PIN = 4, 8


def _number(low: int, high: int, unit: str | None = None) -> NumberSelector:
    config = NumberSelectorConfig(min=low, max=high, mode=NumberSelectorMode.BOX)
    if unit:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def is_pin(text: str) -> bool:
    """Tell whether it can be a PIN that ends an alarm."""
    digits = text.isascii() and text.isdigit()
    return digits and _SHORTEST_PIN <= len(text) <= _LONGEST_PIN


class EmergencyOptions(ContactPeople):
    """The part of the menu that is about distress."""

    async def _call(self) -> str:
        """Return whom a person calls for help, to be pressed on a telephone; or nothing."""
        if not (number := number_of(self.hass.config.country)):
            return ""
        texts = await common_texts(self.hass, "emergency_")
        return texts["call"].format(number=f"[{number}](tel:{number})")

    async def _now(self) -> str:
        """Return what is open, and whom to call; or nothing."""
        kinds = await common_texts(self.hass, "incident_kind_")
        found = [
            f"**{kinds[one.kind]}**, {dt_util.as_local(one.raised):%H:%M}"
            for one in self._home.emergency.incidents.open()
        ]
        return "\n\n".join([*found, await self._call(), ""]) if found else ""

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
                if self._home.emergency.voice.listening
                else "no_assist"
                if settings.ready and settings.languages
                else "not_ready"
            ],
            texts["contacts"].format(all=len(settings.contacts), tested=tested),
        ]
        if settings.centre and (centre := self._home.emergency.centre.channel):
            health = centre.health
            key = "ok" if health and health.ok else "bad" if health else "unknown"
            if health and health.ok and health.reason:
                key = health.reason
            state.append(texts[f"centre_{key}"])
            if not settings.centre.key:
                state.append(texts["centre_plain"])
        else:
            state.append(texts["centre_none"])
        if settings.webhook and (hook := self._home.emergency.webhook.channel):
            health = hook.health
            key = "ok" if health and health.ok else "bad" if health else "unknown"
            state.append(texts[f"webhook_{key}"])
        if settings.noonlight and (theirs := self._home.emergency.noonlight.channel):
            health = theirs.health
            key = "ok" if health and health.ok else "bad" if health else "unknown"
            state.append(texts[f"noonlight_{key}"])
            if not settings.noonlight.production:
                state.append(texts["noonlight_sandbox"])
        state.append(await self._call())
        return self.async_show_menu(
            step_id="emergency",
            menu_options=[
                "add_contact_person",
                *(("pick_contact_person",) if settings.contacts else ()),
                *("distress_rules", "distress_sources", "centre"),
                *(("centre_off",) if settings.centre else ()),
                "webhook",
                *(("webhook_off",) if settings.webhook else ()),
                "noonlight",
                *(("noonlight_off",) if settings.noonlight else ()),
                # Both, always: that there is something must not be seen here.
                *("silent", "silent_off"),
                "drill",
            ],
            description_placeholders={"state": " ".join(state)},
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
                pin: SECRET_FIELD,
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
        if pin and not is_pin(pin):
            return {"pin": "distress_pin"}
        try:
            if pin and await self._home.emergency.is_taken(pin):
                return {"pin": "pin_taken"}
        except EmergencyError:
            return {"pin": "code_too_many_tries"}
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
        return await kept(self._home.emergency.set_pin(pin, actors.from_request()))

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
            alarm, forced = bool(user_input["alarm"]), bool(user_input["forced"])
            chosen = tuple(entry.id if entry else one for one, entry in found)
            errors = await self._change(
                lambda now: replace(now, alarm=alarm, forced=forced, sensors=chosen),
                f"alarm: {alarm}; forced door: {forced}; sensors: {len(chosen)}",
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
                        vol.Required("forced"): BooleanSelector(),
                        vol.Optional("sensors"): EntitySelector(sensors),
                    }
                ),
                user_input
                or {
                    "alarm": settings.alarm,
                    "forced": settings.forced,
                    "sensors": [one for one in now if one],
                },
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
                vol.Required("account"): TEXT_FIELD,
                vol.Required("host"): TEXT_FIELD,
                vol.Required("port"): _number(1, 65535),
                vol.Optional("second_host"): TEXT_FIELD,
                vol.Optional("second_port"): _number(1, 65535),
                vol.Required("transport", default="tcp"): choice(
                    transports, "transport"
                ),
                vol.Required("protocol", default="ADM-CID"): choice(
                    [SelectOptionDict(value=one, label=one) for one in protocols], ""
                ),
                vol.Optional("key"): SECRET_FIELD,
                vol.Required("key_hexadecimal", default=True): BooleanSelector(),
                vol.Required("every", default=15): _number(1, 1440, "min"),
            }
        )
        return self.async_show_form(
            step_id="centre",
            data_schema=self.add_suggested_values_to_schema(
                schema,
                {key: one for key, one in user_input.items() if key != "key"}
                if user_input
                else _shown(self._settings.centre),
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
