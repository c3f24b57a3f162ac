"""The Nuki behind the contract: Home Assistant's Bluetooth below, `LockDriver` above."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
import logging
from typing import Any, override

from bleak import BleakClient
import bleak_retry_connector as brc
from bluetooth_data_tools import monotonic_time_coarse
from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from ...models import (
    AccessEvent,
    Capability,
    CodeWindow,
    DoorCommand,
    LockCode,
    LockError,
    LockRef,
    LockRefused,
    LockUnreachable,
    OutcomeUnknown,
    Refusal,
    Schedule,
    utc_now,
)
from ..driver import ClockChange, LockDriver, LockState, Turn
from . import keypad, translate
from .client import Connect, Credentials, NukiClient
from .clock import Clock
from .messages import Action, KeypadCode, KeyturnerStates, LogEntry
from .product import Product, advertised, has_news

_LOGGER = logging.getLogger(__name__)

_ATTEMPTS = 50
_LOG_PAGE = 50
_LOOK = timedelta(seconds=2)
_ACTIONS = {
    DoorCommand.LOCK: Action.LOCK,
    DoorCommand.UNLOCK: Action.UNLOCK,
    DoorCommand.OPEN: Action.UNLATCH,
}


def is_nuki(info: bluetooth.BluetoothServiceInfoBleak) -> bool:
    """Tell whether this advertisement is that of a lock that we may be able to pair."""
    return advertised(info) is Product.SMART_LOCK


def bluetooth_connect(hass: HomeAssistant, address: str, name: str) -> Connect:
    """Return a function that connects through Home Assistant's Bluetooth."""

    async def connect(lost: Callable[[Any], None]) -> BleakClient:
        device = bluetooth.async_ble_device_from_address(hass, address, True)
        if device is None:
            raise LockUnreachable("not heard")
        # Looked up at call time: Home Assistant wraps the class when Bluetooth starts.
        return await brc.establish_connection(
            brc.BleakClientWithServiceCache,
            device,
            name,
            disconnected_callback=lost,
            # What ends it is the deadline of the command: until then whoever holds the
            # lock's only link may let go of it.
            max_attempts=_ATTEMPTS,
        )

    return connect


class NukiDriver(LockDriver):
    """One Nuki lock."""

    manufacturer = "Nuki"
    model = Product.SMART_LOCK.value

    def __init__(
        self,
        hass: HomeAssistant,
        ref: LockRef,
        credentials: Credentials,
        *,
        pin: int | None,
        has_keypad: bool,
        firmware: str,
    ) -> None:
        """Take what pairing found; nothing is sent yet."""
        super().__init__()
        self.ref = ref
        self.firmware = firmware
        self._hass = hass
        self._undo: list[Callable[[], None]] = []
        self._clock = Clock(self._clock_changed)
        self._read_at = 0.0
        self._config_read = False
        """Since it was last away: a firmware comes with a restart of the lock."""
        self._loan = asyncio.Lock()
        self._given_back = asyncio.Event()
        self._given_back.set()
        self._client = NukiClient(
            bluetooth_connect(hass, ref.id, ref.name),
            credentials,
            pin=pin,
            on_state=self._on_state,
        )
        self.capabilities = Capability.OPEN
        if pin is not None:
            self.capabilities |= Capability.LOCK_LOG
            if has_keypad:
                self.capabilities |= (
                    Capability.CODES | Capability.CODE_WINDOWS | Capability.CODE_STATUS
                )

    @callback
    def _clock_changed(
        self, before: datetime | None, after: datetime, change: ClockChange
    ) -> None:
        self.on_clock_set(before, after, change)

    @callback
    def _drop_pin(self) -> None:
        """Go on as without a PIN, before the lock blocks it for everyone."""
        self.pin_wrong = True
        self.capabilities = Capability.OPEN
        self.changed()

    @override
    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        async with self._loan:
            self._given_back.clear()
            try:
                # Last in line: who waits already has its turn before the loan.
                async with self.queue.turn(Turn.CODES):
                    await self._client.release()
                yield
            finally:
                self._given_back.set()

    @override
    async def start(self) -> None:
        address = self.ref.id
        self._undo = [
            bluetooth.async_register_callback(
                self._hass,
                self._on_advertisement,
                {"address": address, "connectable": True},
                bluetooth.BluetoothScanningMode.PASSIVE,
            ),
            bluetooth.async_track_unavailable(
                self._hass, self._on_unavailable, address, connectable=True
            ),
            async_track_time_interval(self._hass, self._look, _LOOK),
        ]
        await brc.close_stale_connections_by_address(address)
        self.on_news()

    @override
    async def stop(self) -> None:
        for undo in self._undo:
            undo()
        self._undo.clear()
        await self._client.close()

    @callback
    def _on_advertisement(
        self,
        info: bluetooth.BluetoothServiceInfoBleak,
        change: bluetooth.BluetoothChange,
    ) -> None:
        if has_news(info) or not self.available:
            self.on_news()

    @callback
    def _look(self, _: datetime) -> None:
        """Look for news that nobody told us of.

        A lock is silent while we are connected. Where it had news before and has news
        after, the two advertisements are the same, and Home Assistant passes on only
        what changed. One that forgot us would say the same each time.
        """
        if self.pairing_lost:
            return
        info = bluetooth.async_last_service_info(self._hass, self.ref.id, True)
        if info and info.time > self._read_at and has_news(info):
            self.on_news()

    @callback
    def _on_unavailable(self, info: bluetooth.BluetoothServiceInfoBleak) -> None:
        self._set_available(False)

    @callback
    def _set_available(self, available: bool, *, pairing_lost: bool = False) -> None:
        # A lock that forgot us has not remembered us by going out of reach.
        pairing_lost |= self.pairing_lost and not available
        if (available, pairing_lost) == (self.available, self.pairing_lost):
            return
        if available != self.available:
            _LOGGER.info(
                "Lock %s is %s", self.ref.id, "back" if available else "out of reach"
            )
        self.available = available
        self._config_read &= available
        self.pairing_lost = pairing_lost
        self.changed()

    @callback
    def _on_state(self, states: KeyturnerStates) -> None:
        self._clock.noted(states.time)
        state = translate.state(states)
        if state != self.state:
            self.state = state
            self.changed()

    async def _call[T](self, turn: Turn, call: Callable[[], Awaitable[T]]) -> T:
        """Run one client call in its turn and note whether the lock is there."""
        if turn is not Turn.DOOR:
            await self._given_back.wait()
        async with self.queue.turn(turn):
            try:
                result = await call()
            except LockUnreachable:
                self._set_available(False)
                # A lock that is heard all the time does not announce itself again.
                self.on_news()
                raise
            except OutcomeUnknown:
                # Whoever asked, somebody has to look what became of it.
                self.on_news()
                raise
            except LockRefused as err:
                self._refused(err)
                raise
            finally:
                if not self._given_back.is_set():
                    # A door went ahead: the flow gets the link back at once.
                    await self._client.release()
            self._set_available(True)
            return result

    @callback
    def _refused(self, err: LockRefused) -> None:
        """Note what a no tells of the lock."""
        if err.reason is Refusal.PAIRING_LOST:
            self._set_available(False, pairing_lost=True)
            return
        if err.detail:
            # The lock's own number: it is there and lets us in. Ours have none.
            self._set_available(True)
        if err.reason is Refusal.WRONG_PIN:
            self._drop_pin()
        elif err.reason is Refusal.BUSY:
            self.on_news()

    @override
    async def command(self, command: DoorCommand, suffix: str = "") -> None:
        await self._call(Turn.DOOR, lambda: self._client.act(_ACTIONS[command], suffix))

    @override
    async def read_state(self) -> LockState:
        async def read() -> None:
            states = await self._client.read_state()
            self._read_at = monotonic_time_coarse()
            # Known before the lock counts as available: it is never shown as unknown.
            self._on_state(states)

        await self._call(Turn.READ, read)
        return self.state

    @override
    async def read_log(self, after: int) -> AsyncIterator[list[AccessEvent]]:
        newest = await self.last_log_index()
        while after < newest:
            entries = await self._log_page(after)
            now = utc_now()
            ours = self._client.credentials
            yield [
                translate.access_event(
                    entry,
                    self.ref.id,
                    now=now,
                    drift=self._clock.drift,
                    our_auth_id=ours.auth_id if ours else -1,
                )
                for entry in entries
            ]
            before, after = after, entries[-1].index
            # A lock that gives what was not asked for would be read for ever.
            if after <= before:
                return

    async def _log_page(self, after: int) -> list[LogEntry]:
        """Return entries after an index, at least one, none left out in between.

        The lock does not say which messages it sends: where an index is missing, it is
        asked for alone. Then the answer is it, or the next one, or lost.
        """

        async def read(start: int, count: int) -> list[LogEntry]:
            found = await self._call(
                Turn.READ, lambda: self._client.read_log(start, count)
            )
            if not found:
                self.on_news()
                raise LockUnreachable("incomplete")
            return found

        whole: list[LogEntry] = []
        for entry in await read(after, _LOG_PAGE):
            if entry.index > after + 1:
                missing = (await read(after, 1))[0]
                if missing.index != entry.index:
                    return [*whole, missing]
            whole.append(entry)
            if entry.index <= after:
                return whole
            after = entry.index
        return whole

    @override
    async def last_log_index(self) -> int:
        return await self._call(Turn.READ, self._client.last_log_index)

    # Codes

    def _need_keypad(self) -> None:
        if Capability.CODES not in self.capabilities:
            if self.pin_wrong:
                raise LockRefused(Refusal.WRONG_PIN)
            raise LockRefused(
                Refusal.NO_KEYPAD if self._client.pin is not None else Refusal.NO_PIN
            )

    @override
    async def read_codes(self) -> list[LockCode]:
        self._need_keypad()
        return [translate.code(code) for code in await self._codes()]

    async def _codes(self) -> list[KeypadCode]:
        return await self._call(Turn.CODES, self._client.read_codes)

    @override
    async def set_code(
        self,
        digits: str,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> int:
        self._need_keypad()
        if not self.check_code(digits):
            raise LockRefused(Refusal.CODE_INVALID)
        await self._true_clock(Turn.CODES)
        return await self._call(
            Turn.CODES,
            lambda: self._client.add_code(
                digits, name, window.start, window.end, schedule
            ),
        )

    async def _true_clock(self, turn: Turn) -> None:
        """Set the lock's clock where it is off: it is the clock that ends a code.

        What the lock entered before and we read after gets a time that is off by the
        change; its `lock_time` stays as the lock wrote it.
        """
        self._on_state(await self._call(turn, self._client.read_state))
        if not self._clock.off:
            return
        await self._call(turn, lambda: self._clock.correct(self._client.set_clock))
        self._on_state(await self._call(turn, self._client.read_state))

    @override
    async def tend(self) -> None:
        try:
            if not self._config_read:
                await self._read_config()
            if Capability.LOCK_LOG in self.capabilities and self._clock.due:
                await self._true_clock(Turn.READ)
        except LockError as err:
            _LOGGER.debug("Lock %s not tended: %s", self.ref.id, err)

    async def _read_config(self) -> None:
        config = await self._call(Turn.READ, self._client.read_config)
        self._config_read = True
        if config.firmware != self.firmware:
            self.firmware = config.firmware
            self.changed()

    @override
    async def change_window(
        self,
        code_id: int,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> None:
        code = await self._own(code_id, name)
        kept = schedule or code.schedule
        await self._call(
            Turn.CODES,
            lambda: self._client.update_code(code, window.start, window.end, kept),
        )

    @override
    async def clear_code(self, code_id: int, name: str) -> None:
        await self._own(code_id, name)
        await self._call(Turn.CODES, lambda: self._client.remove_code(code_id))

    async def _own(self, code_id: int, name: str) -> KeypadCode:
        """Find our code by number and name; a number alone may be someone else's."""
        self._need_keypad()
        for code in await self._codes():
            if code.id == code_id and code.name == name:
                return code
        raise LockRefused(Refusal.CODE_GONE)

    @override
    def check_code(self, digits: str) -> bool:
        return keypad.takes(digits)

    @override
    def new_code(self) -> str:
        return keypad.new_digits()

    @override
    async def forget_us(self) -> None:
        await self._call(Turn.CODES, self._client.remove_authorization)
