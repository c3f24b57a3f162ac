"""The directory and the contact in a log on PostgreSQL and MariaDB, both real."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from custom_components.smartlock_le.log import Log
from custom_components.smartlock_le.models import UNKNOWN_ACTOR, utc_now
from custom_components.smartlock_le.requests.agencies import Agencies, CallBack
from custom_components.smartlock_le.requests.contact import LocalContact
from custom_components.smartlock_le.requests.inbox import Inbox
from custom_components.smartlock_le.requests.models import RequestError, Standing
from custom_components.smartlock_le.requests.request import Instrument, Via
from custom_components.smartlock_le.requests.rules import Limits
from custom_components.smartlock_le.sharing.report import report
from tests.log import conftest as databases
from tests.log.servers import Running
from tests.log.support import open_log

from .test_agencies import CALLED
from .test_agency_facts import SAID
from .test_inbox import asked

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


async def test_requests(log: Log, tmp_path: Path) -> None:
    """They are taken in, found, ordered, held, decided, counted and forgotten there."""
    agencies, loop = Agencies(log), asyncio.get_running_loop()
    (police,) = await agencies.find("springfield")
    inbox = Inbox(
        *(log, agencies, tmp_path / "documents", Limits, lambda: None, lambda: None),
        spawn=lambda work, name: loop.create_task(work, name=name),
    )
    await inbox.load()
    late, soon = [
        await inbox.record(
            asked(
                instrument="court_order",
                need="Überfall 🚓",
                case_number=f"{days}%",
                deadline=utc_now() + timedelta(days=days),
            ),
            UNKNOWN_ACTOR,
            agency_id=police.id,
            hold=True,
        )
        for days in (9, 0.5)
    ]
    assert [one.id for one in await inbox.find(only_open=True)] == [soon.id, late.id]
    assert await inbox.find("9%") == [late]
    assert inbox.summary.next == soon.id and inbox.summary.open == 2
    told: list[bool] = []
    await inbox.remind(utc_now(), told.append)
    assert told == [False]
    paper = tmp_path / "Überfall.pdf"
    paper.write_bytes(b"x")
    done = await inbox.attach(soon.id, nullcontext(paper), UNKNOWN_ACTOR)
    assert await inbox.documents.of(soon.id) == [done]
    ask = replace(
        soon.ask, via=Via.SIGNED, reference="1", instrument=Instrument.SUBPOENA
    )
    for _ in range(2):
        await inbox.take_signed(ask, police, "0" * 64)
    assert await inbox.count_open() == 3
    for one in await inbox.find():
        await inbox.decline(one.id, "nein 🚓", UNKNOWN_ACTOR)
        await inbox.lift(one.id, UNKNOWN_ACTOR) if one.hold else None
        await inbox.remove(one.id, UNKNOWN_ACTOR)
    assert await inbox.find() == [] == await log.care.holds()
    await inbox.take_signed(ask, police, "0" * 64)
    assert await inbox.find() == []
    # The log of this test has a clock of its own.
    day = timedelta(days=9999)
    made = await report(log, utc_now() - day, utc_now() + day, public=False)
    assert made.tables["outcome"] == {"declined": 3}
    assert (await log.verify()).ok
