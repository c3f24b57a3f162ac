"""What Home Assistant's repairs say of us; their fixes are in repairs.py."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .models import LockRef


@callback
def lock_problem(hass: HomeAssistant, lock: LockRef, problem: str | None) -> None:
    """Say what is wrong with a lock: `pairing_lost`, `pin_wrong`, or None: nothing."""
    for known in ("pairing_lost", "pin_wrong"):
        issue = f"{known}_{lock.id}"
        if problem != known:
            ir.async_delete_issue(hass, DOMAIN, issue)
            continue
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue,
            is_fixable=True,
            severity=ir.IssueSeverity.ERROR,
            translation_key=known,
            translation_placeholders={"lock": lock.name},
            data={"lock": lock.id, "name": lock.name},
        )


@callback
def _say(
    hass: HomeAssistant,
    issue: str,
    told: dict[str, str] | None,
    *,
    translation_key: str,
    data: dict[str, str | int | float | None] | None = None,
    link: str | None = None,
) -> None:
    """Warn with these words in the text, or withdraw the warning where there are none.

    With `data` there is a fix of it.
    """
    if told is None:
        ir.async_delete_issue(hass, DOMAIN, issue)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue,
        is_fixable=data is not None,
        severity=ir.IssueSeverity.WARNING,
        learn_more_url=link,
        translation_key=translation_key,
        translation_placeholders=told,
        data=data,
    )


def _name(lock: LockRef | None, wrong: object = True) -> dict[str, str] | None:
    """Return the name of a lock of which something is to be said, else nothing."""
    return {"lock": lock.name} if lock is not None and wrong else None


@callback
def pins_shown(hass: HomeAssistant, lock: LockRef, *, shown: bool) -> None:
    """Say that codes of a lock can be read by whoever reads its messages, or no more."""
    issue = f"pins_shown_{lock.id}"
    _say(hass, issue, _name(lock, shown), translation_key="pins_shown")


@callback
def code_left(hass: HomeAssistant, grant_id: str, lock: LockRef | None) -> None:
    """Say that the code of a grant that is over is on a lock; lock None: it is not."""
    issue = f"code_left_{grant_id}"
    _say(hass, issue, _name(lock), translation_key="code_left")


@callback
def code_problem(
    hass: HomeAssistant, code: str, lock_id: str, lock: LockRef | None, problem: str
) -> None:
    """Say how a code of a person or guest is not as it should be on a lock.

    `code_failed`, `code_stays`, or empty: nothing is wrong.
    """
    for known in ("code_failed", "code_stays"):
        issue = f"{known}_{code}_{lock_id}"
        _say(hass, issue, _name(lock, problem == known), translation_key=known)


@callback
def two_writers(hass: HomeAssistant, lock: LockRef, other: str) -> None:
    """Say that another integration writes codes to a lock; `other` empty: none does."""
    told = {"lock": lock.name, "name": other} if other else None
    _say(hass, f"two_writers_{lock.id}", told, translation_key="two_writers")


@callback
def schedule_silent(hass: HomeAssistant, schedule: str, silent: bool) -> None:
    """Say that codes open by an entity that says nothing."""
    told = {"name": schedule} if silent else None
    _say(hass, f"schedule_silent_{schedule}", told, translation_key="schedule_silent")


@callback
def contact_due(hass: HomeAssistant, due: bool) -> None:
    """Say that it is time to talk to the owner's own contact; not who that is."""
    _say(hass, "contact_due", {} if due else None, translation_key="contact_due")


@callback
def requests_overdue(hass: HomeAssistant, count: int) -> None:
    """Say that the deadline of so many requests is over; not of which."""
    told = {"count": str(count)} if count else None
    _say(hass, "requests_overdue", told, translation_key="requests_overdue")


@callback
def emergency_unreadable(hass: HomeAssistant, unreadable: bool) -> None:
    """Say that nobody would hear of distress, for it is not known whom to tell."""
    told: dict[str, str] | None = {} if unreadable else None
    _say(hass, "emergency_unreadable", told, translation_key="emergency_unreadable")


@callback
def sheet_unreadable(hass: HomeAssistant, unreadable: bool) -> None:
    """Say that what responders are to be shown is not known."""
    told: dict[str, str] | None = {} if unreadable else None
    _say(hass, "sheet_unreadable", told, translation_key="sheet_unreadable")


@callback
def way_problem(hass: HomeAssistant, way: str, reason: str | None) -> None:
    """Say that the monitoring centre or the webhook is not there, and why; None: it is."""
    if reason is None:
        ir.async_delete_issue(hass, DOMAIN, f"{way}_problem")
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{way}_problem",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key=f"{way}_{reason}",
    )


@callback
def incident_open(hass: HomeAssistant, old: bool) -> None:
    """Say that an incident is open for more than a day: who asks now joins it."""
    _say(hass, "incident_open", {} if old else None, translation_key="incident_open")


@callback
def contact_gone(hass: HomeAssistant, contact: str, name: str, gone: bool) -> None:
    """Say that a contact would not be told, for where it goes is not there any more."""
    told = {"name": name} if gone else None
    _say(hass, f"contact_gone_{contact}", told, translation_key="contact_gone")


@callback
def guide_dated(hass: HomeAssistant, dated: bool) -> None:
    """Say that what we know of the law of this place was looked at too long ago."""
    _say(hass, "guide_dated", {} if dated else None, translation_key="guide_dated")


@callback
def guide_news(hass: HomeAssistant, news: list[str]) -> None:
    """Say what changed in the guide since the owner last knew it."""
    told = {"what": " ".join(news)} if news else None
    _say(
        hass,
        "guide_news",
        told,
        translation_key="guide_news",
        data={**told} if told else None,
    )


@callback
def weak_firmware(
    hass: HomeAssistant, lock: LockRef, told: dict[str, str] | None, link: str = ""
) -> None:
    """Say that a lock's firmware has a known weakness; None: it has none that we know."""
    issue = f"weak_firmware_{lock.id}"
    _say(hass, issue, told, translation_key="weak_firmware", link=link)


@callback
def uncleaned(hass: HomeAssistant, lock_id: str, name: str | None) -> None:
    """Say that a removed lock may hold codes of ours; name None: it does not."""
    told = None if name is None else {"lock": name}
    _say(
        hass,
        f"uncleaned_{lock_id}",
        told,
        translation_key="uncleaned",
        data={"lock": lock_id, "name": name},
    )


@callback
def home_left(hass: HomeAssistant, names: list[str]) -> None:
    """Say that the home is gone and that these locks may hold codes of ours."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        "home_left",
        is_fixable=False,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="home_left",
        translation_placeholders={"locks": ", ".join(names)},
    )


@callback
def log_problem(hass: HomeAssistant, problem: str | None, found: str) -> None:
    """Say what is wrong with the log, or that nothing is; `found` is what is damaged."""
    if problem is None:
        ir.async_delete_issue(hass, DOMAIN, "log_problem")
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        "log_problem",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key=f"log_{problem}",
        translation_placeholders={"found": found},
    )


@callback
def forget_all(hass: HomeAssistant) -> None:
    """Withdraw all that was said: there is no home that could mend it."""
    for domain, issue in list(ir.async_get(hass).issues):
        if domain == DOMAIN:
            ir.async_delete_issue(hass, DOMAIN, issue)
