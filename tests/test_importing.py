"""What keymaster and Lock Code Manager keep, as each of them writes it."""

import base64
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.smartlock_le import importing
from custom_components.smartlock_le.importing import (
    KEYMASTER,
    LCM,
    Found,
    Obstacle,
    find,
    present,
)

DOOR, SHED = "lock.front_door", "lock.shed"
LATER = (datetime.now(UTC) + timedelta(days=9)).isoformat()
EARLIER = (datetime.now(UTC) - timedelta(days=9)).isoformat()


def slot(digits: str, entry_id: str = "one", **fields: Any) -> dict[str, Any]:
    """Give a slot as keymaster's file has it."""
    return {
        "number": 1,
        "enabled": True,
        "name": "Ann",
        "pin": base64.b64encode(f"{entry_id}{digits}".encode()).decode(),
        "accesslimit_count_enabled": False,
        "accesslimit_count": None,
        "accesslimit_date_range_enabled": False,
        "accesslimit_date_range_start": None,
        "accesslimit_date_range_end": None,
        "accesslimit_day_of_week_enabled": False,
        "accesslimit_day_of_week": {
            str(day): {"dow_enabled": True, "limit_by_time": False} for day in range(7)
        },
        **fields,
    }


def write(hass: HomeAssistant, text: str) -> None:
    """Write keymaster's file."""
    path = Path(hass.config.path(".storage", "keymaster.locks"))
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


async def keymaster(
    hass: HomeAssistant, slots: dict[str, Any], **locks: str
) -> list[Found]:
    """Have keymaster on some locks, each with these slots; return what is found."""
    data = {}
    for entry_id, entity_id in (locks or {"one": DOOR}).items():
        MockConfigEntry(domain=KEYMASTER, entry_id=entry_id).add_to_hass(hass)
        data[entry_id] = {
            "lock_name": "front",
            "lock_entity_id": entity_id,
            "keymaster_config_entry_id": entry_id,
            "code_slots": slots,
        }
    stored = {"version": 1, "key": "keymaster.locks", "data": data}
    write(hass, json.dumps(stored))
    return await find(hass)


async def test_nobody_is_here(hass: HomeAssistant) -> None:
    assert not present(hass)
    assert await find(hass) == []


class TestKeymaster:
    """Slots of a file."""

    async def test_a_slot(self, hass: HomeAssistant) -> None:
        [found] = await keymaster(hass, {"3": slot("2468"), "4": slot("", pin=None)})
        assert present(hass)
        assert found == Found(name="Ann", digits="2468", slots={DOOR: 3})
        assert "2468" not in repr(found) and "Ann" not in repr(found)

    async def test_times(self, hass: HomeAssistant) -> None:
        limits = {
            "accesslimit_date_range_enabled": True,
            "accesslimit_date_range_start": EARLIER,
            "accesslimit_date_range_end": LATER,
            "accesslimit_count_enabled": True,
            "accesslimit_count": 3,
        }
        [found] = await keymaster(hass, {"1": slot("2468", **limits)})
        assert found.start and found.end and found.start < found.end
        assert (found.uses, found.obstacle) == (3, "")

    async def test_without_a_name(self, hass: HomeAssistant) -> None:
        [found] = await keymaster(hass, {"3": slot("2468", name=None)})
        assert found.name == "front 3"

    async def test_two_locks(self, hass: HomeAssistant) -> None:
        """The same code on both is one."""
        slots = {"3": slot("2468")}
        data = {
            entry_id: {
                "lock_entity_id": entity_id,
                "code_slots": {"3": slot("2468", entry_id)},
            }
            for entry_id, entity_id in (("one", DOOR), ("two", SHED))
        }
        await keymaster(hass, slots, one=DOOR, two=SHED)
        write(hass, json.dumps({"data": data}))
        [found] = await find(hass)
        assert found.slots == {DOOR: 3, SHED: 3}

    @pytest.mark.parametrize(
        ("fields", "obstacle"),
        [
            ({"enabled": False}, Obstacle.OFF),
            (
                {"accesslimit_count_enabled": True, "accesslimit_count": 0},
                Obstacle.OVER,
            ),
            (
                {
                    "accesslimit_date_range_enabled": True,
                    "accesslimit_date_range_start": EARLIER,
                    "accesslimit_date_range_end": EARLIER,
                },
                Obstacle.OVER,
            ),
            # With no end it never opens there.
            ({"accesslimit_date_range_enabled": True}, Obstacle.OFF),
            (
                {
                    "accesslimit_day_of_week_enabled": True,
                    "accesslimit_day_of_week": {"0": {"dow_enabled": False}},
                },
                Obstacle.DAYS,
            ),
            (
                {
                    "accesslimit_day_of_week_enabled": True,
                    "accesslimit_day_of_week": {
                        "0": {"dow_enabled": True, "limit_by_time": True}
                    },
                },
                Obstacle.DAYS,
            ),
            ({"accesslimit_day_of_week_enabled": True}, Obstacle.NONE),
            ({"pin": "?"}, Obstacle.UNREADABLE),
            ({"pin": 5}, Obstacle.UNREADABLE),
            ({"name": "x" * 200}, Obstacle.UNREADABLE),
            (
                {"accesslimit_count_enabled": True, "accesslimit_count": "many"},
                Obstacle.UNREADABLE,
            ),
        ],
    )
    async def test_obstacles(
        self, hass: HomeAssistant, fields: dict[str, Any], obstacle: Obstacle
    ) -> None:
        """Nothing comes over that would open at other times than it does there."""
        [found] = await keymaster(hass, {"1": slot("2468", **fields)})
        assert found.obstacle is obstacle

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", '{"data": 5}', '{"data": {"one": {"code_slots": [1]}}}']
    )
    async def test_a_broken_file(self, hass: HomeAssistant, text: str) -> None:
        await keymaster(hass, {})
        write(hass, text)
        assert await find(hass) == []

    async def test_an_entry_that_is_gone(self, hass: HomeAssistant) -> None:
        """What its file still has of it is nobody's."""
        await keymaster(hass, {"1": slot("2468")})
        await hass.config_entries.async_remove("one")
        MockConfigEntry(domain=KEYMASTER, entry_id="two").add_to_hass(hass)
        assert await find(hass) == []


class TestLockCodeManager:
    """Users, or slots, of config entries."""

    async def found(self, hass: HomeAssistant, **options: Any) -> list[Found]:
        """Have an entry; return what is found."""
        MockConfigEntry(
            domain=LCM, data={"locks": ["lock.old"]}, options=options
        ).add_to_hass(hass)
        return await find(hass)

    async def test_a_user(self, hass: HomeAssistant) -> None:
        ann = {"pin": "2468", "enabled": True}
        [found] = await self.found(
            hass,
            locks=[DOOR, SHED],
            users={"Ann  Lee": ann},
            slot_assignment={"ann lee": 4},
        )
        assert found == Found(name="Ann  Lee", digits="2468", slots={DOOR: 4, SHED: 4})

    async def test_a_user_without_a_number(self, hass: HomeAssistant) -> None:
        [found] = await self.found(hass, locks=[DOOR], users={"Ann": {"pin": "2468"}})
        assert found.slots == {DOOR: None}

    async def test_an_older_release(self, hass: HomeAssistant) -> None:
        """By slot, and with another word for the condition."""
        ann = {"name": "Ann", "pin": "2468", "entity_id": "schedule.work"}
        [found] = await self.found(hass, locks=[DOOR], slots={"4": ann, "5": {}})
        assert found.slots == {DOOR: 4}
        assert found.schedule == "schedule.work"

    @pytest.mark.parametrize(
        ("user", "obstacle"),
        [
            ({"enabled": False}, Obstacle.OFF),
            ({"condition": "calendar.guests"}, Obstacle.NONE),
            ({"condition": "input_boolean.party"}, Obstacle.CONDITION),
            ({"condition": "schedule.Not An Id"}, Obstacle.UNREADABLE),
            ({"pin": "12a4"}, Obstacle.UNREADABLE),
        ],
    )
    async def test_obstacles(
        self, hass: HomeAssistant, user: dict[str, Any], obstacle: Obstacle
    ) -> None:
        users = {"Ann": {"pin": "2468", **user}}
        [found] = await self.found(hass, locks=[DOOR], users=users)
        assert found.obstacle is obstacle


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        *("locks", "users", "slots", "slot_assignment", "name", "pin", "enabled"),
        *("condition", "code_slots", "lock_entity_id", "accesslimit_count"),
        *("accesslimit_count_enabled", "accesslimit_date_range_enabled"),
        *("accesslimit_date_range_start", "accesslimit_date_range_end"),
        *("accesslimit_day_of_week_enabled", "accesslimit_day_of_week"),
    ]
)
SHAPED = st.dictionaries(KEYS, st.dictionaries(KEYS, ANYTHING) | ANYTHING)


@given(SHAPED, SHAPED)
def test_whatever_is_there(lock: dict[str, Any], config: dict[str, Any]) -> None:
    """It is read or left, and stops nothing."""
    nested = {**lock, "code_slots": {"1": lock, "x": config, "2": {"pin": 1}}}
    for found in (
        *importing._of_keymaster("one", nested),
        *importing._of_lcm(config),
        *importing._of_lcm({**config, "users": {"Ann": lock, "Bob": 1}}),
    ):
        assert found.digits or found.obstacle
