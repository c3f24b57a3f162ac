"""What the keypad takes as a code (Add Keypad Code, 0x0041)."""

import secrets


def takes(digits: str) -> bool:
    """Tell whether it takes these: six digits, no 0, not beginning with 12."""
    return (
        len(digits) == 6
        and digits.isascii()
        and digits.isdigit()
        and "0" not in digits
        and not digits.startswith("12")
    )


def new_digits() -> str:
    """Return random digits that it takes."""
    while True:
        digits = "".join(secrets.choice("123456789") for _ in range(6))
        # Three digits the same, or fewer kinds, are what people try first.
        if takes(digits) and len(set(digits)) >= 4:
            return digits
