"""The guide: reviewed words beside each kind of request."""

from datetime import UTC, date, datetime, time, timedelta
import json

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import jsonschema
import pytest

from custom_components.smartlock_le.const import CONF_GUIDE, DOMAIN
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.requests.guide import FILE, Guide
from custom_components.smartlock_le.requests.request import Instrument
from tests.support import issues

from .conftest import Clock

DATA = json.loads(FILE.read_text())


def test_follows_its_schema() -> None:
    """The file is what its schema says, and the schema is one."""
    schema = json.loads(FILE.with_name("guide.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.FormatChecker()
    jsonschema.validate(DATA, schema, format_checker=checker)


def test_every_instrument_of_every_place() -> None:
    """None is missing, none is there twice, and each is found."""
    guide = Guide.load()
    ids = [one["id"] for one in DATA["entries"]]
    places = {"US": "us", "GB": "uk", "DE": "eu"}
    assert sorted(ids) == sorted(
        f"{place}_{instrument}"
        for place in places.values()
        for instrument in Instrument
    )
    for country in places:
        for instrument in Instrument:
            assert guide.find(country, instrument)
    assert guide.find("CH", Instrument.VOLUNTARY) is None
    assert guide.find("", Instrument.VOLUNTARY) is None
    assert max(one["version"] for one in DATA["changes"]) == DATA["version"]


@pytest.mark.parametrize("entry", DATA["entries"], ids=lambda entry: entry["id"])
def test_words(entry: dict[str, object]) -> None:
    """It advises nothing, judges no document; what was not read is not said to be verified."""
    text = json.dumps(entry).lower()
    for forbidden in (
        *("you must", "you need not", "you should", "you have to", "do not comply"),
        *("is valid", "is invalid", "delete", "destroy the", "lie "),
    ):
        assert forbidden not in text
    sources = entry["sources"]
    assert isinstance(sources, list)
    read = bool(sources) and all(source["read"] for source in sources)
    assert (entry["confidence"] == "read") is read


async def test_dated(hass: HomeAssistant, home: Home, clock: Clock) -> None:
    """After a year there is a repair, where the place has a guide at all."""
    hass.config.country = "DE"
    home.check_guide()
    assert "guide_dated" not in issues(hass)
    reviewed = min(date.fromisoformat(one["reviewed_on"]) for one in DATA["entries"])
    clock.move_to(datetime.combine(reviewed, time(), UTC) + timedelta(days=367))
    home.check_guide()
    assert "guide_dated" in issues(hass)
    hass.config.country = "CH"
    home.check_guide()
    assert "guide_dated" not in issues(hass)


async def test_updated(
    hass: HomeAssistant, entry: HomeEntry, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changed is said once, until the owner read it."""
    from custom_components.smartlock_le.repairs import async_create_fix_flow

    assert entry.options[CONF_GUIDE] == DATA["version"]
    assert "guide_news" not in issues(hass)
    old = Guide.load()
    new = Guide(old.version + 1, (*old.changes, (old.version + 1, "UK: new.")), {})
    home.guide = new
    home.check_guide()
    assert "guide_news" in issues(hass)
    flow = await async_create_fix_flow(hass, "guide_news", None)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, "guide_news")
    assert issue
    flow.hass, flow.data = hass, issue.data
    shown = await flow.async_step_init()
    assert shown["description_placeholders"] == {"what": "UK: new."}
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await flow.async_step_confirm({}))["reason"] == "home_not_loaded"
    await hass.config_entries.async_setup(entry.entry_id)
    home = entry.runtime_data
    home.guide = new
    await flow.async_step_confirm({})
    assert "guide_news" not in issues(hass)
    assert entry.options[CONF_GUIDE] == new.version
