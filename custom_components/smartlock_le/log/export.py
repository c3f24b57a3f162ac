"""The owner's copy of the log: JSON lines, with the salts, so that it verifies alone."""

from collections.abc import Callable
import hashlib
from pathlib import Path

import orjson

from .body import disclosed
from .engine import damage
from .errors import LogUnavailable
from .files import written
from .model import Exported, Head
from .reader import Reader

FORMAT = "smartlock-le/log-export/2"
CHUNK = 500
"""Entries that are in memory at a time."""


def export(
    path: Path,
    head: Head,
    reader: Reader,
    key: Callable[[int], bytes],
    stopped: Callable[[], bool],
) -> Exported:
    """Write all entries up to `head` to `path`, those of earlier logs included.

    `key` gives the key of an epoch, `stopped` says when to give up. Raises
    LogUnavailable, and `path` is then as it was.
    """
    digest, count = hashlib.sha256(), 0
    try:
        with written(path) as file:

            def put(line: dict[str, object]) -> None:
                data = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
                digest.update(data)
                file.write(data)

            logs = reader.logs(head)
            put(
                {
                    "format": FORMAT,
                    "logs": [log.header for log in logs],
                    "erasures": reader.erasures(head),
                }
            )
            for log in logs:
                end = log.first + log.size
                for first in range(log.first, end, CHUNK):
                    if stopped():
                        raise LogUnavailable("the log is closing")
                    wanted = range(first, min(first + CHUNK, end))
                    rows = reader.rows(wanted.start, wanted.stop)
                    if [row["seq"] for row in rows] != list(wanted):
                        raise damage("entries are missing from the store")
                    for row in rows:
                        put(disclosed(row, key))
                    count += len(rows)
    except OSError as err:
        raise LogUnavailable(f"the copy could not be written: {err.strerror}") from err
    return Exported(path, count, digest.hexdigest())
