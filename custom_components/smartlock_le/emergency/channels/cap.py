"""An incident in the words of the Common Alerting Protocol.

Source: OASIS CAP 1.2 (July 2010), section 3.2; a test checks each message against its
schema.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
import re
from typing import Protocol
from xml.etree import ElementTree as ET

from ..models import Kind, Signal, What

_NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_CATEGORIES = {
    Kind.POLICE: "Security",
    Kind.FIRE: "Fire",
    Kind.MEDICAL: "Health",
    Kind.GAS: "CBRNE",
    Kind.BURGLARY: "Security",
    Kind.DURESS: "Security",
    Kind.SILENT: "Security",
}
_EVENTS = {
    Kind.POLICE: "Police needed",
    Kind.FIRE: "Fire",
    Kind.MEDICAL: "Medical help needed",
    Kind.GAS: "Gas or carbon monoxide",
    Kind.BURGLARY: "Burglary",
    Kind.DURESS: "Duress: somebody is forced, and nothing in the house shows it",
    Kind.SILENT: "Silent alarm: nothing in the house shows it",
}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What cannot be in XML at all; XML 1.0, section 2.2."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, and where the house is."""

    id: str
    """Without blanks, commas, and what XML means something by."""
    area: str = field(repr=False)
    to: str
    """Whom it is for: it is for nobody else."""


def _moment(moment: datetime) -> str:
    # Section 3.2.1, sent: no Z, and of UTC the offset is -00:00.
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def _add(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = _NO_XML.sub("?", text) or None
    return element


class Told(Protocol):
    """What was told."""

    @property
    def id(self) -> str:
        """What it is known by."""

    @property
    def made(self) -> datetime:
        """When it was made."""


def reference(told: Told, sender: str) -> str:
    """Return by what a later message refers to this one; section 3.2.1, references."""
    return f"{sender},{told.id},{_moment(told.made)}"


def _status(signal: Signal) -> str:
    if signal.exercise:
        return "Exercise"
    return "Test" if signal.what is What.TEST else "Actual"


def message(signal: Signal, sender: Sender, headline: str = "") -> bytes:
    """Return one message as XML.

    What comes later refers to all that was told before: another alarm and an end are an
    update, which is in the place of those. `headline`: what is new.
    """
    alert = ET.Element("alert", {"xmlns": _NAMESPACE})
    kind = "Cancel" if signal.what is What.CANCEL else "Update"
    told = {
        "identifier": signal.id,
        "sender": sender.id,
        "sent": _moment(signal.made),
        "status": _status(signal),
        "msgType": kind if signal.refers else "Alert",
        "scope": "Private",
        "addresses": sender.to,
    }
    for name, text in told.items():
        _add(alert, name, text)
    if signal.refers:
        _add(alert, "references", signal.refers)
    info = _add(alert, "info")
    over = signal.what in (What.CANCEL, What.RESTORE)
    said = {
        "category": _CATEGORIES[signal.kind],
        "event": "Test" if signal.what is What.TEST else _EVENTS[signal.kind],
        "responseType": "AllClear" if over else "Monitor",
        "urgency": "Past" if over else "Immediate",
        "severity": "Unknown" if over or signal.kind is Kind.BURGLARY else "Severe",
        # Nobody has looked: somebody says so, or a device does.
        "certainty": "Unknown" if over else "Possible",
    }
    if signal.what is What.TEST:
        said |= {"responseType": "None", "urgency": "Unknown"}
        said |= {"severity": "Unknown", "certainty": "Unknown"}
    if signal.what is not What.TEST:
        said["onset"] = _moment(signal.raised)
    if headline:
        said["headline"] = headline
    for name, text in said.items():
        _add(info, name, text)
    _add(_add(info, "area"), "areaDesc", sender.area)
    text = ET.tostring(alert, encoding="utf-8", xml_declaration=True)
    return bytes(text)
