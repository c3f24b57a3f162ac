"""How long from a word, or a code, until the monitoring centre has acknowledged it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
import time
from typing import Any, override

from homeassistant.core import Context, ServiceCall
from pysiaalarm import SIAAccount
from pysiaalarm.aio import SIAClient, SIAEvent
from pysiaalarm.utils import MessageTypes

from custom_components.smartlock_le.emergency import silent
from custom_components.smartlock_le.emergency.channels import dc09_frame
from custom_components.smartlock_le.emergency.channels.channel import Channel, Health
from custom_components.smartlock_le.emergency.channels.dc09 import Dc09
from custom_components.smartlock_le.emergency.channels.dc09_frame import Account
from custom_components.smartlock_le.emergency.incidents import Incidents
from custom_components.smartlock_le.emergency.models import (
    Incident,
    Kind,
    Signal,
    Source,
    Way,
    What,
)
from custom_components.smartlock_le.emergency.pin import hash_pin
from custom_components.smartlock_le.emergency.settings import (
    CentreSettings,
    Contact,
    SilentSettings,
)
from custom_components.smartlock_le.models import (
    HOME_ACTOR,
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    Method,
    utc_now,
)
from harness.hass import eventually
from harness.ports import HOST, free_port

from .figures import Figure, p50, p99
from .rig import Rig, rig
from .running import steady

ROUNDS = 120
AT_ONCE = 100
ACCOUNT = "AAA1"
BARS = {
    "voice_to_ack_p99_ms": 250.0,
    "duress_to_ack_p99_ms": 250.0,
    "incidents_lost": 0.0,
}
CODE = "0123abcd"
"""A code that means duress."""


class Timed(Channel[Signal]):
    """The way to the centre; notes when each alarm was acknowledged."""

    def __init__(self, inner: Channel[Signal]) -> None:
        """Take the way itself."""
        self._inner = inner
        self.acknowledged = asyncio.Event()
        self.when = 0.0

    @override
    async def send(self, message: Signal) -> str:
        said = await self._inner.send(message)
        if message.what is What.ALARM:
            self.when = time.perf_counter()
            self.acknowledged.set()
        return said

    @override
    async def look(self) -> Health:
        return await self._inner.look()


@asynccontextmanager
async def _centre() -> AsyncIterator[tuple[int, list[SIAEvent]]]:
    """Run the receiver of `pysiaalarm`; give its port, and what it received."""
    events: list[SIAEvent] = []

    async def received(event: SIAEvent) -> None:
        if event.message_type is not MessageTypes.NULL:
            events.append(event)

    port = free_port()
    # It makes itself one of its subclasses.
    client = SIAClient(HOST, port, [SIAAccount(ACCOUNT)], received)  # type: ignore[abstract]
    await client.async_start()
    try:
        yield port, events
    finally:
        async with asyncio.timeout(5):
            await client.async_stop()


async def _bare(port: int) -> float:
    """Return the milliseconds of one exchange with nothing of ours around the socket."""
    signal = Signal(kind=Kind.POLICE, what=What.ALARM)
    frame = dc09_frame.message(Account(ACCOUNT), 1, signal, utc_now())
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(frame)
    answer = await reader.readuntil(b"\r")
    took = time.perf_counter() - began
    writer.close()
    await writer.wait_closed()
    assert b"ACK" in answer
    return took * 1000


async def ready(on: Rig, **decided: Any) -> None:
    """Have a contact, and a PIN that ends an alarm."""

    async def tell(_: ServiceCall) -> None:
        """Arrive at once: how long a telephone takes is not ours."""

    on.hass.services.async_register("notify", "anna", tell)
    emergency = on.home.emergency
    contact = Contact(name="Anna", target="notify.anna", tested=utc_now().isoformat())
    pin = await asyncio.to_thread(hash_pin, "4711")
    decided |= {"contacts": (contact,), "pin": pin}
    await emergency.change(lambda now: replace(now, **decided), "benchmark", HOME_ACTOR)


async def _ready(on: Rig, port: int) -> Timed:
    """Have a centre, too, and no time to take anything back."""
    emergency = on.home.emergency
    centre = CentreSettings(account=ACCOUNT, host=HOST, port=port)
    await ready(on, window=0, languages=("en", "de"), centre=centre)
    assert emergency.centre.channel
    timed = Timed(emergency.centre.channel)
    emergency.incidents.signals.outboxes[Way.CENTRE].use(timed)
    return timed


async def _say(on: Rig, timed: Timed) -> float:
    """Return the milliseconds from the sentence to the acknowledgement."""
    timed.acknowledged.clear()
    began = time.perf_counter()
    said = on.hass.async_create_task(
        on.hass.services.async_call(
            "conversation",
            "process",
            {"text": "help call the police", "language": "en"},
            blocking=True,
            context=Context(),
            return_response=True,
        )
    )
    async with asyncio.timeout(30):
        await timed.acknowledged.wait()
        took = (timed.when - began) * 1000
        await said
    await _end(on)
    return took


async def _force(on: Rig, timed: Timed, number: int) -> float:
    """Return the milliseconds from what a lock tells of a code to the acknowledgement."""
    (lock,) = on.home.roster.locks.values()
    event = AccessEvent(
        lock=lock.ref.id,
        event=AccessKind.UNLOCKED,
        method=Method.KEYPAD,
        actor=Actor(ActorKind.GUEST, CODE, "Somebody"),
        time=utc_now(),
        lock_index=1_000_000 + number,
    )
    timed.acknowledged.clear()
    began = time.perf_counter()
    await lock.enter(event)
    async with asyncio.timeout(30):
        await timed.acknowledged.wait()
    return (timed.when - began) * 1000


async def _forced(on: Rig, port: int) -> tuple[list[float], list[float]]:
    """Return how long each took, and each bare exchange beside it."""
    emergency = on.home.emergency
    centre = emergency.settings.centre
    assert centre
    silent_alarm = SilentSettings(centre=True, codes=(CODE,))
    await emergency.change(
        lambda now: replace(now, silent=silent_alarm), "benchmark", HOME_ACTOR
    )
    timed = Timed(Dc09(centre.build()))
    emergency.silent._ways[Way.CENTRE] = (centre, timed)  # noqa: SLF001
    # Each is told, although nobody ended the one before.
    silent.AGAIN = 0.0
    took, bare = [], []
    for number in range(ROUNDS):
        took.append(await _force(on, timed, number))
        bare.append(await _bare(port))
        await asyncio.sleep(0.1)
    return took, bare


async def _end(on: Rig) -> None:
    """End what is open, and wait until the centre has heard of that, too."""
    room = on.home.emergency.incidents
    for incident in room.open():
        await room.cancel(incident.id, HOME_ACTOR, pin=True)

    async def quiet() -> bool:
        return not room.signals.waiting

    await eventually(quiet, "nothing waits for the centre", 60)
    # Nobody asks for help twice in a second.
    await asyncio.sleep(1.3)


async def _at_once(on: Rig, events: list[SIAEvent]) -> int:
    """Return how many of many incidents the centre did not hear of."""
    room = on.home.emergency.incidents
    await _end(on)
    events.clear()
    kinds = [kind for kind in Kind if not kind.hidden]
    made = [
        Incident(kind=kinds[n % len(kinds)], sources=(Source.ACTION,))
        for n in range(AT_ONCE)
    ]
    await asyncio.gather(*(_begin(room, incident) for incident in made))

    async def heard() -> bool:
        return not room.signals.waiting

    await eventually(heard, "the centre has heard of them", 120)
    alarms = sum(event.code not in ("OC", "RP") for event in events)
    await _end(on)
    return AT_ONCE - alarms


async def _begin(room: Incidents, incident: Incident) -> None:
    # One cause is one incident: so many causes no house has.
    room._open[incident.id] = incident  # noqa: SLF001
    await room.begin(incident, HOME_ACTOR)


async def _measure(on: Rig) -> dict[str, float]:
    async with _centre() as (port, events):
        timed = await _ready(on, port)
        for _ in range(5):
            await _say(on, timed)
            await _bare(port)
        steady()
        voice, bare = [], []
        for _ in range(ROUNDS):
            # Side by side: whatever else the machine does, both see it.
            voice.append(await _say(on, timed))
            bare.append(await _bare(port))
        duress, beside = await _forced(on, port)
        lost = await _at_once(on, events)
        await on.home.emergency.change(
            lambda now: replace(now, centre=None), "benchmark", HOME_ACTOR
        )
    return {
        "voice_to_ack_p50_ms": p50(voice),
        "voice_to_ack_p99_ms": p99(voice),
        "duress_to_ack_p50_ms": p50(duress),
        "duress_to_ack_p99_ms": p99(duress),
        "bare_dc09_p50_ms": p50(bare),
        "voice_to_ack_x": p50(voice) / p50(bare),
        "duress_to_ack_x": p50(duress) / p50(beside),
        "incidents_lost": lost,
    }


async def run(folder: Path, *, profile: bool) -> list[Figure]:
    """Run the workload."""
    async with rig(folder) as on:
        values = await _measure(on)
    units = {"ms": "ms", "x": "x"}
    return [
        Figure(
            name,
            round(value, 3),
            units.get(name.rsplit("_")[-1], ""),
            bar=BARS.get(name),
        )
        for name, value in values.items()
    ]
