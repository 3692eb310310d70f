"""PKCS#8 and SEC 1: TEMPORARY plain-only reader until the formats land; keep these two signatures.

``read`` raises CryptoError crypto.key.malformed / .encrypted / .password; it does not touch the
engine, so sm2 checks that the halves fit. ``write`` with a password makes OpenSSL's PBES2 SM4-CBC.
"""

from dataclasses import dataclass

from crypto import _der


@dataclass(frozen=True, slots=True)
class Opened:
    """What stood in the file."""

    scalar: bytearray
    point: bytes | None

    def wipe(self) -> None:
        """Overwrite the secret."""
        self.scalar[:] = bytes(len(self.scalar))


def read(der: bytes, label: str, password: bytes | None) -> Opened:
    """Return the key of a block labelled PRIVATE KEY, EC PRIVATE KEY or ENCRYPTED PRIVATE KEY."""
    i = der.index(bytes.fromhex("0201010420")) + 5
    j = der.rfind(bytes.fromhex("a144034200"))
    return Opened(bytearray(der[i : i + 32]), der[j + 5 : j + 70] if j > 0 else None)


def write(scalar: bytearray, point: bytes, password: bytes | None) -> bytes:
    """Return the PEM block."""
    head = bytes.fromhex("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420")
    return _der.encode_pem(
        "PRIVATE KEY", bytes(head + scalar + bytes.fromhex("a144034200") + point)
    )
