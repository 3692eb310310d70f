"""The C structures of GM/T 0018-2012, 5.4, and their translation to this package's forms.

Coordinates stand right-aligned in fields of 512 bits, as the standard of 2012 has them; libraries
built for 256-bit fields are not supported. All members are multiples of four bytes, so packed and
unpacked builds agree. ``ECCCipher`` ends in as many bytes as its L says.
"""

import ctypes
from typing import Final

from crypto import _der, sm2
from crypto.errors import CryptoError

__all__ = [
    "CIPHER_HEAD_SIZE",
    "DEVICEINFO",
    "ECCSignature",
    "ECCrefPrivateKey",
    "ECCrefPublicKey",
    "cipher_buffer",
    "ciphertext_of",
    "point_of",
    "public_key",
    "signature",
    "signature_of",
]

_FIELD: Final = 64
_PAD: Final = bytes(32)
_BITS: Final = 256
# Older libraries write a fixed C of 136 bytes whatever L says; and none is trusted to the byte.
_CIPHER_ROOM: Final = 256

_Bytes = ctypes.c_ubyte * _FIELD


class DEVICEINFO(ctypes.Structure):
    """5.4.1: what the device says of itself."""

    _fields_ = (
        ("IssuerName", ctypes.c_char * 40),
        ("DeviceName", ctypes.c_char * 16),
        ("DeviceSerial", ctypes.c_char * 16),
        ("DeviceVersion", ctypes.c_uint32),
        ("StandardVersion", ctypes.c_uint32),
        ("AsymAlgAbility", ctypes.c_uint32 * 2),
        ("SymAlgAbility", ctypes.c_uint32),
        ("HashAlgAbility", ctypes.c_uint32),
        ("BufferSize", ctypes.c_uint32),
    )


class ECCrefPublicKey(ctypes.Structure):
    """5.4.3: a point."""

    _fields_ = (("bits", ctypes.c_uint32), ("x", _Bytes), ("y", _Bytes))


class ECCrefPrivateKey(ctypes.Structure):
    """5.4.3: a scalar; never asked for by the adapter, since keys stay in the device."""

    _fields_ = (("bits", ctypes.c_uint32), ("K", _Bytes))


class ECCSignature(ctypes.Structure):
    """5.4.5: r and s."""

    _fields_ = (("r", _Bytes), ("s", _Bytes))


class _CipherHead(ctypes.Structure):
    _fields_ = (
        ("x", _Bytes),
        ("y", _Bytes),
        ("M", ctypes.c_ubyte * 32),
        ("L", ctypes.c_uint32),
    )


CIPHER_HEAD_SIZE: Final = ctypes.sizeof(_CipherHead)


def public_key(key: sm2.PublicKey) -> ECCrefPublicKey:
    """Return the structure of a key."""
    made = ECCrefPublicKey(bits=_BITS)
    made.x[:] = _PAD + key.point[1:33]
    made.y[:] = _PAD + key.point[33:]
    return made


def point_of(made: ECCrefPublicKey) -> sm2.PublicKey:
    """Return the key of a structure; raises ``crypto.sdf.malformed`` or that of a bad point."""
    if made.bits != _BITS:
        raise _malformed(f"a public key of {made.bits} bits")
    return sm2.PublicKey.from_point(b"\x04" + _short(made.x) + _short(made.y))


def signature(der: bytes) -> ECCSignature:
    """Return the structure of a DER signature; raises ``crypto.signature.malformed``."""
    raw = sm2.signature_to_raw(der)
    made = ECCSignature()
    made.r[:] = _PAD + raw[:32]
    made.s[:] = _PAD + raw[32:]
    return made


def signature_of(made: ECCSignature) -> bytes:
    """Return the DER signature of a structure."""
    return sm2.signature_from_raw(_short(made.r) + _short(made.s))


def cipher_buffer(size: int, ciphertext: bytes | None = None) -> "ctypes.Array[ctypes.c_char]":
    """Return a buffer for an ``ECCCipher`` of ``size`` bytes of text, filled from DER if given."""
    buffer = ctypes.create_string_buffer(CIPHER_HEAD_SIZE + size + _CIPHER_ROOM)
    head = _CipherHead.from_buffer(buffer)
    if ciphertext is None:
        # The standard leaves open whether L tells the room there is; some devices ask.
        head.L = size
        return buffer
    x, y, tag, masked = _der.decode_ciphertext(ciphertext)
    if len(tag) != len(head.M) or max(x, y).bit_length() > _BITS or len(masked) != size:
        raise ValueError("not an SM2 ciphertext")
    head.x[:] = x.to_bytes(_FIELD, "big")
    head.y[:] = y.to_bytes(_FIELD, "big")
    head.M[:] = tag
    head.L = size
    ctypes.memmove(ctypes.byref(buffer, CIPHER_HEAD_SIZE), masked, size)
    return buffer


def ciphertext_of(buffer: "ctypes.Array[ctypes.c_char]", size: int) -> bytes:
    """Return the DER ciphertext of a buffer; raises ``crypto.sdf.malformed`` for a wrong length."""
    head = _CipherHead.from_buffer(buffer)
    if size != head.L:
        raise _malformed(f"a ciphertext of {head.L} bytes for a text of {size}")
    x, y = (int.from_bytes(_short(field), "big") for field in (head.x, head.y))
    masked = buffer.raw[CIPHER_HEAD_SIZE : CIPHER_HEAD_SIZE + size]
    return _der.encode_ciphertext(x, y, bytes(head.M), masked)


def _short(field: "ctypes.Array[ctypes.c_ubyte]") -> bytes:
    """Return a number of 256 bits from a field of 512."""
    whole = bytes(field)
    if whole[:32] != _PAD:
        raise _malformed("a number over 256 bits: is the library built for other field sizes?")
    return whole[32:]


def _malformed(what: str) -> CryptoError:
    return CryptoError("crypto.sdf.malformed", f"The device answered {what}.")
