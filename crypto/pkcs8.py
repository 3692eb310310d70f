"""SM2 private keys as files carry them: PKCS#8, SEC 1, and PKCS#8 under a password.

Both key identifiers are read: id-ecPublicKey with the SM2 curve, and SM2's own
1.2.156.10197.1.301 (GM/T 0015-2023, ``openssl genpkey -algorithm sm2``). Raises
``crypto.key.malformed``, ``crypto.key.encrypted`` (a password is needed), ``crypto.key.password``
(it does not open the key) and ``crypto.key.iterations`` (a count of rounds outside the limits, so
that no file hangs its reader). Nothing is computed on the curve here: ``PrivateKey.from_pem``
checks that a point beside the scalar is the scalar's own.
"""

from dataclasses import dataclass, field
from typing import Final

from crypto import _asn1, _der, _oid, _pbes2
from crypto._pbes2 import (
    ITERATIONS,
    ITERATIONS_MAX,
    ITERATIONS_MIN,
    ITERATIONS_WRITTEN_MIN,
    Style,
)
from crypto.errors import CryptoError

__all__ = [
    "ITERATIONS",
    "ITERATIONS_MAX",
    "ITERATIONS_MIN",
    "ITERATIONS_WRITTEN_MIN",
    "LABELS",
    "SIZE_MAX",
    "Opened",
    "Style",
    "read",
    "unpack",
    "write",
]

# An encrypted SM2 key has about 240 bytes; attributes beside it may add some.
SIZE_MAX: Final = 8 * 1024

_PLAIN: Final = "PRIVATE KEY"
_SEALED: Final = "ENCRYPTED PRIVATE KEY"
# Tongsuo also writes SEC 1 under SM2's own name.
_SEC1: Final = ("EC PRIVATE KEY", "SM2 PRIVATE KEY")
LABELS: Final = (_PLAIN, _SEALED, *_SEC1)
"""The PEM labels of private keys that ``read`` knows."""

_SCALAR_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class Opened:
    """What stood in the file; ``wipe`` it after use."""

    scalar: bytearray = field(repr=False)
    point: bytes | None

    def wipe(self) -> None:
        """Overwrite the secret."""
        self.scalar[:] = bytes(len(self.scalar))


def unpack(
    data: bytes, password: bytes | None = None, *, iterations_max: int = ITERATIONS_MAX
) -> Opened:
    """Return what a key file holds, PEM or the DER inside."""
    if b"-----BEGIN " in data:
        with _asn1.malformed("key", "SM2 key"):
            label, der = _der.decode_pem(data, LABELS)
    else:
        label, der = _label_of(data), data
    return read(der, label, password, iterations_max=iterations_max)


def read(
    der: bytes, label: str, password: bytes | None, *, iterations_max: int = ITERATIONS_MAX
) -> Opened:
    """Return what the content of a PEM block with one of ``LABELS`` holds."""
    with _asn1.malformed("key", "SM2 key"):
        if len(der) > SIZE_MAX:
            raise ValueError(f"over the limit of {SIZE_MAX} bytes")
        if label in _SEC1:
            return _read_sec1(der, curve_needed=True)
        if label == _PLAIN:
            return _read_plain(der)
        if password is None:
            raise CryptoError("crypto.key.encrypted", "The key is encrypted: give its password.")
        plain = _pbes2.open_sealed(der, password, iterations_max=iterations_max)
    try:
        return _read_plain(plain)
    except ValueError:
        # One wrong key in 256 leaves padding behind: what then stands there is no key.
        raise _pbes2.wrong_password() from None


def write(
    scalar: bytes | bytearray,
    point: bytes,
    password: bytes | None,
    *,
    style: Style = Style.OPENSSL,
    iterations: int = ITERATIONS,
) -> bytes:
    """Return PKCS#8 PEM, under a password when one is given."""
    # RFC 5915, 3 has the curve here too; OpenSSL leaves it out, as it stands beside the key
    # already, while GmSSL reads no key without it.
    curve = _asn1.explicit(0, _asn1.oid(_oid.SM2)) if style is Style.GMSSL else b""
    key = _asn1.sequence(
        _asn1.integer(1),
        _asn1.octets(bytes(scalar)),
        curve,
        _asn1.explicit(1, _asn1.bits(point)),
    )
    plain = _asn1.sequence(
        _asn1.integer(0),
        _oid.algorithm(_oid.EC_PUBLIC_KEY, _asn1.oid(_oid.SM2)),
        _asn1.octets(key),
    )
    if password is None:
        return _der.encode_pem(_PLAIN, plain)
    if not password:
        raise CryptoError("crypto.key.password", "The password of a key must not be empty.")
    return _der.encode_pem(
        _SEALED, _pbes2.seal(plain, password, style=style, iterations=iterations)
    )


def _label_of(der: bytes) -> str:
    """Return the label that the first element of a DER key asks for."""
    with _asn1.malformed("key", "SM2 key"):
        body = _asn1.Reader(der).inside()
        if body.peek() == _asn1.SEQUENCE:
            return _SEALED
        # Both others start with a version: 1 is SEC 1, 0 is PKCS#8.
        return _SEC1[0] if body.unsigned(1) == 1 else _PLAIN


def _read_plain(der: bytes) -> Opened:
    """Return what OneAsymmetricKey holds (RFC 5958, 2): version, algorithm, key, attributes."""
    with _asn1.Reader(der) as whole, whole.inside() as body:
        if body.unsigned(1) != 0:
            raise ValueError("version of PKCS#8 is not 0")
        identifier, parameters = _oid.read_algorithm(body)
        with parameters:
            if identifier not in (_oid.EC_PUBLIC_KEY, _oid.SM2) or parameters.oid() != _oid.SM2:
                raise ValueError("key is not on the SM2 curve")
        opened = _read_sec1(body.octets(), curve_needed=False)
        if body.peek() == 0xA0:
            body.raw()  # attributes: friendly names and the like, nothing that the key needs
    return opened


def _read_sec1(der: bytes, *, curve_needed: bool) -> Opened:
    """Return what ECPrivateKey holds (RFC 5915, 3); its curve may stand in PKCS#8 instead."""
    with _asn1.Reader(der) as whole, whole.inside() as body:
        if body.unsigned(1) != 1:
            raise ValueError("version of the EC key is not 1")
        scalar = body.octets()
        if curve := body.optional(0xA0):
            with curve:
                if curve.oid() != _oid.SM2:
                    raise ValueError("key is not on the SM2 curve")
        elif curve_needed:
            raise ValueError("the key names no curve")
        point = None
        if public := body.optional(0xA1):
            with public:
                point = public.bits()
    if len(scalar) != _SCALAR_SIZE:
        raise ValueError("private scalar is not 32 bytes")
    return Opened(bytearray(scalar), point)
