"""What may be said of an agency, which domains look alike, and lists of agencies as CSV."""

from base64 import b64encode
import csv
from itertools import islice
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.smartlock_le.requests import agency_csv
from custom_components.smartlock_le.requests.checks import facts, number, text
from custom_components.smartlock_le.requests.lookalike import alike, foreign
from custom_components.smartlock_le.requests.models import (
    Agency,
    AgencyType,
    BadField,
    RequestError,
)

# From the README of age (FiloSottile/age), and the same with one letter mistyped.
AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
MISTYPED = AGE.replace("ql3z7", "ql3z8")
KEY = b64encode(bytes(32)).decode()
SAID = {
    "name": "Springfield Police Department",
    "type": "local",
    "country": "us",
    "national_id": "il0840200",
    "jurisdiction": "Springfield, Illinois",
    "records_contact": "+1 217 555 0100, records@springfield.example",
    "emergency_contact": "(217) 555-0199",
    "email_domain": "@Springfield.Example.",
    "age_recipient": AGE,
    "signing_key": KEY,
}


TWICE = ["911 / 112", "(911) 911", "911911", "911911911", "+353 999", "0042 0158"]


class TestFields:
    """Each field is checked, and written the same way however it came."""

    def test_all(self) -> None:
        """What is said stays; what has one way of writing gets it."""
        said = facts(SAID)
        assert said.email_domain == "springfield.example"
        assert (said.country, said.national_id) == ("US", "IL0840200")
        assert said.type is AgencyType.LOCAL
        assert said.records_contact == SAID["records_contact"]

    def test_a_name_alone(self) -> None:
        """It is enough."""
        assert facts({"name": " Sheriff\t Office\n"}).name == "Sheriff Office"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", ""),
            ("name", "  "),
            ("name", "x" * 201),
            ("name", "x" * 100_000),
            ("name", "Poli\u202ece"),
            ("name", "Poli\u200bce"),
            ("name", "Poli\x00ce"),
            ("name", "\ud800"),
            ("name", "=HYPERLINK(1)"),
            ("name", "@SUM(1)"),
            ("name", "-x"),
            ("name", "'-1"),
            ("name", "＝1+1"),
            ("name", "PD;=cmd|'/C calc'!A0"),
            ("name", 'PD ; "@SUM(1)'),
            ("name", "\u3164"),
            ("name", "Police\u034f"),
            ("name", 7),
            ("country", "USA"),
            ("country", "U1"),
            ("national_id", "IL 084"),
            ("national_id", "x"),
            ("type", "spies"),
            ("email_domain", "springfield"),
            ("email_domain", "spring_field.example"),
            ("email_domain", "-springfield.example"),
            ("email_domain", "springfield..example"),
            ("email_domain", "springfield.example/x"),
            ("email_domain", "192.0.2.1"),
            ("email_domain", "weißenburg.example"),
            ("email_domain", "a" * 64 + ".example"),
            ("email_domain", ["springfield.example"]),
            ("age_recipient", MISTYPED),
            ("age_recipient", AGE[:-1]),
            ("age_recipient", "age1"),
            ("signing_key", KEY[:-4]),
            ("signing_key", "ü" * 44),
            ("signing_key", "not base 64"),
        ],
    )
    def test_wrong(self, field: str, value: Any) -> None:
        """It is named, and nothing of it is told."""
        with pytest.raises(BadField) as caught:
            facts({**SAID, field: value})
        assert caught.value.field == field
        assert not value or str(value) not in str(caught.value)

    @pytest.mark.parametrize(
        "said", ["911", "112", "(999)", "12345", "call me", "", *TWICE]
    )
    def test_no_desk(self, said: str) -> None:
        """An emergency number is none that anybody calls back."""
        with pytest.raises(BadField):
            number(said)

    @pytest.mark.parametrize("said", ["+1 (217) 555-0100", "0049.30/123456 x12"])
    def test_a_desk(self, said: str) -> None:
        """It may be written as people write numbers."""
        assert number(said) == said

    @given(st.text())
    def test_any_text(self, said: str) -> None:
        """It is one line that reads the same the next time, or it is refused."""
        try:
            plain = text("name", said)
        except BadField:
            return
        assert plain.isprintable() and len(plain) <= 200
        assert text("name", plain) == plain


class TestLookalikes:
    """A domain that somebody could take for another."""

    @pytest.mark.parametrize(
        "other",
        [
            "springfie1d.example",
            "spr1ngfield.example",
            "springfeild.example",
            "springfild.example",
            "sprringfield.example",
            "sprinqfield.example",
            "spring-field.example",
            "springfield.gov",
            "springfield-example.com",
            "springfield.international",
            "springfield.example.attacker.com",
            "springfleld.example",
        ],
    )
    def test_alike(self, other: str) -> None:
        """One letter, two that look like one, another end, a dash."""
        assert alike(other, ["springfield.example"]) == ["springfield.example"]
        assert alike("springfield.example", [other]) == [other]

    @pytest.mark.parametrize(
        "other",
        [
            "springfield.example",
            "springdale.example",
            "kent.police.example",
            "a.example",
        ],
    )
    def test_not_alike(self, other: str) -> None:
        """The same one is no other one."""
        assert alike("springfield.example", [other]) == []

    def test_other_letters(self) -> None:
        """A Cyrillic letter that looks like one of ASCII."""
        domain = facts(
            {"name": "x", "email_domain": "sрringfield.example"}
        ).email_domain
        assert foreign(domain)
        assert not foreign("springfield.example")


HEAD = "name,type,country,national_id,jurisdiction,email_domain\n"


class TestCsv:
    """A list says which of its rows were not taken, and why."""

    def test_rows(self) -> None:
        """Good ones are taken, whatever is beside them."""
        listed = agency_csv.read(
            (
                "\ufeff"
                + HEAD
                + '"Springfield, Police",local,US,IL0840200,IL,a.example\n'
                "Other,local,US,il0840200,,\n"
                "Third,spies,US,,,\n"
                "Fourth,local,US\n"
                "\n"
                "Fifth,local,US,,,,,more\n"
                "Sixth,,,,,\n"
            ).encode()
        )
        assert [one.name for one in listed.facts] == ["Springfield, Police", "Sixth"]
        assert [(r.line, r.field, r.key) for r in listed.rejected] == [
            (3, "", "agency_known"),
            (4, "type", "agency_type"),
            (5, "", "csv_cells"),
            (7, "", "csv_cells"),
        ]

    @pytest.mark.parametrize(
        ("data", "key"),
        [
            (b"", "csv_columns"),
            (b"title\nx\n", "csv_columns"),
            (b"name,name\nx,y\n", "csv_columns"),
            (b"name,secret\nx,y\n", "csv_columns"),
            (b"name\n\xff\n", "csv_not_utf8"),
            (b'name\n"x', "csv_broken"),
            (b'name\n"x"y\n', "csv_broken"),
            (b"name\n" + b"x" * 200_000, "csv_broken"),
            (b"name\n" + b"x\n" * 20_001, "csv_too_long"),
            (b"name\n" + b"x" * (8 * 1024 * 1024), "csv_too_long"),
        ],
    )
    def test_no_list(self, data: bytes, key: str) -> None:
        """Nothing of it is taken."""
        with pytest.raises(RequestError) as caught:
            agency_csv.read(data)
        assert caught.value.key == key

    @pytest.mark.parametrize("key", [KEY, "+" + KEY[1:]])
    def test_there_and_back(self, key: str) -> None:
        """What is exported can be imported, is the same, and no spreadsheet reckons it."""
        said = {**SAID, "signing_key": key, "records_contact": "-2+3+cmd|' /C calc'!A0"}
        agency = Agency(id="a", facts=facts(said))
        written = agency_csv.write([agency])
        cells = next(islice(csv.reader(written.splitlines()), 1, None))
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
        listed = agency_csv.read(written.encode())
        assert listed.facts == [agency.facts]
        assert not listed.rejected

    @given(st.text())
    def test_any_rows(self, rows: str) -> None:
        """They are taken or rejected, or it is no list; nothing else becomes of it."""
        try:
            listed = agency_csv.read((HEAD + rows).encode(errors="replace"))
        except RequestError:
            return
        written = agency_csv.write(Agency(id="a", facts=one) for one in listed.facts)
        assert agency_csv.read(written.encode()).facts == listed.facts
