"""Stores that older versions wrote are taken up as they are."""

from pathlib import Path
import tarfile

from custom_components.smartlock_le.log import verify
from custom_components.smartlock_le.log.signature import check_signature

from .support import START, Clock, open_log, sample

DATA = Path(__file__).with_name("data")


async def test_version_1(tmp_path: Path) -> None:
    """Entries, checkpoints, origin and key stay; what was signed then verifies now."""
    with tarfile.open(DATA / "version-1.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    store = str(tmp_path / "log.db")
    before = verify.verify_store(store, str(tmp_path / "keys"), signed=check_signature)
    assert (before.ok, before.size) == (True, 300)
    log = await open_log(tmp_path, clock=Clock(START.replace(day=25)))
    assert (log.vkey, log.size) == (before.vkey, 301)
    await log.append("found", sample("found"))
    report = await log.verify()
    assert (report.ok, report.bad, report.size) == (True, [], 302)
    page = await log.entries(after=299, limit=2)
    assert [entry.kind for entry in page.entries] == ["started", "found"]
    # Tiles of the tree were made of what was there.
    assert await log.prove_growth(log.checkpoint) == (log.checkpoint, [])
    await log.export_proofs(tmp_path / "proofs.zip", [0, 255, 256, 299])
    assert verify.verify_proofs(str(tmp_path / "proofs.zip"), log.vkey).ok
    await log.close()
    log = await open_log(tmp_path, clock=Clock(START.replace(day=26)))
    assert (await log.verify()).ok
    await log.close()
