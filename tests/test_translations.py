"""Every text that the code asks for is there, and none is there for nothing."""

import ast
from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

import pytest
import yaml

import custom_components.smartlock_le as integration
from custom_components.smartlock_le.access.actions import ACTIONS as GRANT_ACTIONS
from custom_components.smartlock_le.access.code_actions import ACTIONS as CODE_ACTIONS
from custom_components.smartlock_le.access.models import ASKED
from custom_components.smartlock_le.button import KINDS as HELP
from custom_components.smartlock_le.cameras.actions import ACTIONS as CAMERA_ACTIONS
from custom_components.smartlock_le.cameras.models import Seen
from custom_components.smartlock_le.condition import CONDITIONS
from custom_components.smartlock_le.emergency.actions import (
    ACTIONS as EMERGENCY_ACTIONS,
)
from custom_components.smartlock_le.emergency.channels.dc09_link import Transport
from custom_components.smartlock_le.emergency.drill_actions import (
    ACTIONS as DRILL_ACTIONS,
)
from custom_components.smartlock_le.emergency.drills import Scenario
from custom_components.smartlock_le.emergency.models import Kind, Reply, Source
from custom_components.smartlock_le.emergency.phrases import languages
from custom_components.smartlock_le.event import EVENT_TYPES
from custom_components.smartlock_le.flows.release_options import (
    _STEPS as RELEASE_CHOICES,
)
from custom_components.smartlock_le.importing import Obstacle
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.log.actions import ACTIONS as LOG_ACTIONS
from custom_components.smartlock_le.logbook import _EVENTS, _METHODS
from custom_components.smartlock_le.models import Method, Refusal, Wanted
from custom_components.smartlock_le.requests.actions import ACTIONS as AGENCY_ACTIONS
from custom_components.smartlock_le.requests.models import AgencyType, Standing
from custom_components.smartlock_le.requests.request import (
    Instrument,
    Purpose,
    Rule,
    State,
    Via,
)
from custom_components.smartlock_le.requests.request_actions import (
    ACTIONS as REQUEST_ACTIONS,
)
from custom_components.smartlock_le.responders.actions import ACTIONS as LINK_ACTIONS
from custom_components.smartlock_le.responders.models import Event as LinkEvent
from custom_components.smartlock_le.services import HOME_ACTIONS
from custom_components.smartlock_le.sharing.actions import (
    ACTIONS as SHARING_ACTIONS,
    RELEASE_ACTIONS,
)
from custom_components.smartlock_le.sharing.feed_models import SAID
from custom_components.smartlock_le.sharing.models import Field, Stage
from custom_components.smartlock_le.targets import Who
from custom_components.smartlock_le.trigger import TRIGGERS

ROOT = Path(integration.__file__).parent
TEXTS: dict[str, Any] = json.loads((ROOT / "translations" / "en.json").read_text())
ICONS: dict[str, Any] = json.loads((ROOT / "icons.json").read_text())
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "services.yaml").read_text())
ACTIONS = {
    action.name: action
    for action in (
        *AGENCY_ACTIONS,
        *CAMERA_ACTIONS,
        *DRILL_ACTIONS,
        *EMERGENCY_ACTIONS,
        *HOME_ACTIONS,
        *LINK_ACTIONS,
        *GRANT_ACTIONS,
        *CODE_ACTIONS,
        *LOG_ACTIONS,
        *RELEASE_ACTIONS,
        *REQUEST_ACTIONS,
        *SHARING_ACTIONS,
    )
}
REQUEST_STEPS = {
    *("confirm_request", "decline_request", "challenge_request", "close_request"),
    "lift_request",
}
"""Shown by one function."""
REQUEST_CHOICES = REQUEST_STEPS | {
    *("review_request", "hold_request", "remove_request"),
}
"""Offered as the request stands."""
PAIRING = {"pair", "pin", "pin_without_keypad"}
CENTRE = {"not_reached", "no_answer", "refused", "not_understood"}
"""Why a monitoring centre does not take something."""
HOOK = {"not_reached", "no_answer", "refused", "in_trouble"}
"""Why a server does not."""
HALF = {"second", "only_first"}
"""What is wrong with one that takes it."""
LOUD = [kind for kind in Kind if not kind.hidden]
RAISES_SILENT = (Source.CODE, Source.PANEL, Source.VOICE)


def source(*names: str) -> str:
    """Return the text of modules."""
    return "\n".join((ROOT / name).read_text() for name in names)


def literals(text: str) -> set[str]:
    """Return every string in a text of Python."""
    return {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def called(text: str, name: str) -> set[str]:
    """Return the values that a keyword argument is given as a plain string."""
    return {
        value.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.keyword) and node.arg == name
        for value in ast.walk(node.value)
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }


def assigned_errors(text: str) -> set[str]:
    """Return the errors that a form is shown with."""
    found = set(re.findall(r'errors\["base"\] = "(\w+)"', text))
    return found | set(re.findall(r'\berror = "(\w+)"', text))


PAIRING_ERRORS = {
    "answer_lost",
    "cannot_reach",
    "keys_unreadable",
    "not_pairing",
    "not_saved",
    "pin_blocked",
    "pin_format",
    "refused",
    "wrong_pin",
}

CAMERA = {"setup", "reconfigure"}
NUMBER_ERRORS = {"no_such_number", "numbers_reversed"}


def test_the_first_words_of_the_first_screen() -> None:
    """Before anything else is said."""
    first = TEXTS["config"]["step"]["user"]["description"]
    assert (
        re.sub(r"\W+", " ", first).strip().startswith("Nothing is shared with anyone")
    )


def test_steps() -> None:
    """Each step that is shown has its words, and no other step has."""
    pairing = source("flows/pairing.py")
    for section, files, more in (
        (TEXTS["config"], ["config_flow.py", "flows/adding.py"], PAIRING),
        (
            TEXTS["config_subentries"]["lock"],
            ["flows/lock.py", "flows/adding.py"],
            PAIRING,
        ),
        (TEXTS["config_subentries"]["camera"], ["flows/camera.py"], CAMERA),
        (
            TEXTS["options"],
            [
                *("flows/options.py", "flows/code_options.py"),
                *("flows/log_options.py", "flows/import_options.py"),
                *("flows/plate_options.py", "flows/agency_options.py"),
                *("flows/contact_options.py", "flows/request_options.py"),
                *("flows/request_page.py", "flows/steady.py"),
                *("flows/release_options.py", "flows/emergency_options.py"),
                *("flows/contact_people.py", "flows/responder_options.py"),
                *("flows/webhook_options.py", "flows/silent_options.py"),
                *("flows/noonlight_options.py", "flows/drill_options.py"),
                "flows/feed_options.py",
            ],
            {
                *REQUEST_STEPS,
                *("help_code", "help_code_only", "help_unlocked"),
                *("guest", "person", "new_times", "change_code", "remove_code"),
                *("link_made", "link_made_code"),
            },
        ),
    ):
        shown = called(source(*files), "step_id") | more
        assert shown == set(section["step"])
    assert called(pairing, "step_id") == PAIRING
    for issue, steps in (
        ("pairing_lost", PAIRING),
        ("pin_wrong", PAIRING),
        ("uncleaned", {"confirm"}),
        ("guide_news", {"confirm"}),
    ):
        assert set(TEXTS["issues"][issue]["fix_flow"]["step"]) == steps


def test_menus() -> None:
    """Each choice has its words."""
    for section, file in (
        (TEXTS["config"], "config_flow.py"),
        (TEXTS["config_subentries"]["lock"], "flows/lock.py"),
        (TEXTS["options"], "flows/options.py"),
    ):
        offered = called(source(file), "menu_options")
        if file == "flows/options.py":
            offered |= called(source("flows/contact_people.py"), "menu_options")
            for menu in (
                *("code", "agency", "contact", "request", "emergency"),
                *("responder", "drill", "feed"),
            ):
                text = source(f"flows/{menu}_options.py")
                offered |= called(text, "menu_options")
            offered |= called(source("flows/request_page.py"), "menu_options")
            offered |= REQUEST_CHOICES | {"request"}
            offered |= {step for steps in RELEASE_CHOICES.values() for step in steps}
        worded = {
            item
            for step in section["step"].values()
            for item in step.get("menu_options", {})
        }
        assert offered == worded


REFUSED = re.compile(
    r'(?:Code|Emergency|Grant|Log|Request|Release)(?:Error|Refused)\(\s*"(\w+)"'
)
BAD_FIELD = re.compile(
    r'(?:BadField\([^,]+, |, )"((?:agency|csv|contact|request|document)_\w+)"\)'
)


def words_of_bundle() -> set[str]:
    """Return what the texts of a bundle are called."""
    text = source("sharing/bundle_page.py", "sharing/bundle.py")
    page = source("sharing/bundle_page.py")
    facts = re.findall(r'^            "(\w+)": ', page, flags=re.MULTILINE)
    columns = ("time", "device", "event", "method", "person")
    return {
        *re.findall(r"""words\[["'](\w+)["']\]""", text),
        *(f"fact_{name}" for name in facts),
        *(f"column_{name}" for name in columns),
    }


def moving_errors() -> set[str]:
    """Return why a log does not move: words of the form, for no action asks for it."""
    text = source("log/moving.py", "log/server.py", "log/log.py", "opening.py")
    return {
        key for key in REFUSED.findall(text) if key.startswith(("database", "back"))
    }


def agency_errors() -> set[str]:
    """Return what can be wrong with what is said of an agency or a request."""
    names = (
        "agencies",
        "agency_csv",
        "checks",
        "contact",
        "documents",
        "inbox",
        "ledger",
    )
    text = source(*(f"requests/{name}.py" for name in (*names, "reading")))
    text += source("sharing/models.py", "sharing/releases.py", "sharing/bundle.py")
    text += source("sharing/records.py", "sharing/giving.py")
    # What is seen where a document is fetched, and in no form.
    shown = set(REFUSED.findall(text)) - {"document_damaged"}
    return shown | set(BAD_FIELD.findall(text))


def feed_errors() -> set[str]:
    """Return why an agency is not told: words of the form, for no action asks for it."""
    text = source("feed_keeping.py", "sharing/feeds.py")
    return {
        key for key in REFUSED.findall(text) if key.startswith(("feed_", "webhook_"))
    }


def test_errors() -> None:
    """Each error of each form has its words, and no other is listed."""
    pairing = assigned_errors(source("flows/pairing.py"))
    assert pairing <= PAIRING_ERRORS
    assert 'return "pin_empty"' in source("flows/pairing.py")
    config = TEXTS["config"]["error"]
    adding = source("flows/adding.py")
    assert literals(adding) >= NUMBER_ERRORS
    assert assigned_errors(adding) <= PAIRING_ERRORS
    assert set(config) == PAIRING_ERRORS | NUMBER_ERRORS | {"log_unavailable"}
    fixes = TEXTS["issues"]["pairing_lost"]["fix_flow"]
    assert set(fixes["error"]) == PAIRING_ERRORS
    # Only where a PIN is changed must there be one.
    pins = PAIRING_ERRORS | {"pin_empty"}
    assert set(TEXTS["issues"]["pin_wrong"]["fix_flow"]["error"]) == pins
    assert set(TEXTS["config_subentries"]["lock"]["error"]) == pins | NUMBER_ERRORS
    camera = TEXTS["config_subentries"]["camera"]
    at_fields = re.findall(r'errors\[\w+\] = "(\w+)"', source("flows/camera.py"))
    assert set(camera["error"]) == set(at_fields)
    raised = literals(source("access/grants.py")) | literals(source("flows/options.py"))
    raised |= literals(source("access/grant_codes.py", "flows/log_options.py"))
    raised |= literals(source("flows/plate_options.py"))
    raised |= literals(source("access/codes.py", "flows/code_options.py"))
    raised |= literals(source("access/change.py", "access/digits.py"))
    raised |= agency_errors() | literals(source("flows/agency_options.py"))
    raised |= literals(source("flows/release_options.py"))
    raised |= literals(source("flows/emergency_options.py", "flows/contact_people.py"))
    raised |= literals(source("flows/responder_options.py", "flows/webhook_options.py"))
    raised |= literals(source("flows/silent_options.py", "flows/noonlight_options.py"))
    raised |= {f"noonlight_{reason}" for reason in HOOK}
    raised |= literals(source("flows/feed_options.py", "flows/steady.py"))
    raised |= literals(source("flows/hook_form.py"))
    raised |= feed_errors() | {"incident_not_found"}
    raised |= set(REFUSED.findall(source("emergency/drills.py")))
    raised |= {f"webhook_{reason}" for reason in HOOK}
    raised |= {f"centre_{reason}" for reason in CENTRE}
    raised |= moving_errors()
    raised |= {refusal.value for refusal in Refusal}
    options = set(TEXTS["options"]["error"])
    assert options <= raised
    assert {"incomplete", "outcome_unknown", "refused", "lock_unreachable"} <= options
    assert moving_errors() | {"database_driver", "backup_running"} <= options
    assert agency_errors() | feed_errors() <= options


@pytest.mark.parametrize(
    ("section", "files", "given"),
    [
        (
            ("config",),
            ("config_flow.py",),
            # By Home Assistant itself, for a card that is open already.
            {"already_in_progress", "unsupported_lock"},
        ),
        (
            ("config_subentries", "lock"),
            ("flows/lock.py",),
            {"keys_unreadable", "unsupported_lock"},
        ),
        (
            ("config_subentries", "camera"),
            ("flows/camera.py",),
            # By Home Assistant itself, where what was changed is saved.
            {"reconfigure_successful"},
        ),
        (
            ("options",),
            (
                *("flows/options.py", "flows/code_options.py"),
                *("flows/log_options.py", "flows/import_options.py"),
                *("flows/plate_options.py", "flows/agency_options.py"),
                *("flows/contact_options.py", "flows/request_options.py"),
                *("flows/request_page.py", "flows/steady.py"),
                *("flows/agency_options.py", "flows/release_options.py"),
                *("flows/emergency_options.py", "flows/contact_people.py"),
                *("flows/responder_options.py", "flows/webhook_options.py"),
                *("flows/silent_options.py", "flows/noonlight_options.py"),
                *("flows/drill_options.py", "flows/feed_options.py"),
            ),
            # As a link, or the end of a drill, is refused.
            {"no_outside_address", "drill_none"},
        ),
    ],
)
def test_aborts(
    section: tuple[str, ...], files: tuple[str, ...], given: set[str]
) -> None:
    """Each end without a result has its words."""
    texts = TEXTS
    for name in section:
        texts = texts[name]
    text = source(*files)
    reasons = called(text, "reason") | given
    reasons |= set(re.findall(r'AbortFlow\("(\w+)"\)', text))
    reasons |= set(re.findall(r'return "(\w+)"', text)) & set(texts["abort"])
    reasons |= set(re.findall(r'return "(already_configured)" if', text))
    assert reasons == set(texts["abort"])


def test_issues() -> None:
    """Each issue has its words, placeholders and all."""
    text = source("issues.py")
    made = called(text, "translation_key") | {"pairing_lost", "pin_wrong"}
    made |= {"code_failed", "code_stays"}
    assert made >= set(re.findall(r'problem = "(code_\w+)"', source("access/codes.py")))
    made |= {f"centre_{reason}" for reason in CENTRE | HALF}
    made |= {f"webhook_{reason}" for reason in HOOK}
    made |= {f"noonlight_{reason}" for reason in HOOK | {"not_called_off"}}
    made -= {"log_", "_", ""}
    reasons = set(
        re.findall(
            r'LogUnreadable\(\s*"(\w+)"',
            source("log/keys.py", "log/probe.py", "log/store.py"),
        )
    )
    assert "damaged" in reasons
    opening = set(re.findall(r'problem = "(un\w+)"', source("opening.py")))
    running = {"damaged", "unavailable", "clock_back", "stamp_overdue"}
    made |= {f"log_{problem}" for problem in reasons | opening | running}
    assert made == set(TEXTS["issues"])
    known = {"device", "found", "lock", "locks", "name"}
    known |= {"count", "what"}
    known |= {"advisory", "mended", "version"}
    for issue in TEXTS["issues"].values():
        assert set(re.findall(r"{(\w+)}", json.dumps(issue))) <= known


def link_errors() -> set[str]:
    """Return why something is not done with a link."""
    text = source(
        *("responders/links.py", "responders/models.py", "responder_keeping.py")
    )
    found = set(re.findall(r'LinkError\(\s*"(\w+)"', text))
    return found | {
        key
        for one in re.findall(r"LinkError\((.+ else .+)\)", text)
        for key in re.findall(r'"(\w+)"', one)
    }


def test_the_page_of_responders() -> None:
    """Each word that its script asks for is there, and none is there for nothing."""
    page, shell = source("web/page/page.js"), source("web/shell.py")
    wanted = set(re.findall(r"words\.(\w+)", page))
    wanted |= set(re.findall(r"words\[['\"](\w+)['\"]\]", shell))
    wanted |= {f"bolt_{bolt}" for bolt in Bolt}
    doors = {"unreachable", "refused", "over", "unknown"}
    assert doors == literals(source("web/responder.py")) & doors
    wanted |= {"busy"}
    wanted |= {f"press_{why}" for why in doors} | {"code_wrong", "code_over"}
    assert {"wrong", "over", "busy"} <= link_errors()
    texts = {key for key in TEXTS["common"] if key.startswith("page_")}
    assert texts == {f"page_{word}" for word in wanted}


def test_exceptions() -> None:
    """Each error that a person can see has its words."""
    wanted = {f"refused_{refusal.value}" for refusal in Refusal}
    for path in ROOT.rglob("*.py"):
        text = path.read_text()
        wanted |= set(REFUSED.findall(text))
        wanted |= (
            set(BAD_FIELD.findall(text)) if path.parent.name == "requests" else set()
        )
        if path.name in {"__init__.py", "media_source.py", "services.py", "errors.py"}:
            wanted |= called(text, "translation_key")
            wanted |= set(re.findall(r'_home_error\("(\w+)"', text))
    # The rest of them are for the page.
    assert {"link_not_found", "no_outside_address"} <= link_errors()
    wanted |= {"link_not_found", "no_outside_address"}
    wanted -= {key for key in moving_errors() if key.startswith("database")}
    wanted -= feed_errors()
    assert {key for key in wanted if not key.endswith("_")} == set(TEXTS["exceptions"])


def test_actions() -> None:
    """Each action and each field of it has its words, its selector and its icon."""
    assert set(ACTIONS) == set(SERVICES) == set(TEXTS["services"])
    assert set(ACTIONS) == set(ICONS["services"])
    for name, action in ACTIONS.items():
        fields = {str(field) for field in action.fields}
        shown = (SERVICES[name] or {}).get("fields", {})
        assert fields == set(shown) == set(TEXTS["services"][name].get("fields", {}))
        for field in action.fields:
            required = type(field).__name__ == "Required"
            assert shown[str(field)].get("required", False) is required
            default = getattr(field, "default", None)
            if "default" in shown[str(field)]:
                assert default
                assert default() == shown[str(field)]["default"]


def test_entities() -> None:
    """Each entity has a name, each state and attribute of the event has words."""
    keys = {
        "alarm_control_panel": {"distress"},
        "binary_sensor": called(source("binary_sensor.py"), "key"),
        "button": {f"help_{kind}" for kind in HELP},
        "sensor": called(source("sensor.py"), "key") | {"battery"},
        "calendar": {"access", "requests"},
        "event": {"access", "seen"},
        "image": {"last_picture"},
        "switch": {"privacy"},
    }
    assert {domain: set(texts) for domain, texts in TEXTS["entity"].items()} == keys
    for domain, icons in ICONS["entity"].items():
        assert set(icons) <= keys[domain]
    access = TEXTS["entity"]["event"]["access"]["state_attributes"]
    assert set(access) == {"event_type", "actor", "method", "by_grant", "armed", "time"}
    assert list(access["event_type"]["state"]) == [kind.value for kind in EVENT_TYPES]
    assert set(access["method"]["state"]) == {method.value for method in Method}
    seen = TEXTS["entity"]["event"]["seen"]["state_attributes"]
    kinds = [kind.value for kind in Seen]
    assert list(seen["event_type"]["state"]) == [*kinds, "plate", "snapshot", "clip"]
    assert list(seen["of"]["state"]) == ["access", "alarm", *kinds, "plate"]
    assert list(TEXTS["selector"]["pictured"]["options"]) == kinds
    attributes = TEXTS["entity"]["sensor"]["log_size"]["state_attributes"]
    assert set(attributes) == {"root", "last_verification", "last_verified_size"}


def test_the_rest() -> None:
    """Methods of a grant, words of a notice, lines of the logbook."""
    types = TEXTS["selector"]["agency_type"]["options"]
    assert list(types) == [one.value for one in AgencyType]
    methods = TEXTS["selector"]["method"]["options"]
    assert list(methods) == [method.value for method in ASKED]
    told = set(re.findall(r'_tell\(\s*grant, "(\w+)"', source("access/grants.py")))
    grant_texts = {f"grant_{what}" for what in told | {"title"}}
    standings = {f"agency_{standing.value}" for standing in Standing}
    agencies = standings | {"agency_lookalike", "agency_foreign"}
    text = source("flows/request_text.py", "request_keeping.py", "notices.py")
    requests = {f"rule_{rule}" for rule in Rule} | {
        *("request_soon", "request_overdue", "request_arrived"),
        *("request_agency", "request_window", "request_reference"),
        *re.findall(r"""["']((?:request|guide)_[a-z_]+)["']""", text),
    }
    # The name of a selector, not of a text.
    requests -= {"request_state"}
    ways = re.findall(r'Way\(\s*"(\w+)"', source("outgoing.py"))
    requests |= {f"leave_{key}" for key in (*ways, "on", "off", "never")}
    page = source("sharing/report_page.py")
    tables = ("instrument", "agency_type", "outcome", "rule")
    requests |= {
        f"report_{key}"
        for key in {
            *re.findall(r"""words\[["'](\w+)["']\]""", page),
            *(*tables, "delivered", "people", "devices", "feeds", "unapproved"),
        }
    }
    requests |= {f"bundle_{key}" for key in words_of_bundle()}
    requests |= {f"fetch_{key}" for key in ("title", "text", "button")}
    released = source("flows/release_options.py")
    requests |= {
        f"release_{key}"
        for key in {
            *re.findall(r"""text\(\s*["'](\w+)["']""", released),
            *("sealed", "not_sealed", "voluntary", "compelled"),
            *(f"stage_{stage}" for stage in Stage if not stage.over),
        }
    }
    for selector, kind in (
        ("release_field", Field),
        ("release_kind", Wanted),
        ("instrument", Instrument),
        ("via", Via),
        ("purpose", Purpose),
        ("wanted", Wanted),
        ("request_state", State),
        ("request_rule", Rule),
        ("incident_kind", LOUD),
        ("scenario", Scenario),
        ("transport", Transport),
    ):
        assert [*TEXTS["selector"][selector]["options"]] == [one.value for one in kind]
    silent_words = set(re.findall(r'texts\["(\w+)"\]', source("silent_keeping.py")))
    silent_words |= {
        *re.findall(r'quiet\["(\w+)"\]', source("emergency_words.py")),
        *(*RAISES_SILENT, "reminder"),
    }
    requests |= {f"silent_{key}" for key in silent_words}
    drill_words = re.findall(r'texts\["(\w+)"\]', source("flows/drill_options.py"))
    drill_words += ["centre", "webhook", "coming", "there", "opened", "heard", "safe"]
    mends = CENTRE | HOOK | {"target_gone", "emergency_number", "not_sent"}
    drill_words += [f"mend_{reason}" for reason in mends | {"nobody_came", "unheard"}]
    requests |= {f"drill_{key}" for key in drill_words}
    keeping = source("emergency_keeping.py", "emergency_words.py")
    requests |= {f"voice_{key}" for key in re.findall(r'texts\["(\w+)"\]', keeping)}
    requests -= {f"voice_{key}" for key in ("somebody", "test", "test_title", "title")}
    requests = {key for key in requests if not key.startswith("voice_exercise")}
    requests |= {f"voice_{key}" for key in ("centre", "signalled", "window")}
    requests |= {
        f"incident_{key}"
        for key in {
            *(f"kind_{kind}" for kind in LOUD),
            *(f"source_{one}" for one in Source if one is not Source.CODE),
            *(f"reply_{reply}" for reply in Reply),
            *("raised", "acknowledged", "on_scene", "cancelled", "closed"),
            *("exercise", "exercise_title", "exercise_raised"),
            *("exercise_end", "exercise_over", "exercise_over_title"),
            *("centre_at", "centre_told", "somebody", "test", "test_title", "title"),
        }
    }
    requests |= {key for key in TEXTS["common"] if key.startswith("page_")}
    silent = {"made", "code_made", "wrong_code", "pressed"}
    requests |= {f"link_{event}" for event in LinkEvent if event not in silent}
    requests |= {"link_title", "link_title_of"}
    feeds = source("flows/feed_options.py")
    requests |= {
        f"feed_{key}"
        for key in {
            *re.findall(r"""texts\[["'](\w+)["']""", feeds),
            *(f"step_{step}" for step in SAID),
            *("tries", "has_not"),
        }
    }
    responders = source("flows/responder_options.py")
    requests |= {
        f"responders_{key}"
        for key in (*re.findall(r'texts\["(\w+)"', responders), "sheet", "no_sheet")
    }
    emergency = source("flows/emergency_options.py", "flows/contact_people.py")
    requests |= {
        f"emergency_{key}"
        for key in {
            *re.findall(r'texts\["(\w+)"', emergency),
            *("ready", "not_ready", "no_assist"),
            *(f"centre_{key}" for key in {"ok", "bad", "unknown", "plain"} | HALF),
            *(f"webhook_{key}" for key in ("ok", "bad", "unknown")),
            *(f"noonlight_{key}" for key in ("ok", "bad", "unknown", "sandbox")),
        }
    }
    assert set(TEXTS["selector"]["phrases"]["options"]) == set(languages())
    assert set(TEXTS["common"]) == grant_texts | agencies | requests | {
        "guest_notice",
        "guest_notice_pictures",
        *("plate_watched", "plate_watched_title"),
        *("no_codes", "no_contact", "no_end"),
        "until",
        *(obstacle for obstacle in Obstacle if obstacle),
        *("import_all", "import_guest", "import_person"),
    }
    assert set(_EVENTS) == {kind.value for kind in EVENT_TYPES}
    assert set(_METHODS) == {method.value for method in Method} - {"unknown"}
    assert set(TEXTS) == {
        *("common", "config", "config_subentries", "options", "selector"),
        *("entity", "exceptions", "issues", "services"),
        *("conditions", "triggers"),
    }


@pytest.mark.parametrize(
    ("kind", "made"), [("trigger", TRIGGERS), ("condition", CONDITIONS)]
)
def test_triggers_and_conditions(kind: str, made: dict[str, Any]) -> None:
    """Each has its words, its icon, and a selector for each of its options."""
    texts, icons = TEXTS[f"{kind}s"], ICONS[f"{kind}s"]
    shown = yaml.safe_load((ROOT / f"{kind}s.yaml").read_text())
    listed = {name for name in shown if not name.startswith(".")}
    assert set(made) == listed == set(texts) == set(icons)
    words = TEXTS["selector"]["who"]["options"]
    assert list(words) == [who.value for who in Who]
    for name, item in made.items():
        fields = shown[name].get("fields", {})
        config: dict[str, Any] = {"options": {}}
        if "target" in shown[name]:
            config["target"] = {"entity_id": "event.front_door_access"}
        options = item._schema(config)
        assert set(options["options"]) == set(fields)
        assert set(fields) == set(texts[name].get("fields", {}))
        for field, about in fields.items():
            default = item._schema({**options, "options": {field: about["default"]}})[
                "options"
            ][field]
            assert default == options["options"][field]
            select = about["selector"].get("select", {})
            assert set(select.get("options", [])) <= set(words)


def walk(texts: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Give every text with its place."""
    for key, value in texts.items():
        if isinstance(value, dict):
            yield from walk(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", value


def test_texts_are_words() -> None:
    """No text is empty, none names a function of ours, none has a stray brace."""
    for path, text in walk(TEXTS):
        assert text.strip() == text != "", path
        assert re.sub(r"{\w+}", "", text).count("{") == 0, path


def test_other_languages_say_what_english_says() -> None:
    """A text in another language has an English one, and the same gaps in it."""
    for path in (ROOT / "translations").glob("*.json"):
        if path.stem == "en":
            continue
        for section, texts in json.loads(path.read_text()).items():
            assert section == "common"
            for key, text in texts.items():
                gaps = [
                    set(re.findall(r"{(\w+)}", one))
                    for one in (text, TEXTS["common"][key])
                ]
                assert gaps[0] == gaps[1]
    spoken = {key for key in TEXTS["common"] if key.startswith(("voice_", "page_"))}
    for language in languages():
        path = ROOT / "translations" / f"{language}.json"
        assert set(json.loads(path.read_text())["common"]) >= spoken
