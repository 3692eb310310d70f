"""A list of any form becomes the same indicators; what cannot be matched is named and counted."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.indicators import entry, reading
from collector.indicators.entry import plain
from collector.indicators.reading import LIFE_US, Origin, read, read_file
from schema.errors import FengsuiError
from schema.times import DAY, from_written

NOW = from_written("2026-11-01")
ORIGIN = Origin(source="test", now=NOW)


def test_the_form_is_told_from_the_content() -> None:
    csv = b"value\n198.51.100.7\n"
    stix = (
        b'{"type":"bundle","objects":[{"type":"indicator",'
        b'"pattern":"[ipv4-addr:value = \'198.51.100.7\']"}]}'
    )
    misp = b'[{"Event":{"Attribute":[{"type":"ip-dst","value":"198.51.100.7","to_ids":true}]}}]'
    found = [read(data, ORIGIN, file="x").indicators for data in (csv, stix, misp)]
    assert found[0] == found[1] == found[2]
    assert [(one.kind, one.value) for one in found[0]] == [("address", "198.51.100.7")]


def test_what_an_entry_does_not_say_its_origin_says() -> None:
    ((one,), (two,)) = (
        read(b"bad.example\n", origin, file="x").indicators
        for origin in (ORIGIN, Origin(source="t", now=NOW, confidence=90, valid_until=NOW + DAY))
    )
    assert (one.confidence, one.valid_from) == (reading.CONFIDENCE, NOW)
    assert one.valid_until == NOW + LIFE_US["domain"]
    assert (two.confidence, two.valid_until) == (90, NOW + DAY)


def test_refused_entries_are_counted_by_reason() -> None:
    lines = b"198.51.100.7\n198.51.100.7\n!!\n0.0.0.0/0\n10.0.0.0/7\n2001:db8::/15\n"
    found = read(lines, ORIGIN, file="x")
    assert len(found.indicators) == 1
    assert found.refused == {"listed twice": 1, "malformed value": 1, "network too wide": 3}


def test_reasons_are_bounded() -> None:
    bundle = ",".join(f'{{"type":"t{number}"}}' for number in range(200))
    found = read(f'{{"type":"bundle","objects":[{bundle}]}}'.encode(), ORIGIN, file="x")
    assert len(found.refused) <= entry.REASONS_MAX + 1
    assert found.refused.total() == 200


def test_a_note_is_one_plain_line() -> None:
    assert plain("a\x1b[31m\n b\u202e" + "c" * 2000) == ("a [31m b " + "c" * 2000)[:500].strip()


def test_too_large_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list.csv"
    path.write_text("198.51.100.7\n198.51.100.8\n198.51.100.9\n")
    monkeypatch.setattr(reading, "INDICATORS_MAX", 2)
    with pytest.raises(FengsuiError, match="more than 2 indicators"):
        read_file(path, ORIGIN)
    monkeypatch.setattr(reading, "FILE_BYTES_MAX", 2)
    with pytest.raises(FengsuiError, match="over 2 bytes"):
        read_file(path, ORIGIN)
    with pytest.raises(FengsuiError, match="cannot be read"):
        read_file(tmp_path / "none", ORIGIN)


BROKEN = ["{", "[1", '{"type":"bundle"', "[" * 5000, '{"a":1}', "[]", '{"type":"x"}']


@pytest.mark.parametrize("text", BROKEN)
def test_json_that_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(FengsuiError, match="x is"):
        read(text.encode(), ORIGIN, file="x")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["type", "objects", "pattern", "Event", "Attribute", "value", "to_ids", "Object",
             "response", "Tag", "name", "confidence", "labels", "valid_from", "timestamp"]
        ),
        inner | st.sampled_from(["bundle", "indicator", "ip-src", "domain|ip"]),
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    for start in (b"", b"{", b"value,kind\n"):
        with suppress(FengsuiError):
            read(start + data, ORIGIN, file="x")


@given(JSON)
def test_no_json_does_more_than_be_refused(content: object) -> None:
    with suppress(FengsuiError):
        read(json.dumps(content).encode(), ORIGIN, file="x")
