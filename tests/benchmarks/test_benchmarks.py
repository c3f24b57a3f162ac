"""The benchmarks: that they run, and say what they cannot measure."""

import json
from pathlib import Path
import subprocess
import sys
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from benchmarks import __main__ as command, peers
from benchmarks.fake_locks.lock import FakeLock, async_setup_entry
from benchmarks.sides import KEYMASTER, KINDS, LCM, OURS, Doors, Size, Unfit
from harness import ROOT


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_codes(tmp_path: Path) -> None:
    """A small home in a real Home Assistant; the figures that no machine changes."""
    report = tmp_path / "report.json"
    run = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks", "codes", "--quick"),
            *("--size", "2x3", "--json", report),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # A busy machine may miss a bar; then it is said, and nothing else is wrong.
    assert run.returncode == ("MISSED" in run.stdout), run.stderr
    figures = json.loads(report.read_text())["figures"]
    values: dict[str, Any] = {figure["name"]: figure["value"] for figure in figures}
    nothing = ("entities_per_code", "idle_timers_per_code", "idle_state_writes")
    for name in (*nothing, "idle_lock_calls", "idle_entries"):
        assert values[name] == 0, name
    assert 1 < values["entities_per_lock_2x3"] <= 15
    for name in ("setup_cpu_s_2x3", "code_latency_p99_ms", "idle_cpu_s"):
        assert values[name] > 0, name


def test_peers_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what is missing, and how it is had; nothing is measured."""
    for options, missing in (
        ([], "not named"),
        (
            ["--peers", str(tmp_path)],
            "keymaster/custom_components/keymaster is missing",
        ),
    ):
        monkeypatch.setattr(sys, "argv", ["benchmark", "peers", *options])
        assert command.main() == 2
        out, err = capsys.readouterr()
        assert missing in err
        assert peers.HELP in err
        assert not out


def test_a_peer_that_does_not_fit(tmp_path: Path) -> None:
    """What is in the folder has the right name, and not what we stand on."""
    place = tmp_path / KINDS[LCM].place
    place.mkdir(parents=True)
    (place / "manifest.json").write_text("{}")
    assert KINDS[LCM].links(tmp_path)[0] == place
    with pytest.raises(Unfit, match="lock_code_manager cannot be imported here"):
        KINDS[LCM].load()
    assert KINDS[OURS].links(None) == []
    assert KINDS[OURS].load().domain == OURS


def test_ratios() -> None:
    found = {
        OURS: {
            "setup": 1.0,
            "first_setup": 4.0,
            "memory": 30.0,
            "memory_and_imports": 9.0,
            "events": 0.5,
        },
        LCM: {
            "setup": 4.0,
            "first_setup": 2.0,
            "memory": 40.0,
            "memory_and_imports": 9.0,
            "events": 0.1,
        },
        KEYMASTER: {
            "setup": 10.0,
            "first_setup": 8.0,
            "memory": 90.0,
            "memory_and_imports": 9.0,
            "events": 5.0,
        },
    }
    figures = {figure.name: figure for figure in peers.figures(found)}
    assert figures["setup_x_lcm"].value == 0.25
    assert figures["setup_x_lcm"].met
    assert figures["setup_x_keymaster"].value == 0.1
    assert not figures["setup_x_keymaster"].met
    assert figures["memory_x_lcm"].value == 0.75
    assert not figures["memory_x_lcm"].met
    assert figures["events_x_lcm"].value == 5
    assert figures["events_x_lcm"].bar is None
    assert figures["first_setup_cpu_s_keymaster"].value == 8
    # The bars are for one size: in small homes it is the home itself that is measured.
    assert all(figure.bar is None for figure in peers.figures(found, bars=False))


def test_sizes() -> None:
    assert Size.parse("10x30") == Size(10, 30)
    assert str(Size(5, 10)) == "5x10"
    for text in ("", "10", "0x3", "3x-1", "axb"):
        with pytest.raises(ValueError):
            Size.parse(text)


def test_doors_outlive_a_restart(tmp_path: Path) -> None:
    doors = Doors(tmp_path, Size(2, 1))
    assert (doors.codes, doors.held) == ([{}, {}], 0)
    doors.codes[1][7] = "583649"
    doors.keep()
    assert Doors(tmp_path, Size(2, 1)).codes == [{}, {7: "583649"}]


async def test_fake_locks(hass: HomeAssistant) -> None:
    added: list[FakeLock] = []
    entry = MockConfigEntry(domain="fake_locks", data={"locks": 3})
    await async_setup_entry(hass, entry, added.extend)  # type: ignore[arg-type]
    assert [lock.unique_id for lock in added] == ["door_0", "door_1", "door_2"]
    assert all(lock.is_locked for lock in added)
