"""What may be said of an agency: each field is checked before any of it is kept."""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
import re
from typing import Any
import unicodedata

from ..bech32 import decode
from .models import FIELDS, AgencyType, BadField, Facts

LONGEST = 200
"""Characters of a field."""
_DIGITS, _WITH_COUNTRY = 7, 9
"""Least digits of a number that somebody called: an emergency number has fewer."""
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})")
_COUNTRY = re.compile(r"[A-Z]{2}")
_NATIONAL_ID = re.compile(r"[A-Z0-9][A-Z0-9./-]{1,49}")
_FORMULA = re.compile(
    r"'?[=@＝＠＋－]|'[+-]|[+-](?![\s(]*\d)|.*[;|]\s*[\"']?[=@＝＠＋－+-]"
)
"""What a spreadsheet would reckon instead of show, also behind what it takes for a cell."""
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f"
    "\U000e0100-\U000e01ef]"
)
"""Letters and marks, by their category, of which nothing is seen."""
_KEY = 32


def facts(said: Mapping[str, Any]) -> Facts:
    """Read what is said of an agency. Raises BadField."""
    domain = said.get("email_domain", "")
    if isinstance(domain, str):
        # As it is often written: @town.gov.
        said = {**said, "email_domain": domain.strip().lstrip("@")}
    texts = {name: text(name, said.get(name, "")) for name in FIELDS}
    if not texts["name"]:
        raise BadField("name", "agency_text")
    texts["country"] = texts["country"].upper()
    texts["national_id"] = texts["national_id"].upper()
    texts["email_domain"] = _domain(texts["email_domain"])
    texts["age_recipient"] = texts["age_recipient"].lower()
    for name, fits, key in (
        ("country", _COUNTRY.fullmatch, "agency_country"),
        ("national_id", _NATIONAL_ID.fullmatch, "agency_national_id"),
        ("age_recipient", _is_age, "agency_age_recipient"),
        ("signing_key", _is_key, "agency_signing_key"),
    ):
        if texts[name] and not fits(texts[name]):
            raise BadField(name, key)
    try:
        kind = AgencyType(texts.pop("type").lower() or AgencyType.OTHER)
    except ValueError:
        raise BadField("type", "agency_type") from None
    return Facts(**texts, type=kind)


def text(name: str, value: Any, longest: int = LONGEST) -> str:
    """Read a short text of one line. Raises BadField."""
    if not isinstance(value, str) or len(value) > 10 * longest:
        raise BadField(name, "agency_text")
    plain = " ".join(unicodedata.normalize("NFC", value).split())
    # Control and format characters hide what is there, or turn it around.
    if len(plain) > longest or any(
        unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn")
        for letter in plain
    ):
        raise BadField(name, "agency_text")
    # A key may begin with a plus sign; its own check is strict.
    if _UNSEEN.search(plain) or (name != "signing_key" and _FORMULA.match(plain)):
        raise BadField(name, "agency_text")
    return plain


def number(value: Any) -> str:
    """Read a number that was called. Raises BadField."""
    plain = text("number", value)
    digits = "".join(re.findall(r"[0-9]", plain))
    abroad = plain.startswith("+") or digits.startswith("00")
    least = _WITH_COUNTRY if abroad else _DIGITS
    if (
        len(digits.removeprefix("00")) < least
        or re.fullmatch(r"(\d{3})\1+", digits)
        or re.search(r"[^0-9\s()+./x-]", plain)
    ):
        raise BadField("number", "agency_number")
    return plain


def _domain(said: str) -> str:
    """Read the domain of an agency's e-mail, or of one address there."""
    if not said:
        return ""
    domain = said.rpartition("@")[2].rstrip(".").lower()
    if set(domain) & set("ßς"):
        # What stood for them once is another domain today (IDNA 2008, RFC 5894, 7.2).
        raise BadField("email_domain", "agency_email_domain")
    try:
        # Other letters than those of ASCII are told apart by the names they have in DNS.
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadField("email_domain", "agency_email_domain") from None
    if len(domain) > LONGEST or not _DOMAIN.fullmatch(domain):
        raise BadField("email_domain", "agency_email_domain")
    return domain


def _is_key(said: str) -> bool:
    try:
        return len(b64decode(said, validate=True)) == _KEY
    except NotBase64, ValueError:
        return False


def _is_age(said: str) -> bool:
    """Tell whether it is a recipient of age: Bech32 (BIP 173) of 32 bytes."""
    try:
        return len(decode("age", said)) == _KEY
    except ValueError:
        return False
