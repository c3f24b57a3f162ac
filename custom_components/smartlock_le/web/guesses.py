"""Who guesses at secrets: how often, from where; it never stops who has a good one."""

from collections import OrderedDict, deque
import time
from typing import Final

PER_ADDRESS: Final = 10
ALTOGETHER: Final = 300
"""Wrong ones in a minute."""
_MINUTE: Final = 60.0
_MOST_ADDRESSES: Final = 4096


class Guesses:
    """The wrong tokens of the last minute."""

    def __init__(self) -> None:
        """Start with none."""
        self._of: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque(maxlen=ALTOGETHER)

    def wrong(self, address: str) -> bool:
        """Note a wrong one; tell whether there were too many."""
        now = time.monotonic()
        mine = self._of.pop(address, None) or deque(maxlen=PER_ADDRESS)
        # The one that was heard of longest ago is forgotten first.
        self._of[address] = mine
        if len(self._of) > _MOST_ADDRESSES:
            self._of.popitem(last=False)
        too_many = any(
            len(seen) == seen.maxlen and now - seen[0] < _MINUTE
            for seen in (mine, self._all)
        )
        mine.append(now)
        self._all.append(now)
        return too_many
