"""Short messages: to the owner's own notify target about a grant, to a guest by hand."""

import logging

from homeassistant.components import persistent_notification
from homeassistant.components.notify import DOMAIN as NOTIFY
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from .access.models import Grant
from .const import DOMAIN
from .emergency.channels.channel import ChannelError
from .emergency.channels.notify import Notice, Notify

_LOGGER = logging.getLogger(__name__)


def target_exists(hass: HomeAssistant, target: str) -> bool:
    """Tell whether `target` is a notify action or a notify entity."""
    domain, _, name = target.partition(".")
    return domain == NOTIFY and (
        hass.services.has_service(NOTIFY, name) or hass.states.get(target) is not None
    )


async def common_text(hass: HomeAssistant, key: str) -> str:
    """Return a text that stands in no form, in Home Assistant's language."""
    texts = await async_get_translations(hass, hass.config.language, "common", {DOMAIN})
    return texts[f"component.{DOMAIN}.common.{key}"]


async def common_texts(
    hass: HomeAssistant, prefix: str, language: str = ""
) -> dict[str, str]:
    """Return the texts of `common` whose keys begin so, by what follows.

    In Home Assistant's language, unless another one is given.
    """
    language = language or hass.config.language
    texts = await async_get_translations(hass, language, "common", {DOMAIN})
    return _under(texts, f"component.{DOMAIN}.common.{prefix}")


async def words(hass: HomeAssistant, selector: str) -> dict[str, str]:
    """Return what the choices of a selector are called."""
    texts = await async_get_translations(
        hass, hass.config.language, "selector", {DOMAIN}
    )
    return _under(texts, f"component.{DOMAIN}.selector.{selector}.options.")


def _under(texts: dict[str, str], prefix: str) -> dict[str, str]:
    return {
        key.removeprefix(prefix): text
        for key, text in texts.items()
        if key.startswith(prefix)
    }


async def guest_notice(
    hass: HomeAssistant, home: str, days: int, picture_days: int | None
) -> str:
    """Return what a guest is to be told: that there is a log, and what they may ask.

    `picture_days` is how long pictures of accesses are kept, if any are taken.
    """
    text = await common_text(hass, "guest_notice")
    told = text.format(home=home, days=days)
    if picture_days is None:
        return told
    text = await common_text(hass, "guest_notice_pictures")
    return f"{told} {text.format(days=picture_days)}"


async def plate_watched(hass: HomeAssistant, camera_id: str, camera: str) -> None:
    """Say that a plate that the owner watches for was read; not which.

    One notice of a camera: the last, and not as many as came by.
    """
    text = await common_text(hass, "plate_watched")
    persistent_notification.async_create(
        hass,
        text.format(camera=camera),
        await common_text(hass, "plate_watched_title"),
        f"{DOMAIN}_plate_{camera_id}",
    )


async def send(hass: HomeAssistant, grant: Grant, lock: str, what: str) -> None:
    """Say what became of a grant. A message that does not go out stops nothing."""
    texts = await async_get_translations(hass, hass.config.language, "common", {DOMAIN})
    prefix = f"component.{DOMAIN}.common.grant_"
    text = texts.get(f"{prefix}{what}")
    if text is None:
        return
    until = dt_util.as_local(grant.end).strftime("%H:%M")
    message = text.format(lock=lock, agency=grant.agency, until=until)
    await notify(hass, grant.notify, texts[f"{prefix}title"], message, "a grant")


async def of_request(hass: HomeAssistant, target: str, what: str) -> None:
    """Say that a request came or is due: not whose, for a telephone lies about."""
    title = await common_text(hass, "request_title")
    message = await common_text(hass, f"request_{what}")
    await notify(hass, target, title, message, "a request")


async def notify(
    hass: HomeAssistant, target: str, title: str, message: str, about: str
) -> None:
    """Send a message to a notify action or a notify entity."""
    notice = Notice(title=title, message=message, urgent=False)
    try:
        await Notify(hass, target).send(notice)
    except ChannelError as err:
        _LOGGER.warning("Notice about %s not sent: %s", about, err.reason)
