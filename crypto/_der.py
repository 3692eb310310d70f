"""The few canonical DER and PEM forms SM2 needs (ITU-T X.690; GB/T 35276-2017, 7; RFC 7468).

Reading accepts one form of each value, because a lax reader would let anyone make a second valid
form of a signature. All functions raise ValueError; the callers know which CryptoError it becomes.
"""

import base64
import binascii
from typing import Final

from crypto import _asn1

__all__ = [
    "decode_ciphertext",
    "decode_pem",
    "decode_pem_all",
    "decode_signature",
    "decode_signature_raw",
    "decode_spki",
    "encode_ciphertext",
    "encode_pem",
    "encode_signature",
    "encode_signature_raw",
    "encode_spki",
]

# SEQUENCE { SEQUENCE { id-ecPublicKey 1.2.840.10045.2.1, SM2 curve 1.2.156.10197.1.301 },
# BIT STRING of 65 bytes }: with one algorithm, one curve and uncompressed points only, all bytes
# before the point are fixed (RFC 5480, 2; GB/T 35276-2017, 7.1).
_SPKI_PREFIX: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
# The same with SM2's own algorithm identifier 1.2.156.10197.1.301 in place of id-ecPublicKey, which
# GM/T 0015-2023 allows and ``openssl genpkey -algorithm sm2`` writes.
_SPKI_SM2_PREFIX: Final = bytes.fromhex("305a301406082a811ccf5501822d06082a811ccf5501822d034200")
_POINT_SIZE: Final = 65

# An encrypted PKCS#8 SM2 key in PEM is under 600 bytes; the rest is room for comments around it.
_PEM_SIZE_MAX: Final = 16 * 1024


def encode_signature(r: int, s: int) -> bytes:
    """Return SEQUENCE { r, s }."""
    return _asn1.sequence(_asn1.integer(r), _asn1.integer(s))


def decode_signature(signature: bytes) -> tuple[int, int]:
    """Return r and s of a canonical signature."""
    raw = decode_signature_raw(signature)
    return int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")


def encode_signature_raw(raw: bytes) -> bytes:
    """Return SEQUENCE { r, s } of r ‖ s in 64 bytes."""
    r, s = raw[:32].lstrip(b"\0") or b"\0", raw[32:].lstrip(b"\0") or b"\0"
    if r[0] & 0x80:
        r = b"\0" + r
    if s[0] & 0x80:
        s = b"\0" + s
    return b"0%c\2%c%b\2%c%b" % (len(r) + len(s) + 4, len(r), r, len(s), s)


def decode_signature_raw(der: bytes) -> bytes:
    """Return r ‖ s of a canonical signature, each under 2**256."""
    try:
        size = der[3]
        r, s = der[4 : 4 + size].lstrip(b"\0"), der[6 + size :].lstrip(b"\0")
    except IndexError:
        raise ValueError("signature is cut short") from None
    if len(r) > 32 or len(s) > 32:
        raise ValueError("r or s has over 256 bits")
    raw = r.rjust(32, b"\0") + s.rjust(32, b"\0")
    # One encoding only: whatever else the bytes were, they are not what we would write.
    if encode_signature_raw(raw) != der:
        raise ValueError("signature is not canonical DER")
    return raw


def encode_ciphertext(x: int, y: int, tag: bytes, masked: bytes) -> bytes:
    """Return SEQUENCE { C1.x, C1.y, C3, C2 }."""
    return _asn1.sequence(
        _asn1.integer(x), _asn1.integer(y), _asn1.octets(tag), _asn1.octets(masked)
    )


def decode_ciphertext(ciphertext: bytes) -> tuple[int, int, bytes, bytes]:
    """Return C1.x, C1.y, C3 and C2 of a canonical SM2 ciphertext."""
    with _asn1.Reader(ciphertext) as whole, whole.inside() as body:
        return body.unsigned(), body.unsigned(), body.octets(), body.octets()


def encode_spki(point: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of an uncompressed point."""
    return _SPKI_PREFIX + point


def decode_spki(der: bytes) -> bytes:
    """Return the uncompressed point of an SM2 SubjectPublicKeyInfo, under either identifier."""
    prefix, point = der[:-_POINT_SIZE], der[-_POINT_SIZE:]
    if prefix not in (_SPKI_PREFIX, _SPKI_SM2_PREFIX) or point[0] != 4:
        raise ValueError("not a SubjectPublicKeyInfo with an uncompressed point on the SM2 curve")
    return point


def encode_pem(label: str, der: bytes) -> bytes:
    """Return ``der`` in PEM with 64 characters a line (RFC 7468)."""
    text = base64.b64encode(der)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    tag = label.encode("ascii")
    return b"\n".join([b"-----BEGIN " + tag + b"-----", *lines, b"-----END " + tag + b"-----", b""])


def decode_pem(
    pem: bytes, labels: tuple[str, ...], *, size_max: int = _PEM_SIZE_MAX
) -> tuple[str, bytes]:
    """Return the label and content of the single block that carries one of ``labels``.

    Other blocks (``EC PARAMETERS`` before an OpenSSL key) and text between blocks are passed over.
    """
    found = [
        (label, der) for label in labels for der in decode_pem_all(pem, label, size_max=size_max)
    ]
    if len(found) != 1:
        raise ValueError(f"expected one PEM block of {' / '.join(labels)}, found {len(found)}")
    return found[0]


def decode_pem_all(pem: bytes, label: str, *, size_max: int = _PEM_SIZE_MAX) -> list[bytes]:
    """Return the content of every block that carries ``label``, in order."""
    if len(pem) > size_max:
        raise ValueError(f"PEM is over {size_max} bytes")
    begin, end = (f"-----{word} {label}-----".encode("ascii") for word in ("BEGIN", "END"))
    found: list[bytes] = []
    for part in pem.split(begin)[1:]:
        body, ended, _ = part.partition(end)
        if not ended:
            raise ValueError("PEM block has no end line")
        found.append(_decode_base64(body))
    return found


def _decode_base64(body: bytes) -> bytes:
    text = b"".join(body.split())
    try:
        der = base64.b64decode(text, validate=True)
    except binascii.Error:
        # The error of the decoder quotes nothing, but its cause chain is cut all the same: the
        # text may be a private key.
        raise ValueError("PEM block is not base64") from None
    if base64.b64encode(der) != text:
        raise ValueError("PEM block is not canonical base64")
    return der
