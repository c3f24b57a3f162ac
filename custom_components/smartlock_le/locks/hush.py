"""Keeps a secret that is on its way out of the logs of the libraries that carry it."""

from collections.abc import Iterator
from contextlib import contextmanager
import logging
from typing import override


class _NoDebug(logging.Filter):
    """Lets no detail through."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


@contextmanager
def hushed(*libraries: str) -> Iterator[None]:
    """Let these libraries log no detail in the block.

    Who looks for a fault lets them log each message: the code is in it. A name that ends
    with an underscore stands for all that begin so.
    """
    loggers = [
        logging.getLogger(name)
        for name in list(logging.root.manager.loggerDict)
        if _is_of(name, libraries)
    ]
    silent = _NoDebug()
    for logger in loggers:
        logger.addFilter(silent)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(silent)


def _is_of(name: str, libraries: tuple[str, ...]) -> bool:
    return any(
        name == library
        or name.startswith(library if library.endswith("_") else f"{library}.")
        for library in libraries
    )
