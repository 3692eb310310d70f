"""Files of nonces: what was written reads back, and what is torn or damaged is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard_api.signing.nonce_file import (
    HEADER_BYTES,
    RECORD_BYTES,
    Content,
    PosixFiles,
    Record,
    decode,
    encode,
    encode_header,
    file_name,
    fingerprint_of,
    names,
)

RECORDS = st.lists(
    st.builds(
        Record,
        st.integers(1, 2**63),
        st.integers(1, 9_999_999_999),
        st.binary(min_size=16, max_size=16),
    ),
    max_size=6,
)


def written(floor: int, records: list[Record]) -> bytes:
    return encode_header(floor) + b"".join(encode(one) for one in records)


def read(raw: bytes) -> tuple[Content, list[bytes]]:
    taken: list[bytes] = []
    return decode(raw, taken.append), taken


@settings(deadline=None)
@given(st.integers(0, 9_999_999_999), RECORDS)
def test_what_was_written_reads_back(floor: int, records: list[Record]) -> None:
    raw = written(floor, records)
    content, taken = read(raw)
    assert taken == [one.fingerprint for one in records]
    assert content == Content(
        floor=floor,
        sound_bytes=len(raw),
        first_noted_at=min((one.noted_at for one in records), default=0),
        last_noted_at=max((one.noted_at for one in records), default=0),
        timestamp=max((one.timestamp for one in records), default=0),
    )


@settings(deadline=None)
@given(RECORDS, st.integers(0, RECORD_BYTES - 1), st.booleans())
def test_a_torn_tail_is_no_damage(records: list[Record], size: int, zeroed: bool) -> None:
    raw = written(7, records)
    tail = encode(Record(5, 6, b"f" * 16))[:size]
    content, taken = read(raw + (bytes(RECORD_BYTES + size) if zeroed else tail))
    assert (content.sound_bytes, content.damaged) == (len(raw), False)
    assert len(taken) == len(records)


@settings(deadline=None)
@given(RECORDS.filter(lambda records: len(records) > 1), st.data())
def test_a_changed_bit_before_the_last_record_is_damage_and_loses_one(
    records: list[Record], data: st.DataObject
) -> None:
    raw = bytearray(written(7, records))
    at = data.draw(st.integers(0, len(raw) - RECORD_BYTES - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    content, taken = read(bytes(raw))
    assert content.damaged
    assert len(taken) == len(records) - (at >= HEADER_BYTES)
    assert content.sound_bytes == len(raw)


def test_a_header_that_was_never_written_holds_nothing_and_one_that_is_lost_is_damage() -> None:
    assert read(b"") == (Content(), [])
    assert read(encode_header(7)[:-1]) == (Content(), [])
    assert read(bytes(HEADER_BYTES)) == (Content(), [])
    content, taken = read(bytes(HEADER_BYTES) + encode(Record(5, 6, b"f" * 16)))
    assert content.damaged
    assert taken == [b"f" * 16]


@settings(deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: encode_header(7) + tail))
def test_any_bytes_are_read(raw: bytes) -> None:
    content, _ = read(raw)
    assert 0 <= content.sound_bytes <= len(raw)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a.1", "23"), ("a.12", "3")), (("a.1", "n"), ("b.1", "n")), (("a.1", "n"), ("a.1", "N"))],
)
def test_fingerprints_differ_where_credential_or_nonce_do(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert fingerprint_of(*one) != fingerprint_of(*other)


def test_files_are_named_in_their_order_and_others_left_alone(tmp_path: Path) -> None:
    for name in (file_name(10), file_name(9), "lock", "x.nonces", "00000001.nonces.new"):
        (tmp_path / name).write_bytes(b"")
    assert names(tmp_path, PosixFiles()) == ["00000009.nonces", "00000010.nonces"]
