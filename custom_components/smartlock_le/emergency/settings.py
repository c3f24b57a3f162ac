"""What the owner decided about distress: in a private file of ours, for it holds secrets."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
import re
from typing import Any, Self
from urllib.parse import urlsplit

from ..models import new_id
from .channels.cap import Sender
from .channels.dc09 import Centre
from .channels.dc09_frame import Account, Protocol, read_key
from .channels.dc09_link import Receiver, Transport
from .channels.noonlight import Subscriber
from .channels.webhook import Hook, is_safe, read_secret
from .models import Way

WINDOW = 30
"""Seconds in which a false alarm can be taken back before the centre hears of it."""
PAUSE = 15
"""Seconds that a contact has before the next one is told, too."""


_PHONE = re.compile(r"1(?![2-9]11)[2-9][0-9]{9}")
_ACCOUNT = re.compile(r"[0-9A-F]{3,16}")


def account_number(text: str) -> str | None:
    """Return an account as DC-09 writes it (3 to 16 hexadecimal digits), or None."""
    number = text.strip().removeprefix("#").upper()
    return number if _ACCOUNT.fullmatch(number) else None


def phone_number(text: str) -> str | None:
    """Return a telephone of the United States with its 1, digits only, or None."""
    digits = re.sub(r"[\s().+-]", "", text)
    number = digits if len(digits) == 11 else f"1{digits}"
    return number if _PHONE.fullmatch(number) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody who is told."""

    id: str = field(default_factory=new_id)
    name: str = field(repr=False)
    """As the owner calls them."""
    target: str
    """A notify action or a notify entity."""
    tested: str = ""
    """When they last showed that they got a message: RFC 3339; empty: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreSettings:
    """What the contract with a monitoring centre says."""

    account: str
    protocol: Protocol = Protocol.ADM_CID
    transport: Transport = Transport.TCP
    host: str
    port: int
    second_host: str = ""
    second_port: int = 0
    key: str = field(default="", repr=False)
    key_hexadecimal: bool = True
    every: int = 15
    """Minutes between two looks whether it is there."""

    def build(self) -> Centre:
        """Return how it is spoken to. Raises ValueError for what is no key."""
        key = read_key(self.key, hexadecimal=self.key_hexadecimal) if self.key else b""
        receivers = [Receiver(self.host, self.port, self.transport)]
        if self.second_host:
            receivers.append(
                Receiver(self.second_host, self.second_port, self.transport)
            )
        return Centre(Account(self.account, self.protocol, key), tuple(receivers))


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """A server that is told, too."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    area: str = field(repr=False)
    """Where the house is, as that server is to hear it."""
    before: tuple[str, ...] = ()
    """Incidents that were open when it was chosen: none of its business."""

    def build(self, sender: str) -> Hook:
        """Return how it is spoken to. Raises ValueError for what it cannot be."""
        if not is_safe(self.url):
            raise ValueError("not safe")
        host = urlsplit(self.url).hostname or ""
        sent_by = Sender(sender, self.area, host)
        return Hook(url=self.url, secret=read_secret(self.secret), sender=sent_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoonlightSettings:
    """What the contract with Noonlight says."""

    contract: str = field(default_factory=new_id)
    """Another token, or not the sandbox any more, is another one."""
    token: str = field(repr=False)
    production: bool = False
    name: str = field(repr=False)
    phone: str = field(repr=False)
    line1: str = field(repr=False)
    line2: str = field(default="", repr=False)
    city: str = field(repr=False)
    state: str = field(repr=False)
    zip: str = field(repr=False)

    def same_as(self, other: Self | None) -> bool:
        """Tell whether it is the same contract as another one."""
        mine = (self.token, self.production)
        return other is not None and mine == (other.token, other.production)

    def build(self) -> Subscriber:
        """Return how it is spoken to. Raises ValueError for what no telephone has."""
        if not _PHONE.fullmatch(self.phone):
            raise ValueError("no phone")
        parts = ("line1", "line2", "city", "state", "zip")
        address = {part: said for part in parts if (said := getattr(self, part))}
        return Subscriber(
            token=self.token,
            production=self.production,
            name=self.name,
            phone=self.phone,
            address=address,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentSettings:
    """What raises a silent alarm, and who hears of it; it is never shown again."""

    contacts: tuple[str, ...] = ()
    """Ids of contacts."""
    centre: bool = False
    webhook: bool = False
    codes: tuple[str, ...] = field(default=(), repr=False)
    """Ids of codes of doors that mean duress."""
    pin: str = field(default="", repr=False)
    """Salted hash of the PIN that seems to end an alarm."""
    phrases: bool = False
    """Who asks for help and for quiet is heard."""
    word: str = field(default="", repr=False)
    """A sentence of the owner's own."""
    since: str = "1970-01-01T00:00:00+00:00"
    """When it was decided, RFC 3339: an access of before meant nothing."""
    seal: str = field(default="", repr=False)
    """The contacts' public key, X25519 in base 64: for them an access says what it meant."""

    @property
    def begin(self) -> datetime:
        """Return when it was decided. Raises ValueError."""
        return datetime.fromisoformat(self.since).astimezone(UTC)

    @property
    def key(self) -> bytes:
        """Return that key; empty: there is none. Raises ValueError."""
        key = b64decode(self.seal, validate=True)
        if len(key) not in (0, 32):
            raise ValueError("no key")
        return key

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what was kept. Raises TypeError, ValueError."""
        lists = {name: tuple(data[name]) for name in ("contacts", "codes")}
        kept = cls(**{**data, **lists})
        _ = kept.key, kept.begin
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of it; nothing is on unless it says so."""

    contacts: tuple[Contact, ...] = ()
    """In the order in which they are told."""
    window: int = WINDOW
    pause: int = PAUSE
    languages: tuple[str, ...] = ()
    """In which distress is heard."""
    pin: str = field(default="", repr=False)
    """Salted hash of the PIN that ends an alarm."""
    centre: CentreSettings | None = None
    webhook: WebhookSettings | None = None
    noonlight: NoonlightSettings | None = None
    alarm: bool = False
    """The alarm system raises a burglary."""
    forced: bool = False
    """So does a door that opens although its lock is locked."""
    sensors: tuple[str, ...] = ()
    """Sensors that raise distress: ids of the registry, or entity ids."""
    silent: SilentSettings | None = field(default=None, repr=False)

    @property
    def ready(self) -> bool:
        """Tell whether somebody would hear of it, and somebody could end it."""
        return bool(self.pin) and any(one.tested for one in self.contacts)

    def of(self, way: Way) -> object:
        """Return what was decided of a way; None: nothing."""
        decided = {
            Way.CENTRE: self.centre,
            Way.WEBHOOK: self.webhook,
            Way.NOONLIGHT: self.noonlight,
        }
        return decided[way]

    def ways(self, incident: str) -> list[Way]:
        """Return by which ways an incident goes out."""
        ways = [Way.CENTRE] if self.centre else []
        if self.webhook and incident not in self.webhook.before:
            ways.append(Way.WEBHOOK)
        if self.noonlight:
            ways.append(Way.NOONLIGHT)
        return ways

    def contact(self, contact_id: str) -> Contact | None:
        """Return a contact, if there is one of this id."""
        return next((one for one in self.contacts if one.id == contact_id), None)

    def with_contact(self, contact: Contact) -> Self:
        """Return the same with a contact that is new, or changed."""
        if self.contact(contact.id) is None:
            return replace(self, contacts=(*self.contacts, contact))
        kept = [contact if one.id == contact.id else one for one in self.contacts]
        return replace(self, contacts=tuple(kept))

    def with_changed(self, contact: Contact) -> Self:
        """Return the same with a contact changed, unless they are gone."""
        return self if self.contact(contact.id) is None else self.with_contact(contact)

    def with_first(self, contact_id: str) -> Self:
        """Return the same with a contact told before the others."""
        ordered = sorted(self.contacts, key=lambda one: one.id != contact_id)
        return replace(self, contacts=tuple(ordered))

    def without_contact(self, contact_id: str) -> Self:
        """Return the same without a contact."""
        kept = [one for one in self.contacts if one.id != contact_id]
        return replace(self, contacts=tuple(kept))

    def as_json(self) -> dict[str, Any]:
        """Return what is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what was kept. Raises TypeError, ValueError, KeyError."""
        centre = data["centre"]
        kept = None if centre is None else CentreSettings(**_typed(centre))
        if kept:
            kept.build()
        # Older files know of none.
        hook = data.get("webhook")
        webhook = None
        if hook is not None:
            webhook = WebhookSettings(**{**hook, "before": tuple(hook["before"])})
        if webhook:
            webhook.build("")
        said = data.get("noonlight")
        noonlight = NoonlightSettings(**said) if said else None
        if noonlight:
            noonlight.build()
        silent = data.get("silent")
        return cls(
            **{
                **data,
                "contacts": tuple(Contact(**one) for one in data["contacts"]),
                "languages": tuple(data["languages"]),
                "sensors": tuple(data["sensors"]),
                "centre": kept,
                "webhook": webhook,
                "noonlight": noonlight,
                "silent": SilentSettings.from_json(silent) if silent else None,
            }
        )


def _typed(centre: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **centre,
        "protocol": Protocol(centre["protocol"]),
        "transport": Transport(centre["transport"]),
    }
