"""The few canonical DER and PEM forms SM2 needs (ITU-T X.690; GB/T 35276-2017, 7; RFC 7468).

Reading is strict by construction: what was read is encoded again and must give the same bytes,
because a lax reader would let anyone make a second valid form of a signature.
All functions raise ValueError; the callers know which CryptoError it becomes.
"""

import base64
import binascii
from typing import Final

__all__ = [
    "decode_ciphertext",
    "decode_pem",
    "decode_signature",
    "decode_signature_raw",
    "decode_spki",
    "encode_ciphertext",
    "encode_pem",
    "encode_signature",
    "encode_signature_raw",
    "encode_spki",
]

_INTEGER: Final = 0x02
_OCTET_STRING: Final = 0x04
_SEQUENCE: Final = 0x30

# SEQUENCE { SEQUENCE { id-ecPublicKey 1.2.840.10045.2.1, SM2 curve 1.2.156.10197.1.301 },
# BIT STRING of 65 bytes }: with one algorithm, one curve and uncompressed points only, all bytes
# before the point are fixed (RFC 5480, 2; GB/T 35276-2017, 7.1).
_SPKI_PREFIX: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_POINT_SIZE: Final = 65

# An encrypted PKCS#8 SM2 key in PEM is under 600 bytes; the rest is room for comments around it.
_PEM_SIZE_MAX: Final = 16 * 1024


def encode_signature(r: int, s: int) -> bytes:
    """Return SEQUENCE { r, s }."""
    return _encode(_SEQUENCE, _encode_integer(r) + _encode_integer(s))


def decode_signature(signature: bytes) -> tuple[int, int]:
    """Return r and s of a canonical signature."""
    body = _only(_SEQUENCE, signature)
    r, at = _read(_INTEGER, body, 0)
    s, _ = _read(_INTEGER, body, at)
    pair = int.from_bytes(r, "big"), int.from_bytes(s, "big")
    if encode_signature(*pair) != signature:
        raise ValueError("signature is not canonical DER")
    return pair


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
    return _encode(
        _SEQUENCE,
        _encode_integer(x)
        + _encode_integer(y)
        + _encode(_OCTET_STRING, tag)
        + _encode(_OCTET_STRING, masked),
    )


def decode_ciphertext(ciphertext: bytes) -> tuple[int, int, bytes, bytes]:
    """Return C1.x, C1.y, C3 and C2 of a canonical SM2 ciphertext."""
    body = _only(_SEQUENCE, ciphertext)
    x_bytes, at = _read(_INTEGER, body, 0)
    y_bytes, at = _read(_INTEGER, body, at)
    tag, at = _read(_OCTET_STRING, body, at)
    masked, _ = _read(_OCTET_STRING, body, at)
    x, y = int.from_bytes(x_bytes, "big"), int.from_bytes(y_bytes, "big")
    if encode_ciphertext(x, y, tag, masked) != ciphertext:
        raise ValueError("ciphertext is not canonical DER")
    return x, y, tag, masked


def encode_spki(point: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of an uncompressed point."""
    return _SPKI_PREFIX + point


def decode_spki(der: bytes) -> bytes:
    """Return the uncompressed point of an SM2 SubjectPublicKeyInfo."""
    prefix, point = der[: len(_SPKI_PREFIX)], der[len(_SPKI_PREFIX) :]
    if prefix != _SPKI_PREFIX or len(point) != _POINT_SIZE:
        raise ValueError("not a SubjectPublicKeyInfo with an uncompressed point on the SM2 curve")
    return point


def encode_pem(label: str, der: bytes) -> bytes:
    """Return ``der`` in PEM with 64 characters a line (RFC 7468)."""
    text = base64.b64encode(der)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    tag = label.encode("ascii")
    return b"\n".join([b"-----BEGIN " + tag + b"-----", *lines, b"-----END " + tag + b"-----", b""])


def decode_pem(pem: bytes, labels: tuple[str, ...]) -> tuple[str, bytes]:
    """Return the label and content of the single block that carries one of ``labels``.

    Other blocks (``EC PARAMETERS`` before an OpenSSL key) and text between blocks are passed over.
    """
    if len(pem) > _PEM_SIZE_MAX:
        raise ValueError(f"PEM is over {_PEM_SIZE_MAX} bytes")
    found: list[tuple[str, bytes]] = []
    for label in labels:
        begin, end = (f"-----{word} {label}-----".encode("ascii") for word in ("BEGIN", "END"))
        for part in pem.split(begin)[1:]:
            body, ended, _ = part.partition(end)
            if not ended:
                raise ValueError("PEM block has no end line")
            found.append((label, _decode_base64(body)))
    if len(found) != 1:
        raise ValueError(f"expected one PEM block of {' / '.join(labels)}, found {len(found)}")
    return found[0]


def _decode_base64(body: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        # The error of the decoder quotes nothing, but its cause chain is cut all the same: the
        # text may be a private key.
        raise ValueError("PEM block is not base64") from None


def _encode(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def _encode_integer(value: int) -> bytes:
    # One more bit than the value has, so that the sign bit stays clear.
    return _encode(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _only(tag: int, data: bytes) -> bytes:
    content, at = _read(tag, data, 0)
    if at != len(data):
        raise ValueError("bytes after the end")
    return content


def _read(tag: int, data: bytes, at: int) -> tuple[bytes, int]:
    """Return the content of the element at ``at`` and where the next one begins."""
    if at + 2 > len(data) or data[at] != tag:
        raise ValueError("unexpected element")
    size, at = data[at + 1], at + 2
    if size & 0x80:
        octets = size & 0x7F
        # Three octets of length are 16 MiB, more than any form here; zero octets would be BER.
        if not 0 < octets <= 3 or at + octets > len(data):
            raise ValueError("length out of bounds")
        size, at = int.from_bytes(data[at : at + octets], "big"), at + octets
    if at + size > len(data):
        raise ValueError("content is cut short")
    return data[at : at + size], at + size
