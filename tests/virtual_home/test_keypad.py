"""When a code works, and which codes there can be."""

from datetime import UTC, datetime, time, timedelta

import pytest

from virtual_home.nuki.keypad import MAX_CODES, CodeBook, Window
from virtual_home.nuki.wire import NukiError

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
MONDAY, TUESDAY, SUNDAY = 0x40, 0x20, 0x01


@pytest.mark.parametrize(
    ("window", "moment", "works"),
    [
        (Window(), NOON, True),
        (Window(start=NOON), NOON, True),
        (Window(start=NOON), NOON - timedelta(seconds=1), False),
        (Window(end=NOON), NOON, True),
        (Window(end=NOON), NOON + timedelta(seconds=1), False),
        (Window(weekdays=MONDAY), NOON, True),
        (Window(weekdays=TUESDAY | SUNDAY), NOON, False),
        (Window(weekdays=TUESDAY), NOON + timedelta(hours=11), True),
        (Window(from_time=time(13), until_time=time(14)), NOON, True),
        (Window(from_time=time(12), until_time=time(13)), NOON, False),
        (Window(from_time=time(22), until_time=time(14)), NOON, True),
        (Window(from_time=time(22), until_time=time(13)), NOON, False),
        (Window(from_time=time(8), until_time=time(8)), NOON, True),
    ],
)
def test_window(window: Window, moment: datetime, works: bool) -> None:
    """Dates are UTC; weekdays and times of day are local, here UTC+1."""
    assert window.allows(moment, HOUR) is works


def test_window_bytes() -> None:
    """A window survives its way through the radio; a bad one does not get there."""
    window = Window(NOON, NOON + HOUR, MONDAY, time(8, 30), time(17, 15))
    assert Window.unpack(window.pack()) == window
    assert Window.unpack(bytes(19)) == Window()
    for bad in (
        Window(NOON, NOON - HOUR).pack(),
        bytes(14) + b"\x80\0\0\0\0",
        bytes(14) + b"\0\x18\0\0\0",
    ):
        with pytest.raises(NukiError, match="K_ERROR_BAD_PARAMETER"):
            Window.unpack(bad)


def test_digits() -> None:
    """Six digits, no 0, not starting with 12, none twice."""
    book = CodeBook()
    for digits in (0, 34567, 3456789, 345670, 123456, 0xFFFFFFFF):
        with pytest.raises(NukiError, match="K_ERROR_BAD_PARAMETER"):
            book.add(digits, "x", None, NOON)
    code = book.add(345678, "x", None, NOON)
    with pytest.raises(NukiError, match="K_ERROR_CODE_ALREADY_EXISTS"):
        book.add(345678, "y", None, NOON)
    other = book.add(345679, "y", None, NOON)
    with pytest.raises(NukiError, match="K_ERROR_CODE_ALREADY_EXISTS"):
        book.update(other.code_id, 345678, "y", True, None)
    book.update(code.code_id, 345678, "z", False, None)
    assert [(entry.name, entry.enabled) for entry in book] == [
        ("z", False),
        ("y", True),
    ]
    book.remove(other.code_id)
    assert book.add(345679, "y", None, NOON).code_id > other.code_id
    with pytest.raises(NukiError, match="K_ERROR_BAD_PARAMETER"):
        book.remove(other.code_id)


def test_full_book() -> None:
    """The keypad takes so many codes and no more."""
    book = CodeBook()
    digits = (n for n in range(311111, 399999) if "0" not in str(n))
    for _ in range(MAX_CODES):
        book.add(next(digits), "x", None, NOON)
    with pytest.raises(NukiError, match="K_ERROR_TOO_MANY_ENTRIES"):
        book.add(next(digits), "x", None, NOON)
