"""Canonical bytes: pinned by golden files, one form for one event, nothing else let in."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import event, limits
from schema.errors import FengsuiError

GOLDEN = [
    json.loads(line)
    for line in (Path(__file__).parent / "golden" / "event.jsonl").read_text("utf-8").splitlines()
]
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
value = st.one_of(text, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.lists(text, max_size=3))
fields = st.dictionaries(text, value, max_size=8)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_canonical_bytes_are_those_of_the_golden_file(case: dict[str, object]) -> None:
    canonical = bytes.fromhex(str(case["canonical_hex"]))
    assert event.encode(case["fields"]) == canonical
    assert event.decode(canonical) == case["fields"]


@given(fields)
def test_an_event_comes_back_from_its_bytes(one: event.Fields) -> None:
    assert event.decode(event.encode(one)) == one


@given(fields)
def test_bytes_do_not_depend_on_the_order_fields_were_set_in(one: event.Fields) -> None:
    assert event.encode(dict(reversed(one.items()))) == event.encode(one)


@given(fields)
def test_keys_stand_in_code_point_order(one: event.Fields) -> None:
    assert list(event.decode(event.encode(one))) == sorted(one)


@given(fields)
def test_bytes_are_json_without_blanks_and_text_is_kept_as_it_is(one: event.Fields) -> None:
    canonical = event.encode(one)
    assert json.loads(canonical) == one
    assert canonical == msgspec.json.format(canonical, indent=-1)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b'{"a":null}',
        b'{"a":1.5}',
        b'{"a":1e3}',
        b'{"a":{"b":1}}',
        b'{"a":[1]}',
        b'{"a":[["b"]]}',
        b'{"a":1}{"b":2}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":"hidden","a":1}',
        b'{"a":1,"\\u0061":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b' {"a":1}',
        b'{"a":"\\/"}',
        b'{"a":-0}',
        b'{"a":' + b"[" * 10_000,
    ],
    ids=lambda payload: repr(payload[:20]),
)
def test_anything_but_a_flat_map_of_known_types_is_malformed(payload: bytes) -> None:
    with pytest.raises(FengsuiError) as caught:
        event.decode(payload)
    assert caught.value.code == "schema.event.malformed"


def test_an_event_over_the_limit_is_not_looked_into() -> None:
    payload = event.encode({"a": "x" * limits.EVENT_BYTES_MAX})
    with pytest.raises(FengsuiError) as caught:
        event.decode(payload)
    assert caught.value.code == "schema.event.too_long"
    assert caught.value.params == {"size": len(payload)}


@given(
    st.one_of(
        st.binary(max_size=80), st.text(max_size=80).map(lambda one: one.encode("utf-8", "replace"))
    )
)
def test_no_bytes_make_decoding_crash(payload: bytes) -> None:
    with suppress(FengsuiError):
        event.decode(payload)


@given(st.lists(st.sampled_from([b'{"a":1}', b'{"a":2,"a":1}', b'{"b":1,"a":1}']), min_size=1))
def test_many_are_refused_as_one_is(payloads: list[bytes]) -> None:
    if set(payloads) == {b'{"a":1}'}:
        assert event.decode_many(payloads) == [{"a": 1}] * len(payloads)
    else:
        with pytest.raises(FengsuiError):
            event.decode_many(payloads)


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "9" * 40])
def test_a_number_no_store_can_hold_is_refused(number: str) -> None:
    with pytest.raises(FengsuiError, match=r"schema\.event\.malformed"):
        event.decode(b'{"a":%s}' % number.encode())
    assert event.decode(b'{"a":9223372036854775807}') == {"a": 2**63 - 1}
