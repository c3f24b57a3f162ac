"""Registers the actions that the rooms declare: admins only, errors translated."""

from collections.abc import Callable
from functools import partial
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.script import script_stack_cv
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.helpers.trace import trace_id_get
import voluptuous as vol

from . import actors, outgoing, persons
from .access.actions import (
    ACTIONS as GRANT_ACTIONS,
    GRANT_FIELDS,
    as_request,
    as_response,
)
from .access.code_actions import ACTIONS as CODE_ACTIONS
from .cameras.actions import ACTIONS as CAMERA_ACTIONS
from .const import DOMAIN
from .emergency.actions import ACTIONS as EMERGENCY_ACTIONS
from .emergency.drill_actions import ACTIONS as DRILL_ACTIONS
from .errors import translated
from .home import Home, loaded_home
from .log.actions import ACTIONS as LOG_ACTIONS
from .models import Action, Actor
from .notices import target_exists
from .requests.actions import ACTIONS as AGENCY_ACTIONS
from .requests.request_actions import ACTIONS as REQUEST_ACTIONS
from .responders.actions import ACTIONS as LINK_ACTIONS, LINK_FIELDS, as_link_request
from .sharing.actions import ACTIONS as SHARING_ACTIONS, RELEASE_ACTIONS

type Data = dict[str, Any]

_TOOLS = "websocket_api."
"""Developer tools run each action as a script of this domain, which leaves no trace."""


async def _grant(home: Home, data: Data, actor: Actor) -> Data:
    notify = data["notify"]
    if notify and not target_exists(home.hass, notify):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="notify_not_found"
        )
    opened = await home.grants.open(as_request(data), actor)
    response = as_response(opened.grant) | {"unlocked": opened.unlocked}
    if opened.code:
        response["code"] = opened.code
    return response


async def _link(home: Home, data: Data, actor: Actor) -> Data:
    made, address = await home.responders.make(as_link_request(data), actor)
    response = {
        "link": made.link.id,
        "address": address,
        "end": made.link.end.isoformat(),
    }
    if made.code:
        response["code"] = made.code
    return response


async def _stop_sharing(home: Home, data: Data, actor: Actor) -> None:
    await home.set_sharing(False, actor)


async def _what_can_leave(home: Home, data: Data, actor: Actor) -> Data:
    return {
        "ways": [
            {"way": way.key, "on": way.on, "to": way.to} for way in outgoing.ways(home)
        ]
    }


async def _guest_notice(home: Home, data: Data, actor: Actor) -> Data:
    return {"text": await home.guest_notice()}


HOME_ACTIONS: tuple[Action[Home], ...] = (
    Action("grant_emergency_access", GRANT_FIELDS, _grant, person=True),
    Action("make_responder_link", LINK_FIELDS, _link, person=True),
    Action("guest_notice", {}, _guest_notice),
    Action("what_can_leave", {}, _what_can_leave),
    Action("stop_sharing", {}, _stop_sharing, responds=False),
)


@callback
def register(hass: HomeAssistant) -> None:
    """Register every action."""
    _register(hass, HOME_ACTIONS, lambda home: home)
    _register(hass, GRANT_ACTIONS, lambda home: home.grants)
    _register(hass, CODE_ACTIONS, lambda home: home.codes)
    _register(hass, CAMERA_ACTIONS, lambda home: home.cameras)
    _register(hass, AGENCY_ACTIONS, lambda home: home.agencies)
    _register(hass, REQUEST_ACTIONS, lambda home: home.inbox)
    _register(hass, SHARING_ACTIONS, lambda home: home.log)
    _register(hass, RELEASE_ACTIONS, lambda home: home.releases)
    _register(hass, EMERGENCY_ACTIONS, lambda home: home.emergency.incidents)
    _register(hass, DRILL_ACTIONS, lambda home: home.emergency.drills)
    _register(hass, LINK_ACTIONS, lambda home: home.responders.links)
    _register(hass, LOG_ACTIONS, lambda home: home.log)


def _register[Room](
    hass: HomeAssistant,
    actions: tuple[Action[Room], ...],
    room: Callable[[Home], Room],
) -> None:
    for action in actions:
        async_register_admin_service(
            hass,
            DOMAIN,
            action.name,
            partial(_call, hass, action, room),
            vol.Schema(dict(action.fields)),
            SupportsResponse.ONLY if action.responds else SupportsResponse.NONE,
        )


async def _call[Room](
    hass: HomeAssistant,
    action: Action[Room],
    room: Callable[[Home], Room],
    call: ServiceCall,
) -> Data | None:
    if action.person and (call.context.user_id is None or _scripted()):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="needs_person"
        )
    home = _home(hass)
    data, name = _resolved(hass, home, dict(call.data))
    actor = await actors.from_context(hass, call.context)
    with translated(name):
        return await action.run(room(home), data, actor)


def _scripted() -> bool:
    """Tell whether a script or an automation is calling.

    What it starts bears its user, but its trace keeps each answer on disk, in plain.
    """
    scripts = script_stack_cv.get() or []
    return trace_id_get() is not None or any(
        not script.startswith(_TOOLS) for script in scripts
    )


def _home(hass: HomeAssistant) -> Home:
    if home := loaded_home(hass):
        return home
    raise ServiceValidationError(
        translation_domain=DOMAIN, translation_key="home_not_loaded"
    )


def _resolved(hass: HomeAssistant, home: Home, data: Data) -> tuple[Data, str]:
    """Put ids in the place of entities; return the name of the one lock, too."""
    name = ""
    if "lock" in data:
        data["lock"], name = _lock(hass, home, data["lock"])
    if "locks" in data:
        data["locks"] = [_lock(hass, home, lock)[0] for lock in data["locks"]]
    if "cameras" in data:
        data["cameras"] = [_camera(home, camera) for camera in data["cameras"]]
    if "person" in data:
        person = persons.id_of(hass, cv.entity_id(data["person"]))
        if person is None:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="not_a_person"
            )
        data["person"], data["name"] = person, persons.name_of(hass, person)
    schedule = data.get("schedule")
    if schedule and not home.keeping.schedules.usable(schedule):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="schedule_not_found"
        )
    return data, name


def _lock(hass: HomeAssistant, home: Home, entity_id: str) -> tuple[str, str]:
    """Return id and name of the lock behind a lock entity."""
    found = er.async_get(hass).async_get(cv.entity_id(entity_id))
    if found and found.domain == "lock":
        for lock in home.roster.locks.values():
            if entity_id == lock.driver.entity_id or (
                found.platform == DOMAIN and found.unique_id == f"{lock.ref.id}_lock"
            ):
                return lock.ref.id, lock.ref.name
    raise ServiceValidationError(
        translation_domain=DOMAIN, translation_key="lock_not_found"
    )


def _camera(home: Home, entity_id: str) -> str:
    """Return the id of the camera behind a camera entity."""
    for camera in home.cameras.cameras.values():
        if camera.entity_id == cv.entity_id(entity_id):
            return camera.settings.id
    raise ServiceValidationError(
        translation_domain=DOMAIN, translation_key="camera_not_found"
    )
