"""What helps to help, without a name, a code or a key."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .home import HomeEntry


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: HomeEntry
) -> dict[str, Any]:
    """Return counts and conditions; no text that a person wrote, no address whole."""
    if entry.state is not ConfigEntryState.LOADED:
        return {"state": entry.state.value}
    home = entry.runtime_data
    return {
        "sharing": home.sharing,
        "log": {
            "database": home.log.backend,
            "size": home.log.size,
            "problem": home.log.problem,
            "backlog": home.log.backlog,
            "lost": home.log.lost,
            "last_verification": report.ok
            if (report := home.log.last_verified)
            else None,
        },
        "locks": [
            {
                "address": f"{lock.ref.id[:8]}:**:**:**",
                "model": lock.driver.model,
                "firmware": lock.driver.firmware,
                "capabilities": str(lock.capabilities),
                "available": lock.driver.available,
                "pairing_lost": lock.driver.pairing_lost,
                "bolt": lock.driver.state.bolt.value,
                "battery": lock.driver.state.battery,
                "battery_critical": lock.driver.state.battery_critical,
                "door": lock.driver.state.door.value,
                "codes_of_ours": len(home.book.markers(lock.ref.id)),
            }
            for lock in home.roster.locks.values()
        ],
        "intake": {
            "on": bool(home.intake.token),
            "dropped": home.intake.dropped + home.inbox.dropped,
        },
        "grants": [
            {"method": g.method.value, "state": g.state.value, "uses": g.uses}
            for g in home.grants.open_grants()
        ],
        "codes": [
            {
                "holder": code.holder.value,
                "ended": code.ended,
                "by_schedule": bool(code.when.schedule),
                "limited": bool(code.when.uses),
                "places": [
                    {"state": place.state.value, "reason": place.reason}
                    for place in code.places.values()
                ],
            }
            for code in home.codes.all()
        ],
    }
