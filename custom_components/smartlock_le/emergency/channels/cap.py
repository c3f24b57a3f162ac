"""An incident in the words of the Common Alerting Protocol.

Source: OASIS CAP 1.2 (July 2010), section 3.2; a test checks each message against its
schema.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
import re
from xml.etree import ElementTree as ET

from ..models import Kind, Signal, What

_NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_CATEGORIES = {
    Kind.POLICE: "Security",
    Kind.FIRE: "Fire",
    Kind.MEDICAL: "Health",
    Kind.GAS: "CBRNE",
    Kind.BURGLARY: "Security",
}
_EVENTS = {
    Kind.POLICE: "Police needed",
    Kind.FIRE: "Fire",
    Kind.MEDICAL: "Medical help needed",
    Kind.GAS: "Gas or carbon monoxide",
    Kind.BURGLARY: "Burglary",
}
_TYPES = {What.ALARM: "Alert", What.TEST: "Alert", What.CANCEL: "Cancel"}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What cannot be in XML at all; XML 1.0, section 2.2."""

ET.register_namespace("", _NAMESPACE)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, and where the house is."""

    id: str
    """Without blanks, commas, and what XML means something by."""
    area: str
    to: str
    """Whom it is for: it is for nobody else."""


def _moment(moment: datetime) -> str:
    # Section 3.2.1, sent: no Z, and of UTC the offset is -00:00.
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def _add(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    element = ET.SubElement(parent, f"{{{_NAMESPACE}}}{name}")
    element.text = _NO_XML.sub("?", text) or None
    return element


def first_id(signal: Signal) -> str:
    """Return what the first message of an incident is known by."""
    return f"{signal.incident}.{int(signal.raised.timestamp())}"


def message(signal: Signal, sender: Sender) -> bytes:
    """Return one message as XML.

    Whatever comes after the first refers to it: another alarm is an update, a cancel and
    an end are told apart by `responseType`.
    """
    alert = ET.Element(f"{{{_NAMESPACE}}}alert")
    first = signal.what is What.ALARM and not signal.again
    kind = _TYPES.get(signal.what, "Update")
    if signal.what is What.ALARM and signal.again:
        kind = "Update"
    told = {
        "identifier": first_id(signal) if first else signal.id,
        "sender": sender.id,
        # What it refers to is known by its time as well.
        "sent": _moment(signal.raised if first else signal.made),
        "status": "Test" if signal.what is What.TEST else "Actual",
        "msgType": kind,
        "scope": "Private",
        "addresses": sender.to,
    }
    for name, text in told.items():
        _add(alert, name, text)
    if signal.what is not What.TEST and not first:
        reference = (sender.id, first_id(signal), _moment(signal.raised))
        _add(alert, "references", ",".join(reference))
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
    for name, text in said.items():
        _add(info, name, text)
    _add(_add(info, "area"), "areaDesc", sender.area)
    text = ET.tostring(alert, encoding="utf-8", xml_declaration=True)
    return bytes(text)
