"""Silent alarm and duress, for who clicks: tested before it is on, and never shown again."""

from base64 import b64decode
from typing import Any

from homeassistant.core import HomeAssistant
from nacl.public import PrivateKey
import pytest
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.smartlock_le.emergency.pin import is_pin
from custom_components.smartlock_le.home import Home, HomeEntry
from tests.conftest import LOCK, log_of, until
from tests.emergency.conftest import (
    anna,
    assist,
    cara,
    contact,
    decide,
    ready,
    receiver,
    service,
    telephones,
)
from tests.emergency.push import PushService
from tests.emergency.receivers import Real
from tests.emergency.telephone import Telephone
from tests.support import act, fail_writes

from .test_emergency_options import state, step
from .test_options import choose, go, options

__all__ = ["anna", "assist", "cara", "ready", "receiver", "service", "telephones"]

EMPTY: dict[str, Any] = {"centre": False, "phrases": False}
WORD = "did you water the ficus"


@pytest.fixture
async def both(ready: Home, anna: Telephone, cara: Telephone) -> Home:
    """Give a home with Anna, who has no push service, and Cara, who has."""
    await decide(ready, contacts=(contact(anna), contact(cara)))
    return ready


async def number(phone: Telephone) -> str:
    """Return the number that came last."""
    message = await phone.told("Nothing has happened")
    phone.heard.clear()
    return str(message["message"]).rstrip(".").split()[-1]


def form(result: Any) -> list[Any]:
    """Return all that a form shows."""
    fields = result["data_schema"].schema.items()
    return [(str(key), key.description, field.config) for key, field in fields]


async def test_tested_saved_and_never_shown(
    hass: HomeAssistant,
    assist: None,
    entry: HomeEntry,
    both: Home,
    cara: Telephone,
    receiver: Real,
) -> None:
    """What was set is not in the form, the menu or the log; all of them got a test before."""
    given = await act(hass, "add_guest", {"name": "Dora", "locks": [LOCK]})
    before = (
        await state(hass, entry),
        (await choose(hass, entry, "emergency"))["menu_options"],
    )
    result = await step(hass, entry, "silent")
    empty = form(result)
    # Anna's telephone can be told only so that all see it.
    assert [one["label"] for one in options(result, "contacts")] == ["Cara"]
    assert [one["label"] for one in options(result, "codes")] == ["Dora"]
    flow = result["flow_id"]
    all_of_it = {
        "contacts": ["cara"],
        "centre": True,
        "pin": "8642",
        "codes": [given["guest"]],
        "phrases": True,
        "word": WORD,
    }
    result = await go(hass, flow, **all_of_it)
    assert result["step_id"] == "silent_test"
    right = await number(cara)
    await until(lambda: receiver.codes == ["RP"])
    assert both.emergency.settings.silent is None
    result = await go(hass, flow, number="0")
    assert result["errors"] == {"number": "wrong_number"}
    result = await go(hass, flow, number=right)
    assert result["step_id"] == "silent_key"
    key = b64decode(result["description_placeholders"]["key"])
    result = await go(hass, flow)
    assert result["reason"] == "silent_saved"
    silent = both.emergency.settings.silent
    # The contacts' key is kept nowhere; what it belongs to is.
    assert silent and bytes(PrivateKey(key).public_key) == silent.key
    assert silent and is_pin("8642", silent.pin)
    assert (silent.contacts, silent.centre) == (("cara",), True)
    assert (silent.codes, silent.word) == ((given["guest"],), WORD)
    after = (
        await state(hass, entry),
        (await choose(hass, entry, "emergency"))["menu_options"],
    )
    assert after == before
    result = await step(hass, entry, "silent")
    assert form(result) == empty
    told = str((await log_of(both), entry.as_dict(), silent))
    assert "8642" not in told and "ficus" not in told
    settings = [one["value"] for one in await log_of(both, "setting")]
    assert settings[-1] == "silent alarm set"
    result = await step(hass, entry, "silent_off")
    result = await go(hass, result["flow_id"])
    assert result["reason"] == "silent_is_off"
    assert both.emergency.settings.silent is None


async def test_bad_input(
    hass: HomeAssistant,
    assist: None,
    entry: HomeEntry,
    both: Home,
    cara: Telephone,
    receiver: Real,
    service: PushService,
) -> None:
    """It is said what is wrong, and nothing is changed."""
    flow = (await step(hass, entry, "silent"))["flow_id"]
    to_cara = {"contacts": ["cara"]}
    for wrong, where, why in (
        ({"contacts": [], "phrases": True}, "contacts", "silent_nobody"),
        ({}, "base", "silent_nothing"),
        ({"pin": "12"}, "pin", "distress_pin"),
        ({"word": "banana"}, "word", "silent_word"),
        ({"word": "one (two|three)"}, "word", "silent_word"),
        ({"word": "a " * 60 + "a"}, "word", "silent_word"),
        ({"word": "call the police"}, "word", "silent_word_taken"),
    ):
        result = await go(hass, flow, **{**EMPTY, **to_cara, **wrong})
        assert result["errors"] == {where: why}, wrong
    assert service.asked == 0
    service.status = 500
    result = await go(hass, flow, **{**EMPTY, **to_cara, "pin": "8642"})
    assert result["errors"] == {"base": "silent_not_sent"}
    assert "8642" not in str(result["data_schema"].schema)
    service.status = 201
    result = await go(hass, flow, **{**EMPTY, **to_cara, "pin": "8642"})
    right = await number(cara)
    await fail_writes(both)
    result = await go(hass, flow, number=right)
    assert result["errors"] == {"base": "log_unavailable"}
    assert both.emergency.settings.silent is None


async def test_each_contact_has_a_number(
    hass: HomeAssistant,
    entry: HomeEntry,
    both: Home,
    cara: Telephone,
    service: PushService,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """One that did not arrive is seen: the other's number is not enough."""
    dora = await Telephone.start(hass, hass_client, hass_ws_client, "dora", service)
    await decide(both, contacts=(contact(cara), contact(dora)))
    flow = (await step(hass, entry, "silent"))["flow_id"]
    said = {**EMPTY, "contacts": ["cara", "dora"], "pin": "8642"}
    await go(hass, flow, **said)
    ours, theirs = await number(cara), await number(dora)
    for wrong in (ours, theirs, f"{ours} {ours}"):
        result = await go(hass, flow, number=wrong)
        assert result["errors"] == {"number": "wrong_number"}
    result = await go(hass, flow, number=f"{theirs}  {ours} ")
    assert result["step_id"] == "silent_key"


async def test_nobody_who_could_end_it(
    hass: HomeAssistant, entry: HomeEntry, both: Home, anna: Telephone
) -> None:
    """A centre alone is not enough."""
    await decide(both, contacts=(contact(anna),))
    result = await step(hass, entry, "silent")
    assert result["reason"] == "silent_no_way"


async def test_no_language(hass: HomeAssistant, entry: HomeEntry, both: Home) -> None:
    await decide(both, languages=())
    flow = (await step(hass, entry, "silent"))["flow_id"]
    result = await go(hass, flow, **{**EMPTY, "contacts": ["cara"], "phrases": True})
    assert result["errors"] == {"phrases": "silent_no_language"}


async def test_no_form_tells_which_pin_it_was(
    hass: HomeAssistant, entry: HomeEntry, both: Home, cara: Telephone
) -> None:
    """The one says no to both alike, and not often; the other only after all got a test."""
    form = {**EMPTY, "contacts": ["cara"]}
    flow = (await step(hass, entry, "silent"))["flow_id"]
    await go(hass, flow, **form, pin="8642")
    await go(hass, flow, number=await number(cara))
    flow = (await step(hass, entry, "silent"))["flow_id"]
    result = await go(hass, flow, **form, pin="4711")
    assert result["step_id"] == "silent_test"
    result = await go(hass, flow, number=await number(cara))
    assert result["errors"] == {"base": "silent_pin_taken"}
    silent = both.emergency.settings.silent
    assert silent and is_pin("8642", silent.pin)
    flow = (await step(hass, entry, "distress_rules"))["flow_id"]
    rules = {"languages": ["en"], "window": 45, "pause": 10}
    for taken in ("8642", "4711"):
        result = await go(hass, flow, **rules, pin=taken)
        assert result["errors"] == {"pin": "pin_taken"}
    for new in range(5):
        flow = (await step(hass, entry, "distress_rules"))["flow_id"]
        result = await go(hass, flow, **rules, pin=f"864{new + 3}")
        assert result["reason"] == "distress_rules_saved"
    flow = (await step(hass, entry, "distress_rules"))["flow_id"]
    result = await go(hass, flow, **rules, pin="9999")
    assert result["errors"] == {"pin": "code_too_many_tries"}
    result = await go(hass, flow, **rules)
    assert result["reason"] == "distress_rules_saved"
