"""Private files: for the owner of the process only, whole or not there."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import secrets
from typing import IO
import zipfile

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def make_folder(folder: Path) -> None:
    """Create a folder, and those above it, that only we can read; make it durable."""
    if not folder.is_dir():
        make_parents = folder.parent
        make_parents.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        sync_folder(make_parents)
    folder.chmod(FOLDER_MODE)


def sync_folder(folder: Path) -> None:
    """Make what was created or renamed in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_empty(path: Path) -> None:
    """Create an empty private file if there is none.

    SQLite gives its own companions (-wal, -shm) the mode of the database.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE))
    path.chmod(FILE_MODE)
    sync_folder(path.parent)


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write; it appears at `path`, durable, when the block ends well."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def zip_member(name: str, *, packs: bool = True) -> zipfile.ZipInfo:
    """Return the head of a file in a zip file; `packs`: it gets smaller.

    It has no time that could differ from one to the next.
    """
    member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    member.compress_type = zipfile.ZIP_DEFLATED if packs else zipfile.ZIP_STORED
    return member
