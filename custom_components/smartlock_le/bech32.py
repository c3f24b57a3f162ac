"""Bech32 (BIP 173): how age writes the keys of those who may open something."""

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_CHECKSUM = 6


def decode(prefix: str, text: str) -> bytes:
    """Return the bytes that lower-case `text` stands for. Raises ValueError."""
    head, one, data = text.rpartition("1")
    values = [_LETTERS.find(letter) for letter in data]
    if head != prefix or not one or -1 in values or len(values) < _CHECKSUM:
        raise ValueError("not of that kind")
    spread = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    if _checksum([*spread, *values]) != 1:
        raise ValueError("misspelt")
    number = bits = 0
    decoded = bytearray()
    for value in values[:-_CHECKSUM]:
        number, bits = (number << 5 | value) & 0xFFF, bits + 5
        if bits >= 8:
            bits -= 8
            decoded.append(number >> bits & 0xFF)
    # What is over is padding.
    if bits >= 5 or number & (1 << bits) - 1:
        raise ValueError("bits are over")
    return bytes(decoded)


def _checksum(values: list[int]) -> int:
    """Return the checksum over values of five bits each."""
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, factor in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= factor if top >> bit & 1 else 0
    return check
