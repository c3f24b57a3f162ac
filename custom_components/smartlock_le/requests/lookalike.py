"""Domains that a person takes for one another."""

from collections.abc import Iterable

_ALIKE = (("0", "o"), ("1", "l"), ("i", "l"), ("rn", "m"), ("vv", "w"), ("cl", "d"))
"""What is read as what; after these, what looks alike is the same."""

_LONG_ENOUGH = 6
"""Letters by which a domain is known where it stands before another."""


def alike(domain: str, others: Iterable[str]) -> list[str]:
    """Return those of the other domains that could be taken for this one."""
    return [other for other in set(others) if _alike(domain, other)]


def foreign(domain: str) -> bool:
    """Tell whether there are letters in it that look like those of ASCII and are others."""
    return any(label.startswith("xn--") for label in domain.split("."))


def _alike(one: str, other: str) -> bool:
    if one == other:
        return False
    # The same name in another place: town.gov, town.com, town-gov.com.
    if _names(one) & _names(other):
        return True
    # One before another: town.gov.attacker.com.
    short, long = sorted((_squeezed(one), _squeezed(other)), key=len)
    if len(short) >= _LONG_ENOUGH and long.startswith(short):
        return True
    return _one_letter(_seen(one), _seen(other))


def _seen(domain: str) -> str:
    for what, read in _ALIKE:
        domain = domain.replace(what, read)
    return domain


def _squeezed(name: str) -> str:
    return _seen(name).replace("-", "").replace(".", "")


def _names(domain: str) -> set[str]:
    return {_squeezed(domain), _squeezed(domain.rpartition(".")[0])}


def _one_letter(one: str, other: str) -> bool:
    """Tell whether one letter, added, left out, changed or swapped, makes one of the other."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    at = next((n for n, c in enumerate(one) if c != other[n]), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    rest, more = one[at:], other[at:]
    return rest[1:] == more[1:] or (rest[2:] == more[2:] and rest[:2] == more[1::-1])
