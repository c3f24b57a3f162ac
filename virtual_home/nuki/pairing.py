"""Pairing over the pairing service (section 9, "Authorize App").

The steps come in this order: Request Data (Public Key), Public Key, Authorization
Authenticator, Authorization Data, Authorization-ID Confirmation. A step out of order is
answered with "unknown error"; a wrong authenticator ends the attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass
import os
import struct

from .device import Device
from .messages import Reply, status
from .users import Authorization
from .wire import (
    NONCE_SIZE,
    Command,
    ErrorCode,
    IdType,
    NukiError,
    Status,
    authenticator,
    public_key,
    same,
    shared_key,
    unpack_text,
)

_KEY_SIZE = 32
_NAME_SIZE = 32


@dataclass(slots=True)
class _Attempt:
    """What is known so far about who wants to pair."""

    awaits: Command = Command.PUBLIC_KEY
    client_key: bytes = b""
    key: bytes = b""
    nonce: bytes = b""
    user: Authorization | None = None

    def challenge(self) -> Reply:
        self.nonce = os.urandom(NONCE_SIZE)
        return Command.CHALLENGE, self.nonce


class Pairing:
    """The lock's side of pairing, over one link at a time."""

    def __init__(self, device: Device) -> None:
        """Pair clients with this device."""
        self._device = device
        self._attempt: _Attempt | None = None
        self._steps: dict[int, tuple[int, Callable[[_Attempt, bytes], Reply]]] = {
            Command.PUBLIC_KEY: (_KEY_SIZE, self._public_key),
            Command.AUTHORIZATION_AUTHENTICATOR: (32, self._authenticator),
            Command.AUTHORIZATION_DATA: (32 + 5 + _NAME_SIZE + NONCE_SIZE, self._data),
            Command.AUTHORIZATION_ID_CONFIRMATION: (32 + 4, self._confirmation),
        }

    def end_link(self) -> None:
        """Forget an unfinished attempt."""
        self._attempt = None

    def handle(self, command: int, payload: bytes) -> Reply:
        """Answer one message; raises NukiError."""
        if command == Command.REQUEST_DATA:
            return self._request(payload)
        if command not in self._steps:
            raise NukiError(ErrorCode.UNKNOWN)
        attempt, self._attempt = self._attempt, None
        if attempt is None and not self._device.pairing:
            raise NukiError(ErrorCode.P_ERROR_NOT_PAIRING)
        if attempt is None or attempt.awaits != command:
            raise NukiError(ErrorCode.UNKNOWN)
        size, step = self._steps[command]
        if len(payload) != size:
            raise NukiError(ErrorCode.BAD_LENGTH)
        reply = step(attempt, payload)
        if attempt.awaits != command:
            self._attempt = attempt
        return reply

    def _request(self, payload: bytes) -> Reply:
        """Take steps 3 and 4."""
        if len(payload) != 2:
            raise NukiError(ErrorCode.BAD_LENGTH)
        if int.from_bytes(payload, "little") != Command.PUBLIC_KEY:
            raise NukiError(ErrorCode.P_ERROR_BAD_PARAMETER)
        if not self._device.pairing:
            raise NukiError(ErrorCode.P_ERROR_NOT_PAIRING)
        self._attempt = _Attempt()
        return Command.PUBLIC_KEY, public_key(self._device.private_key)

    def _public_key(self, attempt: _Attempt, payload: bytes) -> Reply:
        """Take steps 6 to 9."""
        attempt.client_key = payload
        attempt.key = shared_key(self._device.private_key, payload)
        attempt.awaits = Command.AUTHORIZATION_AUTHENTICATOR
        return attempt.challenge()

    def _authenticator(self, attempt: _Attempt, payload: bytes) -> Reply:
        """Take steps 12 to 15."""
        own_key = public_key(self._device.private_key)
        _check(payload, attempt.key, attempt.client_key, own_key, attempt.nonce)
        attempt.awaits = Command.AUTHORIZATION_DATA
        return attempt.challenge()

    def _data(self, attempt: _Attempt, payload: bytes) -> Reply:
        """Take steps 17 to 19. Only apps and bridges pair this way."""
        proof, data = payload[:32], payload[32:]
        _check(proof, attempt.key, data, attempt.nonce)
        id_type, app_id = struct.unpack_from("<BI", data)
        if id_type not in (IdType.APP, IdType.BRIDGE):
            raise NukiError(ErrorCode.P_ERROR_BAD_PARAMETER)
        attempt.user = Authorization(
            auth_id=self._device.users.reserve(),
            id_type=IdType(id_type),
            app_id=app_id,
            name=unpack_text(data[5 : 5 + _NAME_SIZE]),
            key=attempt.key,
            created=self._device.now,
        )
        attempt.awaits = Command.AUTHORIZATION_ID_CONFIRMATION
        attempt.nonce = os.urandom(NONCE_SIZE)
        answer = (
            attempt.user.auth_id.to_bytes(4, "little")
            + self._device.uuid
            + attempt.nonce
        )
        client_nonce = data[-NONCE_SIZE:]
        proof = authenticator(attempt.key, answer, client_nonce)
        return Command.AUTHORIZATION_ID, proof + answer

    def _confirmation(self, attempt: _Attempt, payload: bytes) -> Reply:
        """Take steps 21 and 22."""
        proof, auth_id = payload[:32], payload[32:]
        _check(proof, attempt.key, auth_id, attempt.nonce)
        user = attempt.user
        if user is None or user.auth_id != int.from_bytes(auth_id, "little"):
            raise NukiError(ErrorCode.P_ERROR_BAD_PARAMETER)
        self._device.paired(user)
        return status(Status.COMPLETE)


def _check(proof: bytes, key: bytes, *parts: bytes) -> None:
    if not same(proof, authenticator(key, *parts)):
        raise NukiError(ErrorCode.P_ERROR_BAD_AUTHENTICATOR)
