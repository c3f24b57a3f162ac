"""What a request that compels nobody may not be, whoever asks.

The numbers are those that Ring published for its Requests for Assistance: 15 minutes to
12 hours, half a square mile, two a case, a case number of an active investigation.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
import re

from .models import AgencyType
from .request import Ask, Instrument, Purpose, Rule

SHORTEST, LONGEST = timedelta(minutes=15), timedelta(hours=12)
LARGEST = 1_294_994
"""Square metres: half a square mile."""
MOST_OF_A_CASE = 2
_SOON = timedelta(minutes=5)
"""By so much a clock may be wrong."""

SENSITIVE = (Purpose.PROTEST, Purpose.RELIGION, Purpose.HEALTH, Purpose.IMMIGRATION)
"""What is excluded unless the owner says otherwise."""

_WORDS = {
    Purpose.PROTEST: "protest|demonstrat|rally|rallies|picket|riot|activis",
    Purpose.RELIGION: "mosque|synagogue|worship|muslim|jewish|islam|religio",
    Purpose.HEALTH: "abortion|pregnan|reproductive|gender-affirming|miscarriage",
    Purpose.IMMIGRATION: "immigra|deport|undocumented|illegal alien|asylum|visa overstay",
}
_TALK_OF = {
    purpose: re.compile(rf"\b(?:{words})", re.IGNORECASE)
    for purpose, words in _WORDS.items()
}
_RACE = (
    "black white asian hispanic latino latina latinx african afro caucasian arab arabic "
    "indian native american middle mideastern eastern european gypsy roma "
    "foreign foreigner race ethnic ethnicity coloured colored brown dark light "
    "skinned skin complexion"
)
_SAYS_LITTLE = (
    "a an the of in his her their or and with by be is was were who that maybe possibly "
    "appearing apparently approximately approx about around age aged year years old "
    "yo early mid late teens twenties thirties forties fifties sixties 20s 30s 40s 50s "
    "man men male males woman women female females boy boys girl girls guy guys person "
    "persons people suspect suspects individual individuals subject subjects adult "
    "adults juvenile juveniles youth youths young teen teenager unknown any all "
    "descent looking group m f b w h"
)
"""What says, with a race, no more than a race."""
_AGE = re.compile(r"\d{1,2}(?:s|yo)?")
_RACES, _LITTLE = frozenset(_RACE.split()), frozenset(_SAYS_LITTLE.split())


@dataclass(frozen=True, slots=True)
class Limits:
    """What the owner does not answer."""

    purposes: frozenset[Purpose] = frozenset(SENSITIVE)
    agency_types: frozenset[AgencyType] = frozenset(
        {AgencyType.FEDERAL, AgencyType.IMMIGRATION}
    )


def broken(
    ask: Ask, agency_type: str, earlier: int, limits: Limits, now: datetime
) -> tuple[Rule, ...]:
    """Return which rules a request breaks; `earlier` were asked in its case before.

    What compels is for the owner, and perhaps a lawyer: no rule of ours is.
    """
    if ask.instrument.compels:
        return ()
    excluded = {
        Rule.PURPOSE_EXCLUDED: ask.purpose in limits.purposes,
        Rule.AGENCY_EXCLUDED: agency_type in limits.agency_types,
    }
    asked = ask.instrument is Instrument.VOLUNTARY
    window = ask.until - ask.since
    tests = {
        **excluded,
        # An emergency may have no case yet; it has a need.
        Rule.NO_CASE_NUMBER: asked and not ask.case_number,
        Rule.NOT_ACTIVE: asked and not ask.active,
        Rule.WINDOW_SHORT: asked and window < SHORTEST,
        Rule.WINDOW_LONG: window > LONGEST,
        Rule.WINDOW_AHEAD: ask.until > now + _SOON,
        Rule.AREA_LARGE: ask.area > LARGEST,
        Rule.TOO_MANY: asked and earlier >= MOST_OF_A_CASE,
        Rule.RACE_ONLY: race_only(ask.sought),
        Rule.NO_NEED: not ask.need,
    }
    if ask.instrument is Instrument.PRESERVATION:
        # It asks for nothing but time.
        tests = excluded
    return tuple(rule for rule in Rule if tests.get(rule))


def race_only(sought: str) -> bool:
    """Tell whether nothing is said of whom they look for but their race, sex and age."""
    words = re.findall(r"\w+", sought.casefold())
    told = [word for word in words if not _AGE.fullmatch(word)]
    if not any(word in _RACES for word in told):
        return False
    return all(word in _RACES or word in _LITTLE for word in told)


def talks_of(ask: Ask) -> list[Purpose]:
    """Return which of the sensitive things its words speak of, whatever purpose it names."""
    words = f"{ask.need}\n{ask.sought}"
    return [purpose for purpose, found in _TALK_OF.items() if found.search(words)]
