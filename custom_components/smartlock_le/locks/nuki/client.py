"""The client of one Nuki: pairing, reading, acting (API v2.1, sections 5 and 9)."""

from collections.abc import Callable
from datetime import datetime
import os
import secrets
import struct

from ...models import LockRefused, LockUnreachable, OutcomeUnknown, Refusal, Schedule
from . import wire
from .link import Attempt, Connect, Credentials, NukiLink
from .messages import (
    Action,
    Authorization,
    BatteryReport,
    Command,
    Config,
    KeypadCode,
    KeyturnerStates,
    LogEntry,
    Status,
    pack_text,
    pack_time,
    window_fields,
)

__all__ = ["Connect", "Credentials", "NukiClient"]

_APP = 0
_ALL = struct.pack("<HH", 0, 0xFFFF)
"""Offset and count: of a list, everything."""
_COUNT_AT = {Command.LOG_ENTRY_COUNT: 1}
"""Where a message that counts has its number, if not at the beginning."""


class NukiClient(NukiLink):
    """One Nuki. Callers keep to one command at a time."""

    # Pairing (section 9, "Authorize App")

    async def pair(self, name: str) -> Credentials:
        """Pair as an app called `name`; the lock must be in pairing mode.

        Keeps and returns the credentials. Raises `LockUnreachable`, `LockRefused`, or
        `OutcomeUnknown` where the last answer was lost and the lock does not let us in.
        """
        self.credentials = None
        await self._drop()
        app_id = secrets.randbits(32)
        try:
            async with self._command() as attempt:
                paired = await self._authorize(attempt, app_id, name)
        except OutcomeUnknown:
            # Only the lock's last word is missing: it knows us, or it does not.
            if attempt.paired is None or not await self._knows(attempt.paired):
                raise
            return attempt.paired
        finally:
            # The pairing link speaks plain; commands need one of their own.
            await self._drop()
            self._stop_idle()
        self.credentials = paired
        return paired

    async def _knows(self, paired: Credentials) -> bool:
        """Tell whether the lock lets us in with these credentials; keep them if so."""
        self.credentials = paired
        try:
            await self.read_state()
        except LockRefused, LockUnreachable:
            self.credentials = None
            return False
        return True

    async def _authorize(self, attempt: Attempt, app_id: int, name: str) -> Credentials:
        session = attempt.session
        public, private = wire.new_key_pair()
        asked = Command.PUBLIC_KEY.to_bytes(2, "little")
        theirs = await session.ask(Command.REQUEST_DATA, asked, Command.PUBLIC_KEY)
        key = wire.shared_key(private, theirs)
        nonce = await session.ask(Command.PUBLIC_KEY, public, Command.CHALLENGE)
        proof = wire.authenticator(key, public + theirs + nonce)
        nonce = await session.ask(
            Command.AUTHORIZATION_AUTHENTICATOR, proof, Command.CHALLENGE
        )
        ours = os.urandom(32)
        about = struct.pack("<BI", _APP, app_id) + pack_text(name, 32) + ours
        # With this message the lock may store us (step 18).
        attempt.sent = True
        answer = await session.ask(
            Command.AUTHORIZATION_DATA,
            wire.authenticator(key, about + nonce) + about,
            Command.AUTHORIZATION_ID,
        )
        if not wire.same(wire.authenticator(key, answer[32:] + ours), answer[:32]):
            raise wire.WireError("authenticator")
        auth_id, nonce = answer[32:36], answer[52:84]
        paired = Credentials(int.from_bytes(auth_id, "little"), app_id, key)
        attempt.paired = paired
        await session.ask(
            Command.AUTHORIZATION_ID_CONFIRMATION,
            wire.authenticator(key, auth_id + nonce) + auth_id,
            Command.STATUS,
        )
        return paired

    # Reading

    async def read_state(self) -> KeyturnerStates:
        """Ask how the lock stands."""
        async with self._command() as attempt:
            asked = Command.KEYTURNER_STATES.to_bytes(2, "little")
            payload = await attempt.session.ask(
                Command.REQUEST_DATA, asked, Command.KEYTURNER_STATES
            )
            return KeyturnerStates.parse(payload)

    async def read_config(self) -> Config:
        """Ask what the lock is."""
        async with self._command() as attempt:
            nonce = await attempt.session.challenge()
            payload = await attempt.session.ask(
                Command.REQUEST_CONFIG, nonce, Command.CONFIG
            )
            return Config.parse(payload)

    async def verify_pin(self, pin: int) -> bool:
        """Tell whether `pin` is the security PIN; locks count wrong ones."""
        try:
            async with self._command() as attempt:
                nonce = await attempt.session.challenge()
                await attempt.session.ask(
                    Command.VERIFY_PIN, nonce + struct.pack("<H", pin), Command.STATUS
                )
        except LockRefused as err:
            if err.reason is Refusal.WRONG_PIN:
                return False
            raise
        return True

    async def read_log(
        self, start: int, count: int, *, newest_first: bool = False
    ) -> list[LogEntry]:
        """Return up to `count` entries after index `start` (before it, newest first).

        One whose message was lost is not among them.
        """
        return await self._read_log(start, count, newest_first=newest_first)

    async def last_log_index(self) -> int:
        """Return the index of the newest entry; 0 only where the lock says there is none."""
        newest = await self._read_log(0, 1, Command.LOG_ENTRY_COUNT, newest_first=True)
        return newest[0].index if newest else 0

    async def _read_log(
        self, start: int, count: int, *counts: Command, newest_first: bool
    ) -> list[LogEntry]:
        return await self._list(
            Command.REQUEST_LOG_ENTRIES,
            struct.pack("<IHBB", start, count, newest_first, bool(counts)),
            LogEntry.parse,
            Command.LOG_ENTRY,
            *counts,
            most=count,
        )

    async def read_codes(self) -> list[KeypadCode]:
        """Return every code on the keypad."""
        return await self._list(
            Command.REQUEST_KEYPAD_CODES,
            _ALL,
            KeypadCode.parse,
            Command.KEYPAD_CODE,
            Command.KEYPAD_CODE_COUNT,
        )

    async def read_authorizations(self) -> list[Authorization]:
        """Return everyone who is paired (0x0009), ourselves first."""
        return await self._list(
            Command.REQUEST_AUTHORIZATIONS,
            _ALL,
            Authorization.parse,
            Command.AUTHORIZATION_ENTRY,
            Command.AUTHORIZATION_COUNT,
        )

    async def read_battery_report(self) -> BatteryReport:
        """Ask what the last action took from the batteries (0x0011)."""
        async with self._command() as attempt:
            asked = Command.BATTERY_REPORT.to_bytes(2, "little")
            payload = await attempt.session.ask(
                Command.REQUEST_DATA, asked, Command.BATTERY_REPORT
            )
            return BatteryReport.parse(payload)

    async def _list[T](
        self,
        command: Command,
        asked: bytes,
        parse: Callable[[bytes], T],
        item: Command,
        *counts: Command,
        most: int = 0xFFFF,
    ) -> list[T]:
        """Ask for a list that takes the PIN; return its items when it is complete.

        Where the lock tells how many there are (`counts`), fewer are no answer, unless
        they are as many as were asked for (`most`).
        """
        pin = self._pin_bytes()
        async with self._command() as attempt:
            session = attempt.session
            await session.send(command, asked + await session.challenge() + pin)
            found: list[T] = []
            # Lost, it does not mean none.
            count = most if counts else 0
            while True:
                got, data = await session.receive(item, Command.STATUS, *counts)
                if got == Command.STATUS:
                    if len(found) < min(count, most):
                        raise wire.WireError("incomplete")
                    return found
                if got in counts:
                    at = _COUNT_AT.get(Command(got), 0)
                    count = int.from_bytes(data[at : at + 2], "little")
                    continue
                # Lists are long: the deadline is for the lock to go on, not for all of it.
                attempt.extend(self._deadline)
                found.append(parse(data))

    # Acting

    async def act(self, action: Action, suffix: str = "") -> None:
        """Move the door once, and return when the lock says that it has moved.

        `suffix` (20 bytes of UTF-8) is added to our name in the lock's log.
        """
        async with self._command() as attempt:
            credentials = self._paired()
            session = attempt.session
            nonce = await session.challenge()
            payload = struct.pack("<BIB", action, credentials.app_id, 0)
            if suffix:
                payload += pack_text(suffix, 20)
            attempt.sent = True
            await session.send(Command.LOCK_ACTION, payload + nonce)
            while True:
                _, status = await session.receive(Command.STATUS)
                if status[:1] == bytes([Status.COMPLETE]):
                    return
                attempt.extend(self._motor_deadline)

    def _paired(self) -> Credentials:
        if self.credentials is None:
            raise LockRefused(Refusal.PAIRING_LOST)
        return self.credentials

    async def add_code(
        self,
        digits: str,
        name: str,
        start: datetime,
        end: datetime,
        schedule: Schedule | None = None,
    ) -> int:
        """Add a keypad code (0x0041); return its number.

        It opens from `start` to `end`, aware times of any zone, and within that only
        when the schedule says so, which is by the lock's own local time.
        """
        payload = struct.pack("<I", int(digits)) + pack_text(name, 20)
        payload += window_fields(start, end, schedule)
        answer = await self._change(
            Command.ADD_KEYPAD_CODE, payload, Command.KEYPAD_CODE_ID
        )
        return int.from_bytes(answer[:2], "little")

    async def update_code(
        self,
        code: KeypadCode,
        start: datetime,
        end: datetime,
        schedule: Schedule | None = None,
    ) -> None:
        """Give a keypad code another window (0x0046); all of it is written anew."""
        payload = struct.pack("<HI", code.id, code.digits) + pack_text(code.name, 20)
        payload += bytes([code.enabled]) + window_fields(start, end, schedule)
        await self._change(Command.UPDATE_KEYPAD_CODE, payload, Command.STATUS)

    async def remove_code(self, code_id: int) -> None:
        """Remove a keypad code."""
        payload = struct.pack("<H", code_id)
        await self._change(Command.REMOVE_KEYPAD_CODE, payload, Command.STATUS)

    async def set_clock(self, time: datetime) -> None:
        """Set the lock's clock."""
        await self._change(Command.UPDATE_TIME, pack_time(time), Command.STATUS)

    async def remove_authorization(self) -> None:
        """Make the lock forget us. The credentials are worthless afterwards."""
        payload = struct.pack("<I", self._paired().auth_id)
        await self._change(Command.REMOVE_AUTHORIZATION, payload, Command.STATUS)
        await self._drop()

    async def _change(self, command: Command, payload: bytes, answer: Command) -> bytes:
        pin = self._pin_bytes()
        async with self._command() as attempt:
            nonce = await attempt.session.challenge()
            attempt.sent = True
            return await attempt.session.ask(command, payload + nonce + pin, answer)
