"""Who is told when it matters, for who clicks."""

from typing import Any

from homeassistant.core import HomeAssistant
from pysiaalarm import SIAAccount
import pytest

from custom_components.smartlock_le.emergency.models import Kind, Source
from custom_components.smartlock_le.emergency.pin import is_pin
from custom_components.smartlock_le.emergency.settings import account_number
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import HOME_ACTOR
from harness.ports import HOST
from tests.conftest import log_of, until
from tests.emergency.conftest import anna, assist, decide, receiver, telephones
from tests.emergency.receivers import PLAIN, Real, dead, real
from tests.emergency.telephone import Telephone
from tests.support import fail_writes, unwritable

from .test_options import choose, go, options, state_of, step_of

__all__ = ["anna", "assist", "receiver", "telephones"]

RULES: dict[str, Any] = {
    "languages": ["en"],
    "window": 45,
    "pause": 10,
    "pin": "4711",
}
KEY = "00112233445566778899AABBCCDDEEFF"


async def step(hass: HomeAssistant, entry: HomeEntry, item: str) -> Any:
    """Open the menu and choose."""
    return await step_of(hass, entry, "emergency", item)


async def state(hass: HomeAssistant, entry: HomeEntry) -> str:
    """Return what the menu says of how it stands."""
    return await state_of(hass, entry, "emergency")


async def add(
    hass: HomeAssistant, entry: HomeEntry, phone: Telephone, name: str = "Anna"
) -> Any:
    """Add a contact; return the step that asks for the number."""
    result = await step(hass, entry, "add_contact_person")
    return await go(hass, result["flow_id"], name=name, target=phone.target)


async def number(phone: Telephone) -> str:
    """Return the number that comes next."""
    message = await phone.told("Nothing has happened")
    phone.heard.clear()
    return str(message["message"]).rstrip(".").split()[-1]


async def test_from_nothing_to_ready(
    hass: HomeAssistant, assist: None, entry: HomeEntry, home: Home, anna: Telephone
) -> None:
    """Heard only when somebody would hear, and somebody could end it."""
    assert "Distress by voice is off" in await state(hass, entry)
    menu = await choose(hass, entry, "emergency")
    assert "pick_contact_person" not in menu["menu_options"]
    result = await step(hass, entry, "add_contact_person")
    assert anna.target in options(result, "target")
    result = await go(hass, result["flow_id"], name=" ", target=anna.target)
    assert result["errors"] == {"name": "name_missing"}
    result = await go(hass, result["flow_id"], name="Anna", target=anna.target)
    assert result["step_id"] == "test_contact_person"
    right = await number(anna)
    result = await go(hass, result["flow_id"], number="123")
    assert result["errors"] == {"number": "wrong_number"}
    assert "tested: 0" in await state(hass, entry)
    result = await go(hass, result["flow_id"], number=f" {right} ")
    assert result["reason"] == "contact_tested"
    assert "tested: 1" in await state(hass, entry)
    assert not home.emergency.settings.ready
    result = await step(hass, entry, "distress_rules")
    # The language of the house is proposed.
    shown = {str(key): key.description for key in result["data_schema"].schema}
    assert shown["languages"]["suggested_value"] == ["en"]
    for pin in ("123", "123456789", "12a4", "١٢٣٤"):
        result = await go(hass, result["flow_id"], **{**RULES, "pin": pin})
        assert result["errors"] == {"pin": "distress_pin"}
    result = await go(hass, result["flow_id"], **RULES)
    assert result["reason"] == "distress_rules_saved"
    assert home.emergency.settings.ready
    assert "Distress is heard" in await state(hass, entry)
    settings = home.emergency.settings
    assert (settings.window, settings.pause, settings.languages) == (45, 10, ("en",))
    # Changed without the PIN, it stays.
    result = await step(hass, entry, "distress_rules")
    rules = {key: value for key, value in RULES.items() if key != "pin"}
    await go(hass, result["flow_id"], **{**rules, "window": 0})
    assert is_pin("4711", home.emergency.settings.pin)
    # What was entered names nobody, and no PIN.
    said = str((await log_of(home, "setting"), entry.as_dict()))
    assert "4711" not in said and "Anna" not in said


async def test_contacts_are_ordered_and_removed(
    hass: HomeAssistant, entry: HomeEntry, home: Home, anna: Telephone
) -> None:
    for name in ("Anna", "Bert"):
        result = await add(hass, entry, anna, name)
        await go(hass, result["flow_id"], number=await number(anna))

    async def pick(name: str) -> Any:
        result = await step(hass, entry, "pick_contact_person")
        (found,) = [o for o in options(result, "contact") if o["label"] == name]
        return await go(hass, result["flow_id"], contact=found["value"])

    result = await pick("Anna")
    assert "first_contact_person" not in result["menu_options"]
    result = await pick("Bert")
    await go(hass, result["flow_id"], next_step_id="first_contact_person")
    assert [one.name for one in home.emergency.settings.contacts] == ["Bert", "Anna"]
    result = await pick("Anna")
    result = await go(hass, result["flow_id"], next_step_id="test_contact_person")
    result = await go(hass, result["flow_id"], number=await number(anna))
    assert result["reason"] == "contact_tested"
    result = await pick("Anna")
    flow = result["flow_id"]
    result = await go(hass, flow, next_step_id="remove_contact_person")
    result = await go(hass, flow)
    assert result["reason"] == "contact_person_removed"
    assert [one.name for one in home.emergency.settings.contacts] == ["Bert"]


async def test_message_that_does_not_go_out(
    hass: HomeAssistant, entry: HomeEntry, home: Home, anna: Telephone
) -> None:
    result = await step(hass, entry, "add_contact_person")
    hass.services.async_remove("notify", "mobile_app_anna")
    result = await go(hass, result["flow_id"], name="Anna", target=anna.target)
    assert result["reason"] == "contact_test_failed"
    assert not home.emergency.settings.contacts[0].tested


@pytest.mark.parametrize(
    ("country", "number"), [("DE", "112"), ("US", "911"), ("NO", ""), (None, "")]
)
async def test_whom_a_person_calls(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    country: str | None,
    number: str,
) -> None:
    """On their screen alone, and where it is known; first while something is open."""
    hass.config.country = country
    link = f"call [{number}](tel:{number})"
    assert (link in await state(hass, entry)) is bool(number)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["description_placeholders"] == {"now": ""}
    await home.emergency.raise_(Kind.FIRE, Source.BUTTON, HOME_ACTOR)
    result = await hass.config_entries.options.async_init(entry.entry_id)
    now = result["description_placeholders"]["now"]
    assert now.startswith("**Fire**, ")
    assert (link in now) is bool(number) and ("tel:" in now) is bool(number)


async def test_nobody_is_dialled(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    async def call(_: Any) -> None:
        raise AssertionError

    hass.services.async_register("notify", "call_911", call)
    result = await step(hass, entry, "add_contact_person")
    result = await go(hass, result["flow_id"], name="Police", target="notify.call_911")
    assert result["errors"] == {"target": "emergency_number"}
    assert home.emergency.settings.contacts == ()


def contract(port: int, **said: Any) -> dict[str, Any]:
    """Return what is entered for a centre."""
    return {
        "account": PLAIN,
        "host": HOST,
        "port": port,
        "transport": "tcp",
        "protocol": "ADM-CID",
        "key_hexadecimal": True,
        "every": 15,
        **said,
    }


async def test_centre(
    hass: HomeAssistant, entry: HomeEntry, home: Home, receiver: Real
) -> None:
    """It is tried before it is believed; its key is shown nowhere."""
    result = await step(hass, entry, "centre")
    for wrong, error in (
        ({"account": "XYZ"}, {"account": "centre_account"}),
        ({"second_host": HOST}, {"second_port": "centre_second_port"}),
        ({"key": "short"}, {"key": "centre_key"}),
        ({"port": dead().port}, {"base": "centre_not_reached"}),
        ({"account": "FFF9"}, {"base": "centre_refused"}),
    ):
        result = await go(hass, result["flow_id"], **contract(receiver.port) | wrong)
        assert result["errors"] == error
    assert home.emergency.settings.centre is None
    result = await go(
        hass,
        result["flow_id"],
        **contract(receiver.port, account=f"#{PLAIN.lower()}"),
    )
    assert result["reason"] == "centre_saved"
    await until(
        lambda: home.emergency.centre.channel and home.emergency.centre.channel.health
    )
    assert "centre answers" in await state(hass, entry)
    async with real(SIAAccount(PLAIN, KEY)) as secret:
        result = await step(hass, entry, "centre")
        result = await go(
            hass,
            result["flow_id"],
            **contract(secret.port, key=KEY, key_hexadecimal=False),
        )
        assert result["reason"] == "centre_saved"
        result = await step(hass, entry, "centre")
        assert KEY not in str([k.description for k in result["data_schema"].schema])
        everything = (await log_of(home), entry.as_dict(), home.emergency.settings)
        assert KEY not in str(everything)
    result = await step(hass, entry, "centre_off")
    result = await go(hass, result["flow_id"])
    assert result["reason"] == "centre_is_off"
    assert home.emergency.settings.centre is None


async def test_key_is_kept_where_it_is_not_entered_again(
    hass: HomeAssistant, entry: HomeEntry, home: Home, socket_enabled: None
) -> None:
    """A form does not show it, so an empty field says nothing of it."""
    async with real(SIAAccount(PLAIN, KEY)) as secret:
        with_key = contract(secret.port, key=KEY, key_hexadecimal=False)
        result = await step(hass, entry, "centre")
        await go(hass, result["flow_id"], **with_key)
        result = await step(hass, entry, "centre")
        changed = contract(secret.port, key_hexadecimal=False, every=5)
        result = await go(hass, result["flow_id"], **changed)
        assert result["reason"] == "centre_saved"
        settings = home.emergency.settings.centre
        assert settings and settings.key == KEY and settings.every == 5


async def test_what_cannot_be_entered_is_not_changed(
    hass: HomeAssistant, entry: HomeEntry, home: Home, anna: Telephone
) -> None:
    result = await step(hass, entry, "distress_rules")
    await fail_writes(home)
    result = await go(hass, result["flow_id"], **RULES)
    assert result["errors"] == {"base": "log_unavailable"}
    await fail_writes(home, fail=False)
    with unwritable(home.emergency._file._path.parent):
        result = await go(hass, result["flow_id"], **RULES)
        assert result["errors"] == {"base": "not_saved"}
    assert home.emergency.settings.languages == ()
    result = await go(hass, result["flow_id"], **RULES)
    assert result["reason"] == "distress_rules_saved"


async def test_contact_that_is_gone_meanwhile(
    hass: HomeAssistant, entry: HomeEntry, home: Home, anna: Telephone
) -> None:
    result = await add(hass, entry, anna)
    await go(hass, result["flow_id"], number=await number(anna))
    result = await step(hass, entry, "pick_contact_person")
    (found,) = options(result, "contact")
    await decide(home, contacts=())
    result = await go(hass, result["flow_id"], contact=found["value"])
    assert result["reason"] == "contact_person_gone"


@pytest.mark.parametrize("text", ["AAA1", "#aaa1", " 0123456789ABCDEF "])
def test_account(text: str) -> None:
    assert account_number(text) == text.strip().lstrip("#").upper()
