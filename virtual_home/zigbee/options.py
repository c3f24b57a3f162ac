"""How the radio and its devices are made; free of zigpy, so that anybody may import it."""

from dataclasses import dataclass, field, replace
from enum import StrEnum


class Readback(StrEnum):
    """What a lock answers who asks it for a PIN."""

    PLAIN = "plain"
    MASKED = "masked"
    """Each digit as 0xFF: the lock may not send PINs (7.3.2.12.3.3)."""
    SILENT = "silent"
    """Nothing, as write-only locks do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What each device has; times in seconds."""

    profile: str = "yale"
    ieee: str = "00:0d:6f:00:0a:bc:00:01"
    nwk: int = 0x1A01
    manufacturer: str = "Yale"
    model: str = "YRD256 TSDB"
    manufacturer_code: int = 0x101D
    joined: bool = False
    """It is on the network already, bound and configured as ZHA would."""
    latency_s: float = 0.004
    """One way through the air."""
    poll_s: float = 0.0
    """It hears only what waits for it when it polls; 0: it always listens."""
    hold_s: float = 7.68
    """How long the coordinator keeps what waits for a sleeping device."""
    battery: int = 85


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions(NodeOptions):
    """A door lock."""

    motor_s: float = 0.35
    pin_users: int = 30
    """User ids are 0 to this, exclusive."""
    first_user: int = 0
    """Ids below are refused, as by keypads that count from 1."""
    memory: int | None = None
    """How many codes it can hold at all; None: one for each user."""
    min_pin: int = 4
    max_pin: int = 8
    readback: Readback = Readback.PLAIN
    user_ids: bool = True
    """Its events say whose code it was; False: they always say 65535."""
    events: bool = True
    """It tells of operations and of programming."""
    data_field: bool = True
    """Its events end with the data field."""
    forgets: bool = False
    """It says that a PIN is set, and does not keep it."""
    reports_door: bool = True
    """It reports door_state without being configured for it."""
    wrong_codes: int = 5
    disable_s: int = 30
    """How long the keypad is dead after so many wrong codes in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactOptions(NodeOptions):
    """A contact on a door or a window: IAS Zone, type 0x0015."""

    profile: str = "contact"
    ieee: str = "00:12:4b:00:24:c0:00:01"
    nwk: int = 0x2B01
    manufacturer: str = "eWeLink"
    model: str = "DS01"
    manufacturer_code: int = 0x1286


PROFILES: dict[str, NodeOptions] = {
    options.profile: options
    for options in (
        LockOptions(),
        LockOptions(profile="anonymous", user_ids=False),
        LockOptions(profile="write-only", readback=Readback.SILENT),
        LockOptions(profile="masked", readback=Readback.MASKED),
        LockOptions(profile="no-data", data_field=False),
        LockOptions(profile="sleepy", poll_s=1.0),
        LockOptions(profile="mute", events=False),
        LockOptions(profile="forgetful", forgets=True),
        LockOptions(profile="full", memory=1),
        ContactOptions(),
    )
}
"""What there is to choose from, by name."""


def device[T: NodeOptions](options: T, number: int) -> T:
    """Make options for one more device of a kind, from 0: another address."""
    last = int(options.ieee[-2:], 16) + number
    return replace(
        options, ieee=f"{options.ieee[:-2]}{last:02x}", nwk=options.nwk + number
    )


def devices(*kinds: NodeOptions) -> tuple[NodeOptions, ...]:
    """Give each device an address of its own, counted by kind."""
    seen: dict[type[NodeOptions], int] = {}
    made = []
    for options in kinds:
        number = seen.setdefault(type(options), 0)
        seen[type(options)] += 1
        made.append(device(options, number))
    return tuple(made)


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioOptions:
    """The stick, its network and who may be on it."""

    devices: tuple[NodeOptions, ...] = field(default_factory=lambda: (LockOptions(),))
    ieee: str = "00:21:2e:ff:ff:0a:bc:01"
    formed: bool = True
    """There is a network already: nothing has to be formed first."""
    pan_id: int = 0x1A2B
    extended_pan_id: str = "dd:dd:dd:dd:dd:dd:00:01"
    channel: int = 15
    network_key: str = "01:03:05:07:09:0b:0d:0f:00:02:04:06:08:0a:0c:0d"
    """Of no secret: what goes through this air is not encrypted."""
