"""What can go wrong with the log. No message ever carries the value of a field."""


class LogError(Exception):
    """The log could not do what was asked."""


class BadEntry(LogError):
    """The entry does not fit the schema of its kind; nothing was written."""


class LogRefused(LogError):
    """What was asked of the log cannot be; nothing was done.

    `key` is `hold_not_found`, `window_empty`, `entry_not_found`, `person_not_found`,
    `checkpoint_not_ours`, `backup_running`, or one of `database_url`, `_driver`,
    `_not_empty`, `_same` and `_unreachable`.
    """

    def __init__(self, key: str) -> None:
        """Keep why as a word: the key of a translation."""
        super().__init__(key)
        self.key = key


class LogUnavailable(LogError):
    """The store cannot be used now: full, locked, read-only, failing, or closed.

    `damaged` says that it was refused because what is stored is not what we wrote.
    """

    def __init__(self, why: str, *, damaged: bool = False) -> None:
        """Say why, without any value of an entry."""
        super().__init__(why)
        self.damaged = damaged


class StampError(LogError):
    """No time stamp could be had; nothing was changed."""


class StampUnreachable(StampError):
    """The authority did not answer in time, or not at all."""


class StampRefused(StampError):
    """The authority answered that it gives no stamp."""


class StampNotBelievable(StampError):
    """The answer is none, is another's, or does not verify."""


class StampNotInstalled(StampError):
    """The package that checks stamps could not be installed."""


class LogUnreadable(LogError):
    """The log cannot be opened, and its files were left as they are.

    `reason` is `newer_schema`, `key_missing` or `damaged`.
    """

    def __init__(self, reason: str, why: str) -> None:
        """Keep the reason as a word for programs and as a sentence for people."""
        super().__init__(why)
        self.reason = reason
