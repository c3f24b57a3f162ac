"""A bag (BagIt 1.0, RFC 8493): files in a folder, by their hashes, and the zip it becomes.

What the owner looks at is the payload; the manifest names the hash of each of its files,
and an approval names the hash of the manifest. So the payload that goes is, byte by byte,
the one that was looked at; the approval itself is a tag file beside it.
"""

from collections.abc import Mapping
import hashlib
import io
from pathlib import Path
from typing import IO, override
import zipfile

from ..log.files import sync_folder, written, zip_member
from .sink import Sink

PAYLOAD = "data"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
_PIECE = 1 << 18
_PACKED = (".jpg", ".mp4", ".zip")
"""What does not get smaller."""


class BagDamaged(Exception):
    """A file of it is not what its manifest says."""


def declare(folder: Path, info: Mapping[str, str]) -> tuple[str, int]:
    """Write the tag files of a bag whose payload is there.

    Returns the SHA-256 of its manifest, and how many bytes its payload has. Raises OSError.
    """
    lines, size, count = [], 0, 0
    for path in sorted((folder / PAYLOAD).rglob("*")):
        if path.is_file():
            digest = _digest(path)
            lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
            size += path.stat().st_size
            count += 1
    manifest = "".join(lines).encode()
    said = {**info, "Payload-Oxum": f"{size}.{count}"}
    tags = {
        "bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": "".join(f"{name}: {value}\n" for name, value in said.items()),
    }
    for name, text in tags.items():
        with written(folder / name) as file:
            file.write(text.encode())
    with written(folder / MANIFEST) as file:
        file.write(manifest)
    sync_folder(folder)
    return hashlib.sha256(manifest).hexdigest(), size


def pack(
    folder: Path,
    name: str,
    manifest: str,
    approval: Mapping[str, bytes],
    sink: Sink,
) -> None:
    """Write a bag into `sink` as a zip file, in one pass, with the tag files of its approval.

    Each file is hashed on its way. Raises BagDamaged where one is not what the manifest
    says, or the manifest not what `manifest` says; OSError.
    """
    listed = (folder / MANIFEST).read_bytes()
    if hashlib.sha256(listed).hexdigest() != manifest:
        raise BagDamaged
    tags = {
        tag: (folder / tag).read_bytes() for tag in ("bagit.txt", "bag-info.txt")
    } | {MANIFEST: listed, **approval}
    tags[TAG_MANIFEST] = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {tag}\n"
        for tag, data in sorted(tags.items())
    ).encode()
    with zipfile.ZipFile(_Forward(sink), "w", zipfile.ZIP_DEFLATED) as zipped:
        for tag, data in tags.items():
            zipped.writestr(zip_member(f"{name}/{tag}"), data)
        for line in listed.decode().splitlines():
            digest, path = line.split("  ", 1)
            packs = not path.endswith(_PACKED)
            head = zip_member(f"{name}/{path}", packs=packs)
            with (
                (folder / path).open("rb") as file,
                zipped.open(head, "w", force_zip64=True) as copy,
            ):
                if _copied(file, copy) != digest:
                    raise BagDamaged


class _Forward(io.RawIOBase):
    """A file that zipfile cannot go back in: it writes what it would put at the start behind."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._sink.write(data)
        return len(data)


def _copied(source: IO[bytes], target: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := source.read(_PIECE):
        digest.update(piece)
        target.write(piece)
    return digest.hexdigest()


def copied(source: Path, target: Path) -> str:
    """Copy a file; return the SHA-256 of what was copied, in hex. Raises OSError."""
    with source.open("rb") as file, written(target) as copy:
        return _copied(file, copy)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
