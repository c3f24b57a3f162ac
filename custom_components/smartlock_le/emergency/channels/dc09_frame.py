"""Frames of SIA DC-09: what stands on the wire, nothing of who reads it.

Source: ANSI/SIA DC-09-2013, sections 5.4 and 5.5; event codes of ADM-CID are SIA DC-05,
those of SIA-DCS are SIA DC-03.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
import re
import secrets
import string

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ..models import Kind, Signal, What

_BLOCK = 16
_PADDING = "".join(
    sorted(set(string.ascii_letters + string.digits + string.punctuation) - {*"|[]"})
)
_MOMENT = re.compile(r"_(\d\d:\d\d:\d\d,\d\d-\d\d-\d{4})\Z")
_TIME = "%H:%M:%S,%m-%d-%Y"
_REPLY = re.compile(
    rb'\n?([0-9A-F]{4})([0-9A-F]{4})("(\*?)(ACK|NAK|DUH)"(\d{4})(.*))\r?', re.DOTALL
)
MAX_FRAME = 1000
"""Bytes; more is no answer of a receiver."""


class Protocol(StrEnum):
    """In which words an event is told."""

    ADM_CID = "ADM-CID"
    SIA_DCS = "SIA-DCS"


class Word(StrEnum):
    """What a receiver answers."""

    ACK = "ACK"
    """Received."""
    NAK = "NAK"
    """Not taken, and its own time, by which the sender is to set its clock."""
    DUH = "DUH"
    """Understood, and it can do nothing with it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are to the receiver."""

    number: str
    """3 to 16 hexadecimal digits, upper case."""
    protocol: Protocol = Protocol.ADM_CID
    key: bytes = field(default=b"", repr=False)
    """16, 24 or 32 bytes of AES; none: plain."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `time` is the receiver's, where it tells it."""

    word: Word
    time: datetime | None = None


_CODES: dict[Kind, tuple[str, str]] = {
    Kind.POLICE: ("120", "PA"),
    Kind.FIRE: ("110", "FA"),
    Kind.MEDICAL: ("100", "MA"),
    Kind.GAS: ("151", "GA"),
    Kind.BURGLARY: ("130", "BA"),
    Kind.DURESS: ("121", "HA"),
    Kind.SILENT: ("122", "HA"),
}
"""Each kind in ADM-CID and in SIA-DCS; restored, the second letter of the latter is H."""

ZONES = {kind: number for number, kind in enumerate(Kind, 1)}
"""The zone under which the centre knows each kind."""


def event(signal: Signal, protocol: Protocol) -> str:
    """Return the words of an event, as they stand behind the account."""
    cid, sia = _CODES[signal.kind]
    zone, qualifier = ZONES[signal.kind], "1"
    match What.TEST if signal.exercise else signal.what:
        case What.TEST:
            cid, sia, zone = "602", "RP", 0
        case What.CANCEL:
            cid, sia = "406", "OC"
        case What.RESTORE:
            qualifier, sia = "3", f"{sia[0]}H"
        case What.ALARM:
            pass
    if protocol is Protocol.SIA_DCS:
        return f"Nri1/{sia}{zone:03d}"
    return f"{qualifier}{cid} 01 {zone:03d}"


def crc(data: bytes) -> int:
    """Return CRC-16 (polynomial 0xA001, from 0), DC-09 section 5.5.1.2."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def message(account: Account, number: int, signal: Signal, moment: datetime) -> bytes:
    """Return the frame of a signal, with this sequence number (1 to 9999) and time."""
    words = f"#{account.number}|{event(signal, account.protocol)}"
    return _frame(account, account.protocol, number, words, moment)


def supervision(account: Account, moment: datetime) -> bytes:
    """Return the NULL frame that asks whether the receiver is there."""
    return _frame(account, "NULL", 0, "", moment)


def _frame(
    account: Account, name: str, number: int, words: str, moment: datetime
) -> bytes:
    # Some receivers answer wrongly where the receiver's number is left out.
    head = f"{number:04d}R0L0#{account.number}["
    tail = f"{words}]_{moment.astimezone(UTC):{_TIME}}"
    if account.key:
        text = f'"*{name}"{head}{_encrypt(account.key, tail)}'
    else:
        text = f'"{name}"{head}{tail}'
    data = text.encode("ascii")
    return b"\n%04X%04X%b\r" % (crc(data), len(data), data)


def _encrypt(key: bytes, tail: str) -> str:
    """Return the coded text: AES-CBC from a zero vector, section 5.4.4.

    The padding is what makes two of the same differ; it is never empty.
    """
    size = _BLOCK - (len(tail) + 1) % _BLOCK
    padding = "".join(secrets.choice(_PADDING) for _ in range(size))
    coder = _cipher(key).encryptor()
    coded = coder.update(f"{padding}|{tail}".encode("ascii")) + coder.finalize()
    return coded.hex().upper()


def _decrypt(key: bytes, coded: str) -> str:
    """Return what a coded text says; empty where it is none of this key."""
    try:
        data = bytes.fromhex(coded)
        reader = _cipher(key).decryptor()
        return (reader.update(data) + reader.finalize()).decode("ascii")
    except ValueError:
        return ""


def _cipher(key: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(key), modes.CBC(bytes(_BLOCK)))


def answer(data: bytes, account: Account, number: int) -> Answer | None:
    """Return what a receiver answers to the message of this number; None: nothing that counts.

    Who encrypts believes only an encrypted ACK: anybody could write another one.
    """
    if data.strip() == b'"NAK"':
        # Of one that does not know the account.
        return Answer(Word.NAK)
    if not (found := _REPLY.fullmatch(data)):
        return None
    checksum, length, body, coded, word, echoed, rest = found.groups()
    if int(checksum, 16) != crc(body) or int(length, 16) != len(body):
        return None
    try:
        text = rest.decode("ascii")
    except UnicodeDecodeError:
        return None
    if word == b"NAK":
        return Answer(Word.NAK, _moment(text))
    if int(echoed) != number:
        return None
    moment = None
    if account.key and word == b"ACK":
        said = _decrypt(account.key, text.partition("[")[2]) if coded else ""
        moment = _moment(said)
        if moment is None:
            return None
    return Answer(Word(word.decode()), moment)


def _moment(text: str) -> datetime | None:
    if not (found := _MOMENT.search(text)):
        return None
    try:
        return datetime.strptime(found[1], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def read_key(text: str, *, hexadecimal: bool) -> bytes:
    """Return a key as the centre wrote it: 16, 24 or 32 characters, or bytes in hexadecimal.

    Receivers differ in how they read 32 digits. Raises ValueError, which says nothing of it.
    """
    try:
        key = bytes.fromhex(text) if hexadecimal else text.encode("ascii")
    except ValueError:
        raise ValueError("no key") from None
    if len(key) not in (16, 24, 32):
        raise ValueError("no key of this length")
    return key
