"""The sealed field: told to chosen contacts, or to nobody, and nobody sees which."""

from base64 import b64decode

from hypothesis import given, strategies as st
from nacl.public import PrivateKey
import pytest

from custom_components.smartlock_le.log import sealed

from .support import patient

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=94)


@patient
@given(TEXT.filter(lambda text: len(text.encode()) <= sealed.MAX_BYTES))
def test_there_and_back(text: str) -> None:
    """Only the contacts read it, and it is as long as one that says nothing."""
    contacts, other = PrivateKey.generate(), PrivateKey.generate()
    field = sealed.seal(text, bytes(contacts.public_key))
    assert sealed.unseal(field, bytes(contacts)) == text
    assert sealed.unseal(field, bytes(other)) is None
    assert len(field) == len(sealed.blank())
    assert sealed.unseal(sealed.blank(), bytes(contacts)) is None


def test_what_cannot_be_sealed() -> None:
    """A text that is none, or too long, is refused; half a field says nothing."""
    contacts = PrivateKey.generate()
    public = bytes(contacts.public_key)
    for text in ("", "x" * 95, "é" * 48):
        with pytest.raises(ValueError, match="1 to 94 bytes"):
            sealed.seal(text, public)
    field = sealed.seal("help", public)
    assert len(b64decode(field)) == 32 + 16 + 96
    for bad in ("", "?", field[:-4], field[4:]):
        assert sealed.unseal(bad, bytes(contacts)) is None
