"""Which digits a code may have: such as its locks take, that nobody guesses, nobody's else."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
import time

from .code_models import Code, CodeError
from .models import Lock
from .vault import Vault, VaultLocked, weak

TRIES, TRIES_IN = 5, 60.0
"""So many digits may be tried in so many seconds: a no tells that somebody has them."""
_DRAWS = 200


class Digits:
    """Takes digits, draws them, and gives them back to teach them to a lock."""

    def __init__(
        self,
        open_vault: Callable[[], Awaitable[Vault]],
        codes: Callable[[], Iterable[Code]],
    ) -> None:
        """Open nothing yet; `codes` gives every code there is."""
        self._open_vault = open_vault
        self._vault: Vault | None = None
        self._codes = codes
        self._tries: deque[float] = deque(maxlen=TRIES)

    async def open(self) -> Vault:
        """Open the vault, once. Raises CodeError."""
        if self._vault is None:
            try:
                self._vault = await self._open_vault()
            except VaultLocked:
                raise CodeError("vault_locked") from None
        return self._vault

    def of(self, code: Code) -> str:
        """Return the digits of a code. Raises VaultLocked."""
        if self._vault is None:
            raise VaultLocked("not open")
        return self._vault.reveal(code.secret, code.id)

    def give(self, code: Code, digits: str) -> None:
        """Keep digits in a code."""
        assert self._vault is not None
        code.digest = self._vault.digest(digits)
        code.secret = self._vault.close(digits, code.id)

    def admit(
        self, code: Code, digits: str, locks: Iterable[Lock], *, tried: bool = True
    ) -> None:
        """Let somebody choose digits. Raises CodeError, which says nothing of others.

        `tried`: they may be a guess at somebody's, of which there are only so many.
        """
        now = time.monotonic()
        if tried and len(self._tries) == TRIES and now - self._tries[0] < TRIES_IN:
            raise CodeError("code_too_many_tries")
        if tried:
            self._tries.append(now)
        self.suit(digits, locks)
        if weak(digits):
            raise CodeError("code_weak")
        if self._taken(code, digits):
            raise CodeError("code_taken")

    @staticmethod
    def suit(digits: str, locks: Iterable[Lock]) -> None:
        """See that every lock takes such digits. Raises CodeError."""
        for lock in locks:
            if not lock.check_code(digits):
                raise CodeError("code_not_for_lock", lock.ref.name)

    def draw(self, code: Code, locks: list[Lock]) -> str:
        """Draw digits that all the locks take, not weak and nobody's. Raises CodeError."""
        for number in range(_DRAWS if locks else 0):
            digits = locks[number % len(locks)].new_code()
            fits = all(lock.check_code(digits) for lock in locks)
            if fits and not weak(digits) and not self._taken(code, digits):
                return digits
        raise CodeError("code_none_fits")

    def _taken(self, code: Code, digits: str) -> bool:
        """Tell whether another code has these digits, or is still on a lock with them."""
        assert self._vault is not None
        digest = self._vault.digest(digits)
        return any(
            other.id != code.id
            and digest in (other.digest, *(p.digest for p in other.places.values()))
            for other in self._codes()
        )
