"""The private file: durable, ours alone, whole or unchanged."""

import asyncio
import json
from pathlib import Path
import resource
import signal
import traceback

from homeassistant.core import HomeAssistant
from homeassistant.util.file import WriteError
import pytest

from custom_components.smartlock_le.locks.keybook import (
    KeyBook,
    KeyBookUnreadable,
    LockKeys,
    LockNumbers,
)

LOCK, OTHER = "54:D2:72:1A:2B:3C", "54:D2:72:1A:2B:3D"
SECRET = "c0ffee" * 10
KEYS = LockKeys(
    name="Front door",
    credentials={"auth_id": 2, "app_id": 7, "key": SECRET},
    pin=1234,
    has_keypad=True,
    firmware="3.9.5",
)


@pytest.fixture
def book(hass: HomeAssistant, tmp_path: Path) -> KeyBook:
    """Give an empty book."""
    return KeyBook(hass, tmp_path / "home" / "keys")


async def read(hass: HomeAssistant, book: KeyBook) -> KeyBook:
    """Read the same file as after a restart."""
    again = KeyBook(hass, book._path.parent)
    await again.load()
    return again


async def test_durable_and_private(hass: HomeAssistant, book: KeyBook) -> None:
    """What is in the book is there after a restart, for us alone."""
    await book.load()
    assert book.ids() == set()
    await book.put(LOCK, KEYS)
    await book.add_marker(LOCK, "LE one")
    await book.add_marker(LOCK, "LE two")
    await book.drop_marker(LOCK, "LE one")
    await book.set_firmware(LOCK, "4.0.0")
    await book.set_firmware(OTHER, "4.0.0")
    again = await read(hass, book)
    assert again.ids() == {LOCK}
    assert LOCK in again
    assert again.get(LOCK) == again[LOCK]
    assert again.get(OTHER) is None
    assert again.markers(LOCK) == ("LE two",)
    keys = again[LOCK]
    assert keys.firmware == "4.0.0"
    assert (keys.credentials, keys.pin) == (KEYS.credentials, 1234)
    path = book._path
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert SECRET not in repr(keys)
    assert "1234" not in repr(keys)


async def test_put_and_destroy(hass: HomeAssistant, book: KeyBook) -> None:
    """New keys of a lock keep its markers; destroyed is gone from the file, too."""
    await book.put(LOCK, KEYS)
    await book.add_marker(LOCK, "LE one")
    await book.put(LOCK, LockKeys("Door", {"key": "new"}, None, False, "4"))
    assert book[LOCK].credentials == {"key": "new"}
    assert book.markers(LOCK) == ("LE one",)
    assert SECRET not in book._path.read_text()
    await book.destroy(LOCK, only=KEYS)
    assert LOCK in book
    await book.destroy(LOCK, only=book[LOCK])
    await book.destroy(LOCK, only=KEYS)
    await book.add_marker(LOCK, "LE two")
    assert book.markers(LOCK) == ()
    assert LOCK not in book
    assert (await read(hass, book)).ids() == set()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        f'{{"version": 1, "locks": "{SECRET}"',
        json.dumps(SECRET),
        json.dumps([SECRET]),
        json.dumps({"locks": {LOCK: SECRET}}),
        json.dumps({"version": 2, "locks": {LOCK: SECRET}}),
        json.dumps({"version": 1, "locks": [SECRET]}),
        json.dumps({"version": 1, "locks": SECRET}),
        json.dumps({"version": 1, "locks": {LOCK: SECRET}}),
        json.dumps({"version": 1, "locks": {LOCK: {"pin": SECRET}}}),
        json.dumps({"version": 1, "locks": {LOCK: {"markers": [], SECRET: 1}}}),
        b"\xff" + SECRET.encode(),
    ],
)
async def test_damaged(book: KeyBook, content: str | bytes) -> None:
    """A file that is not ours to read is named as such and quoted nowhere."""
    book._path.parent.mkdir(parents=True)
    data = content if isinstance(content, bytes) else content.encode()
    book._path.write_bytes(data)
    with pytest.raises(KeyBookUnreadable) as caught:
        await book.load()
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown + repr(caught.value)
    assert book._path.read_bytes() == data


async def test_unreadable(book: KeyBook) -> None:
    """So is something that is no file."""
    book._path.mkdir(parents=True)
    with pytest.raises(KeyBookUnreadable):
        await book.load()


async def test_changes_at_the_same_time(hass: HomeAssistant, book: KeyBook) -> None:
    """None of them is lost."""
    await asyncio.gather(book.put(LOCK, KEYS), book.put(OTHER, KEYS))
    names = [f"LE {i}" for i in range(20)]
    await asyncio.gather(*(book.add_marker(LOCK, name) for name in names))
    await asyncio.gather(
        *(book.drop_marker(LOCK, name) for name in names[:10]),
        book.destroy(OTHER, only=KEYS),
    )
    again = await read(hass, book)
    assert again.ids() == {LOCK}
    assert set(again.markers(LOCK)) == set(names[10:])


async def test_cancelled(hass: HomeAssistant, book: KeyBook) -> None:
    """Whoever stops waiting: the file and the memory are the same."""
    for turns in range(4):
        task = asyncio.create_task(book.put(f"{LOCK}{turns}", KEYS))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await hass.async_block_till_done()
        assert (await read(hass, book)).ids() == book.ids()
    assert len(book.ids()) >= 2


async def test_full_disk(hass: HomeAssistant, book: KeyBook) -> None:
    """What cannot be written has not happened, in the file and in memory."""
    await book.put(LOCK, KEYS)
    before = book._path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        for change in (
            book.add_marker(LOCK, "LE one"),
            book.put(OTHER, KEYS),
            book.destroy(LOCK, only=KEYS),
        ):
            with pytest.raises(WriteError) as caught:
                await change
            assert SECRET not in repr(caught.value)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert book._path.read_bytes() == before
    assert [p.name for p in book._path.parent.iterdir()] == [book._path.name]
    assert (book.ids(), book.markers(LOCK)) == ({LOCK}, ())
    await book.add_marker(LOCK, "LE one")
    assert (await read(hass, book)).markers(LOCK) == ("LE one",)


async def test_no_folder(book: KeyBook) -> None:
    """A file where the folder should be is an error of writing as well."""
    book._path.parent.parent.mkdir()
    book._path.parent.write_text("")
    with pytest.raises(WriteError):
        await book.put(LOCK, KEYS)
    assert book.ids() == set()


async def test_numbers(hass: HomeAssistant, book: KeyBook) -> None:
    """A name keeps its number until it is forgotten, through a new pairing, too."""
    await book.load()
    numbers = LockNumbers(book, LOCK)
    await numbers.take("LE one", 3)
    assert numbers.taken() == {}
    await book.put(LOCK, KEYS)
    await numbers.take("LE one", 3)
    assert numbers.taken() == {}, "a number without a name would be nobody's"
    await book.add_marker(LOCK, "LE one")
    await book.add_marker(LOCK, "LE two")
    await numbers.take("LE one", 3)
    await numbers.take("LE two", 4)
    await book.put(LOCK, KEYS)
    await book.drop_marker(LOCK, "LE one")
    assert LockNumbers(await read(hass, book), LOCK).taken() == {"LE two": 4}
