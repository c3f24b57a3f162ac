"""Who is asking, in Home Assistant's terms."""

from homeassistant.auth.models import User
from homeassistant.components.http import KEY_HASS_USER
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers.http import current_request

from .models import HOME_ACTOR, Actor, ActorKind


def _of_user(user: User | None) -> Actor:
    if user is None:
        return HOME_ACTOR
    kind = ActorKind.OWNER if user.is_admin else ActorKind.RESIDENT
    return Actor(kind, user.id[:8], user.name or "")


async def from_context(hass: HomeAssistant, context: Context | None) -> Actor:
    """Return who made a call; without a user it was an automation of the home."""
    if context is None or context.user_id is None:
        return HOME_ACTOR
    return _of_user(await hass.auth.async_get_user(context.user_id))


def from_request() -> Actor:
    """Return who clicks through a flow; only admins can."""
    request = current_request.get()
    user = request.get(KEY_HASS_USER) if request else None
    return _of_user(user) if user else Actor(ActorKind.OWNER)
