"""Files that nobody but us may read."""

from collections.abc import Callable, Mapping
from contextlib import suppress
import json
import logging
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util.file import WriteError

from .log.files import make_folder, written

_LOGGER = logging.getLogger(__name__)

_VERSION = 1


def write(path: Path, text: str) -> None:
    """Write one, whole or not at all. It blocks. Raises WriteError.

    Home Assistant's own way writes a line that names the file where it fails: of some of
    them nobody may hear.
    """
    try:
        make_folder(path.parent)
        with written(path) as file:
            file.write(text.encode())
    except OSError as err:
        raise WriteError(type(err).__name__) from err


class FileUnreadable(Exception):
    """The file is there, but it is not ours to read."""


class PrivateFile[Content]:
    """What is kept in one of them, as JSON."""

    def __init__(
        self,
        hass: HomeAssistant,
        path: Path,
        default: Content,
        *,
        as_json: Callable[[Content], Mapping[str, Any]],
        from_json: Callable[[Mapping[str, Any]], Content],
    ) -> None:
        """`path` is in a folder that is private to us.

        `from_json` raises TypeError, ValueError or KeyError for what it does not know.
        """
        self._hass = hass
        self._path = path
        self._as_json = as_json
        self._from_json = from_json
        self.now = default
        self._unreadable = False

    async def load(self) -> None:
        """Read it; without a file it stays as it is. Raises FileUnreadable."""
        self.now = await self._hass.async_add_executor_job(self._read)

    async def readable(self, what: str) -> bool:
        """Read it, and tell whether it is ours to read; `what` it says, for our lines."""
        try:
            await self.load()
        except FileUnreadable as err:
            # What stands on it works; that this is not known must be said.
            _LOGGER.error("%s cannot be read: %s", what, err)
            return False
        return True

    async def save(self, content: Content) -> None:
        """Write it, then take it over. Raises WriteError.

        One that could not be read is put aside first.
        """
        await self._hass.async_add_executor_job(self._write, content)
        self.now = content

    def _read(self) -> Content:
        with suppress(OSError):
            # Of a write that was cut off.
            for left in self._path.parent.glob(f".{self._path.name}.*"):
                left.unlink()
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            return self._from_json(_of_ours(data))
        except FileNotFoundError:
            return self.now
        except (OSError, ValueError, KeyError, TypeError) as err:
            # The text of these errors may quote the file.
            self._unreadable = True
            raise FileUnreadable(type(err).__name__) from None

    def _write(self, content: Content) -> None:
        said = {"version": _VERSION, "settings": self._as_json(content)}
        if self._unreadable:
            try:
                self._path.replace(self._path.with_suffix(".unreadable"))
            except OSError as err:
                raise WriteError(type(err).__name__) from None
            self._unreadable = False
        write(self._path, json.dumps(said))


def _of_ours(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings of a file. Raises ValueError where another version wrote it."""
    if data["version"] != _VERSION:
        raise ValueError("another version")
    settings: Mapping[str, Any] = data["settings"]
    return settings
