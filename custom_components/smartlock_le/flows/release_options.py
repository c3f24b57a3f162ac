"""What goes to an agency, for who clicks: choose, look, approve, give, withdraw."""

from datetime import datetime
from typing import Any

from homeassistant.components.http.auth import async_sign_path
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    DateTimeSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors
from ..models import Wanted
from ..notices import common_text
from ..requests.request import Request
from ..sharing.giving import MOST_HOURS
from ..sharing.models import Field, Release, Scope, Stage
from ..web.releases import BUNDLE, CARRY_URL, PREVIEW_URL, REPORT, URL
from .request_page import SURE, RequestPage, choice
from .request_text import SIGNED, from_outside, local, moment
from .steady import steady, tried

_FORM_TIME = "%Y-%m-%d %H:%M:%S"
_HOURS = NumberSelector(
    NumberSelectorConfig(min=1, max=MOST_HOURS, step=1, mode=NumberSelectorMode.BOX)
)
_STEPS = {
    Stage.PREVIEW: ("approve_release", "prepare_release", "withdraw_release"),
    Stage.WAITING: ("approve_release", "withdraw_release"),
    Stage.APPROVED: ("approve_release", "withdraw_release"),
    Stage.SENDING: ("withdraw_release",),
    Stage.SEALED: ("release_link", "release_file", "withdraw_release"),
    Stage.DELIVERED: (
        *("release_link", "release_file", "prepare_release"),
        "withdraw_release",
    ),
}


def _form_time(time: datetime) -> str:
    return f"{dt_util.as_local(time):{_FORM_TIME}}"


class ReleasePage(RequestPage):
    """The part of the menu that is about what goes to an agency."""

    _release: Release
    _address: str

    @steady
    async def async_step_prepare_release(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what of it goes, at most what is asked for."""
        errors: dict[str, str] = {}
        request = self._request
        if user_input is not None:
            scope = Scope(
                devices=frozenset(user_input["devices"]),
                kinds=frozenset(map(Wanted, user_input["kinds"])),
                fields=frozenset(map(Field, user_input["fields"])),
                since=self._kept(user_input["since"], request.ask.since),
                until=self._kept(user_input["until"], request.ask.until),
            )
            making = self._home.releases.preview(
                request.id, scope, actors.from_request()
            )
            errors, release = await tried(making)
            if release:
                return await self.async_step_release(None)
        return self.async_show_form(
            step_id="prepare_release",
            data_schema=self.add_suggested_values_to_schema(
                self._asked_scope(request), user_input or {}
            ),
            errors=errors,
        )

    def _kept(self, said: str, asked: datetime) -> datetime:
        """Read a time; one that was left alone is the one that was asked, to the microsecond."""
        return asked if said == _form_time(asked) else local(said)

    def _asked_scope(self, request: Request) -> vol.Schema:
        devices = self._home.devices()
        options = [SelectOptionDict(value=one, label=devices[one]) for one in devices]
        kinds = [kind.value for kind in request.ask.kinds]
        fields = [one.value for one in Field]
        return vol.Schema(
            {
                vol.Required("devices", default=list[str]()): choice(
                    options, "device", multiple=True
                ),
                vol.Required("kinds", default=kinds): choice(
                    kinds, "release_kind", multiple=True
                ),
                vol.Required("fields", default=list[str]()): choice(
                    fields, "release_field", multiple=True
                ),
                vol.Required(
                    "since", default=_form_time(request.ask.since)
                ): DateTimeSelector(),
                vol.Required(
                    "until", default=_form_time(request.ask.until)
                ): DateTimeSelector(),
            }
        )

    @steady
    async def async_step_release(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what would go, or went, and what can be done with it now."""
        release = await self._home.releases.of_request(self._request.id)
        if release is None:
            return await self.async_step_request(None)
        self._release = release
        steps = list(_STEPS[release.stage])
        if not release.compelled:
            # Of what compels nobody the no comes first.
            steps.insert(0, steps.pop())
        return self.async_show_menu(
            step_id="release",
            menu_options=[*steps, "request"],
            description_placeholders={"about": await self._release_about()},
        )

    async def _release_about(self) -> str:
        """Return what a release is, and what to beware of, as Markdown."""
        hass, release, counts = self.hass, self._release, self._release.counts

        async def text(key: str, **said: object) -> str:
            return (await common_text(hass, f"release_{key}")).format(**said)

        parts = [f"**{await text(f'stage_{release.stage}')}**"]
        parts.append(
            await text(
                "counts",
                entries=counts.entries,
                hidden=counts.hidden,
                people=counts.people,
                media=counts.media,
                size=f"{counts.bytes / 1e6:.1f}",
            )
        )
        if counts.broken:
            parts.append(f"**{await text('broken', count=counts.broken)}**")
        if counts.missing:
            parts.append(f"**{await text('missing', count=counts.missing)}**")
        if counts.media:
            parts.append(await text("look"))
        parts.append(await text("sealed" if release.recipient else "not_sealed"))
        if release.stage in (Stage.PREVIEW, Stage.WAITING):
            urls = [
                async_sign_path(hass, f"{PREVIEW_URL}{release.id}/{name}", SIGNED)
                for name in (REPORT, BUNDLE)
            ]
            parts.append(await text("links", report=urls[0], bundle=urls[1]))
        if release.link_until:
            parts.append(await text("link_until", time=moment(release.link_until)))
        parts.append(await text("until", time=moment(release.expires)))
        parts.append(f"SHA-256 {release.manifest}")
        return "\n\n".join(parts)

    @steady
    async def async_step_approve_release(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether just this may go."""
        errors: dict[str, str] = {}
        release = self._release
        if user_input is not None:
            if not user_input["looked"]:
                errors["looked"] = "release_not_looked"
            else:
                approving = self._home.releases.approve(
                    release.id, release.manifest, actors.from_request()
                )
                errors, done = await tried(approving)
                if done:
                    return await self.async_step_release(None)
        compelled = "compelled" if release.compelled else "voluntary"
        return self.async_show_form(
            step_id="approve_release",
            data_schema=vol.Schema(
                {vol.Required("looked", default=False): BooleanSelector()}
            ),
            errors=errors,
            description_placeholders={
                "what": await common_text(self.hass, f"release_{compelled}"),
                "hash": release.manifest,
            },
        )

    @steady
    async def async_step_release_link(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how long an address is good."""
        errors: dict[str, str] = {}
        if user_input is not None:
            making = self._home.releases.make_link(
                self._release.id, int(user_input["hours"]), actors.from_request()
            )
            errors, made = await tried(making)
            if made:
                self._address = from_outside(self.hass, URL + made[1])
                return await self.async_step_release_address(None)
        return self.async_show_form(
            step_id="release_link",
            data_schema=vol.Schema({vol.Required("hours", default=72): _HOURS}),
            errors=errors,
        )

    @steady
    async def async_step_release_address(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the address, this once."""
        if user_input is not None:
            return await self.async_step_release(None)
        return self.async_show_form(
            step_id="release_address",
            data_schema=SURE,
            description_placeholders={"address": self._address},
        )

    @steady
    async def async_step_release_file(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Give the file to the owner."""
        if user_input is not None:
            return await self.async_step_release(None)
        release = self._release
        link = async_sign_path(self.hass, CARRY_URL + release.id, SIGNED)
        return self.async_show_form(
            step_id="release_file",
            data_schema=SURE,
            description_placeholders={
                "link": f"[{release.file_name}]({link})",
                "hash": release.sha256,
            },
        )

    @steady
    async def async_step_withdraw_release(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Let nothing of it go any more, if the owner is sure."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors, done = await tried(
                self._home.releases.withdraw(self._release.id, actors.from_request())
            )
            if done:
                return await self.async_step_request(None)
        return self.async_show_form(
            step_id="withdraw_release", data_schema=SURE, errors=errors
        )
