"""The power is cut at each step of an incident: it goes on, once, and forgets nothing."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
import re
from typing import Any, override

from homeassistant.core import HomeAssistant, ServiceCall
import pytest
from sqlalchemy import Executable, select

from custom_components.smartlock_le.emergency.channels.channel import Channel, Health
from custom_components.smartlock_le.emergency.channels.notify import Notice
from custom_components.smartlock_le.emergency.incidents import Incidents
from custom_components.smartlock_le.emergency.ledger import Ledger
from custom_components.smartlock_le.emergency.models import (
    Incident,
    Kind,
    Signal,
    Source,
    Stage,
    Way,
)
from custom_components.smartlock_le.emergency.people import People
from custom_components.smartlock_le.emergency.settings import Contact, Settings
from custom_components.smartlock_le.emergency.signals import Means
from custom_components.smartlock_le.emergency.tables import incidents, signals
from custom_components.smartlock_le.log import Log
from custom_components.smartlock_le.models import HOME_ACTOR, Actor
from tests.conftest import until

from .conftest import TESTED, centre_at
from .receivers import Real, centre, real

STEPS = 9
"""Entries of an incident from its begin to its end, and more than that."""


class Power:
    """Is there until so many entries were asked for."""

    def __init__(self, until_entry: int, *, written: bool) -> None:
        """Cut it at that entry, when it is `written` or before that."""
        self.left = until_entry
        self.written = written
        self.on = True

    async def needed(self) -> None:
        """Wait for ever where there is none."""
        if not self.on:
            await asyncio.Event().wait()


class CutLedger(Ledger):
    """Writes as long as there is power."""

    def __init__(self, log: Log, power: Power) -> None:
        """Take both."""
        super().__init__(log)
        self._power = power

    @override
    async def _append(
        self, said: dict[str, str | int], actor: Actor, rows: list[Executable]
    ) -> int:
        await self._power.needed()
        self._power.left -= 1
        cut = self._power.left == 0
        if cut and not self._power.written:
            self._power.on = False
            await self._power.needed()
        entry = await super()._append(said, actor, rows)
        if cut:
            self._power.on = False
        await self._power.needed()
        return entry


class CutChannel(Channel[Signal]):
    """Sends as long as there is power."""

    def __init__(self, inner: Channel[Signal], power: Power) -> None:
        """Take both."""
        self._inner, self._power = inner, power
        self.sending: list[asyncio.Future[str]] = []

    @override
    async def send(self, message: Signal) -> str:
        await self._power.needed()
        # What is on the wire arrives, whatever becomes of who sent it.
        sending = asyncio.ensure_future(self._inner.send(message))
        self.sending.append(sending)
        said = await asyncio.shield(sending)
        await self._power.needed()
        return said

    @override
    async def look(self) -> Health:
        return await self._inner.look()


@asynccontextmanager
async def house(
    hass: HomeAssistant, folder: Path, receiver: Real, power: Power
) -> AsyncGenerator[tuple[Incidents, Log]]:
    """Start the room of incidents on what there is in a folder."""
    log = await Log.open(folder, origin="test.example/log", version="0")
    tasks: set[asyncio.Task[Any]] = set()

    def spawn(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = hass.async_create_background_task(work, name)
        tasks.add(task)
        return task

    async def word(incident: Incident, event: str) -> Notice:
        return Notice(title=event, message=incident.id)

    async def replies() -> dict[str, str]:
        return dict.fromkeys(("coming", "there", "over", "false"), "x")

    anna = Contact(id="anna", name="Anna", target="notify.anna", tested=TESTED)
    settings = Settings(contacts=(anna,), window=0, centre=centre_at(receiver.port))
    room = Incidents(
        CutLedger(log, power),
        lambda ledger: People(hass, ledger, lambda: settings, word, replies),
        Means(
            sender="home",
            settings=lambda: settings,
            spawn=spawn,
            schedule=lambda _: None,
            changed=lambda: None,
            raised=lambda _: None,
            failed=lambda way, _: None,
        ),
    )
    await room.load()
    channel = CutChannel(centre(receiver.receiver()), power)
    spawn(room.signals.use(Way.CENTRE, channel), "use")
    room.go_on()
    try:
        yield room, log
    finally:
        room.signals.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *channel.sending, return_exceptions=True)
        await log.close()


async def live(room: Incidents, log: Log) -> None:
    """Bring an incident from wherever it is to its end."""
    if not room.open():
        await room.raise_(Kind.POLICE, Source.BUTTON, HOME_ACTOR)
    (incident,) = room.open()
    # A start comes to what is due, as its timer would.
    await room.due()
    await until(lambda: incident.reached(Stage.SIGNALLED))
    await room.come(incident.id, Stage.ACKNOWLEDGED, HOME_ACTOR)
    await room.cancel(incident.id, HOME_ACTOR, pin=True)
    await settled(room, log)


async def settled(room: Incidents, log: Log) -> None:
    """Wait until nothing is left to be told to anybody."""
    async with asyncio.timeout(20):
        while room.signals.waiting or [
            *await log.read(select(incidents)),
            *await log.read(select(signals[Way.CENTRE])),
        ]:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
async def test_power_cut(
    hass: HomeAssistant,
    socket_enabled: None,
    tmp_path: Path,
    step: int,
    written: bool,
) -> None:
    told: list[str] = []

    async def tell(call: ServiceCall) -> None:
        told.append(call.data["title"])

    hass.services.async_register("notify", "anna", tell)
    power = Power(step, written=written)
    async with real() as receiver:
        async with house(hass, tmp_path, receiver, power) as (room, log):
            living = hass.async_create_background_task(live(room, log), "life")
            await until(lambda: living.done() or not power.on)
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
        again = Power(-1, written=True)
        async with house(hass, tmp_path, receiver, again) as (room, log):
            if room.open() or "PA" not in receiver.codes:
                await live(room, log)
            await settled(room, log)
            page = await log.entries(kinds={"incident"}, limit=100)
        events = [entry.fields["event"] for entry in page.entries]
        alarms = [one for one in receiver.events if one.code == "PA"]
    # Everybody heard, and of the end as well.
    assert "raised" in told and "cancelled" in told
    assert events.count("cancelled") == 1 and "signalled" in events
    assert receiver.codes[-1] == "OC"
    # Twice only where the power went between the acknowledgement and its entry,
    # and then as the same: by its number a receiver knows it.
    numbers = {re.search(r"\d{4}", str(one.sequence))[0] for one in alarms}
    assert len(numbers) == 1 and len(alarms) <= 2
    if len(alarms) == 2:
        assert events.count("signalled") >= 1
