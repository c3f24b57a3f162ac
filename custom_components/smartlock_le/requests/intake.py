"""Requests that an agency signed with its key: the address, the envelope, what is taken.

The envelope is DSSE v1 (github.com/secure-systems-lab/dsse), signed with Ed25519; the
payload is what `request.schema.json` says.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from datetime import timedelta
import hashlib
import hmac
from pathlib import Path
import secrets
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
import orjson
from sqlalchemy import delete, select

from ..guesses import Guesses
from ..log import Log, put
from ..models import Actor, utc_now
from . import reading
from .agencies import Agencies
from .inbox import Inbox
from .models import BadField, RequestError
from .request import Via
from .tables import intake as table

SCHEMA = Path(__file__).with_name("request.schema.json")
PAYLOAD_TYPE = "application/vnd.smartlock-le.request+json"
MAX_BYTES = 64 * 1024
MOST_FAILED = 30
"""Bodies that are no request, from one address of the network in an hour."""
_OLDEST, _AHEAD = timedelta(days=1), timedelta(minutes=5)
_ENVELOPE = {"payload", "payloadType", "signatures"}
_ONLY = 1


class Intake:
    """The address that the owner switches on."""

    def __init__(
        self,
        log: Log,
        agencies: Agencies,
        inbox: Inbox,
        read: Callable[[], bool],
        save: Callable[[bool], None],
    ) -> None:
        """Take the rooms, and what reads and saves the setting."""
        self._log = log
        self._agencies = agencies
        self._inbox = inbox
        self._read = read
        self._save = save
        self._token = ""
        self._switched = 0
        self.in_vain = Guesses(MOST_FAILED, 3600.0)
        self.dropped = 0
        """How many were signed by nobody in the directory, since the start."""

    async def load(self) -> None:
        """Read the address. Raises LogUnavailable."""
        rows = await self._log.read(select(table.c.token))
        self._token = rows[0]["token"] if rows else ""

    @property
    def token(self) -> str:
        """The last part of the address; empty: it is off.

        On only where the setting and the log agree: one may have been lost.
        """
        return self._token if self._read() else ""

    async def switch_on(self, actor: Actor) -> None:
        """Take signed requests, at a new address. Raises LogUnavailable."""
        self._switched = switched = self._switched + 1
        token = secrets.token_urlsafe(32)
        rows = put(table, id=_ONLY, token=token)
        await self._log.append("setting", _entry("on", actor), also=lambda _: rows)
        if switched != self._switched:
            # Off, or on anew, meanwhile: that is the last word, in the store as well.
            await self._log.append_or_keep(
                "setting",
                _entry("off", actor),
                also=lambda _: [delete(table).where(table.c.token == token)],
            )
            return
        self._token = token
        self._save(True)

    async def switch_off(self, actor: Actor) -> None:
        """Take none any more; works at once, whatever the log does."""
        self._switched += 1
        self._token = ""
        self._save(False)
        await self._log.append_or_keep(
            "setting", _entry("off", actor), also=lambda _: [delete(table)]
        )

    def is_here(self, token: str) -> bool:
        """Tell whether an address is the one that is on."""
        known = self.token
        return bool(known) and hmac.compare_digest(
            known.encode(), token.encode(errors="replace")
        )

    async def take(self, body: bytes) -> None:
        """Take one in. Nothing tells whether its agency is known, or what becomes of it.

        Raises BadField, RequestError, LogUnavailable.
        """
        key, payload = opened(body)
        said = _object(payload)
        reference = said.get("reference")
        version = said.pop("version", None)
        if version != 1 or isinstance(version, bool):
            raise BadField("version", "request_version")
        if not isinstance(reference, str) or not reference.strip():
            raise BadField("reference", "request_text")
        to = said.pop("to", None)
        if not isinstance(to, str) or not self.is_here(to):
            # Signed for another home, and sent on to this one.
            raise BadField("to", "request_to")
        issued = reading.time("issued", {"issued": said.pop("issued", None)})
        if issued is None or not _OLDEST >= utc_now() - issued >= -_AHEAD:
            raise BadField("issued", "request_issued")
        if "via" in said:
            raise BadField("via", "request_field")
        ask = reading.ask({**said, "via": Via.SIGNED.value})
        agency = await self._agencies.of_key(key)
        if agency is None:
            self.dropped += 1
            return
        await self._inbox.take_signed(ask, agency, hashlib.sha256(payload).hexdigest())


def opened(body: bytes) -> tuple[str, bytes]:
    """Return the key that signed an envelope, in base 64, and its payload.

    Raises RequestError: it is no envelope, or the signature is not that key's.
    """
    envelope = _object(body)
    signatures = envelope.get("signatures")
    if (
        set(envelope) != _ENVELOPE
        or envelope["payloadType"] != PAYLOAD_TYPE
        or not isinstance(signatures, list)
        or len(signatures) != 1
        or not isinstance(signatures[0], dict)
    ):
        raise RequestError("request_envelope")
    payload = _decoded(envelope["payload"])
    public = _decoded(signatures[0].get("keyid"))
    signature = _decoded(signatures[0].get("sig"))
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed(payload))
    except InvalidSignature, ValueError:
        raise RequestError("request_signature") from None
    return b64encode(public).decode(), payload


def signed(payload: bytes) -> bytes:
    """Return the bytes that are signed: DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise RequestError("request_envelope") from None
    if not isinstance(found, dict):
        raise RequestError("request_envelope")
    return found


def _decoded(value: Any) -> bytes:
    if not isinstance(value, str):
        raise RequestError("request_envelope")
    try:
        return b64decode(value, validate=True)
    except NotBase64, ValueError:
        raise RequestError("request_envelope") from None


def _entry(value: str, actor: Actor) -> Mapping[str, str]:
    return {"setting": "intake", "value": value, **actor.fields()}
