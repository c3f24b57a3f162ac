"""The whole chain once, from the card of a found lock to a restart after a kill."""

from dataclasses import dataclass, field
from typing import Any

from harness import steps
from harness.api import Api, ApiError
from harness.hass import eventually
from virtual_home.frigate import NAME as FRIGATE_NAME

from .world import FOREIGN_CODE, FOREIGN_NAME, PATIENCE, PIN, WRONG_PIN, Entry, World

AGENCY = "Ladder 49 Harborview"
ADMIN = "Zebulon Quillfeather"
GUEST = "Gudrun Gastmann-Beispiel"
GUEST_PIN = "583649"
CAMERA = "camera.porch"
KNOWN_PLATE = "OLV-4427"
STRANGERS_PLATE = "ZBX-9183"
LEFT_HALF = "0,0,0.5,0,0.5,1,0,1"
_SUBENTRIES = "/api/config/config_entries/subentries/flow"
_OPTIONS = "/api/config/config_entries/options/flow"


@dataclass
class Story:
    """What happened, for the tests to judge."""

    steps: list[str] = field(default_factory=list)
    """Of the flow that paired, and what each answered."""
    states: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    """Every code that we put on the lock."""
    window: dict[str, Any] = field(default_factory=dict)
    marker: str = ""
    pictures: list[Entry] = field(default_factory=list)
    gallery: list[bytes] = field(default_factory=list)
    """The newest first, as somebody sees them."""
    seen: Entry = field(default_factory=dict)
    """What Frigate saw, and of that and of an access a clip each."""
    clips: list[Entry] = field(default_factory=list)
    films: list[bytes] = field(default_factory=list)
    grants: list[dict[str, Any]] = field(default_factory=list)
    pressed: dict[str, Any] = field(default_factory=dict)
    used: dict[str, Any] = field(default_factory=dict)
    """The event on the bus."""
    access_state: dict[str, Any] = field(default_factory=dict)
    revoked: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, Any] = field(default_factory=dict)
    guest: dict[str, Any] = field(default_factory=dict)
    guest_came: list[dict[str, Any]] = field(default_factory=list)
    """What the keypad said, before and after the kill, and once the guest was gone."""
    codes_left: dict[str, str] = field(default_factory=dict)
    error: str = ""
    """What was said when the lock was away."""
    acknowledged: list[Entry] = field(default_factory=list)
    """Every entry that was read, or that an answer stood on, before the kill."""
    after: list[Entry] = field(default_factory=list)
    verified: dict[str, Any] = field(default_factory=dict)
    export: dict[str, Any] = field(default_factory=dict)


async def tell(world: World) -> Story:
    """Live through it."""
    story = Story()
    await _pair(world, story)
    await _move(world, story)
    await _look(world, story)
    await _film(world, story)
    await _plates(world)
    await _let_in(world, story)
    await _let_in_by_menu(world, story)
    await _guest(world, story)
    await _lose(world, story)
    await _kill(world, story)
    await _guest_goes(world, story)
    return story


async def _pair(world: World, story: Story) -> None:
    lock = world.home.locks[0]
    flow = await steps.card(world.socket, lock["address"])
    await steps.step(world.api, flow)
    await steps.step(world.api, flow, sharing=False)
    answer = await steps.step(world.api, flow)
    story.steps.append(answer["errors"]["base"])
    await world.home("button")
    answer = await steps.step(world.api, flow)
    story.steps.append(answer["step_id"])
    answer = await steps.step(world.api, flow, pin=WRONG_PIN)
    story.steps.append(answer["errors"]["pin"])
    answer = await steps.step(world.api, flow, pin=PIN)
    story.steps.append(answer["type"])
    world.entry_id = answer["result"]["entry_id"]
    world.lock = await steps.lock(world.socket)
    await world.home("foreign-code", code=FOREIGN_CODE, name=FOREIGN_NAME)


async def _move(world: World, story: Story) -> None:
    story.states.append(await world.state(world.lock))
    for action, state in (("unlock", "unlocked"), ("lock", "locked")):
        await world.socket.act(f"lock.{action}", entity_id=world.lock)
        await world.becomes(world.lock, state)
        bolt = (await world.home("state"))["bolt"]
        story.states += [state, f"bolt {bolt}"]


async def _look(world: World, story: Story) -> None:
    """Have a camera look at the door, and see its pictures."""
    lock = world.home.locks[0]["address"]
    # What the lock told of the moves before is to be over: the camera saw none of them.
    await world.another("access", 1)
    flow = await world.api.post(_SUBENTRIES, {"handler": [world.entry_id, "camera"]})
    path = f"{_SUBENTRIES}/{flow['flow_id']}"
    await world.api.post(path, {"camera": CAMERA})
    made = await world.api.post(path, {"doors": [lock], "masks": LEFT_HALF})
    assert made["type"] == "create_entry", made
    for action in ("unlock", "lock"):
        await world.socket.act(f"lock.{action}", entity_id=world.lock)
        story.pictures.append(await world.another("media", len(story.pictures)))
    story.gallery = await _gallery(world, "image")


async def _gallery(world: World, kind: str) -> list[bytes]:
    """Return what the media browser shows of the camera, the newest first."""
    root = await world.socket("media_source/browse_media")
    for title in ("SmartLock LE", "Porch"):
        (place,) = (c for c in root["children"] if c["title"] == title)
        root = await world.socket(
            "media_source/browse_media", media_content_id=place["media_content_id"]
        )
    data = []
    for shown in root["children"]:
        if shown["media_class"] == kind:
            found = await world.socket(
                "media_source/resolve_media", media_content_id=shown["media_content_id"]
            )
            data.append(await world.api.fetch(found["url"]))
    return data


async def _film(world: World, story: Story) -> None:
    """Have Frigate tell what it sees, and clips out of what it recorded."""
    socket, api = world.socket, world.api
    cameras = await socket("config_entries/subentries/list", entry_id=world.entry_id)
    (camera,) = (one for one in cameras if one["subentry_type"] == "camera")
    flow = await api.post(
        _SUBENTRIES,
        {
            "handler": [world.entry_id, "camera"],
            "subentry_id": camera["subentry_id"],
        },
    )
    answer = await api.post(
        f"{_SUBENTRIES}/{flow['flow_id']}",
        {
            "doors": [world.home.locks[0]["address"]],
            "masks": LEFT_HALF,
            "frigate": FRIGATE_NAME,
            "frigate_url": world.home.frigate,
            "pictured": ["person"],
            "clip": 5,
        },
    )
    assert answer["reason"] == "reconfigure_successful", answer

    async def seen() -> Entry | None:
        # Until Home Assistant has told the broker, nobody hears it.
        await world.home("frigate", label="person")
        entries = await world.entries()
        return next((e for e in entries if e["kind"] == "camera_event"), None)

    story.seen = await eventually(seen, "Frigate is heard", PATIENCE)
    about = {"kind": "media", "what": "clip"}
    story.clips.append(await world.logged(**about, of=story.seen["seq"]))
    await socket.act("lock.unlock", entity_id=world.lock)
    unlocked = await world.another("access", 4)
    story.clips.append(await world.logged(**about, of=unlocked["seq"]))
    story.films = await _gallery(world, "video")
    await socket.act("lock.lock", entity_id=world.lock)
    await world.becomes(world.lock, "locked")


async def _plates(world: World) -> None:
    """Have two plates read, one of them of a friend; then be seen no more."""
    flow = await world.api.post(_OPTIONS, {"handler": world.entry_id})
    path = f"{_OPTIONS}/{flow['flow_id']}"
    form = await world.api.post(path, {"next_step_id": "plates"})
    shown = {
        field["name"]: field["description"]["suggested_value"]
        for field in form["data_schema"]
        if "suggested_value" in field.get("description", {})
    }
    answer = await world.api.post(path, {**shown, "on": True, "known": KNOWN_PLATE})
    assert answer["reason"] == "plates_on", answer
    for plate in (STRANGERS_PLATE, KNOWN_PLATE):
        await world.home("frigate", label="car", plate=plate)
    await world.logged(kind="plate", list="known")
    await world.socket.act("switch.turn_on", entity_id="switch.porch_privacy")


async def _let_in(world: World, story: Story) -> None:
    """Grant and revoke as an admin whose name nothing but the log may hold."""
    admin = Api(world.hass.base)
    made = await world.socket(
        "config/auth/create", name=ADMIN, group_ids=["system-admin"]
    )
    await world.socket(
        "config/auth_provider/homeassistant/create",
        user_id=made["user"]["id"],
        username="zeb",
        password="zeb-pass",
    )
    await admin.log_in("zeb", "zeb-pass")
    owner, world.socket = world.socket, await admin.websocket()
    try:
        granted = await world.grant(agency=AGENCY, minutes=20)
        code = granted.pop("code")
        story.codes.append(code)
        story.grants.append(granted)
        on_lock = next(
            c for c in (await world.home("codes"))["codes"] if str(c["code"]) == code
        )
        story.window, story.marker = on_lock["window"], on_lock["name"]
        since = len(world.events)
        story.pressed = await world.home("press", code=code)
        story.used = await world.told(since, event="unlocked", method="keypad")
        event = await steps.entity(owner, "event")
        assert event
        story.access_state = await steps.state(owner, event)
        await world.logged(kind="grant", grant=granted["grant"], event="used")
        story.revoked = await world.ask("revoke_grant", grant=granted["grant"])
        since = len(world.events)
        story.refused = await world.home("press", code=code)
        await world.told(since, event="denied")
        story.codes_left = await world.codes()
    finally:
        await world.socket.close()
        world.socket = owner
        await admin.close()


async def _let_in_by_menu(world: World, story: Story) -> None:
    """Do the same by the home's menu, as a person does in a browser."""
    api = world.api
    flow = await api.post(_OPTIONS, {"handler": world.entry_id})
    path = f"{_OPTIONS}/{flow['flow_id']}"
    form = await api.post(path, {"next_step_id": "help"})
    shown = {f["name"]: f.get("default") for f in form["data_schema"]}
    answer = await api.post(
        path,
        {
            "lock": shown["lock"],
            "agency": AGENCY,
            "incident": "F-2026-0458",
            "reason": "the same again",
            "minutes": 10,
            "method": "both",
            "first_use": True,
        },
    )
    assert answer["step_id"] == "help_code", answer
    code = answer["description_placeholders"]["code"].replace(" ", "")
    story.codes.append(code)
    await api.post(path)
    await world.becomes(world.lock, "unlocked")
    await world.home("press", code=code)
    # The first use was to be the last.
    await world.logged(kind="grant", event="ended", detail="first_use")


async def _guest(world: World, story: Story) -> None:
    """Have a guest with a PIN that was chosen, by the menu."""
    api = world.api
    flow = await api.post(_OPTIONS, {"handler": world.entry_id})
    path = f"{_OPTIONS}/{flow['flow_id']}"
    await api.post(path, {"next_step_id": "codes"})
    await api.post(path, {"next_step_id": "guest"})
    lock = world.home.locks[0]["address"]
    answer = await api.post(path, {"name": GUEST, "locks": [lock], "pin": GUEST_PIN})
    assert answer["step_id"] == "code_set", answer
    await api.post(path)
    story.codes.append(GUEST_PIN)
    since = len(world.events)
    story.guest_came.append(await world.home("press", code=GUEST_PIN))
    await world.told(since, event="unlocked", method="keypad")
    (story.guest,) = (await world.ask("list_codes"))["codes"]


async def _guest_goes(world: World, story: Story) -> None:
    """Let the guest in once more after the kill, then take the code away."""
    story.guest_came.append(await world.home("press", code=GUEST_PIN))
    await world.ask("remove_guest", guest=story.guest["guest"])
    story.guest_came.append(await world.home("press", code=GUEST_PIN))


async def _lose(world: World, story: Story) -> None:
    """Carry the lock away: what fails then must not say too much."""
    await world.home("range", in_range=False)
    try:
        await world.grant()
    except ApiError as err:
        story.error = str(err)
    await world.home("range", in_range=True)
    world.lock = await steps.lock(world.socket)


async def _kill(world: World, story: Story) -> None:
    story.acknowledged = await world.entries()
    await world.socket.act("lock.unlock", entity_id=world.lock)
    await world.kill()
    await world.restart()
    story.after = await world.entries()
    story.verified = await world.ask("verify_log")
    story.export = await world.ask("export_log")
