"""When a guest whose time is over is forgotten: not by a clock that has just leapt."""

from datetime import datetime, timedelta
from time import monotonic

from .code_models import NEVER, Code, Holder

KEPT = timedelta(days=7)
"""How long a guest whose time is over can be given more of it."""
_DAY = 86_400.0
_AGAIN = timedelta(hours=1)


class Leaving:
    """Watches those whose time is long over."""

    def __init__(self) -> None:
        """Know of none."""
        self._since: dict[str, float] = {}
        """Since when, by a clock that does not leap."""

    @staticmethod
    def _kept_until(code: Code) -> datetime:
        if code.holder is Holder.PERSON or code.removing or code.when.end is None:
            return NEVER
        return code.when.end + KEPT

    def is_over(self, code: Code, now: datetime) -> bool:
        """Tell whether a guest is to be forgotten: it was so for a day that really passed."""
        if self._kept_until(code) > now:
            self._since.pop(code.id, None)
            return False
        return monotonic() - self._since.setdefault(code.id, monotonic()) >= _DAY

    def next_look(self, code: Code, now: datetime) -> datetime:
        """Return when to ask again."""
        kept = self._kept_until(code)
        return kept if kept > now else now + _AGAIN
