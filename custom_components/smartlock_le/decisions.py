"""What the owner decides: each is an entry first, then an option of the home."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from datetime import datetime
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from . import issues, notices, opening
from .alarm_panel import AlarmPanel
from .cameras.cameras import Cameras
from .cameras.plate_file import PlatesLocked
from .cameras.plate_reads import PlateSettings
from .cameras.plates import PlateList
from .const import (
    CONF_ALARM,
    CONF_GUIDE,
    CONF_INTAKE,
    CONF_MEDIA,
    CONF_PLATES,
    CONF_REQUESTS,
    CONF_RETENTION,
    CONF_STAMPS,
)
from .log import RETENTION_DAYS, Log, LogError
from .models import Actor, utc_now
from .requests.contact import LocalContact
from .requests.guide import Guide
from .requests.models import AgencyType
from .requests.request import Purpose
from .requests.rules import Limits
from .stamping import Stamping, StampSettings

_LOGGER = logging.getLogger(__name__)

MEDIA_DAYS = 30
"""How long pictures are kept unless the owner says otherwise."""


class Decisions(ABC):
    """That part of the home which its owner can change."""

    log: Log
    stamping: Stamping
    cameras: Cameras
    alarm: AlarmPanel
    guide: Guide
    contact: LocalContact

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Take the entry whose options they are."""
        self.hass = hass
        self.entry = entry

    @abstractmethod
    def spawn(self, coro: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task that ends with the entry."""

    @abstractmethod
    def tell(self) -> None:
        """Tell who shows something of the home that it changed."""

    @callback
    def _save(self, option: str, value: object) -> None:
        self.hass.config_entries.async_update_entry(
            self.entry, options={**self.entry.options, option: value}
        )

    @property
    def retention_days(self) -> int:
        """How many days the log keeps what entries say."""
        return int(self.entry.options.get(CONF_RETENTION, RETENTION_DAYS))

    @property
    def media_days(self) -> int:
        """How many days pictures are kept: never longer than what the log says of them."""
        return min(
            int(self.entry.options.get(CONF_MEDIA, MEDIA_DAYS)), self.retention_days
        )

    async def set_retention(self, days: int, media_days: int, actor: Actor) -> None:
        """Change how long entries and pictures are kept; it counts from the next upkeep on.

        Raises LogUnavailable where it could not be entered first.
        """
        kept = {CONF_RETENTION: days, CONF_MEDIA: media_days}
        for setting, value in kept.items():
            await self.log.append(
                "setting", {"setting": setting, "value": str(value), **actor.fields()}
            )
        self.hass.config_entries.async_update_entry(
            self.entry, options={**self.entry.options, **kept}
        )

    async def guest_notice(self) -> str:
        """Return what a guest is to be told."""
        taken = any(
            camera.settings.doors or camera.settings.pictured or self.alarm.entity_id
            for camera in self.cameras.cameras.values()
        )
        return await notices.guest_notice(
            self.hass,
            self.entry.title,
            self.retention_days,
            self.media_days if taken else None,
        )

    async def move_log(self, url: str, actor: Actor) -> None:
        """Move the log to the database at a URL, or into our folder if it is empty.

        Raises LogRefused, LogUnavailable, and it is where it was then.
        """
        await opening.need_driver(self.hass, url)
        # To its end, also when whoever asked goes away.
        await asyncio.shield(self.spawn(self.log.move(url), "log move"))
        await self.log.append_or_keep(
            "setting",
            {"setting": "database", "value": self.log.backend, **actor.fields()},
        )

    @property
    def plate_settings(self) -> PlateSettings:
        """What the owner decided about plates: none are read unless it says so."""
        return PlateSettings.of(self.entry.options.get(CONF_PLATES, {}))

    async def set_plates(
        self, settings: PlateSettings, lists: Mapping[str, PlateList], actor: Actor
    ) -> None:
        """Read plates from now on as these say, or none and forget all that were read.

        Off works at once, whatever log and files do. On raises LogUnavailable where it
        could not be entered first, and PlatesLocked; off PlatesLocked where reads could
        not be forgotten.
        """
        plates, value = self.cameras.plates, "on" if settings.on else "off"
        fields = {"setting": CONF_PLATES, "value": value, **actor.fields()}
        if settings.on:
            await self.log.append("setting", fields)
            await plates.set_lists(lists)
            self._save_plates(settings)
            await self.cameras.start_plates(settings)
            return
        was_on = self.plate_settings.on
        self._save_plates(settings)
        try:
            reads = await plates.forget()
        finally:
            await self.log.append_or_keep("setting", fields)
        if was_on:
            await plates.enter_forgotten(reads, actor)
        await self.cameras.start_plates(settings)
        try:
            await plates.set_lists(lists)
        except PlatesLocked as err:
            _LOGGER.warning("The lists of plates were not kept: %s", err)

    def _save_plates(self, settings: PlateSettings) -> None:
        self._save(CONF_PLATES, asdict(settings))

    @property
    def request_limits(self) -> Limits:
        """What the owner does not answer, whoever asks."""
        kept = self.entry.options.get(CONF_REQUESTS, {})
        limits = Limits()
        return Limits(
            frozenset(map(Purpose, kept.get("purposes", limits.purposes))),
            frozenset(map(AgencyType, kept.get("agency_types", limits.agency_types))),
        )

    @property
    def request_target(self) -> str:
        """Whom to notify of requests; empty: nobody."""
        return str(self.entry.options.get(CONF_REQUESTS, {}).get("notify", ""))

    @property
    def second_approval(self) -> bool:
        """Tell whether a voluntary release needs a second person's word."""
        return bool(self.entry.options.get(CONF_REQUESTS, {}).get("second", False))

    @property
    def takes_signed(self) -> bool:
        """Tell whether signed requests are taken; the log has the last word on it."""
        return bool(self.entry.options.get(CONF_INTAKE, False))

    @callback
    def take_signed(self, on: bool) -> None:
        """Take signed requests from now on, or none."""
        self._save(CONF_INTAKE, on)

    async def set_request_rules(
        self, limits: Limits, target: str, actor: Actor, *, second: bool
    ) -> None:
        """Answer others from now on: what comes in, or is linked to an agency.

        Raises LogUnavailable where it could not be entered first.
        """
        kept: dict[str, list[str]] = {
            "purposes": sorted(limits.purposes),
            "agency_types": sorted(limits.agency_types),
        }
        # One entry for both: half of a decision is none.
        value = "; ".join(f"{name}: {' '.join(said)}" for name, said in kept.items())
        value += f"; second approval: {'yes' if second else 'no'}"
        await self.log.append(
            "setting", {"setting": CONF_REQUESTS, "value": value, **actor.fields()}
        )
        self._save(CONF_REQUESTS, {**kept, "notify": target, "second": second})

    @property
    def guide_news(self) -> list[str]:
        """What changed in the guide since the owner last knew it."""
        return self.guide.since(self.entry.options.get(CONF_GUIDE, self.guide.version))

    @callback
    def guide_read(self) -> None:
        """Note that the owner knows the guide as it is."""
        if self.entry.options.get(CONF_GUIDE) != self.guide.version:
            self._save(CONF_GUIDE, self.guide.version)
        issues.guide_news(self.hass, [])

    @callback
    def check_guide(self) -> None:
        """Say that the guide is old, or other than the owner knows it."""
        country, today = self.hass.config.country or "", utc_now().date()
        issues.guide_dated(self.hass, self.guide.dated(country, today))
        if news := self.guide_news:
            issues.guide_news(self.hass, news)
        else:
            self.guide_read()

    async def check_contact(self) -> None:
        """Remind the owner of their contact, if it is time. Raises LogUnavailable."""
        contact = await self.contact.get()
        due = contact is not None and contact.due(utc_now())
        issues.contact_due(self.hass, due)

    async def set_alarm(self, panel: str, actor: Actor) -> None:
        """Follow another alarm system: an id of the registry, an entity id, or nothing.

        Raises LogUnavailable where it could not be entered first.
        """
        await self.log.append(
            "setting", {"setting": CONF_ALARM, "value": panel, **actor.fields()}
        )
        self._save(CONF_ALARM, panel)
        self.alarm.follow(panel)

    @property
    def stamp_authority(self) -> dict[str, str]:
        """The authority that was chosen last, `url` and `root`; empty if none was."""
        kept = self.entry.options.get(CONF_STAMPS, {})
        return {name: kept[name] for name in ("url", "root") if name in kept}

    @property
    def stamps(self) -> StampSettings | None:
        """Who stamps the log; None: nobody, as long as the owner did not say so."""
        kept = self.entry.options.get(CONF_STAMPS, {})
        if not kept.get("on"):
            return None
        since = datetime.fromisoformat(kept["since"])
        return StampSettings(kept["url"], kept["root"], since)

    async def start_stamps(self, url: str, root: str, actor: Actor) -> LogError | None:
        """Have the log stamped from now on; return why there is no first stamp, if so.

        `root` is a certificate as PEM. Raises LogUnavailable where it could not be
        entered first.
        """
        await self.log.append("setting", _stamps_entry("on", actor))
        self._save_stamps(on=True, url=url, root=root, since=utc_now().isoformat())
        return await self.stamping.run()

    async def stop_stamps(self, actor: Actor) -> None:
        """Have the log stamped no more; that works at once, whatever the log does."""
        if self.stamps is None:
            return
        self._save_stamps(on=False)
        await self.log.append_or_keep("setting", _stamps_entry("off", actor))
        await self.stamping.run()

    @callback
    def _save_stamps(self, **changed: bool | str) -> None:
        kept = self.entry.options.get(CONF_STAMPS, {})
        self._save(CONF_STAMPS, {**kept, **changed})


def _stamps_entry(value: str, actor: Actor) -> dict[str, str]:
    return {"setting": CONF_STAMPS, "value": value, **actor.fields()}
