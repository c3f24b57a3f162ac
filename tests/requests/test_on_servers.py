"""The directory and the contact in a log on PostgreSQL and MariaDB, both real."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from custom_components.smartlock_le.log import Log
from custom_components.smartlock_le.models import UNKNOWN_ACTOR
from custom_components.smartlock_le.requests.agencies import Agencies, CallBack
from custom_components.smartlock_le.requests.contact import LocalContact
from custom_components.smartlock_le.requests.models import RequestError, Standing
from tests.log import conftest as databases
from tests.log.servers import Running
from tests.log.support import open_log

from .test_agencies import CALLED
from .test_agency_facts import SAID

postgresql, mariadb = databases.postgresql, databases.mariadb
server, database = databases.server, databases.database


@pytest.fixture
async def log(tmp_path: Path, server: Running, database: str) -> AsyncGenerator[Log]:
    """Give a log that was moved there, with an agency from before."""
    log = await open_log(tmp_path)
    await Agencies(log).add(SAID, UNKNOWN_ACTOR)
    await log.move(server.url(database))
    yield log
    await log.close()


async def test_directory(log: Log) -> None:
    """All that can be done with one, and with two thousand."""
    agencies = Agencies(log)
    (police,) = await agencies.find("SPRINGFIELD police")
    seen, how = police.facts.digest, CallBack(**CALLED)
    police = await agencies.verify(police.id, seen, how, UNKNOWN_ACTOR)
    assert (await agencies.get(police.id)).standing is Standing.VERIFIED
    with pytest.raises(RequestError):
        await agencies.add({"name": "x", **SAID}, UNKNOWN_ACTOR)
    await agencies.change(police, {**SAID, "signing_key": ""}, UNKNOWN_ACTOR)
    assert (await agencies.get(police.id)).changed == ["signing_key"]
    name = "Kreispolizeibehörde 警察 🚓 " + "x" * 170
    rows = "".join(f"{name}{n},DE,ID{n:05}\n" for n in range(2000))
    data = ("name,country,national_id\n" + rows).encode()
    done = await agencies.take_csv(data, UNKNOWN_ACTOR)
    assert done.added == 2000 and await agencies.count() == 2001
    assert (await agencies.take_csv(data, UNKNOWN_ACTOR)).same == 2000
    assert len(await agencies.find("警察 🚓", 500)) == 500
    assert len((await agencies.as_csv()).splitlines()) == 2002
    await agencies.remove(police.id, UNKNOWN_ACTOR)
    assert (await log.verify()).ok


async def test_contact(log: Log) -> None:
    """It is kept, noted and forgotten there as well."""
    contact = LocalContact(log)
    await contact.save({"name": "Ann", "remind": True}, UNKNOWN_ACTOR)
    await contact.save({"name": "Bo"}, UNKNOWN_ACTOR)
    await contact.note("Sagt: grüß Gott 🚓", UNKNOWN_ACTOR)
    kept = await contact.get()
    assert kept and (kept.name, kept.notes[0].text) == ("Bo", "Sagt: grüß Gott 🚓")
    await contact.remove(UNKNOWN_ACTOR)
    assert await contact.get() is None
