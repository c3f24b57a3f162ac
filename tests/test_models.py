"""What passes between the rooms."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template

from custom_components.smartlock_le.models import new_id


async def test_ids_stay_text(hass: HomeAssistant) -> None:
    """In a template `12345678` and `12e45678` would become numbers."""
    made = {new_id() for _ in range(1000)}
    assert len(made) == 1000
    for one in made:
        assert len(one) == 8 and int(one, 16)
        assert Template(one, hass).async_render() == one
