"""The bolt, the latch and the motor that turns them (command 0x000D)."""

import asyncio
from collections.abc import Callable

from .wire import Completion, ErrorCode, LockAction, LockState, NukiError, Trigger


class Bolt:
    """A bolt with a motor.

    An action takes `motor_s` seconds in all. Unlatching a locked door turns the bolt
    first; the latch is let go `unlatch_s` seconds after the action ended, or when the
    next action comes.
    """

    def __init__(self, motor_s: float, unlatch_s: float) -> None:
        """Start locked."""
        self.motor_s = motor_s
        self.unlatch_s = unlatch_s
        self.jammed = False
        self.state = LockState.LOCKED
        self.trigger = Trigger.SYSTEM
        self._locked = True
        self._task: asyncio.Task[None] | None = None
        self._moving = False

    @property
    def locked(self) -> bool:
        """Say where the bolt is, whatever the state says."""
        return self._locked

    @property
    def busy(self) -> bool:
        """Say whether the motor runs."""
        return self._moving

    def move(
        self,
        action: int,
        moved: Callable[[], None],
        finished: Callable[[Completion], None],
    ) -> None:
        """Start an action.

        Lock 'n' go and the fob's actions are out of their range here (error 0x23).
        """
        match action:
            case LockAction.UNLOCK:
                stages, end = [LockState.UNLOCKING], LockState.UNLOCKED
            case LockAction.LOCK | LockAction.FULL_LOCK:
                stages, end = [LockState.LOCKING], LockState.LOCKED
            case LockAction.UNLATCH:
                stages, end = [LockState.UNLATCHING], LockState.UNLATCHED
                if self._locked:
                    stages.insert(0, LockState.UNLOCKING)
            case _:
                raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER)
        if self._moving:
            raise NukiError(ErrorCode.K_ERROR_BUSY)
        if self._task is not None:
            self._task.cancel()
        self._moving = True
        self.trigger = Trigger.SYSTEM
        self._task = asyncio.create_task(self._move(stages, end, moved, finished))

    async def _move(
        self,
        stages: list[LockState],
        end: LockState,
        moved: Callable[[], None],
        finished: Callable[[Completion], None],
    ) -> None:
        for stage in stages:
            self.state = stage
            moved()
            await asyncio.sleep(self.motor_s / len(stages))
            if self.jammed:
                self._moving = False
                self.state = LockState.MOTOR_BLOCKED
                finished(Completion.MOTOR_BLOCKED)
                return
            self._locked = stage is LockState.LOCKING
        self._moving = False
        self.state = end
        finished(Completion.SUCCESS)
        if end is LockState.UNLATCHED:
            await asyncio.sleep(self.unlatch_s)
            self.state = LockState.UNLOCKED
            moved()

    def turn(self, *, lock: bool) -> None:
        """Turn the bolt by hand, with a key or with the knob."""
        if self._moving:
            raise NukiError(ErrorCode.K_ERROR_BUSY)
        if self._task is not None:
            self._task.cancel()
        self.place(locked=lock, trigger=Trigger.MANUAL)

    def place(self, *, locked: bool, trigger: Trigger) -> None:
        """Put the bolt somewhere, at rest."""
        self._locked = locked
        self.state = LockState.LOCKED if locked else LockState.UNLOCKED
        self.trigger = trigger

    async def stop(self) -> None:
        """End the motion."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._moving = False
