"""Frames of a segment file: sound, torn, damaged."""

from __future__ import annotations

import struct
import time

import crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import batch, segment
from schema.errors import FengsuiError
from schema.segment import Broken, Frame

payloads = st.lists(st.binary(max_size=60), min_size=1, max_size=5)


def joined(parts: list[bytes]) -> bytes:
    return b"".join(segment.frame(segment.BATCH, part) for part in parts)


def test_a_frame_is_kind_length_checksum_and_payload() -> None:
    head = b"B" + struct.pack("<I", 3)
    expected = head + struct.pack("<I", crc32c.crc32c(head + b"abc")) + b"abc"
    assert segment.frame(segment.BATCH, b"abc") == expected


def test_file_names_sort_as_their_batches_do() -> None:
    numbers = [1, 9, 10, 999_999_999, 10**11]
    names = [segment.file_name(number) for number in numbers]
    assert sorted(names) == names
    assert [segment.first_number(name) for name in names] == numbers


@given(payloads)
def test_frames_come_back_whole_and_in_order(parts: list[bytes]) -> None:
    found = list(segment.frames(segment.MAGIC + joined(parts), len(segment.MAGIC)))
    assert [one.payload for one in found if isinstance(one, Frame)] == parts


@given(payloads, st.floats(0, 1, exclude_max=True))
def test_a_cut_file_gives_all_whole_frames_and_one_torn_place(
    parts: list[bytes], share: float
) -> None:
    raw = joined(parts)
    cut = raw[: int(len(raw) * share)]
    found = list(segment.frames(cut, 0))
    whole = [one for one in found if isinstance(one, Frame)]
    assert [one.payload for one in whole] == parts[: len(whole)]
    end = whole[-1].end if whole else 0
    rest = found[len(whole) :]
    assert rest == ([Broken(start=end, torn=True)] if end < len(cut) else [])


@given(payloads, st.binary(max_size=30), st.integers(0, 10**6), st.integers(1, 255))
def test_damage_before_a_sound_frame_is_never_called_torn(
    parts: list[bytes], last: bytes, place: int, change: int
) -> None:
    before = joined(parts)
    raw = bytearray(before + segment.frame(segment.FOOTER, last))
    raw[place % len(before)] ^= change
    broken = [one for one in segment.frames(bytes(raw), 0) if isinstance(one, Broken)]
    assert broken
    assert not any(one.torn for one in broken)


@given(st.binary(max_size=400))
def test_no_bytes_make_it_crash_or_read_the_same_place_twice(raw: bytes) -> None:
    at = 0
    for one in segment.frames(raw, 0):
        assert one.start >= at
        at = one.end if isinstance(one, Frame) else one.start + 1
    assert at <= len(raw) + 1


def test_a_length_over_the_limit_is_no_frame() -> None:
    raw = segment.frame(segment.BATCH, b"x" * 10)
    huge = raw[:1] + struct.pack("<I", segment.FRAME_BYTES_MAX + 1) + raw[5:]
    assert list(segment.frames(huge, 0)) == [Broken(start=0, torn=True)]


@pytest.mark.parametrize("filling", [b"B", b"F", b"B\0\0\1\0", b"\0"])
def test_looking_for_a_sound_frame_in_a_wiped_stretch_takes_no_long_time(filling: bytes) -> None:
    raw = filling * (1024 * 1024 // len(filling)) + segment.frame(segment.FOOTER, b"end")
    begun = time.process_time()
    found = list(segment.frames(raw, 0))
    assert isinstance(found[-1], Frame)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("raw", [b"", b"FSSEG00", b"FSSEG002", b"\0" * 20])
def test_a_file_with_another_magic_is_named(raw: bytes) -> None:
    with pytest.raises(FengsuiError) as caught:
        segment.check_magic(raw, "web-1/000000000001.seg")
    assert caught.value.code == "schema.segment.malformed"
    assert caught.value.params["path"] == "web-1/000000000001.seg"


def test_a_batch_frame_holds_the_wire_form(seal, chain) -> None:
    one = seal(chain)
    [found] = segment.frames(segment.batch_frame(one), 0)
    assert isinstance(found, Frame)
    assert batch.from_bytes(found.payload) == one
