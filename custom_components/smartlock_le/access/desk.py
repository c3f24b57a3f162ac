"""What whoever brings a lock in step needs of the codes."""

from collections.abc import Iterable
from typing import Protocol

from .code_models import Code, Opening, Placement


class Desk(Protocol):
    """The codes, as one lock sees them."""

    def on_lock(self, lock: str) -> Iterable[tuple[Code, Placement]]:
        """Return the codes that are or are to be on a lock."""

    def opening(self, code: Code) -> Opening:
        """Return what the schedule of a code says now."""

    def digits(self, code: Code) -> str:
        """Return the digits, to teach them to a lock. Raises VaultLocked."""

    def settled(self, code: Code, place: Placement) -> None:
        """Take note that something changed there."""

    def rested(self) -> None:
        """Take note that there is nothing more to do now."""
