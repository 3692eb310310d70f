"""The one error of this package: a code for programs, a message for people, never a secret.

CryptoError
  crypto.backend.*     unknown
  crypto.key.*         malformed, encrypted, password, iterations, policy,
                           exposed, missing, exists, unreadable, unwritable;
                           of the key store: unknown, name, use, version, state, expired,
                           disabled, scheduled, destroyed, tampered
  crypto.master.*      missing, malformed, wrong, no_next, reference
  crypto.keystore.*    exposed, newer, unreadable, unwritable, busy, full, not_empty
  crypto.backup.*      malformed, recovery, changed
  crypto.share.*       malformed, foreign, repeated, few, wrong, size
  crypto.mac.*         invalid
  crypto.sdf.*         the device's own codes, and library, missing, malformed, size, closed, vendor
  crypto.domain.*      malformed
  crypto.digest.*      malformed
  crypto.signature.*   invalid, malformed
  crypto.ciphertext.*  invalid
  crypto.exchange.*    failed
  crypto.plaintext.*   size
  crypto.nonce.*       malformed
  crypto.name.*        malformed
  crypto.certificate.* malformed, signature, key, usage, not_yet_valid, expired,
                           untrusted, constraint, extension, revoked, unchecked, order
  crypto.request.*     malformed, signature
  crypto.crl.*         malformed, signature, issuer, not_yet_valid, stale, extension
  crypto.envelope.*    malformed, key
  crypto.message.*     malformed, content, signer, signature, recipient
  crypto.timestamp.*   malformed, refused, imprint, nonce, policy, time, authority
  crypto.library.*     unsuitable, failed
  crypto.selftest.*    failed
"""

from collections.abc import Mapping

__all__ = ["CryptoError"]


class CryptoError(Exception):
    """What went wrong (``code``), with what (``params``), and what to do now (``str()``)."""

    code: str
    params: dict[str, str | int]

    def __init__(
        self, code: str, message: str, params: Mapping[str, str | int] | None = None
    ) -> None:
        """``params`` may name files, sizes and versions; never key material or plaintext."""
        self.code = code
        self.params = dict(params or {})
        # All three stand in args, so that the error survives pickling between processes.
        super().__init__(code, message, self.params)

    def __str__(self) -> str:
        """Return the message alone: the code is for programs."""
        return str(self.args[1])
