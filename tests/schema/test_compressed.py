"""A compressed block says how long it is, and is not believed past a limit."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from schema.compressed import compress, decompress


@given(st.binary(max_size=5000))
def test_the_bytes_come_back(raw: bytes) -> None:
    assert decompress(compress(raw), 5000) == raw


def test_what_is_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="past"):
        decompress(compress(bytes(100)), 99)


def test_a_block_that_does_not_say_its_length_is_refused() -> None:
    raw = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100))
    with pytest.raises(ValueError, match="compressed block"):
        decompress(raw, 1000)


@given(st.binary(max_size=100))
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="compressed block"):
        decompress(raw + b"?", 1000)
