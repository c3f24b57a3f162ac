"""When a log ends and a new one begins: after a restore, a copy, a loss.

Two that went on from one head would sign two histories under one name, which is what a
forger does. A new log has a name and a key of its own, and says which head it follows.
"""

from contextlib import closing
from pathlib import Path
import secrets
import sqlite3

from .files import sync_folder
from .marker import Mark, Marker
from .probe import Found

SNAPSHOT = "snapshot.db"


def why_new(marker: Marker, found: Found | None) -> str | None:
    """Return why the log must not go on as it is found: `lost`, `copied`, `rolled_back`.

    None: it may, as far as can be told before it is read.
    """
    if (mark := marker.mark) is None:
        return None
    if found is None:
        return "lost"
    if marker.copied:
        return "copied"
    if found.first < mark.first:
        return "rolled_back"
    # Greater: we were killed between the first entry of a new log and its mark.
    return None


def put_back(folder: Path, marker: Marker) -> bool:
    """Take the snapshot that a backup holds for the database, if this is a restore.

    While a backup is written the folder has a snapshot: a database that is copied while it
    changes is not whole. Raises OSError.
    """
    snapshot = folder / SNAPSHOT
    for part in folder.glob(f".{SNAPSHOT}.part*"):
        # We were killed while it was written: no erasure would ever reach it.
        part.unlink()
    if not snapshot.exists():
        return False
    if not marker.copied and _reaches(folder / "log.db", marker.mark):
        # We were killed while a backup was written, and the database has all of it.
        snapshot.unlink()
        return False
    for name in ("log.db-wal", "log.db-shm"):
        (folder / name).unlink(missing_ok=True)
    snapshot.replace(folder / "log.db")
    sync_folder(folder)
    return True


def _reaches(path: Path, mark: Mark | None) -> bool:
    """Return whether a database has the newest head that was marked."""
    if mark is None:
        return False
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as db:
            (upto,) = db.execute("SELECT max(upto) FROM checkpoints").fetchone()
    except sqlite3.Error:
        return False
    return isinstance(upto, int) and upto >= mark.first + mark.size


def new_origin(base: str) -> str:
    """Return the name of a new log of the same home."""
    return f"{base}/{secrets.token_hex(4)}"
