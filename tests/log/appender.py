"""Append to the log in a folder until killed, and say what was acknowledged."""

import asyncio
from itertools import count
from pathlib import Path
import sys

from tests.log.bare import Log  # first: it keeps Home Assistant out
from tests.log.support import sample


async def main(folder: Path) -> None:
    """Print the number of each entry as soon as it is acknowledged."""
    log = await Log.open(folder, origin="smartlock-le.local/x", version="1")
    for number in count():
        for entry in await asyncio.gather(
            *(
                log.append("found", sample("found", intent=number))
                for _ in range(1 + number % 3)
            )
        ):
            sys.stdout.write(f"{entry.seq} {entry.fields['intent']}\n")
        sys.stdout.flush()


asyncio.run(main(Path(sys.argv[1])))
