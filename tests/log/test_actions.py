"""The actions of the log, without Home Assistant around them."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

from custom_components.smartlock_le.log import Log, LogRefused
from custom_components.smartlock_le.log.actions import ACTIONS, moment
from custom_components.smartlock_le.log.proof import check_consistency
from custom_components.smartlock_le.models import Actor, ActorKind

from .support import START, open_log, sample

OWNER = Actor(ActorKind.OWNER, "1a2b3c4d", "Owner")


async def act(log: Log, action_name: str, /, **data: Any) -> dict[str, Any]:
    """Run an action as the one who owns the home."""
    (action,) = [action for action in ACTIONS if action.name == action_name]
    response = await action.run(log, vol.Schema(action.fields)(data), OWNER)
    assert response is not None
    return response


def test_moment() -> None:
    """A time has a zone."""
    assert moment(START) is START
    assert moment("2026-11-22T13:00:00+01:00") == datetime(2026, 11, 22, 12, tzinfo=UTC)
    for bad in ("yesterday", 7, None, "2026-11-22T12:00:00"):
        with pytest.raises(vol.Invalid):
            moment(bad)


async def test_actions(tmp_path: Path) -> None:
    """Each answers with what it did."""
    log = await open_log(tmp_path)
    note, root = log.checkpoint, log.root
    await log.append("access", sample("access", actor_name="Anna", lock="a"))
    page = await act(log, "get_log", lock="a")
    (entry,) = page["entries"]
    assert (entry["seq"], entry["actor_name"], page["next_after"]) == (1, "Anna", None)
    assert "sealed" not in entry
    growth = await act(log, "get_consistency_proof", checkpoint=note)
    assert growth["checkpoint"] == log.checkpoint
    proof = [b64decode(node) for node in growth["proof"]]
    assert check_consistency(1, root, log.size, proof, log.root)
    for other in (
        *("", note.replace("\n1\n", "\nx\n"), note.replace("\n1\n", "\n2\n")),
        *(note.replace("smart", "other"), f"{log.origin}\n1\n?\n"),
    ):
        with pytest.raises(LogRefused, match="checkpoint_not_ours"):
            await act(log, "get_consistency_proof", checkpoint=other)
    window = {"since": START, "until": START + timedelta(days=1)}
    held = await act(log, "hold_log", reason=" case ", lock="a", **window)
    assert held == {
        "hold": held["hold"],
        "lock": "a",
        "since": "2026-11-22T12:00:00+00:00",
        "until": "2026-11-23T12:00:00+00:00",
    }
    assert await act(log, "list_holds") == {"holds": [held]}
    assert await act(log, "erase_person", name="Anna") == {"entries": 0, "kept": 1}
    assert await act(log, "lift_hold", hold=held["hold"], reason="closed") == held
    assert await act(log, "erase_person", name="Anna") == {"entries": 1, "kept": 0}
    report = await act(log, "verify_log")
    assert (report["ok"], report["size"], report["bad"]) == (True, log.size, [])
    assert (report["key"], report["checkpoint"]) == (log.vkey, log.checkpoint)
    await log.close()
