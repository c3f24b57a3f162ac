"""The code of a grant on its lock: put there, moved, checked, taken off."""

from datetime import datetime
import logging
import secrets

from homeassistant.util.file import WriteError

from ..models import (
    Actor,
    Capability,
    CodeWindow,
    LockCode,
    LockError,
    LockRefused,
    LockUnreachable,
    OutcomeUnknown,
    Refusal,
)
from .ledger import Ledger
from .models import Grant, GrantError, Lock, Markers

_LOGGER = logging.getLogger(__name__)

MARKER_PREFIX = "LE "
_TRIES = 3


def new_marker() -> str:
    """Return a name for a code that nobody else has given one."""
    return MARKER_PREFIX + secrets.token_hex(6)


class Codes:
    """Keeps the codes of grants in step with them; names them before it sets them."""

    def __init__(self, ledger: Ledger, markers: Markers) -> None:
        """Take where steps are entered and where names are kept."""
        self._ledger = ledger
        self._markers = markers

    async def _read(self, grant: Grant, lock: Lock) -> LockCode | None:
        for code in await lock.read_codes():
            if code.name == grant.marker:
                return code
        return None

    async def put(
        self, grant: Grant, lock: Lock, actor: Actor, *, durable: bool
    ) -> str:
        """Set a fresh code; return its digits once the lock is known to hold it."""
        try:
            await self._markers.add_marker(grant.lock, grant.marker)
        except WriteError:
            durable = False
        if not durable and Capability.CODE_WINDOWS not in lock.capabilities:
            # Only a lock that ends a code itself can be trusted with its end.
            raise GrantError("log_unavailable")
        tries = _TRIES
        while True:
            digits = lock.new_code()
            try:
                grant.code_id = await lock.set_code(digits, grant.marker, grant.window)
            except LockRefused as err:
                tries -= 1
                if err.reason is not Refusal.CODE_EXISTS or not tries:
                    raise
            except OutcomeUnknown:
                await self._ledger.enter(grant, "unknown", actor)
                await self._find(grant, lock)
                return digits
            else:
                return digits

    async def _find(self, grant: Grant, lock: Lock) -> None:
        """After a lost answer: the code is on the lock, or it is not, or we cannot tell."""
        try:
            code = await self._read(grant, lock)
        except LockError as err:
            raise OutcomeUnknown(str(err)) from err
        if code is None:
            raise LockUnreachable("not set")
        if not code.certain:
            raise OutcomeUnknown("the lock does not say")
        grant.code_id = code.id

    async def move_end(
        self, grant: Grant, lock: Lock, end: datetime, actor: Actor
    ) -> None:
        """Let the lock end the code at `end`. Raises the lock's error: then it does not.

        After a lost answer the lock is looked at; where it cannot be, `checked` is off.
        """
        window = CodeWindow(start=grant.window.start, end=end)
        try:
            await lock.change_window(grant.code_id, grant.marker, window)
        except OutcomeUnknown as err:
            await self._ledger.enter(grant, "unknown", actor, str(err), end=end)
            grant.checked = False
            code = await self._read(grant, lock)
            if code is None or code.window != window:
                await self.check(grant, lock)
                raise
            grant.checked = True
        except LockError as err:
            await self._ledger.enter(grant, "refused", actor, str(err), end=end)
            raise

    async def check(self, grant: Grant, lock: Lock) -> bool:
        """See that the lock holds the code, with the window of the grant.

        Returns False where the code is gone. Raises the lock's error.
        """
        if not grant.has_code:
            return True
        if (code := await self._read(grant, lock)) is None:
            return False
        grant.code_id = code.id
        if code.window != grant.window:
            await lock.change_window(grant.code_id, grant.marker, grant.window)
        grant.checked = True
        return True

    async def take_off(self, grant: Grant, lock: Lock | None) -> bool:
        """Remove the code; tell whether it is known to be gone."""
        if lock is None:
            return False
        try:
            await lock.clear_marked({grant.marker})
        except LockError as err:
            _LOGGER.debug("Code of grant %s still on the lock: %s", grant.id, err)
            return False
        return True

    async def forget(self, grant: Grant) -> None:
        """Forget the name of a code that is not on the lock."""
        try:
            await self._markers.drop_marker(grant.lock, grant.marker)
        except WriteError:
            _LOGGER.debug("Marker of grant %s stays", grant.id)

    async def clear_strays(self, lock: Lock, known: set[str]) -> None:
        """Remove codes of ours that no grant knows. Raises the lock's error, WriteError."""
        if strays := set(self._markers.markers(lock.ref.id)) - known:
            await lock.clear_marked(strays)
            for marker in strays:
                await self._markers.drop_marker(lock.ref.id, marker)
