"""Where a log is kept: in our own folder, or in a database on a server."""

from pathlib import Path

from .engine import Database
from .files import sync_folder, written
from .server import CHECKED, DRIVERS, Server, parse
from .sqlite import Sqlite, remove

_FILE = "database"
"""Holds the URL of the server, and with it its password; absent: an SQLite file here."""


def address(folder: Path) -> str:
    """Return the URL of the server that the log is on, or nothing. Raises OSError."""
    try:
        return (folder / _FILE).read_text()
    except FileNotFoundError:
        return ""


def driver(url: str) -> str:
    """Return the package that speaks with the server at a URL; none for no URL.

    Raises LogRefused (`database_url`).
    """
    return DRIVERS[parse(url)[0]][1] if url else ""


def note(folder: Path, url: str) -> None:
    """Note that the log is on a server, or here again if `url` is empty. Raises OSError."""
    if url:
        with written(folder / _FILE) as file:
            file.write(url.encode())
    else:
        (folder / _FILE).unlink()
        sync_folder(folder)


def locate(folder: Path) -> Database:
    """Return the database of the log in `folder`; nothing is opened yet.

    Raises LogRefused (`database_url`, `database_driver`), OSError.
    """
    for left in folder.glob(f"{CHECKED}*"):
        # We were killed while we verified: no erasure would ever reach it.
        left.unlink()
    return at(folder, address(folder))


def at(folder: Path, url: str) -> Database:
    """Return the database at a URL, or the file in `folder` if it is empty.

    Raises LogRefused (`database_url`, `database_driver`).
    """
    return Server(url, folder) if url else Sqlite(folder / "log.db")


def tidy(folder: Path) -> None:
    """Remove the file of a log that was moved to a server. Raises OSError."""
    remove(folder / "log.db")
