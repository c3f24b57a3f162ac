"""A server that is told when it matters, for who clicks: its address, and what proves us."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from homeassistant.config_entries import ConfigFlowResult
import voluptuous as vol

from ..emergency.channels.channel import ChannelError
from ..emergency.channels.webhook import new_secret
from ..emergency.models import Signal, Way, What
from ..emergency.settings import Settings, WebhookSettings
from .emergency_options import EmergencyOptions
from .fields import TEXT_FIELD
from .hook_form import hook_fields, read_hook, shown_again
from .request_page import SURE

_LONGEST_AREA = 200


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
        fields = hook_fields(known=known is not None)
        if known:
            shown = {"url": known.url, "area": known.area}
        else:
            address = self._home.responders.sheet.address
            shown = {"area": address or self._home.entry.title}
            shown["secret"] = self._hook_secret = self._hook_secret or new_secret()
        if user_input is not None:
            shown = shown_again(user_input, known=known is not None)
        return self.async_show_form(
            step_id="webhook",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields | {vol.Required("area"): TEXT_FIELD}), shown
            ),
            errors=errors,
        )

    async def _try_webhook(self, said: dict[str, Any]) -> dict[str, str]:
        known = self._settings.webhook
        errors, url, secret = read_hook(said, known.secret if known else "")
        if errors:
            return errors
        area = str(said["area"]).strip()
        if not 0 < len(area) <= _LONGEST_AREA:
            return {"area": "webhook_area"}
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
