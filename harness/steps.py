"""What a person does in the browser, done through the same interface."""

from typing import Any

from .api import Api, Websocket
from .hass import eventually
from .virtual import VirtualHomeProcess

DOMAIN = "smartlock_le"
_FLOWS = "/api/config/config_entries/flow"


async def find_card(socket: Websocket, address: str) -> str | None:
    """Return the flow of a lock that was found and is not in the home yet."""
    for flow in await socket("config_entries/flow/progress"):
        if flow["handler"] == DOMAIN and flow["context"].get("unique_id") == address:
            return str(flow["flow_id"])
    return None


async def card(socket: Websocket, address: str, timeout: float = 60.0) -> str:
    """Wait for the card of a found lock; return its flow."""

    async def look() -> str | None:
        return await find_card(socket, address)

    return await eventually(look, f"{address} is found", timeout)


async def step(api: Api, flow: str, **data: Any) -> dict[str, Any]:
    """Send a form of a flow; return what comes next."""
    answer: dict[str, Any] = await api.post(f"{_FLOWS}/{flow}", data)
    return answer


async def options(api: Api, entry: str, *items: str) -> str:
    """Open the menu of a home and choose; return the flow."""
    path = "/api/config/config_entries/options/flow"
    flow = str((await api.post(path, {"handler": entry}))["flow_id"])
    for item in items:
        await api.post(f"{path}/{flow}", {"next_step_id": item})
    return flow


async def option(api: Api, flow: str, **data: Any) -> dict[str, Any]:
    """Send a form of that menu; return what comes next."""
    path = f"/api/config/config_entries/options/flow/{flow}"
    answer: dict[str, Any] = await api.post(path, data)
    return answer


async def pair(api: Api, home: VirtualHomeProcess, flow: str, pin: str) -> str:
    """Click through the card of a found lock; return the home's entry."""
    await step(api, flow)
    await step(api, flow, sharing=False)
    await home("button")
    answer = await step(api, flow)
    assert answer.get("step_id") == "pin", answer
    answer = await step(api, flow, pin=pin)
    assert answer["type"] == "create_entry", answer
    return str(answer["result"]["entry_id"])


async def entity(socket: Websocket, domain: str, key: str = "") -> str | None:
    """Return the id of our entity of that domain, of the first lock or of the home."""
    for entry in await socket("config/entity_registry/list"):
        ours = entry["platform"] == DOMAIN and entry["entity_id"].startswith(
            f"{domain}."
        )
        if ours and key in entry["unique_id"]:
            return str(entry["entity_id"])
    return None


async def state(socket: Websocket, entity_id: str) -> dict[str, Any]:
    """Return the state of an entity; empty where it has none."""
    for found in await socket("get_states"):
        if found["entity_id"] == entity_id:
            return dict(found)
    return {}


async def find_lock(socket: Websocket) -> str | None:
    """Return the id of a lock of ours that can be used."""
    if (entity_id := await entity(socket, "lock")) is None:
        return None
    found = await state(socket, entity_id)
    ready = found.get("state", "unknown") not in ("unavailable", "unknown")
    return entity_id if ready else None


async def lock(socket: Websocket, timeout: float = 60.0) -> str:
    """Wait until a lock of ours can be used; return its id."""
    return await eventually(lambda: find_lock(socket), "a lock can be used", timeout)
