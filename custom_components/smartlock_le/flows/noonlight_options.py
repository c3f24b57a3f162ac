"""Noonlight, for who clicks: the contract, and where the house is."""

from dataclasses import asdict, replace
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector
import voluptuous as vol

from ..emergency.channels.noonlight import Noonlight
from ..emergency.settings import NoonlightSettings, phone_number
from .fields import SECRET_FIELD, TEXT_FIELD
from .request_page import SURE
from .webhook_options import WebhookOptions

_LONGEST = 100
_STATES = frozenset(
    [
        "AL",
        "AK",
        "AZ",
        "AR",
        "CA",
        "CO",
        "CT",
        "DE",
        "DC",
        "FL",
        "GA",
        "HI",
        "ID",
        "IL",
        "IN",
        "IA",
        "KS",
        "KY",
        "LA",
        "ME",
        "MD",
        "MA",
        "MI",
        "MN",
        "MS",
        "MO",
        "MT",
        "NE",
        "NV",
        "NH",
        "NJ",
        "NM",
        "NY",
        "NC",
        "ND",
        "OH",
        "OK",
        "OR",
        "PA",
        "RI",
        "SC",
        "SD",
        "TN",
        "TX",
        "UT",
        "VT",
        "VA",
        "WA",
        "WV",
        "WI",
        "WY",
    ]
)


class NoonlightOptions(WebhookOptions):
    """The part of the menu that is about Noonlight."""

    async def async_step_noonlight(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what the contract says, and whether they know the token."""
        errors: dict[str, str] = {}
        known = self._settings.noonlight
        if user_input is not None:
            errors = await self._try_noonlight(user_input)
            if not errors:
                return self.async_abort(reason="noonlight_saved")
        token = vol.Optional("token") if known else vol.Required("token")
        schema = vol.Schema(
            {
                token: SECRET_FIELD,
                vol.Required("production", default=False): BooleanSelector(),
                **{vol.Required(one): TEXT_FIELD for one in ("name", "phone", "line1")},
                vol.Optional("line2"): TEXT_FIELD,
                **{vol.Required(one): TEXT_FIELD for one in ("city", "state", "zip")},
            }
        )
        shown = user_input or (asdict(known) if known else {})
        return self.async_show_form(
            step_id="noonlight",
            data_schema=self.add_suggested_values_to_schema(
                schema,
                {
                    key: one
                    for key, one in shown.items()
                    if key not in ("token", "contract")
                },
            ),
            errors=errors,
        )

    async def _try_noonlight(self, said: dict[str, Any]) -> dict[str, str]:
        known = self._settings.noonlight
        names = ("name", "line1", "line2", "city")
        told = {one: str(said.get(one, "")).strip() for one in names}
        for one, text in told.items():
            if len(text) > _LONGEST or not (text or one == "line2"):
                return {one: "noonlight_text"}
        if (phone := phone_number(said["phone"])) is None:
            return {"phone": "noonlight_phone"}
        state, code = said["state"].strip().upper(), said["zip"].strip()
        if state not in _STATES:
            return {"state": "noonlight_state"}
        if not (code.isascii() and code.isdigit() and len(code) == 5):
            return {"zip": "noonlight_zip"}
        token = str(said.get("token") or (known.token if known else "")).strip()
        if not (token.isascii() and token.isprintable() and token.split() == [token]):
            return {"token": "noonlight_token"}
        settings = NoonlightSettings(
            token=token,
            production=bool(said["production"]),
            phone=phone,
            state=state,
            zip=code,
            **told,
        )
        if known and settings.same_as(known):
            settings = replace(settings, contract=known.contract)
        health = await Noonlight(self.hass, settings.build()).look()
        if not health.ok:
            return {"base": f"noonlight_{health.reason}"}
        return await self._change(
            lambda now: replace(now, noonlight=settings), "noonlight on"
        )

    async def async_step_noonlight_off(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether they are not to hear of anything any more."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._change(
                lambda now: replace(now, noonlight=None), "noonlight off"
            )
            if not errors:
                return self.async_abort(reason="noonlight_is_off")
        return self.async_show_form(
            step_id="noonlight_off", data_schema=SURE, errors=errors
        )
