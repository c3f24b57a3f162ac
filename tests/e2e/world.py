"""One home for the whole session: a lock on the air, and the Home Assistant beside it."""

import asyncio
from pathlib import Path
from typing import Any, Self

from harness import HarnessError, seed, steps
from harness.api import Api, Websocket
from harness.broker import BrokerProcess
from harness.hass import HassProcess, eventually
from harness.outside import Outside
from harness.ports import HOST, free_port
from harness.tls_proxy import TlsProxy
from harness.virtual import VirtualHomeProcess

# Digits that nothing else here consists of: they are looked for afterwards.
PIN = "7294"
WRONG_PIN = "8351"
OWNER = "Olive Okonkwo-Testowner"
PASSWORD = "pass-3f9d0c-word"
FOREIGN_CODE = "345678"
FOREIGN_NAME = "Neighbour"

PATIENCE = 90
"""Seconds until something must be there: Frigate alone has a recording after 20."""

type Entry = dict[str, Any]


class World:
    """Home Assistant, the virtual home, and all that was seen of both."""

    def __init__(self, folder: Path) -> None:
        """Keep everything in a folder."""
        self.folder = folder
        self.hass = HassProcess(folder / "config", free_port())
        self.events: list[dict[str, Any]] = []
        """Every event on the bus, from before the integration was set up."""
        self.heard: list[str] = []
        """What the telephone and the monitoring centre outside were told."""
        self.telephone_port, self.centre_port = free_port(), free_port()
        self.outside = Outside(
            self.telephone_port,
            self.centre_port,
            self.heard.append,
            f"http://{HOST}:{self.hass.port}",
        )
        self.tls = TlsProxy(free_port(), self.hass.port)
        self.home: VirtualHomeProcess
        self.broker: BrokerProcess
        self.socket: Websocket
        self.lock = ""
        """Id of the lock entity."""
        self.entry_id = ""

    @classmethod
    async def create(cls, folder: Path) -> Self:
        """Make it in the loop that it will run in."""
        return cls(folder)

    @property
    def api(self) -> Api:
        """The owner, logged in."""
        return self.hass.api

    @property
    def our_folder(self) -> Path:
        """The integration's own folder."""
        return self.hass.config / steps.DOMAIN

    async def start(self) -> None:
        """Start them, make the owner, and listen to everything."""
        await self.outside.__aenter__()
        await self.tls.__aenter__()
        self.broker = await BrokerProcess.start(self.folder)
        self.home = await VirtualHomeProcess.start(
            self.folder / "virtual_home.log",
            *("--motor", "0.1", "--pin", PIN, "--camera-port", "0"),
            *("--frigate-port", "0", "--broker-port", str(self.broker.port)),
            state=self.folder / "virtual_home.json",
        )
        seed.prepare(
            self.hass.config,
            seed.Seed(
                port=self.hass.port,
                proxy_port=self.home.proxy_port,
                camera_url=self.home.camera,
                telephone_url=f"http://{HOST}:{self.telephone_port}/",
                push_url=self.outside.push_url,
                broker_port=self.broker.port,
                outside_url=self.tls.url,
                level="info",
                our_level="debug",
            ),
        )
        await self.hass.start()
        await self.api.onboard(OWNER, "owner", PASSWORD)
        await self._listen()

    async def _listen(self) -> None:
        self.socket = await self.api.websocket()
        await self.socket.listen(self.events.append, "subscribe_events")

    async def kill(self) -> None:
        """End Home Assistant as a power cut would."""
        await self.hass.kill()
        await self.socket.close()
        # What the power cut left on its way is not to arrive later.
        await self.home("clear")

    async def restart(self) -> None:
        """Start Home Assistant again, and wait for the lock."""
        await self.hass.start()
        await self._listen()
        self.lock = await steps.lock(self.socket)

    async def stop(self) -> None:
        """End them."""
        if hasattr(self, "socket"):
            await self.socket.close()
        await self.hass.stop()
        await self.tls.__aexit__()
        await self.outside.__aexit__()
        for name in ("home", "broker"):
            if hasattr(self, name):
                await getattr(self, name).stop()

    # What tests ask for

    async def state(self, entity_id: str) -> str:
        """Return the state of an entity."""
        found = await steps.state(self.socket, entity_id)
        return str(found.get("state"))

    async def becomes(self, entity_id: str, wanted: str) -> None:
        """Wait until an entity has a state."""

        async def look() -> bool:
            return await self.state(entity_id) == wanted

        await eventually(look, f"{entity_id} is {wanted}", PATIENCE)

    async def ask(self, action: str, **data: Any) -> Any:
        """Run an action of ours for its answer."""
        return await self.socket.ask(f"{steps.DOMAIN}.{action}", **data)

    async def grant(self, **data: Any) -> dict[str, Any]:
        """Grant access to the lock; return the answer."""
        whole = {
            "lock": self.lock,
            "agency": "Ladder 49 Harborview",
            "incident": "F-2026-0457",
            "reason": "chest pain upstairs",
            **data,
        }
        answer: dict[str, Any] = await self.ask("grant_emergency_access", **whole)
        return answer

    async def grants(self) -> list[str]:
        """Return the ids of the open grants."""
        return [g["grant"] for g in (await self.ask("list_grants"))["grants"]]

    async def codes(self) -> dict[str, str]:
        """Return the codes on the lock itself: name by digits."""
        return {str(c["code"]): c["name"] for c in (await self.home("codes"))["codes"]}

    async def our_codes(self) -> set[str]:
        """Return the digits of every code on the lock that is not somebody else's."""
        return set(await self.codes()) - {FOREIGN_CODE}

    async def entries(self) -> list[Entry]:
        """Return the whole log, oldest first."""
        entries: list[Entry] = []
        after: int | None = -1
        while after is not None:
            page = await self.ask("get_log", after=after, limit=500)
            entries += page["entries"]
            after = page["next_after"]
        return entries

    async def logged(self, **fields: Any) -> Entry:
        """Wait for an entry with these fields; return the newest."""

        async def look() -> Entry | None:
            for entry in reversed(await self.entries()):
                if fields.items() <= entry.items():
                    return entry
            return None

        return await eventually(look, f"an entry {fields}", PATIENCE)

    async def another(self, kind: str, count: int) -> Entry:
        """Wait for one more of a kind than so many entries; return the newest."""

        async def look() -> Entry | None:
            found = [entry for entry in await self.entries() if entry["kind"] == kind]
            return found[-1] if len(found) > count else None

        return await eventually(look, f"another entry of {kind}", PATIENCE)

    async def told(self, since: int, **data: Any) -> dict[str, Any]:
        """Wait for our event on the bus, after the first `since` events."""

        async def look() -> dict[str, Any] | None:
            for event in self.events[since:]:
                ours = event["event_type"] == f"{steps.DOMAIN}_access"
                if ours and data.items() <= event["data"].items():
                    return event
            return None

        return await eventually(look, f"an event {data}", PATIENCE)

    async def quiet(self) -> None:
        """Wait until nothing is said between the lock and us."""
        for _ in range(100):
            await self.home("messages")
            await asyncio.sleep(0.7)
            state = await self.home("state")
            if not (await self.home("messages"))["messages"] and not state["unread"]:
                return
        raise HarnessError("the lock is never left alone")
