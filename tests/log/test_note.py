"""Signed notes, checkpoints and signatures."""

from base64 import b64decode, b64encode
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings, strategies as st
import pytest

from custom_components.smartlock_le.log import verify
from custom_components.smartlock_le.log.note import Signer
from custom_components.smartlock_le.log.signature import check_signature

from .support import patient

# The example of C2SP signed-note, and its key from golang.org/x/mod/sumdb/note.
SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NOTE = (
    f"{TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2p"
    "ZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

CHECKS = [verify.ed25519_verify, check_signature]


def test_vector() -> None:
    """We write the published note and key, byte by byte."""
    signer = Signer("PeterNeumann", SEED)
    assert signer.vkey == VKEY
    assert signer.sign(TEXT) == NOTE


@pytest.mark.parametrize("check", CHECKS)
def test_vector_verifies(check: verify.Signed) -> None:
    """Both verifiers accept the published signature and no other."""
    name, key_id, public = verify.parse_vkey(VKEY)
    blob = b64decode(NOTE.rsplit(" ", maxsplit=1)[-1])
    assert (name, key_id) == ("PeterNeumann", blob[:4])
    assert check(public, TEXT.encode(), blob[4:])
    assert not check(public, TEXT.encode() + b"\n", blob[4:])
    assert not check(public, TEXT.encode(), blob[4:-1])
    assert not check(public[:-1], TEXT.encode(), blob[4:])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n"])
def test_bad_names(name: str) -> None:
    """A name that would break a note is refused."""
    with pytest.raises(ValueError, match="name of a key"):
        Signer(name, SEED)


def test_checkpoint() -> None:
    """A checkpoint is origin, size and root, signed under the origin."""
    signer = Signer("smartlock-le.local/x", SEED)
    note = signer.checkpoint(3, bytes(32))
    assert note.startswith(
        f"smartlock-le.local/x\n3\n{'A' * 43}=\n\n— smartlock-le.local/x "
    )
    name, key_id, public = verify.parse_vkey(signer.vkey)
    size, root, text, signature = verify.parse_note(note, name, key_id)
    assert (size, root) == (3, bytes(32))
    assert verify.ed25519_verify(public, text, signature)


def test_cosignatures_are_passed_over() -> None:
    """A checkpoint that witnesses have signed as well is still one."""
    signer = Signer("smartlock-le.local/x", SEED)
    name, key_id, _ = verify.parse_vkey(signer.vkey)
    note = signer.checkpoint(3, bytes(32))
    line = f"— witness.example {b64encode(bytes(76)).decode()}\n"
    head, _, own = note.partition("\n\n")
    assert verify.parse_note(f"{head}\n\n{line}{own}", name, key_id)[0] == 3


@given(st.binary(max_size=80), st.binary(min_size=32, max_size=32), st.data())
@settings(patient, max_examples=25)
def test_pure_python_agrees(message: bytes, seed: bytes, data: st.DataObject) -> None:
    """The verifier's own arithmetic accepts what the library signs, and no bit more."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify.ed25519_verify(public, message, signature)
    bit = data.draw(st.integers(0, 511))
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8
    assert not verify.ed25519_verify(public, message, bytes(flipped))


def test_not_canonical_is_refused() -> None:
    """S + L and y + p stand for the same numbers and are refused (RFC 8032 5.1.7)."""
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"m")
    scalar = int.from_bytes(signature[32:], "little") + verify.L
    assert not verify.ed25519_verify(
        public, b"m", signature[:32] + scalar.to_bytes(32, "little")
    )
    for y in (verify.P, verify.P + 1, 2**255 - 1):
        assert verify._point(y.to_bytes(32, "little")) is None
    # Zero has no negative.
    assert verify._point((1 | 1 << 255).to_bytes(32, "little")) is None
    assert verify._point((1).to_bytes(32, "little")) == (0, 1, 1, 0)
    # The key and the nonce are points, or nothing is signed.
    assert not verify.ed25519_verify(b"\xff" * 32, b"m", signature)
    assert not verify.ed25519_verify(public, b"m", b"\xff" * 32 + signature[32:])


def test_mangled_keys() -> None:
    """Each change of one character of a key makes it no key."""
    for i in range(len(VKEY)):
        with pytest.raises(verify.Unusable):
            verify.parse_vkey(VKEY[:i] + chr(ord(VKEY[i]) ^ 1) + VKEY[i + 1 :])


def test_keys_of_other_kinds() -> None:
    """A key of another algorithm, length or name is refused."""
    for name, typed in (
        ("x", b"\x02" + bytes(32)),
        ("x", b"\x01" + bytes(31)),
        ("", b"\x01" * 33),
    ):
        key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4].hex()
        with pytest.raises(verify.Unusable):
            verify.parse_vkey(f"{name}+{key_id}+{b64encode(typed).decode()}")
