"""Who sends what is of no use: how often, from where; what to do about it is others' matter."""

from collections import OrderedDict, deque
import time

_MOST_SENDERS = 4096


class Guesses:
    """What came in vain lately."""

    def __init__(
        self, most: int, seconds: float, *, altogether: int | None = None
    ) -> None:
        """`most` from one address in so many seconds are not too many, nor all together."""
        self._most = most
        self._seconds = seconds
        self._of: OrderedDict[str, deque[float]] = OrderedDict()
        self._all = deque[float](maxlen=altogether) if altogether else None

    def too_many(self, address: str) -> bool:
        """Tell whether there were too many, from this address or from all."""
        seen = [one for one in (self._of.get(address), self._all) if one is not None]
        oldest = time.monotonic() - self._seconds
        return any(len(one) == one.maxlen and one[0] > oldest for one in seen)

    def note(self, address: str) -> None:
        """Note one more."""
        now = time.monotonic()
        mine = self._of.pop(address, None) or deque(maxlen=self._most)
        mine.append(now)
        # The one that was heard of longest ago is forgotten first.
        self._of[address] = mine
        if len(self._of) > _MOST_SENDERS:
            self._of.popitem(last=False)
        if self._all is not None:
            self._all.append(now)
