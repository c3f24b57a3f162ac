"""One question to a time stamp authority, and whether to believe the answer (RFC 3161).

Imported where it is needed only: its package is installed only then.
"""

from datetime import datetime
import hashlib

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from .errors import StampNotBelievable, StampRefused

_REJECTION = 2
_UNBELIEVED = (
    ValueError,
    VerificationError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class Question:
    """Asks for the time, with a nonce of its own, over SHA-256 of a note."""

    def __init__(self, note: str) -> None:
        """Take the note, of which only the hash is in the question."""
        data = note.encode()
        builder = TimestampRequestBuilder(data, HashAlgorithm.SHA256)
        self._request = builder.nonce().cert_request(cert_request=True).build()
        self._digest = hashlib.sha256(data).digest()
        self.query = self._request.as_bytes()
        """The DER TimeStampReq."""

    def check(self, answer: bytes, root: str) -> datetime:
        """Return the time, in UTC, of a DER TimeStampResp that answers this.

        `root` is the only certificate that is trusted, as PEM. Raises StampRefused where
        the authority says no, StampNotBelievable for what is no answer to this.
        """
        try:
            response = decode_timestamp_response(answer)
            if response.status >= _REJECTION:
                raise StampRefused("the authority refused")
            verifier = (
                VerifierBuilder.from_request(self._request)
                .add_root_certificate(x509.load_pem_x509_certificate(root.encode()))
                .build()
            )
            verifier.verify(response, self._digest)
            said = response.tst_info
            wanted = self._request.message_imprint.hash_algorithm
            # Verified above are the bytes of the hash alone.
            if said.message_imprint.hash_algorithm != wanted:
                raise StampNotBelievable("it is over another kind of hash")
        except _UNBELIEVED as err:
            raise StampNotBelievable("the answer does not verify") from err
        return said.gen_time
