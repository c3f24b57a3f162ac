"""The contacts: told in their order until somebody comes, and what they answer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
import re
import secrets
import time
from typing import Any

from homeassistant.core import HomeAssistant

from ..models import HOME_ACTOR, Actor, ActorKind
from .channels.channel import ChannelError
from .channels.notify import Notice, Notify
from .ledger import Ledger
from .models import LONGEST_PAUSE, Incident, Reply, Stage
from .settings import Contact, Settings

ROUNDS = 3
"""How often each contact is told, as long as nobody answers."""
NEXT_ROUND = LONGEST_PAUSE
_END_TRIES, END_AGAIN = 5, 30.0
"""How often a contact is told that it is over, and after how many seconds again."""
ACTION = "SMARTLOCK_LE_"
"""With what the id of an answer begins; a nonce follows."""

_NONCE = re.compile(rf"{ACTION}([0-9a-f]{{32}})")


def nonces_in(said: Mapping[str, Any]) -> list[str]:
    """Return the nonces of the answers that were offered in a message, as the app tells it."""
    return [one for value in said.values() for one in _NONCE.findall(str(value))]


type Word = Callable[[Incident, str], Awaitable[Notice]]
"""Writes a notice of an incident, about an event."""


class People:
    """Tells the contacts, and knows who they are again when they answer."""

    def __init__(
        self,
        hass: HomeAssistant,
        ledger: Ledger,
        settings: Callable[[], Settings],
        word: Word,
        actions: Callable[[], Awaitable[dict[str, str]]],
    ) -> None:
        """Take what writes notices, and the words of each answer."""
        self._hass = hass
        self._ledger = ledger
        self._settings = settings
        self._word = word
        self._actions = actions
        self._ways: dict[str, Notify] = {}
        self._ends: set[str] = set()
        """Ids of incidents of whose end is being told."""

    def way(self, target: str) -> Notify:
        """Return the way to a target."""
        return self._ways.setdefault(target, Notify(self._hass, target))

    def due(self, incident: Incident) -> list[Contact]:
        """Return whom to tell now, and note when the next one is due."""
        settings = self._settings()
        least = min((incident.calls.get(c.id, 0) for c in settings.contacts), default=0)
        turn = [c for c in settings.contacts if incident.calls.get(c.id, 0) == least]
        if least >= ROUNDS:
            incident.call_by = None
            return []
        # Without a pause all are told together.
        now = turn[:1] if settings.pause else turn
        for contact in now:
            incident.calls[contact.id] = least + 1
        last = now == turn
        wait = NEXT_ROUND if last else settings.pause
        # Where nobody is to be told, somebody may be added.
        more = not last or least + 1 < ROUNDS or not now
        incident.call_by = time.monotonic() + wait if more else None
        return list(now)

    async def tell(
        self, incident: Incident, contacts: Iterable[Contact], event: str
    ) -> None:
        """Tell them together what happened; what arrives after the end is set right."""
        if event == "raised" and incident.stage.over:
            return
        await asyncio.gather(*(self._tell(incident, one, event) for one in contacts))
        if incident.stage.over and event != incident.stage.value:
            await self.tell_end(incident)

    async def tell_end(self, incident: Incident) -> None:
        """Tell who heard of it that it is over, until they have it; they may be on the way."""
        if incident.id in self._ends:
            # Who hears it late is seen at the next try.
            return
        self._ends.add(incident.id)
        try:
            await self._tell_end(incident)
        finally:
            self._ends.discard(incident.id)

    async def _tell_end(self, incident: Incident) -> None:
        for tried in range(_END_TRIES):
            contacts = [self._settings().contact(one) for one in incident.news]
            left = [one for one in contacts if one]
            if not left:
                break
            if tried:
                await asyncio.sleep(END_AGAIN)
            await self.tell(incident, left, incident.stage.value)
        if incident.news:
            # Gone, or never reached again.
            incident.news = []
            await self._ledger.enter(incident, "not_told", HOME_ACTOR, "given_up")

    @property
    def busy(self) -> bool:
        """Tell whether somebody is still to hear that something is over."""
        return bool(self._ends)

    async def _tell(self, incident: Incident, contact: Contact, event: str) -> None:
        notice = await self._word(incident, event)
        if event == "raised" and incident.ending:
            return
        if event in OFFERS:
            words = await self._actions()
            for reply in offered(incident):
                nonce = secrets.token_hex(16)
                incident.nonces[nonce] = f"{contact.id} {reply}"
                notice.actions[f"{ACTION}{nonce}"] = words[reply]
        reason = ""
        try:
            await self.way(contact.target).send(notice)
        except ChannelError as err:
            reason = err.reason
        # One that did not answer may have it all the same.
        if not reason or reason == "no_answer":
            self._note(incident, contact, event, sure=not reason)
        else:
            incident.told.setdefault(contact.id, "failed")
        await self._ledger.enter(
            incident,
            "not_told" if reason else "told",
            by(contact),
            reason or event,
            contact=contact.id,
        )

    def _note(
        self, incident: Incident, contact: Contact, event: str, *, sure: bool
    ) -> None:
        """Note that a message has arrived, or may have."""
        if incident.told.get(contact.id) in (None, "failed"):
            incident.told[contact.id] = "sent" if sure else "unsure"
        if not incident.stage.over:
            return
        news, there = incident.news, contact.id in incident.news
        if event == incident.stage.value:
            if sure and there:
                news.remove(contact.id)
        elif not there:
            # What was on its way is the last that they heard.
            news.append(contact.id)

    def reached(self, incident: Incident) -> list[Contact]:
        """Return whom an incident was told."""
        return [
            contact
            for contact in self._settings().contacts
            if incident.told.get(contact.id, "failed") not in ("failed", "unsure")
        ]

    def perhaps(self, incident: Incident) -> list[str]:
        """Return the ids of whom it was told, or may have been."""
        return [
            contact.id
            for contact in self._settings().contacts
            if incident.told.get(contact.id, "failed") != "failed"
        ]


OFFERS = {"raised", "acknowledged", "on_scene"}
"""The events after which something can be answered."""


def offered(incident: Incident) -> list[Reply]:
    """Return what can be answered now."""
    replies = []
    if not incident.reached(Stage.ACKNOWLEDGED) or incident.call_by is not None:
        replies.append(Reply.COMING)
    if incident.reached(Stage.ACKNOWLEDGED) and not incident.reached(Stage.ON_SCENE):
        replies.append(Reply.THERE)
    if incident.kind.needs_pin:
        # In whose hand a telephone is cannot be known.
        return replies
    replies.append(Reply.FALSE)
    if incident.reached(Stage.ACKNOWLEDGED):
        replies.append(Reply.OVER)
    return replies


def by(contact: Contact) -> Actor:
    """Return a contact as one who acts."""
    return Actor(ActorKind.CONTACT, contact.id, contact.name)
