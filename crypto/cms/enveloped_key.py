"""A key pair in transport: EnvelopedKey of the double-certificate system (GB/T 35276-2017, 7.4).

The key centre makes the encryption pair and sends it under the holder's signing key: SM2 carries
an SM4 key, SM4 carries the scalar. The standard names SM4-ECB and no padding, which fits: the
scalar is two blocks that look random, and the point beside them shows whether they are whole.
Raises ``crypto.envelope.malformed`` and ``crypto.envelope.key`` (made for another key, or the
halves differ).
"""

import secrets
from typing import Final

from crypto import _asn1, _oid, sm4
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey, PublicKey

__all__ = ["SIZE_MAX", "open_key", "seal_key"]

# The four parts have about 300 bytes together.
SIZE_MAX: Final = 4096

_SCALAR_SIZE: Final = 32


def seal_key(key: PrivateKey, recipient: PublicKey) -> bytes:
    """Return ``key`` in an envelope that only the holder of ``recipient`` opens."""
    session = secrets.token_bytes(sm4.KEY_SIZE)
    scalar = key.scalar()
    try:
        masked = _blocks(session, bytes(scalar), encrypt=True)
    finally:
        scalar[:] = bytes(len(scalar))
    return _asn1.sequence(
        _oid.algorithm(_oid.SM4_ECB),
        recipient.encrypt(session),
        _asn1.bits(key.public.point),
        _asn1.bits(masked),
    )


def open_key(envelope: bytes, recipient: PrivateKey) -> PrivateKey:
    """Return the key in the envelope, its halves checked to fit."""
    with _asn1.malformed("envelope", "enveloped key"):
        if len(envelope) > SIZE_MAX:
            raise ValueError(f"over the limit of {SIZE_MAX} bytes")
        with _asn1.Reader(envelope) as whole, whole.inside() as body:
            # Some writers name the bare cipher where they mean its electronic code book.
            _oid.read_bare_algorithm(body, _oid.SM4_ECB, _oid.SM4)
            sealed_session = body.span()
            point = body.bits()
            masked = body.bits()
        if len(masked) != _SCALAR_SIZE:
            raise ValueError("the private half is not 32 bytes")
    try:
        session = recipient.decrypt(sealed_session)
        if len(session) != sm4.KEY_SIZE:
            raise _other_key()
        key = PrivateKey.from_scalar(_blocks(session, masked, encrypt=False))
    except CryptoError:
        # One answer for every cause: the cause would tell a sender about the session key.
        raise _other_key() from None
    if key.public.point != point:
        raise _other_key()
    return key


def _blocks(key: bytes, data: bytes, *, encrypt: bool) -> bytes:
    """Return each block by itself: under a zero IV one block of CBC is the bare cipher."""
    step = sm4.cbc_encrypt if encrypt else sm4.cbc_decrypt
    size = sm4.BLOCK_SIZE
    blocks = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(step(key, bytes(size), one, padding=sm4.Padding.NONE) for one in blocks)


def _other_key() -> CryptoError:
    return CryptoError(
        "crypto.envelope.key", "The envelope was made for another key, or was changed."
    )
