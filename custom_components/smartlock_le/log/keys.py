"""The private keys of the log: read, made, and destroyed when their day has gone."""

import os
from pathlib import Path
import secrets
from typing import Self

from .errors import LogUnreadable
from .files import FILE_MODE, make_folder, sync_folder, written
from .leaf import EPOCH_KEY_BYTES
from .note import SEED_BYTES

_SEED = "log.key"
_NEXT_SEED = "log.new.key"


class Keys:
    """The seed that signs checkpoints, and the keys of the epochs that salts come from."""

    def __init__(self, folder: Path | None, seed: bytes) -> None:
        """Take the folder of the keys; without one they are kept nowhere."""
        self._folder = folder
        self.seed = seed
        self._epochs: dict[int, bytes] = {}

    @classmethod
    def fresh(cls) -> Self:
        """Make keys that are kept nowhere."""
        return cls(None, secrets.token_bytes(SEED_BYTES))

    @classmethod
    def load(cls, folder: Path, *, make: bool) -> Self:
        """Read the seed in `folder`; with `make`, create it if it is absent.

        Raises LogUnreadable (`key_missing`), OSError.
        """
        make_folder(folder)
        return cls(folder, _key(folder / _SEED, SEED_BYTES, make=make))

    def epoch(self, number: int) -> bytes:
        """Return the key of an epoch. Raises LogUnreadable (`key_missing`), OSError."""
        if (key := self._epochs.get(number)) is None:
            if self._folder is None:
                raise LogUnreadable("key_missing", "the log is in memory only")
            key = _key(self._path(number), EPOCH_KEY_BYTES, make=False)
            self._epochs[number] = key
        return key

    def begin(self, number: int) -> bytes:
        """Make the key of a new epoch, durable, or take up one that was not used yet.

        Raises LogUnreadable (`key_missing`), OSError.
        """
        if self._folder is None:
            key = secrets.token_bytes(EPOCH_KEY_BYTES)
        else:
            key = _key(self._path(number), EPOCH_KEY_BYTES, make=True)
        return self._epochs.setdefault(number, key)

    def destroy(self, number: int) -> bool:
        """Destroy the key of an epoch; return whether there was one. Raises OSError."""
        self._epochs.pop(number, None)
        if self._folder is None:
            return False
        path = self._path(number)
        try:
            # What is only unlinked stays on the disk for longer; no disk promises more.
            with path.open("r+b") as file:
                file.write(bytes(EPOCH_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            return False
        path.unlink()
        sync_folder(self._folder)
        return True

    def numbers(self) -> set[int]:
        """Return the epochs that have a key, and 0. Raises OSError."""
        if self._folder is None:
            return {0, *self._epochs}
        names = (
            path.stem[len("epoch-") :] for path in self._folder.glob("epoch-*.key")
        )
        return {0, *(int(name) for name in names if name.isdecimal())}

    def offer_seed(self) -> bytes:
        """Make the seed of a new log, durable; it counts from `take_seed` on. Raises OSError."""
        seed = secrets.token_bytes(SEED_BYTES)
        if self._folder is not None:
            with written(self._folder / _NEXT_SEED) as file:
                file.write(seed)
        return seed

    def offered_seed(self) -> bytes | None:
        """Return the seed that was offered and not taken. Raises OSError."""
        try:
            seed = (self._folder / _NEXT_SEED).read_bytes() if self._folder else b""
        except FileNotFoundError:
            return None
        return seed if len(seed) == SEED_BYTES else None

    def take_seed(self, seed: bytes) -> None:
        """Put the offered seed in the place of the old one, which is gone. Raises OSError."""
        self.seed = seed
        if self._folder is not None:
            (self._folder / _NEXT_SEED).replace(self._folder / _SEED)
            sync_folder(self._folder)

    def _path(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"epoch-{number}.key"


def _key(path: Path, size: int, *, make: bool) -> bytes:
    """Return the key at `path`, of `size` bytes."""
    try:
        key = path.read_bytes()
    except FileNotFoundError as err:
        # A new key beside old entries would hide that the old one is lost.
        if not make:
            raise LogUnreadable(
                "key_missing", f"the key file {path.name} is missing"
            ) from err
        key = secrets.token_bytes(size)
        with written(path) as file:
            file.write(key)
    path.chmod(FILE_MODE)
    if len(key) != size:
        raise LogUnreadable(
            "key_missing", f"the key file {path.name} is not a key of ours"
        )
    return key
