"""What an agency is told of an incident, for who clicks: where, look, approve, stop."""

from typing import Any
from xml.etree import ElementTree as ET

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector, SelectOptionDict
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors
from ..emergency.channels.channel import ChannelError
from ..emergency.channels.webhook import new_secret
from ..feed_keeping import HEADLINES, FeedKeeping
from ..notices import common_texts
from ..sharing.feed_models import Preview, Step
from .code_options import as_text
from .fields import TEXT_FIELD
from .hook_form import hook_fields, read_hook, shown_again
from .request_page import SURE, choice
from .responder_options import ResponderOptions
from .steady import steady, tried


class FeedOptions(ResponderOptions):
    """The part of the menu that is about what an agency is told of an incident."""

    _server_secret: str = ""
    _seen: Preview

    @property
    def _following(self) -> FeedKeeping:
        return self._home.following

    # Where an agency is told

    @steady
    async def async_step_agency_server(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where it is told, and send a test there."""
        errors: dict[str, str] = {}
        known = self._following.servers.get(self._agency.id)
        if user_input is not None:
            errors = await self._try_server(user_input)
            if not errors:
                return self.async_abort(reason="agency_server_saved")
        fields = hook_fields(known=known is not None)
        fields[vol.Required("told", default=False)] = BooleanSelector()
        if known:
            shown: dict[str, Any] = {"url": known.url}
        else:
            self._server_secret = self._server_secret or new_secret()
            shown = {"secret": self._server_secret}
        if user_input is not None:
            shown = shown_again(user_input, known=known is not None)
        return self.async_show_form(
            step_id="agency_server",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), shown),
            errors=errors,
            description_placeholders={
                "agency": as_text(self._agency.facts.name),
                "number": as_text(self._agency.number),
            },
        )

    async def _try_server(self, said: dict[str, Any]) -> dict[str, str]:
        known = self._following.servers.get(self._agency.id)
        errors, url, secret = read_hook(said, known.secret if known else "")
        if errors:
            return errors
        if not said["told"]:
            return {"told": "feed_not_told"}
        try:
            setting = self._following.set_server(
                self._agency, url, secret, actors.from_request()
            )
            errors, _ = await tried(setting)
        except ChannelError as err:
            return {"base": f"webhook_{err.reason}"}
        return errors

    @steady
    async def async_step_agency_server_off(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether it is to be told nothing any more."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors, _ = await tried(
                self._following.remove_server(self._agency, actors.from_request())
            )
            if not errors:
                return self.async_abort(reason="agency_server_is_off")
        return self.async_show_form(
            step_id="agency_server_off", data_schema=SURE, errors=errors
        )

    # An incident

    @steady
    async def async_step_feeds(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show who is told of what, and the menu."""
        feeds = self._following.feeds
        return self.async_show_menu(
            step_id="feeds",
            menu_options=[
                *(("stop_feed",) if feeds.open else ()),
                *(("second_feed",) if feeds.waiting else ()),
                "start_feed",
            ],
            description_placeholders={"state": await self._feeds_state()},
        )

    async def _feeds_state(self) -> str:
        texts = await common_texts(self.hass, "feed_")
        open_feeds = self._following.feeds.open
        if not open_feeds:
            return texts["none"]
        kinds = await self._kinds()
        lines = []
        for feed, trouble in open_feeds.values():
            state = texts["has_not" if trouble else "tries"]
            if feed.taken:
                state = texts["has"]
            step = texts[f"step_{feed.step or Step.ALARM}"]
            who, what = as_text(feed.name), kinds[feed.cause]
            lines.append(f"- {who}: {what}. {step} {state}")
        return "\n".join(lines)

    async def _kinds(self) -> dict[str, str]:
        return await common_texts(self.hass, "incident_kind_")

    async def _names(self) -> dict[str, str]:
        return {one.id: one.facts.name for one in await self._following.hearers()}

    @steady
    async def async_step_start_feed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which agency is to be told of which incident; then show what would go."""
        if not self._home.sharing:
            return self.async_abort(reason="feed_sharing_off")
        if not (names := await self._names()):
            return self.async_abort(reason="feed_no_agency")
        if not (incidents := self._home.emergency.incidents.open()):
            return self.async_abort(reason="feed_no_incident")
        errors: dict[str, str] = {}
        if user_input is not None:
            looking = self._following.feeds.preview(
                user_input["incident"],
                user_input["agency"],
                str(user_input["place"]).strip(),
                actors.from_request(),
            )
            errors, seen = await tried(looking)
            if seen:
                self._seen = seen
                return await self.async_step_feed(None)
        kinds = await self._kinds()
        which = [
            SelectOptionDict(
                value=one.id,
                label=f"{kinds[one.kind]}, {dt_util.as_local(one.raised):%H:%M}",
            )
            for one in reversed(incidents)
        ]
        whom = [SelectOptionDict(value=one, label=names[one]) for one in names]
        place = self._home.responders.sheet.address or self._home.entry.title
        return self.async_show_form(
            step_id="start_feed",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(
                    {
                        vol.Required("incident", default=which[0]["value"]): choice(
                            which, ""
                        ),
                        vol.Required("agency", default=whom[0]["value"]): choice(
                            whom, ""
                        ),
                        vol.Required("place"): TEXT_FIELD,
                    }
                ),
                user_input or {"place": place},
            ),
            errors=errors,
        )

    @steady
    async def async_step_second_feed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask a second person which of those that wait."""
        found = {one.feed.id: one for one in self._following.feeds.waiting}
        if user_input is not None and user_input["feed"] in found:
            self._seen = found[user_input["feed"]]
            return await self.async_step_feed(None)
        if not found:
            return self.async_abort(reason="feed_is_over")
        options = [
            SelectOptionDict(value=one, label=found[one].hearer.name) for one in found
        ]
        return self.async_show_form(
            step_id="second_feed",
            data_schema=vol.Schema({vol.Required("feed"): choice(options, "")}),
        )

    @steady
    async def async_step_feed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show all that would go, and ask whether just this may."""
        errors: dict[str, str] = {}
        seen = self._seen
        if user_input is not None:
            if not user_input["looked"]:
                errors["looked"] = "release_not_looked"
            else:
                approving = self._following.feeds.approve(
                    seen.feed.id, seen.feed.preview, actors.from_request()
                )
                errors, feed = await tried(approving)
                if feed:
                    return self._came_of(feed.id)
        return self.async_show_form(
            step_id="feed",
            data_schema=vol.Schema(
                {vol.Required("looked", default=False): BooleanSelector()}
            ),
            errors=errors,
            description_placeholders=await self._feed_about(seen),
        )

    def _came_of(self, feed_id: str) -> ConfigFlowResult:
        feeds = self._following.feeds
        if any(one.feed.id == feed_id for one in feeds.waiting):
            return self.async_abort(reason="feed_waits")
        if feed_id in feeds.open:
            return self.async_abort(reason="feed_on")
        # The incident ended just now.
        return self.async_abort(reason="feed_is_over")

    async def _feed_about(self, seen: Preview) -> dict[str, str]:
        texts = await common_texts(self.hass, "feed_")
        facts, host = seen.hearer, seen.hearer.host
        agency = await self._home.agencies.get(facts.agency)
        domain = agency.facts.email_domain
        theirs = domain and f".{host}".endswith(f".{domain}")
        now = self._following.step(seen.feed.incident) or Step.ALARM
        first = seen.messages.get(now, seen.messages[Step.ALARM])
        later = [f"- {HEADLINES[step]}" for step in seen.messages if step is not now]
        return {
            "agency": as_text(facts.name),
            "server": as_text(host),
            "elsewhere": "" if theirs else f"**{texts['elsewhere']}**",
            "message": "\n".join(_lines(first)),
            "later": "\n".join(later),
            "hash": seen.feed.preview,
        }

    @steady
    async def async_step_stop_feed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Let nothing more go: that takes one tap, where there is one."""
        open_feeds = self._following.feeds.open
        chosen = user_input["feed"] if user_input else ""
        if user_input is None and len(open_feeds) == 1:
            (chosen,) = open_feeds
        if chosen or not open_feeds:
            halting = self._following.feeds.halt(chosen, actors.from_request())
            errors, _ = await tried(halting)
            not_kept = "feed_stop_not_kept" in errors.values()
            return self.async_abort(
                reason="feed_stop_not_kept" if not_kept else "feed_is_over"
            )
        kinds = await self._kinds()
        options = [
            SelectOptionDict(value=key, label=f"{feed.name}: {kinds[feed.cause]}")
            for key, (feed, _) in open_feeds.items()
        ]
        return self.async_show_form(
            step_id="stop_feed",
            data_schema=vol.Schema({vol.Required("feed"): choice(options, "")}),
        )


def _lines(message: bytes) -> list[str]:
    """Return all that is in a message, to be read: an element that says something a line."""
    found = [
        (element.tag.rpartition("}")[2], element.text)
        # Ours, of just now.
        for element in ET.fromstring(message).iter()  # noqa: S314
        if element.text
    ]
    return [f"- {name}: {as_text(text)}" for name, text in found]
