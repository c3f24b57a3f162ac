"""Lock entities with nothing behind them, as a maker's integration brings them."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Bring them."""
    await hass.config_entries.async_forward_entry_setups(entry, [Platform.LOCK])
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Take them away."""
    return await hass.config_entries.async_unload_platforms(entry, [Platform.LOCK])
