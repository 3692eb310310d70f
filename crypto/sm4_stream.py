"""Text of any length sealed in segments, none given out before it was checked.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015): the nonce of a
segment is prefix ‖ counter ‖ last, so a segment cut, moved, repeated or left out is refused.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from crypto import sm4
from crypto.errors import CryptoError

__all__ = ["PREFIX_SIZE", "SEGMENT_SIZE", "open_segments", "seal_segments"]

PREFIX_SIZE: Final = 7
SEGMENT_SIZE: Final = 64 * 1024
"""Bytes of plaintext in every segment but the last."""
_SEGMENTS_MAX: Final = 1 << 32  # what the counter holds: 256 TiB


def seal_segments(
    key: bytes, prefix: bytes, chunks: Iterable[bytes], aad: bytes
) -> Iterator[bytes]:
    """Yield the sealed segments of ``chunks`` end to end.

    ``prefix`` is 7 fresh bytes: one key seals few streams, best a single one.
    """
    for number, (segment, last) in enumerate(_cut(chunks, SEGMENT_SIZE)):
        yield sm4.seal(key, _nonce(prefix, number, last), segment, aad)


def open_segments(
    key: bytes, prefix: bytes, chunks: Iterable[bytes], aad: bytes
) -> Iterator[bytes]:
    """Yield the text of ``seal_segments`` segment by segment.

    Raises ``crypto.ciphertext.invalid`` at the first segment that is not the next one; whoever
    acts on earlier segments must be able to take that back.
    """
    for number, (segment, last) in enumerate(_cut(chunks, SEGMENT_SIZE + sm4.TAG_SIZE)):
        yield sm4.open(key, _nonce(prefix, number, last), segment, aad)


def _cut(chunks: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Yield pieces of that size and whether each is the last; an empty text is one empty piece."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        # More than a piece: only then is it sure that this one is not the last.
        while len(held) > size:
            yield bytes(held[:size]), False
            del held[:size]
    yield bytes(held), True


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    if len(prefix) != PREFIX_SIZE or number >= _SEGMENTS_MAX:
        raise CryptoError(
            "crypto.nonce.malformed",
            f"A stream has a prefix of {PREFIX_SIZE} bytes and at most {_SEGMENTS_MAX} segments.",
            {"size": len(prefix)},
        )
    return prefix + number.to_bytes(4, "big") + bytes((last,))
