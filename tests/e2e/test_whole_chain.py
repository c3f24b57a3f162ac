"""Found, paired, moved, let in, ended, killed: with nothing in between that is not real."""

from datetime import datetime, timedelta
import hashlib
import io
from pathlib import Path
import shutil
import stat
import subprocess

import imageio_ffmpeg
from PIL import Image
import pytest

from harness import ROOT

from .portal import Portal
from .story import GUEST, Story
from .world import FOREIGN_CODE, FOREIGN_NAME, World

VERIFY = ROOT / "custom_components" / "smartlock_le" / "log" / "verify.py"


def test_pairing(story: Story) -> None:
    """A lock that does not listen, a wrong PIN and a right one are told apart."""
    assert story.steps == ["not_pairing", "pin", "wrong_pin", "create_entry"]


def test_moving(story: Story) -> None:
    """The states are those of the bolt."""
    assert story.states == [
        "locked",
        *("unlocked", "bolt unlocked"),
        *("locked", "bolt locked"),
    ]


def test_pictures(story: Story) -> None:
    """Each move has its own, masked, in the log and in the gallery by its hash."""
    assert [picture["result"] for picture in story.pictures] == ["taken", "taken"]
    # The newest is shown first.
    for picture, data in zip(story.pictures, reversed(story.gallery), strict=True):
        assert hashlib.sha256(data).hexdigest() == picture["sha256"]
        seen = Image.open(io.BytesIO(data))
        assert max(seen.getpixel((20, 20))) < 8 < seen.getpixel((620, 20))[2]
    told = {entry["seq"]: entry for entry in story.after}
    assert [told[picture["of"]]["event"] for picture in story.pictures] == [
        "unlocked",
        "locked",
    ]


def test_clips(story: Story) -> None:
    """One of what Frigate saw and one of an access, masked, in the log and the gallery."""
    assert story.seen["event"] == "person"
    assert [clip["result"] for clip in story.clips] == ["taken", "taken"]
    for clip, data in zip(story.clips, reversed(story.films), strict=True):
        assert hashlib.sha256(data).hexdigest() == clip["sha256"]
        done = subprocess.run(
            [
                *(
                    imageio_ffmpeg.get_ffmpeg_exe(),
                    "-loglevel",
                    "error",
                    "-i",
                    "pipe:0",
                ),
                *("-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "pipe:1"),
            ],
            input=data,
            capture_output=True,
            check=True,
        )
        seen = Image.open(io.BytesIO(done.stdout)).convert("RGB")
        # What a full range calls nearly black is what a video calls black.
        assert max(seen.getpixel((20, 20))) < 24
        assert seen.getpixel((620, 20))[2] > 150


def test_granting(story: Story) -> None:
    """The lock itself knows until when the code is good, and the code opens."""
    granted = story.grants[0]
    assert story.marker.startswith("LE ")
    assert len(story.codes[0]) == 6 and "0" not in story.codes[0]
    start, end = (datetime.fromisoformat(granted[key]) for key in ("start", "end"))
    begins, ends = (
        datetime.fromisoformat(story.window[key]) for key in ("from", "until")
    )
    assert end - start == timedelta(minutes=20)
    assert ends == end
    # It may begin a little early, for a lock whose clock is late.
    assert timedelta(0) <= start - begins <= timedelta(minutes=5)
    assert story.pressed["opened"]


def test_using(story: Story) -> None:
    """The use is told with a pseudonym, and as that of a grant."""
    granted = story.grants[0]["grant"]
    assert story.used["data"]["by_grant"] is True
    assert story.used["data"]["actor"] == f"grant {granted}"
    attributes = story.access_state["attributes"]
    assert attributes["by_grant"] is True
    assert attributes["event_type"] == "unlocked"


def test_a_guest(story: Story) -> None:
    """The PIN opens, after a kill as well, and not once the guest is gone."""
    assert [came["opened"] for came in story.guest_came] == [True, True, False]
    (place,) = story.guest["locks"]
    assert place["state"] == "active"
    assert (story.guest["name"], story.guest["has_pin"]) == (GUEST, True)


def test_revoking(story: Story) -> None:
    """The code is off the lock, opens nothing, and nobody else's was touched."""
    assert story.revoked == {"code_removed": True}
    assert not story.refused["opened"]
    assert story.codes_left == {FOREIGN_CODE: FOREIGN_NAME}


def test_out_of_reach(story: Story) -> None:
    """Who asks hears that the lock did not answer."""
    assert "did not answer" in story.error


def test_killing(story: Story) -> None:
    """Nothing that was acknowledged is lost, and the rest is accounted for."""
    assert story.after[: len(story.acknowledged)] == story.acknowledged
    later = story.after[len(story.acknowledged) :]
    kinds = [entry["kind"] for entry in later]
    # The action had answered: its intent and its outcome were durable.
    assert kinds[:2] == ["command", "outcome"], later
    assert later[1]["result"] == "done"
    started = next(entry for entry in later if entry["kind"] == "started")
    assert started["clean"] == "no"
    assert story.verified["ok"] and not story.verified["bad"]


def test_the_log_tells_it(story: Story) -> None:
    """Each grant has its intent before and its outcome after."""
    for_grant = [
        entry["event"]
        for entry in story.after
        if entry["kind"] == "grant" and entry["grant"] == story.grants[0]["grant"]
    ]
    assert for_grant == ["opening", "opened", "used", "ending", "ended"]


def old_python() -> str:
    """Return a Python that is older than ours, as a reader of a log has one."""
    for name in ("python3.11", "python3.9", "python3.10", "python3.12", "python3.13"):
        if found := _works(name, name.removeprefix("python")):
            return found
    pytest.fail("no Python from 3.9 to 3.13 on PATH")


def _works(name: str, version: str) -> str | None:
    if (path := shutil.which(name)) is None:
        return None
    ask = "import sys, sqlite3; print('%d.%d' % sys.version_info[:2])"
    # A name on PATH may be a stub of a version manager that has no such version.
    run = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=False)
    return path if run.stdout.strip() == version else None


def verify(*arguments: str | Path) -> str:
    """Run the verifier on its own, with nothing of ours in reach; return what it says."""
    run = subprocess.run(
        [old_python(), "-I", VERIFY, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_verified_elsewhere(portal: Portal, world: World, story: Story) -> None:
    """Somebody with an older Python and nothing else finds store and copy whole."""
    report = portal(world.ask("verify_log"))
    said = verify(world.our_folder / "log.db", "--vkey", report["key"])
    assert f"{report['size']} entries" in said and report["root"] in said
    kept = [e for e in story.after if e["kind"] == "media" and e["file"]]
    assert len(kept) >= len(story.pictures) + 2 * len(story.clips)
    assert f"Pictures and clips checked: {len(kept)}." in said
    said = verify(story.export["path"], "--vkey", report["key"])
    assert f"{story.export['entries']} entries" in said
    assert "OK: " in said


def test_private_files(world: World, story: Story) -> None:
    """Nobody but the owner of the process reads our files."""
    files = [world.our_folder, *world.our_folder.rglob("*")]
    assert {path.name for path in files} >= {"log.db", "locks.json", "log.key"}
    for path in files:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
