"""Small parts of the log, on their own: what they do at their edges."""

from datetime import date
from pathlib import Path
import sqlite3
import tarfile
from typing import Any

import pytest
from sqlalchemy import select

from custom_components.smartlock_le.log import (
    LogUnavailable,
    LogUnreadable,
    sqlite as sqlite_module,
    verify,
)
from custom_components.smartlock_le.log.erasure import Plan
from custom_components.smartlock_le.log.keys import Keys
from custom_components.smartlock_le.log.marker import Marker
from custom_components.smartlock_le.log.migrate import migrate
from custom_components.smartlock_le.log.note import root_of
from custom_components.smartlock_le.log.probe import probe
from custom_components.smartlock_le.log.sqlite import Sqlite
from custom_components.smartlock_le.log.tables import logs, meta, metadata

from .support import edit, fill, open_log


def test_keys_that_are_kept_nowhere() -> None:
    """Without a folder there is a key as long as it is not destroyed."""
    keys = Keys.fresh()
    with pytest.raises(LogUnreadable, match="in memory only"):
        keys.epoch(1)
    key = keys.begin(1)
    assert keys.epoch(1) == key
    assert keys.numbers() == {0, 1}
    assert not keys.destroy(1)
    assert keys.numbers() == {0}
    assert keys.offered_seed() is None
    seed = keys.offer_seed()
    keys.take_seed(seed)
    assert keys.seed == seed


def test_marker_of_which_nothing_is_left(tmp_path: Path) -> None:
    """A marker with both slots torn says nothing."""
    fill(tmp_path, 1)
    (tmp_path / "head").write_bytes(bytes(2048))
    marker = Marker(tmp_path / "head")
    assert (marker.mark, marker.copied) == (None, False)


def test_note_that_is_none() -> None:
    """What is no checkpoint names no root."""
    for note in ("", "a\nb", "a\n1\n?\n", "a\n1\né\n"):
        assert root_of(note) == ""


def test_schema_whose_damage_is_no_text(tmp_path: Path) -> None:
    """What SQLite says of a damaged schema need not be text."""
    fill(tmp_path, 1)
    path = tmp_path / "log.db"
    content = path.read_bytes()
    assert b"ON entries (kind, seq)" in content
    path.write_bytes(content.replace(b"entries (kind,", b"entries (k\xc5nd,"))
    with pytest.raises(LogUnreadable, match="the log's tables are not ours"):
        probe(path, 1)
    with pytest.raises(verify.Unusable):
        verify.verify_store(str(path))


def test_plan_of_nothing() -> None:
    """An erasure of nothing has no statement."""
    assert list(Plan().statements(1)) == []


def test_migrate_a_short_log(tmp_path: Path) -> None:
    """A log without a whole tile, and one that is of our version already."""
    data = Path(__file__).with_name("data") / "version-1.tar.xz"
    with tarfile.open(data) as archive:
        archive.extractall(tmp_path, filter="data")
    edit(tmp_path, "DELETE FROM entries WHERE seq > 5")
    engine = Sqlite(tmp_path / "log.db").engine
    with engine.begin() as connection:
        for schema in (1, 2):
            migrate(connection, schema, date(2026, 11, 22))
            (row,) = connection.execute(select(logs)).all()
            assert row.first == 0
            assert connection.scalar(select(meta.c.value)) == "2"
            assert not connection.execute(select(metadata.tables["nodes"])).all()
    engine.dispose()


async def test_exports_give_up_when_the_log_closes(tmp_path: Path) -> None:
    """What is being written when the log closes is not left by half."""
    log = await open_log(tmp_path / "log")
    log._stop.set()
    with pytest.raises(LogUnavailable, match="is closing"):
        await log.export(tmp_path / "copy")
    with pytest.raises(LogUnavailable, match="is closing"):
        await log.export_proofs(tmp_path / "zip", [0])
    with pytest.raises(LogUnavailable, match="No such file"):
        await log.export_proofs(tmp_path / "absent" / "zip", [])
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    await log.close()


async def test_snapshot_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup is not begun without its snapshot, and leaves no part of one."""
    log = await open_log(tmp_path)
    for name in ("snapshot.db", ".snapshot.db.part"):
        (tmp_path / name).mkdir()
        with pytest.raises(LogUnavailable, match="Is a directory"):
            await log.care.begin_backup()
        (tmp_path / name).rmdir()

    for code, name in (
        (sqlite3.SQLITE_FULL, "SQLITE_FULL"),
        (sqlite3.SQLITE_ERROR, "SQLITE_ERROR"),
    ):

        def fail(*_: Any, code: int = code, name: str = name, **__: Any) -> Any:
            err = sqlite3.OperationalError()
            err.sqlite_errorcode, err.sqlite_errorname = code, name
            raise err

        with monkeypatch.context() as patch:
            patch.setattr(sqlite_module.sqlite3, "connect", fail)
            with pytest.raises(LogUnavailable, match=f"failed: {name}"):
                await log.care.begin_backup()
    assert not log.care.paused
    assert not (tmp_path / ".snapshot.db.part").exists()
    await log.close()


async def test_entry_of_another_shape(tmp_path: Path) -> None:
    """An entry without its time is damage."""
    log = await open_log(tmp_path)
    for body in (b'{"kind":"stopped"}', b'{"kind":"stopped","time":"now"}'):
        edit(tmp_path, "UPDATE entries SET body = ?", body)
        with pytest.raises(LogUnavailable, match="entry 0 is damaged"):
            await log.entries()
    await log.close()
