"""The private file of the plates: the key of their hashes, and which are listed."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from pathlib import Path
import secrets

from homeassistant.util.file import WriteError
import orjson

from .. import private
from .plates import PlateBook, PlateList

_KEY = 32


class PlatesLocked(Exception):
    """The file cannot be read or written. The text says nothing that is in it."""


def load(path: Path) -> PlateBook:
    """Read the file, or make one where there is none. It blocks. Raises PlatesLocked."""
    try:
        read = orjson.loads(path.read_bytes())
        key = b64decode(read["key"], validate=True)
        lists = {str(plate): PlateList(one) for plate, one in read["lists"].items()}
    except FileNotFoundError:
        book = PlateBook(secrets.token_bytes(_KEY))
        save(path, book)
        return book
    except (OSError, NotBase64, ValueError, TypeError, KeyError, AttributeError) as err:
        # The text of these errors may quote the file.
        raise PlatesLocked(type(err).__name__) from None
    if len(key) != _KEY:
        raise PlatesLocked("length")
    return PlateBook(key, lists)


def save(path: Path, book: PlateBook) -> None:
    """Write the file, whole or not at all. It blocks. Raises PlatesLocked."""
    data = {"key": b64encode(book.key).decode("ascii"), "lists": dict(book.lists)}
    try:
        private.write(path, orjson.dumps(data).decode())
    except WriteError as err:
        raise PlatesLocked(type(err).__name__) from None
