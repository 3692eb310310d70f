"""Compressed: bytes in one Zstandard frame that says how long they are."""

from __future__ import annotations

from typing import Final

import zstandard

LEVEL: Final = 3
LEVEL_MAX: Final = 22
"""A hundred times slower, for what is packed once and shipped."""


def compress(raw: bytes, level: int = LEVEL) -> bytes:
    """One frame; the same bytes give the same frame on one release of the library."""
    return zstandard.ZstdCompressor(level=level, write_content_size=True).compress(raw)


def decompress(raw: bytes, size_max: int) -> bytes:
    """The bytes of one frame; raises ``ValueError`` for any other, or more than ``size_max``."""
    try:
        size = zstandard.frame_content_size(raw)
        if not 0 <= size <= size_max:
            raise ValueError(f"a compressed block of {size} bytes is past {size_max}")
        return zstandard.ZstdDecompressor().decompress(raw, max_output_size=size_max)
    except zstandard.ZstdError as error:
        raise ValueError(f"a compressed block cannot be read: {error}") from error
