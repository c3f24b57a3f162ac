"""What can leave this house today: every way out there is, and how it stands."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from .home import Home


@dataclass(frozen=True, slots=True)
class Way:
    """One way out. `key` names its words: `leave_<key>` in the translations."""

    key: str
    on: bool | None
    """None: this version cannot do it at all."""
    to: str = ""
    """Where it goes, if there is one place."""


def ways(home: Home) -> list[Way]:
    """Return all of them, in the order of how near they are to the owner."""
    stamps = home.stamps
    settings = home.emergency.settings
    centre, hook = settings.centre, settings.webhook
    heard = [centre.host] if centre else []
    if hook:
        heard.append(urlsplit(hook.url).hostname or "")
    if settings.noonlight:
        heard.append("noonlight.com")
    told = [grant.notify for grant in home.grants.open_grants() if grant.notify]
    if target := home.request_target:
        told.append(target)
    backend = home.log.backend
    return [
        Way("alerts", bool(told), ", ".join(sorted(set(told)))),
        Way("distress", bool(settings.contacts or heard), ", ".join(heard)),
        Way("responder", bool(home.responders.links.open())),
        Way("release", home.sharing),
        Way("feed", bool(home.following.feeds.open)),
        Way("compelled", True),
        Way("copies", True),
        Way(
            "stamps", stamps is not None, urlsplit(stamps.url).netloc if stamps else ""
        ),
        Way("database", backend != "sqlite", backend if backend != "sqlite" else ""),
        Way("circles", None),
        Way("intake", bool(home.intake.token)),
    ]
