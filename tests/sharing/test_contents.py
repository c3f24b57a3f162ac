"""What is in a release, and what nobody is told of."""

from datetime import timedelta
from pathlib import Path
import shutil
from typing import Any
import zipfile

from homeassistant.core import HomeAssistant
import pytest
from sqlalchemy import LargeBinary, cast, func

from custom_components.smartlock_le.cameras.models import What
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import Entry, entries as log_entries, verify
from custom_components.smartlock_le.models import Wanted
from custom_components.smartlock_le.opening import home_folder
from custom_components.smartlock_le.requests.models import Agency
from custom_components.smartlock_le.requests.request import Request
from custom_components.smartlock_le.sharing.models import Field, Scope
from custom_components.smartlock_le.sharing.redaction import cell

from .conftest import (
    CAMERA,
    OWNER,
    SINCE,
    UNTIL,
    came,
    door,
    folder_of,
    pictured,
    refused,
    scope,
)


class TestContents:
    """By the scope, and by nothing else."""

    async def test_pictures(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Those of the camera and the window, by their hash in the log; others are left out."""
        for minute, what, data in (
            (10, What.STILL, b"first"),
            (11, What.STILL, b"second"),
            (12, What.CLIP, b"clip"),
            (-5, What.STILL, b"before"),
        ):
            await pictured(home, minute, what, data)
        wanted = Scope(
            devices=frozenset({CAMERA}),
            kinds=frozenset({Wanted.PICTURES}),
            since=SINCE,
            until=UNTIL,
        )
        release = await home.releases.preview(request_made.id, wanted, OWNER)
        media = folder_of(home, release) / "bag/data/media"
        assert [one.read_bytes() for one in sorted(media.iterdir())] == [
            b"first",
            b"second",
        ]
        assert (release.counts.media, release.counts.missing) == (2, 0)
        kept = Path(home.hass.config.path("smartlock_le")) / "media"
        for path in kept.iterdir():
            if path.read_bytes() == b"first":
                path.write_bytes(b"forged")
            elif path.read_bytes() == b"second":
                path.unlink()
        await pictured(home, 13, What.STILL, b"third")
        release = await home.releases.preview(request_made.id, wanted, OWNER)
        assert (release.counts.media, release.counts.missing) == (1, 2)
        page = (folder_of(home, release) / "bag/data/report.html").read_text()
        assert "2 pictures that the log names" in page and "Pictures only" in page

    async def test_entered_late(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What was written down later is in it, and what is between is not."""
        await came(home, 45, "Late Lurker")
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        assert release.counts.entries == 4
        assert door(home) in release.scope.devices

    async def test_requests_of_others(
        self, home: Home, police: Agency, visitors: list[Entry], request_made: Request
    ) -> None:
        """That somebody else asked in the same hours is told to nobody."""
        fields = (await home.inbox.get(request_made.id)).entry("received", OWNER)
        other = {**fields, "request": "e4593918", "instrument": "search_warrant"}
        at = SINCE + timedelta(minutes=10)
        await home.log.append("request", other, time=at)
        await came(home, 50, "Gustav Guest")
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        proofs = folder_of(home, release) / "bag/data/proofs.zip"
        with zipfile.ZipFile(proofs) as zipped:
            said = zipped.read("entries.jsonl").decode()
        assert request_made.id in said
        assert "e4593918" not in said and "search_warrant" not in said

    async def test_pictures_out_of_scope(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Not even that there are any."""
        before = await home.releases.preview(request_made.id, scope(home), OWNER)
        for minute in range(3):
            await pictured(home, minute, What.STILL, b"picture")
        after = await home.releases.preview(request_made.id, scope(home), OWNER)
        assert after.counts.hidden == before.counts.hidden
        assert after.counts.media == 0

    async def test_clip(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """One that was whole within the window is given; not one that began before it."""
        wanted = scope(
            home, kinds=frozenset({Wanted.CLIPS}), devices=frozenset({CAMERA})
        )
        for minute, data in ((3, b"clip"), (0.05, b"began before")):
            whole_at = SINCE + timedelta(minutes=minute + 1)
            with monkeypatch.context() as patch:
                patch.setattr(home.log, "_clock", lambda when=whole_at: when)
                await pictured(home, minute, What.CLIP, data)
        release = await home.releases.preview(request_made.id, wanted, OWNER)
        (path,) = (folder_of(home, release) / "bag/data/media").iterdir()
        assert (path.suffix, path.read_bytes()) == (".mp4", b"clip")

    async def test_clip_over_the_edge(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """A clip that was whole after the window is not of it."""
        await pictured(home, 3, What.CLIP, b"clip")
        wanted = scope(
            home, kinds=frozenset({Wanted.CLIPS}), devices=frozenset({CAMERA})
        )
        making = home.releases.preview(request_made.id, wanted, OWNER)
        assert await refused(making) == "release_empty"

    async def test_window_over_a_restore(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
        tmp_path: Path,
    ) -> None:
        """Entries of the log before and after it verify by the key of the newer."""
        folder = home_folder(hass)
        assert await hass.config_entries.async_unload(entry.entry_id)
        shutil.copy(folder / "log.db", tmp_path)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await came(entry.runtime_data, 55, "Gustav Guest")
        assert await hass.config_entries.async_unload(entry.entry_id)
        shutil.copy(tmp_path / "log.db", folder)
        assert await hass.config_entries.async_setup(entry.entry_id)
        home = entry.runtime_data
        await came(home, 60, "Gustav Guest")
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        path = await home.releases.looked_at(release.id, packed=False)
        proofs = str(path.with_name("proofs.zip"))
        report = verify.verify_proofs(proofs, home.log.vkey)
        assert (report.bad, report.strangers) == ([], [])
        assert release.counts.entries == 4

    async def test_erased_in_the_window(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What retention took from its edge is counted, too."""
        first = visitors[0].seq
        table = log_entries
        gone = table.update().where(table.c.seq == first)
        await home.log.append(
            "contact",
            {"event": "note", **OWNER.fields()},
            also=lambda _: [gone.values(body=None, time=0)],
        )
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        assert (release.counts.entries, release.counts.erased) == (2, 1)

    async def test_broken_entry(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """One that is not what was signed goes as its hash, and the report says so."""
        seq = visitors[0].seq
        forged = func.replace(log_entries.c.body, "keypad", "magic1")
        changed = log_entries.update().where(log_entries.c.seq == seq)
        await home.log.append(
            "contact",
            {"event": "note", **OWNER.fields()},
            also=lambda _: [changed.values(body=cast(forged, LargeBinary))],
        )
        wanted = scope(home, Field.METHOD)
        release = await home.releases.preview(request_made.id, wanted, OWNER)
        assert (release.counts.entries, release.counts.broken) == (2, 1)
        path = await home.releases.looked_at(release.id, packed=False)
        page = path.read_text()
        assert f"damaged in the log and are given as hashes alone: {seq}" in page
        assert "magic1" not in page
        proofs = str(path.with_name("proofs.zip"))
        assert verify.verify_proofs(proofs, home.log.vkey).bad == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("＝HYPERLINK(1)", "'＝HYPERLINK(1)"),
        ("\n=1+1", "'=1+1"),
        ("Bob;=cmd|'/C calc'!A0", "Bob =cmd '/C calc'!A0"),
        ("'=1", "''=1"),
        ("O'Hara", "O'Hara"),
        (7, 7),
    ],
)
def test_cells(said: Any, shown: Any) -> None:
    """No spreadsheet reckons."""
    assert cell(said) == shown
