"""Whatever is kept, held and erased: what is gone is gone everywhere, the rest is whole."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.cameras import album as module
from custom_components.smartlock_le.cameras.album import Album
from custom_components.smartlock_le.cameras.models import Media, Taken, What
from custom_components.smartlock_le.log import Log
from custom_components.smartlock_le.models import Actor, ActorKind
from tests.log.support import Clock, open_log, sample

OWNER = Actor(ActorKind.OWNER, "1").fields()
LOCKS = ("front", "back")
PERSONS = ("Anna", "Berta", "Carla")


class Kept:
    """Pictures that are no pictures: bytes that can be found again."""

    def __init__(self, album: Album, seed: int) -> None:
        """Draw by a seed."""
        self.album = album
        self.random = Random(seed)
        self.data: dict[Media, bytes] = {}

    async def add(self, log: Log) -> None:
        """Keep one of somebody at one of two doors."""
        data, lock = self.random.randbytes(3000), self.random.choice(LOCKS)
        name, what = self.random.choice(PERSONS), self.random.choice(list(What))
        access = await log.append(
            "access", sample("access", lock=lock, actor_name=name)
        )
        media = await self.album.keep(
            what,
            Taken(data, what),
            "taken",
            camera="camera",
            lock=lock,
            of=access.seq,
            began=module.utc_now(),
            wanted=lambda: True,
        )
        assert media
        self.data[media] = data


def everything(folder: Path) -> bytes:
    """Return all that is on the disk, the write-ahead log too."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("seed", range(8))
async def test_nothing_is_left(
    hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Retention, holds and persons in any order, with restarts in between."""
    clock = Clock()
    monkeypatch.setattr(module, "utc_now", clock)
    log = await open_log(tmp_path, clock=clock)
    kept = Kept(Album(hass, log, tmp_path / "media"), seed)
    random, gone = kept.random, dict[Media, bytes]()
    holds: list[str] = []

    async def erased(found: list[Media]) -> None:
        for media in found:
            gone[media] = kept.data.pop(media)

    for _ in range(30):
        clock.now += timedelta(days=random.randrange(4))
        match random.randrange(9):
            case 0 | 1 | 2 | 3:
                await kept.add(log)
            case 4 | 5:
                await erased(await kept.album.erase_old(random.randrange(1, 20)))
            case 6:
                await log.care.erase_person(random.choice(PERSONS), OWNER)
                await erased(await kept.album.erase_persons())
                assert await kept.album.erase_persons() == []
            case 7:
                since = clock.now - timedelta(days=random.randrange(1, 9))
                held = await log.care.hold(
                    since, clock.now, "case 12", OWNER, lock=random.choice(LOCKS)
                )
                holds.append(held.id)
            case 8 if holds:
                await log.care.lift(holds.pop(), "closed", OWNER)
        if random.randrange(5) == 0:
            await log.close()
            log = await open_log(tmp_path, clock=clock)
            kept.album = Album(hass, log, tmp_path / "media")
            await kept.album.tidy(30)
    await check(log, tmp_path, kept.data, gone)
    await log.close()


async def check(
    log: Log, folder: Path, kept: dict[Media, bytes], gone: dict[Media, bytes]
) -> None:
    """Compare the disk with what should be there."""
    assert gone and kept
    report = await log.verify()
    assert report.ok, report.bad
    files = {path.name: path.read_bytes() for path in (folder / "media").iterdir()}
    assert files == {media.file: data for media, data in kept.items()}
    # What Home Assistant's backup would take with it, too.
    await log.care.begin_backup()
    disk = everything(folder)
    await log.care.end_backup()
    for data in gone.values():
        assert not any(data[at : at + 16] in disk for at in range(0, len(data), 16))
    album = Album(None, log, folder / "media")  # type: ignore[arg-type]
    shown = await album.of_camera("camera", limit=100)
    assert {m.file for m in shown} == set(files)
    assert [m.time for m in shown] == sorted((m.time for m in kept), reverse=True)
    for media in gone:
        assert await album.find(media.file) is None


async def test_shown(hass: HomeAssistant, tmp_path: Path) -> None:
    """The newest first, of one camera, of one kind."""
    log = await open_log(tmp_path)
    kept = Kept(Album(hass, log, tmp_path / "media"), 1)
    for _ in range(5):
        await kept.add(log)
    newest = await kept.album.of_camera("camera", limit=2)
    assert newest == list(reversed(kept.data))[:2]
    for what in What:
        shown = await kept.album.of_camera("camera", limit=9, what=what)
        assert shown == [one for one in reversed(kept.data) if one.what is what]
    assert await kept.album.of_camera("other", limit=9) == []
    assert await kept.album.cameras() == ["camera"]
    lost = replace(newest[0], file="0" * 32 + ".jpg")
    assert await kept.album.read(lost) is None
    assert await kept.album.read(newest[0]) == kept.data[newest[0]]
    await log.close()
