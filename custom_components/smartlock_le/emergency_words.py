"""What is said about an incident: to contacts, and to who asked for help."""

from collections.abc import Callable

from homeassistant.util import dt as dt_util

from .decisions import Decisions
from .emergency.channels.notify import Notice
from .emergency.models import Incident, Reply, What
from .emergency.settings import Settings
from .emergency.silent_models import Silent, Telling
from .models import utc_now
from .notices import common_texts


class Words:
    """Puts incidents into words."""

    def __init__(
        self,
        home: Decisions,
        settings: Callable[[], Settings],
        *,
        exercise: Callable[[], bool] | None = None,
    ) -> None:
        """Take the home, and what tells what the owner decided.

        `exercise` is of a drill alone: it tells whether something real is open.
        """
        self._home = home
        self._settings = settings
        self._exercise = exercise

    async def replies(self) -> dict[str, str]:
        """Return what the buttons of a message are called."""
        return await common_texts(self._home.hass, "incident_reply_")

    async def notice(self, incident: Incident, event: str) -> Notice:
        """Return what a contact is told of a step."""
        settings = self._settings()
        texts = await common_texts(self._home.hass, "incident_")
        names = [
            contact.name
            for contact in settings.contacts
            if incident.told.get(contact.id) in (Reply.COMING, Reply.THERE)
        ]
        if self._exercise and self._exercise():
            return self._real(incident, texts)
        key = event
        if self._exercise and event == "raised":
            key = "exercise_raised"
        elif self._exercise and incident.stage.over:
            key = "exercise_end"
        message = texts[key].format(
            source=texts[f"source_{incident.sources[0]}"],
            time=dt_util.as_local(incident.raised).strftime("%H:%M"),
            names=", ".join(names) or texts["somebody"],
        )
        if event == "raised" and settings.centre is not None:
            until = dt_util.as_local(incident.until).strftime("%H:%M:%S")
            key = "centre_told" if incident.confirmed else "centre_at"
            message = f"{message} {texts[key].format(until=until)}"
        home, kind = self._home.entry.title, texts[f"kind_{incident.kind}"]
        title = texts["title"].format(kind=kind, home=home)
        if self._exercise:
            title = texts["exercise_title"].format(title=title)
            message = texts["exercise"].format(message=message)
        return Notice(
            title=title,
            message=message,
            tag=f"smartlock_le_{incident.id}",
            # Nobody is to be frightened by a drill.
            urgent=event == "raised" and not self._exercise,
        )

    async def silent(self, silent: Silent, telling: Telling, ends_it: str) -> Notice:
        """Return what is said of a silent alarm; `ends_it` is sent by a button."""
        hass, settings = self._home.hass, self._settings()
        quiet = await common_texts(hass, "silent_")
        marks = await common_texts(hass, "incident_")
        if self._exercise and self._exercise():
            return self._real(silent, marks)
        if alarm := telling.what is What.ALARM:
            since = dt_util.as_local(silent.raised)
            now = dt_util.as_local(telling.made)
            said = quiet[telling.source or "reminder"]
            parts = [said.format(time=f"{now:%H:%M}", since=f"{since:%Y-%m-%d %H:%M}")]
            parts.append(quiet["do"])
            if settings.silent and settings.silent.centre and settings.centre:
                parts.append(quiet["centre"])
        else:
            parts = [quiet["over"]]
        title = quiet["title"].format(home=self._home.entry.title)
        message = " ".join(parts)
        if self._exercise:
            title = marks["exercise_title"].format(title=title)
            message = marks["exercise"].format(message=message)
        return Notice(
            title=title,
            message=message,
            tag=f"smartlock_le_{silent.id}",
            actions={ends_it: quiet["end"]} if alarm else {},
            # Nobody is to be frightened by a drill.
            urgent=alarm and not self._exercise,
            stays=alarm,
        )

    def _real(self, incident: Incident | Silent, texts: dict[str, str]) -> Notice:
        """Return what ends a drill: nobody may take what is real for it."""
        return Notice(
            title=texts["exercise_over_title"].format(home=self._home.entry.title),
            message=texts["exercise_over"],
            tag=f"smartlock_le_{incident.id}",
        )

    async def test(self, number: str) -> Notice:
        """Return a message that asks for a number in return."""
        texts = await common_texts(self._home.hass, "incident_")
        message = texts["test"].format(home=self._home.entry.title, number=number)
        return Notice(title=texts["test_title"], message=message, urgent=False)

    def answer(
        self, incident: Incident, reached: list[str], texts: dict[str, str]
    ) -> str:
        """Return who was told, by their names, for who asked for help."""
        names = ", ".join(reached)
        answer = [texts["told"].format(names=names) if names else texts["nobody"]]
        if self._settings().centre is not None:
            left = max(0, round((incident.until - utc_now()).total_seconds()))
            wait = left and not incident.confirmed
            key = "signalled" if incident.signalled else "window" if wait else "centre"
            answer.append(texts[key].format(seconds=left))
        return " ".join(answer)
