"""The number that a person calls for help, by country. Nothing here dials it.

Source: of the European Union Directive (EU) 2018/1972, article 109; of all of them the list
of emergency numbers of the Android Open Source Project (packages/services/Telephony,
ecc/input/eccdata.txt, as of March 2024), where one number is for police, fire and
ambulance. Where there are several, or it is not known, nothing is said.
"""

_COUNTRIES = {
    "000": "AU",
    "111": "NZ",
    "112": (
        "AT BE BG CH CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL PL PT "
        "RO SE SI SK"
    ),
    "911": "CA GU MX PR US",
    "999": "GB",
}
_NUMBERS = {
    country: number
    for number, countries in _COUNTRIES.items()
    for country in countries.split()
}


def number_of(country: str | None) -> str:
    """Return the one number of a country (ISO 3166-1 alpha-2), or nothing."""
    return _NUMBERS.get(country or "", "")
