"""Bytes of the Nuki protocol: numbers, framing (section 3) and encryption (section 4)."""

from datetime import UTC, datetime
from enum import IntEnum
import hashlib
import hmac
import os
import struct

from nacl.bindings import (
    crypto_box_beforenm,
    crypto_scalarmult_base,
    crypto_secretbox,
    crypto_secretbox_open,
)
from nacl.exceptions import CryptoError

# Section 2: the characteristics of a Smart Lock, 1st to 4th generation.
PAIRING_GDIO = "a92ee101-5501-11e4-916c-0800200c9a66"
KEYTURNER_GDIO = "a92ee201-5501-11e4-916c-0800200c9a66"
KEYTURNER_USDIO = "a92ee202-5501-11e4-916c-0800200c9a66"

NONCE_SIZE = 32
_SEAL_NONCE_SIZE = 24
_ADATA_SIZE = 30


class Command(IntEnum):
    """Command identifiers (section 5)."""

    REQUEST_DATA = 0x0001
    PUBLIC_KEY = 0x0003
    CHALLENGE = 0x0004
    AUTHORIZATION_AUTHENTICATOR = 0x0005
    AUTHORIZATION_DATA = 0x0006
    AUTHORIZATION_ID = 0x0007
    REMOVE_AUTHORIZATION = 0x0008
    REQUEST_AUTHORIZATIONS = 0x0009
    AUTHORIZATION_ENTRY = 0x000A
    KEYTURNER_STATES = 0x000C
    LOCK_ACTION = 0x000D
    STATUS = 0x000E
    BATTERY_REPORT = 0x0011
    ERROR_REPORT = 0x0012
    REQUEST_CONFIG = 0x0014
    CONFIG = 0x0015
    AUTHORIZATION_ID_CONFIRMATION = 0x001E
    VERIFY_SECURITY_PIN = 0x0020
    UPDATE_TIME = 0x0021
    AUTHORIZATION_COUNT = 0x0027
    REQUEST_LOG_ENTRIES = 0x0031
    LOG_ENTRY = 0x0032
    LOG_ENTRY_COUNT = 0x0033
    ADD_KEYPAD_CODE = 0x0041
    KEYPAD_CODE_ID = 0x0042
    REQUEST_KEYPAD_CODES = 0x0043
    KEYPAD_CODE_COUNT = 0x0044
    KEYPAD_CODE = 0x0045
    UPDATE_KEYPAD_CODE = 0x0046
    REMOVE_KEYPAD_CODE = 0x0047
    SIMPLE_LOCK_ACTION = 0x0100


class ErrorCode(IntEnum):
    """Error codes (section 6) that this lock can answer."""

    P_ERROR_NOT_PAIRING = 0x10
    P_ERROR_BAD_AUTHENTICATOR = 0x11
    P_ERROR_BAD_PARAMETER = 0x12
    P_ERROR_MAX_USER = 0x13
    K_ERROR_NOT_AUTHORIZED = 0x20
    K_ERROR_BAD_PIN = 0x21
    K_ERROR_BAD_NONCE = 0x22
    K_ERROR_BAD_PARAMETER = 0x23
    K_ERROR_INVALID_AUTH_ID = 0x24
    K_ERROR_TOO_MANY_PIN_ATTEMPTS = 0x28
    K_ERROR_TOO_MANY_ENTRIES = 0x29
    K_ERROR_CODE_ALREADY_EXISTS = 0x2A
    K_ERROR_CODE_INVALID = 0x2B
    K_ERROR_CODE_INVALID_TIMEOUT_1 = 0x2C
    K_ERROR_MOTOR_BLOCKED = 0x42
    K_ERROR_BUSY = 0x45
    BAD_CRC = 0xFD
    BAD_LENGTH = 0xFE
    UNKNOWN = 0xFF


class Status(IntEnum):
    """Status codes (section 7)."""

    COMPLETE = 0x00
    ACCEPTED = 0x01


class NukiState(IntEnum):
    """Nuki State of Keyturner States (0x000C)."""

    PAIRING = 0x01
    DOOR = 0x02


class LockState(IntEnum):
    """Lock State of Keyturner States (0x000C)."""

    LOCKED = 0x01
    UNLOCKING = 0x02
    UNLOCKED = 0x03
    LOCKING = 0x04
    UNLATCHED = 0x05
    UNLATCHING = 0x07
    MOTOR_BLOCKED = 0xFE


class Trigger(IntEnum):
    """Trigger of Keyturner States (0x000C)."""

    SYSTEM = 0x00
    MANUAL = 0x01


class DoorState(IntEnum):
    """Door sensor state of Keyturner States (0x000C, v2.3.0: two generations of it)."""

    UNAVAILABLE = 0x00
    DEACTIVATED = 0x01
    CLOSED = 0x02
    OPENED = 0x03
    DOOR_STATE_UNKNOWN = 0x04
    CALIBRATING = 0x05
    UNCALIBRATED = 0x10
    TAMPERED = 0xF0
    UNKNOWN = 0xFF


class LockAction(IntEnum):
    """Actions of Lock Action (0x000D)."""

    UNLOCK = 0x01
    LOCK = 0x02
    UNLATCH = 0x03
    LOCK_N_GO = 0x04
    LOCK_N_GO_WITH_UNLATCH = 0x05
    FULL_LOCK = 0x06


class Completion(IntEnum):
    """Completion status of Log Entry (0x0032)."""

    SUCCESS = 0x00
    MOTOR_BLOCKED = 0x01
    BUSY = 0x04
    INVALID_CODE = 0xE0


class LogType(IntEnum):
    """Type of Log Entry (0x0032)."""

    LOCK_ACTION = 0x02
    KEYPAD_ACTION = 0x05
    DOOR_SENSOR = 0x06


class IdType(IntEnum):
    """ID Type of Authorization Data (0x0006)."""

    APP = 0
    BRIDGE = 1
    FOB = 2
    KEYPAD = 3


class NukiError(Exception):
    """What the lock answers with an Error Report (0x0012)."""

    def __init__(self, code: ErrorCode) -> None:
        """Keep the code."""
        super().__init__(code.name)
        self.code = code


def crc(data: bytes) -> int:
    """CRC-CCITT, polynomial 0x1021, start 0xFFFF (section 3.4)."""
    value = 0xFFFF
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = value << 1 ^ (0x1021 if value & 0x8000 else 0)
        value &= 0xFFFF
    return value


def with_crc(data: bytes) -> bytes:
    """Append the CRC."""
    return data + struct.pack("<H", crc(data))


def frame(command: int, payload: bytes) -> bytes:
    """Write an unencrypted message (section 3.3)."""
    return with_crc(struct.pack("<H", command) + payload)


def parse(message: bytes) -> tuple[int, bytes]:
    """Read an unencrypted message (section 3.3)."""
    if len(message) < 4:
        raise NukiError(ErrorCode.BAD_LENGTH)
    if with_crc(message[:-2]) != message:
        raise NukiError(ErrorCode.BAD_CRC)
    return int.from_bytes(message[:2], "little"), message[2:-2]


def seal(
    key: bytes, auth_id: int, command: int, payload: bytes, nonce: bytes | None = None
) -> bytes:
    """Write an encrypted message (sections 3.2 and 4.4)."""
    nonce = nonce or os.urandom(_SEAL_NONCE_SIZE)
    plain = with_crc(struct.pack("<IH", auth_id, command) + payload)
    secret = crypto_secretbox(plain, nonce, key)
    return nonce + struct.pack("<IH", auth_id, len(secret)) + secret


def sealed_for(message: bytes) -> int:
    """Read who an encrypted message is from (section 3.2)."""
    if len(message) < _ADATA_SIZE:
        raise NukiError(ErrorCode.BAD_LENGTH)
    auth_id, length = struct.unpack_from("<IH", message, _SEAL_NONCE_SIZE)
    if length != len(message) - _ADATA_SIZE:
        raise NukiError(ErrorCode.BAD_LENGTH)
    return int(auth_id)


def decrypt(key: bytes, message: bytes) -> bytes:
    """Decrypt PDATA; "not authorized" when the key does not fit (section 6, 0x20)."""
    try:
        return crypto_secretbox_open(
            message[_ADATA_SIZE:], message[:_SEAL_NONCE_SIZE], key
        )
    except CryptoError as err:
        raise NukiError(ErrorCode.K_ERROR_NOT_AUTHORIZED) from err


def parse_pdata(auth_id: int, plain: bytes) -> tuple[int, bytes]:
    """Read the command and the payload out of decrypted PDATA (section 3.2)."""
    if len(plain) < 8:
        raise NukiError(ErrorCode.BAD_LENGTH)
    if with_crc(plain[:-2]) != plain:
        raise NukiError(ErrorCode.BAD_CRC)
    inner_id, command = struct.unpack_from("<IH", plain)
    if inner_id != auth_id:
        raise NukiError(ErrorCode.K_ERROR_NOT_AUTHORIZED)
    return int(command), plain[6:-2]


def public_key(private_key: bytes) -> bytes:
    """Compute the public half of a key pair."""
    return crypto_scalarmult_base(private_key)


def shared_key(private_key: bytes, other_public_key: bytes) -> bytes:
    """Derive the long term key: dh1, then kdf1 (sections 4.1 and 4.2)."""
    try:
        return crypto_box_beforenm(other_public_key, private_key)
    except CryptoError as err:
        # A point of small order: nothing that a client makes by chance.
        raise NukiError(ErrorCode.P_ERROR_BAD_PARAMETER) from err


def authenticator(key: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA256 over the parts (section 4.3)."""
    return hmac.digest(key, b"".join(parts), hashlib.sha256)


def same(one: bytes, other: bytes) -> bool:
    """Compare secrets in constant time."""
    return hmac.compare_digest(one, other)


def pack_time(moment: datetime | None) -> bytes:
    """Write a timestamp; zeros for "never"."""
    if moment is None:
        return bytes(7)
    return struct.pack(
        "<HBBBBB",
        moment.year,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
    )


def unpack_time(data: bytes) -> datetime | None:
    """Read a timestamp; None for zeros."""
    if not any(data):
        return None
    year, month, day, hour, minute, second = struct.unpack("<HBBBBB", data)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as err:
        raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER) from err


def pack_text(text: str, size: int) -> bytes:
    """Write text into a field of fixed size, cut between characters."""
    data = text.encode()[:size].decode(errors="ignore").encode()
    return data.ljust(size, b"\0")


def unpack_text(data: bytes) -> str:
    """Read text out of a field of fixed size."""
    return data.split(b"\0", 1)[0].decode(errors="replace")
