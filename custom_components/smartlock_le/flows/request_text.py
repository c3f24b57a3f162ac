"""A request as the owner reads it, and the guide beside it: as Markdown."""

from datetime import UTC, datetime, timedelta

from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..home import Home
from ..notices import common_text, words
from ..requests.documents import Document
from ..requests.models import Agency, RequestError, Standing
from ..requests.request import Instrument, Purpose, Request, State
from ..requests.rules import talks_of
from ..web.documents import URL
from .code_options import as_text

SIGNED = timedelta(minutes=5)
_SAID = (
    *("officer", "badge", "contact", "case_number", "need", "sought", "basis"),
    "reference",
)


def moment(time: datetime) -> str:
    """Return a time as people here write it, to the minute."""
    return f"{dt_util.as_local(time):%Y-%m-%d %H:%M}"


def local(value: str) -> datetime:
    """Read a time of a form, which is one of this place."""
    zone = dt_util.get_default_time_zone()
    # In UTC: twice a year an hour of one place is not one.
    return datetime.fromisoformat(value).replace(tzinfo=zone).astimezone(UTC)


def from_outside(hass: HomeAssistant, path: str) -> str:
    """Return the address of a path as somebody elsewhere has it."""
    try:
        base = get_url(hass, allow_internal=False, prefer_external=True)
    except NoURLAvailableError:
        # Home Assistant knows no address by which it is reached from outside.
        base = "https://…"
    return f"{base}{path}"


async def line(hass: HomeAssistant, request: Request) -> str:
    """Return a request in a list: what there is to do first, for a name may be long."""
    states = await words(hass, "request_state")
    instruments = await words(hass, "instrument")
    ask = request.ask
    parts = [
        f"{states[request.state]}: {instruments[ask.instrument]}",
        *((f"→ {moment(ask.deadline)}",) if ask.deadline else ()),
        ask.agency_name,
        ask.case_number,
    ]
    return ", ".join(filter(None, parts))


async def about(home: Home, request: Request) -> str:
    """Return all that is known of a request, and what to beware of."""
    hass, ask = home.hass, request.ask
    labels = await _labels(hass)
    agency = await _agency(home, request)
    instrument = (await words(hass, "instrument"))[ask.instrument]
    state = (await words(hass, "request_state"))[request.state]
    number = (await common_text(hass, "request_number")).format(id=request.id)
    lines = [
        f"**{instrument}**, {as_text(ask.agency_name)}",
        f"{state} ({moment(request.changed)}). {number}",
    ]
    if request.reason:
        lines.append(f"*{as_text(request.reason)}*")
    warnings = await _warnings(home, request, agency)
    lines += [f"**{warning}**" for warning in warnings]
    kinds = await words(hass, "wanted")
    purpose = (await words(hass, "purpose"))[ask.purpose]
    said = {
        "agency": as_text(agency.facts.name) if agency else "",
        "via": (await words(hass, "via"))[ask.via],
        "window": f"{moment(ask.since)} … {moment(ask.until)}",
        "kinds": ", ".join(kinds[kind] for kind in ask.kinds),
        # What most orders do not say is not said for them.
        "purpose": purpose if ask.purpose is not Purpose.OTHER else "",
        **{name: as_text(getattr(ask, name)) for name in _SAID},
        "area": f"{ask.area / 1e6:g} km²" if ask.area else "",
        "deadline": moment(ask.deadline) if ask.deadline else "",
    }
    facts = [f"- {labels[name]}: {text}" for name, text in said.items() if text]
    if await home.inbox.is_held(request):
        facts.append(f"- {await common_text(hass, 'request_held')}")
    return "\n\n".join([*lines, "\n".join(facts)])


async def _agency(home: Home, request: Request) -> Agency | None:
    if not request.agency:
        return None
    try:
        return await home.agencies.get(request.agency)
    except RequestError:
        return None


async def _warnings(home: Home, request: Request, agency: Agency | None) -> list[str]:
    """Return what is wrong, or may be, with a request."""
    hass, ask = home.hass, request.ask
    found = [await common_text(hass, f"rule_{rule}") for rule in request.broken]
    if ask.instrument is Instrument.EXIGENT:
        found.append(await common_text(hass, "request_exigent"))
    if request.state is State.RECEIVED:
        found.append(await common_text(hass, "request_quarantined"))
    if agency is None:
        found.append(await common_text(hass, "request_unknown_agency"))
    elif agency.standing is not Standing.VERIFIED:
        standing = await common_text(hass, f"agency_{agency.standing}")
        found.append(standing.partition(".")[0] + ".")
    if talks := talks_of(ask):
        purposes = await words(hass, "purpose")
        text = await common_text(hass, "request_talks")
        found.append(text.format(purposes=", ".join(purposes[one] for one in talks)))
    if ask.gag:
        key = "request_gagged" if request.hidden else "request_gag_said"
        found.append(await common_text(hass, key))
    return found


async def _labels(hass: HomeAssistant) -> dict[str, str]:
    texts = await async_get_translations(
        hass, hass.config.language, "options", {DOMAIN}
    )
    prefix = f"component.{DOMAIN}.options.step.request_asked.data."
    labels = {
        key.removeprefix(prefix): text
        for key, text in texts.items()
        if key.startswith(prefix)
    }
    for name in ("agency", "window", "reference"):
        labels[name] = await common_text(hass, f"request_{name}")
    return labels


def links(hass: HomeAssistant, request: Request, documents: list[Document]) -> str:
    """Return links to the documents of a request, good for some minutes."""
    return "\n".join(
        f"- [{as_text(one.name)}]({link}), {moment(one.added)}  \n  SHA-256 {one.sha256}"
        for one in documents
        for link in [async_sign_path(hass, f"{URL}{request.id}/{one.sha256}", SIGNED)]
    )


async def guide(home: Home, request: Request) -> str:
    """Return what a request of its kind usually is, where this home is."""
    hass = home.hass
    country = hass.config.country or ""
    entry = home.guide.find(country, request.ask.instrument)
    if entry is None:
        return await common_text(hass, "guide_none")
    parts = [
        entry.what,
        (await common_text(hass, "guide_issued_by")).format(who=entry.issued_by),
        entry.compels,
        await common_text(hass, "guide_questions"),
        "\n".join(f"- {question}" for question in entry.questions),
    ]
    if entry.sources:
        unread = await common_text(hass, "guide_unread")
        sources = [
            f"- {source.cite}" + ("" if source.read else f" ({unread})")
            for source in entry.sources
        ]
        parts += [await common_text(hass, "guide_sources"), "\n".join(sources)]
    if not entry.verified:
        parts.append(f"**{await common_text(hass, 'guide_unverified')}**")
    dated = entry.dated(dt_util.utcnow().date())
    text = await common_text(hass, "guide_dated" if dated else "guide_reviewed")
    parts.append(text.format(date=entry.reviewed_on))
    parts.append(await common_text(hass, "guide_no_advice"))
    return "\n\n".join(parts)
