"""A server that is told when it matters, for who clicks: its address, and what proves us."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from homeassistant.config_entries import ConfigFlowResult
import voluptuous as vol

from ..emergency.channels.channel import ChannelError
from ..emergency.channels.webhook import is_safe, new_secret, read_secret
from ..emergency.models import Signal, Way, What
from ..emergency.settings import Settings, WebhookSettings
from .emergency_options import EmergencyOptions
from .fields import SECRET_FIELD, TEXT_FIELD
from .request_page import SURE

LONGEST_URL, _LONGEST_AREA = 500, 200


class WebhookOptions(EmergencyOptions):
    """The part of the menu that is about the webhook."""

    _hook_secret: str = ""

    async def async_step_webhook(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where it goes, and send a test there."""
        errors: dict[str, str] = {}
        known = self._settings.webhook
        if user_input is not None:
            errors = await self._try_webhook(user_input)
            if not errors:
                return self.async_abort(reason="webhook_saved")
        fields: dict[vol.Marker, Any] = {
            vol.Required("url"): TEXT_FIELD,
            vol.Required("area"): TEXT_FIELD,
        }
        if known:
            fields[vol.Optional("secret")] = SECRET_FIELD
            shown = {"url": known.url, "area": known.area}
        else:
            # To be read: the other side needs it before it can take the test.
            fields[vol.Required("secret")] = TEXT_FIELD
            address = self._home.responders.sheet.address
            shown = {"area": address or self._home.entry.title}
            shown["secret"] = self._hook_secret = self._hook_secret or new_secret()
        if user_input is not None:
            shown = user_input if not known else {**user_input, "secret": ""}
        return self.async_show_form(
            step_id="webhook",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), {key: one for key, one in shown.items() if one}
            ),
            errors=errors,
        )

    async def _try_webhook(self, said: dict[str, Any]) -> dict[str, str]:
        url, area = str(said["url"]).strip(), str(said["area"]).strip()
        if len(url) > LONGEST_URL or not is_safe(url):
            return {"url": "webhook_url"}
        if not 0 < len(area) <= _LONGEST_AREA:
            return {"area": "webhook_area"}
        known = self._settings.webhook
        secret = str(said.get("secret") or (known.secret if known else "")).strip()
        try:
            read_secret(secret)
        except ValueError:
            return {"secret": "webhook_secret"}
        settings = WebhookSettings(url=url, secret=secret, area=area)
        # Who knows that something began hears of its end; who is new hears of neither.
        same = known and urlsplit(known.url).netloc == urlsplit(url).netloc
        try:
            await self._home.emergency.hook(settings).send(
                Signal(what=What.TEST, way=Way.WEBHOOK)
            )
        except ChannelError as err:
            return {"base": f"webhook_{err.reason}"}
        incidents = self._home.emergency.incidents

        def decide(now: Settings) -> Settings:
            before = tuple(one.id for one in incidents.open())
            if same and now.webhook:
                before = now.webhook.before
            return replace(now, webhook=replace(settings, before=before))

        return await self._change(decide, "webhook on")

    async def async_step_webhook_off(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether it is not to hear of anything any more."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = await self._change(
                lambda now: replace(now, webhook=None), "webhook off"
            )
            if not errors:
                return self.async_abort(reason="webhook_is_off")
        return self.async_show_form(
            step_id="webhook_off", data_schema=SURE, errors=errors
        )
