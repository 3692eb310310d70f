"""SM2 private keys as files carry them: PKCS#8, SEC 1, and PKCS#8 under a password.

Both key identifiers are read: id-ecPublicKey with the SM2 curve, and SM2's own
1.2.156.10197.1.301 (GM/T 0015-2023, ``openssl genpkey -algorithm sm2``). A point that stands beside
the scalar must be the scalar's own. Raises ``crypto.key.malformed``, ``crypto.key.encrypted`` (a
password is needed), ``crypto.key.password`` (it does not open the key) and
``crypto.key.iterations`` (a count of rounds outside the limits, so that no file hangs its reader).
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from crypto import _asn1, _der, _oid, _pbes2
from crypto._pbes2 import ITERATIONS, ITERATIONS_MAX, ITERATIONS_MIN, Style
from crypto.errors import CryptoError

if TYPE_CHECKING:
    from crypto.sm2 import PrivateKey

__all__ = [
    "ITERATIONS",
    "ITERATIONS_MAX",
    "ITERATIONS_MIN",
    "SIZE_MAX",
    "KeyPair",
    "Style",
    "decode",
    "decode_pem",
    "encode",
    "encode_pem",
    "load",
    "save",
]

# An encrypted SM2 key has about 240 bytes; attributes beside it may add some.
SIZE_MAX: Final = 8 * 1024

_PLAIN: Final = "PRIVATE KEY"
_SEALED: Final = "ENCRYPTED PRIVATE KEY"
# Tongsuo and old GmSSL also write SEC 1 under SM2's own name.
_SEC1: Final = ("EC PRIVATE KEY", "SM2 PRIVATE KEY")
_LABELS: Final = (_PLAIN, _SEALED, *_SEC1)
_SCALAR_SIZE: Final = 32


class KeyPair(NamedTuple):
    """A scalar, which the caller wipes after use, and the point written beside it, if any."""

    scalar: bytearray
    point: bytes | None

    def __repr__(self) -> str:
        """Show no secret."""
        return "<KeyPair>"


def load(data: bytes, password: bytes | None = None) -> "PrivateKey":
    """Return the key of PEM or DER, its halves checked to fit."""
    pair = (decode_pem if b"-----BEGIN " in data else decode)(data, password)
    try:
        key = _key_of_scalar(pair.scalar)
    finally:
        _wipe(pair.scalar)
    if pair.point not in (None, key.public.point):
        raise CryptoError(
            "crypto.key.malformed",
            "Not a usable SM2 key: the public half is not the private half's.",
            {"reason": "halves differ"},
        )
    return key


def save(
    key: "PrivateKey",
    password: bytes | None = None,
    *,
    style: Style = Style.OPENSSL,
    iterations: int = ITERATIONS,
) -> bytes:
    """Return the key as PEM, under a password when one is given."""
    scalar = _scalar_of_key(key)
    try:
        return encode_pem(
            KeyPair(scalar, key.public.point), password, style=style, iterations=iterations
        )
    finally:
        _wipe(scalar)


def decode_pem(pem: bytes, password: bytes | None = None) -> KeyPair:
    """Return what the single private key block of a text holds; its label must fit the content."""
    with _asn1.malformed("key", "SM2 key"):
        label, der = _der.decode_pem(pem, _LABELS)
    return _decode(der, label, password)


def decode(der: bytes, password: bytes | None = None) -> KeyPair:
    """Return what PKCS#8, encrypted PKCS#8 or SEC 1 holds."""
    with _asn1.malformed("key", "SM2 key"), _asn1.Reader(der) as whole:
        body = whole.inside()
        if body.peek() == _asn1.SEQUENCE:
            label = _SEALED
        else:
            # Both start with a version: 1 is SEC 1, 0 is PKCS#8.
            label = _SEC1[0] if body.unsigned(1) == 1 else _PLAIN
    return _decode(der, label, password)


def encode(
    pair: KeyPair,
    password: bytes | None = None,
    *,
    style: Style = Style.OPENSSL,
    iterations: int = ITERATIONS,
) -> bytes:
    """Return PKCS#8 DER, under a password when one is given."""
    key = _asn1.sequence(
        _asn1.integer(1),
        _asn1.octets(bytes(pair.scalar)),
        b"" if pair.point is None else _asn1.explicit(1, _asn1.bits(pair.point)),
    )
    plain = _asn1.sequence(
        _asn1.integer(0),
        _oid.algorithm(_oid.EC_PUBLIC_KEY, _asn1.oid(_oid.SM2)),
        _asn1.octets(key),
    )
    if password is None:
        return plain
    if not password:
        raise CryptoError("crypto.key.password", "The password of a key must not be empty.")
    return _pbes2.seal(plain, password, style=style, iterations=iterations)


def encode_pem(
    pair: KeyPair,
    password: bytes | None = None,
    *,
    style: Style = Style.OPENSSL,
    iterations: int = ITERATIONS,
) -> bytes:
    """Return PKCS#8 PEM, under a password when one is given."""
    der = encode(pair, password, style=style, iterations=iterations)
    return _der.encode_pem(_PLAIN if password is None else _SEALED, der)


def _decode(der: bytes, label: str, password: bytes | None) -> KeyPair:
    with _asn1.malformed("key", "SM2 key"):
        if len(der) > SIZE_MAX:
            raise ValueError(f"over the limit of {SIZE_MAX} bytes")
        if label in _SEC1:
            return _read_sec1(der, curve_needed=True)
        if label == _PLAIN:
            return _read_plain(der)
        if password is None:
            raise CryptoError("crypto.key.encrypted", "The key is encrypted: give its password.")
        plain = _pbes2.open_sealed(der, password)
    try:
        return _read_plain(plain)
    except ValueError:
        # One wrong key in 256 leaves padding behind: what then stands there is no key.
        raise _pbes2.wrong_password() from None


def _read_plain(der: bytes) -> KeyPair:
    """Return what OneAsymmetricKey holds (RFC 5958, 2): version, algorithm, key, attributes."""
    with _asn1.Reader(der) as whole, whole.inside() as body:
        if body.unsigned(1) != 0:
            raise ValueError("version of PKCS#8 is not 0")
        identifier, parameters = _oid.read_algorithm(body)
        with parameters:
            if identifier not in (_oid.EC_PUBLIC_KEY, _oid.SM2) or parameters.oid() != _oid.SM2:
                raise ValueError("key is not on the SM2 curve")
        pair = _read_sec1(body.octets(), curve_needed=False)
        if body.peek() == 0xA0:
            body.raw()  # attributes: friendly names and the like, nothing that the key needs
    return pair


def _read_sec1(der: bytes, *, curve_needed: bool) -> KeyPair:
    """Return what ECPrivateKey holds (RFC 5915, 3); its curve may stand in PKCS#8 instead."""
    with _asn1.Reader(der) as whole, whole.inside() as body:
        if body.unsigned(1) != 1:
            raise ValueError("version of the EC key is not 1")
        scalar = bytearray(body.octets())
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
    return KeyPair(scalar, point)


def _key_of_scalar(scalar: bytearray) -> "PrivateKey":
    from crypto.sm2 import PrivateKey

    der = _asn1.sequence(
        _asn1.integer(1),
        _asn1.octets(bytes(scalar)),
        _asn1.explicit(0, _asn1.oid(_oid.SM2)),
    )
    return PrivateKey.from_pem(_der.encode_pem(_SEC1[0], der))


def _scalar_of_key(key: "PrivateKey") -> bytearray:
    return decode_pem(key.to_pem()).scalar


def _wipe(secret: bytearray) -> None:
    for at in range(len(secret)):
        secret[at] = 0
