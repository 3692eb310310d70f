"""Records packed as columns come back as they were; anything else is refused as malformed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.condensed import GROUP_MAX, SHARED_LEAST, condense, expand
from crypto import sm3
from schema.compressed import LEVEL_MAX, compress

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


def many(count: int) -> dict[str, bytes]:
    return {
        f"rule/{number:05d}": msgspec.msgpack.encode(
            [
                number,
                [10**15 + number**2, "gate", sm3.digest(number.to_bytes(2, "big"))[:8]],
                10**15 + number**2,
            ]
        )
        for number in range(count)
    }


@given(st.dictionaries(st.text(max_size=6), TREES.map(msgspec.msgpack.encode) | st.binary()))
def test_whatever_the_records_are_they_come_back(records: dict[str, bytes]) -> None:
    assert dict(expand(condense(records))) == records


@given(st.lists(TREES, min_size=1, max_size=3), st.integers(SHARED_LEAST, 2 * SHARED_LEAST))
def test_records_of_one_form_come_back(trees: list[object], count: int) -> None:
    records = {
        f"{place}/{number}": msgspec.msgpack.encode([number * 10**9, tree])
        for place, tree in enumerate(trees)
        for number in range(count)
    }
    assert dict(expand(condense(records))) == records


def test_records_of_one_form_take_less_than_one_by_one() -> None:
    records = many(200)
    one_by_one = compress(msgspec.msgpack.encode(records), LEVEL_MAX)
    assert len(compress(condense(records), LEVEL_MAX)) < 0.9 * len(one_by_one)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="condensed records"):
        dict(expand(raw))


@given(st.data())
def test_a_byte_changed_on_the_way_gives_records_or_an_error(data: st.DataObject) -> None:
    raw = bytearray(condense(many(20)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = dict(expand(bytes(raw)))
    except ValueError:
        return
    assert all(isinstance(record, bytes) for record in found.values())


def test_records_of_more_than_one_group_come_back() -> None:
    records = many(GROUP_MAX + 1)
    assert dict(expand(condense(records))) == records


def test_a_group_that_names_more_records_than_it_holds_is_refused() -> None:
    names, column = msgspec.msgpack.encode(["a", "b"]), msgspec.msgpack.encode([1])
    condensed = msgspec.msgpack.encode([[[names, 0, [], [column]]], {}])
    with pytest.raises(ValueError, match="cannot be read"):
        dict(expand(condensed))


def test_a_form_nested_too_deeply_is_refused() -> None:
    form: object = 0
    for _ in range(200):
        form = [form]
    column, names = msgspec.msgpack.encode([1]), msgspec.msgpack.encode(["a"])
    condensed = msgspec.msgpack.encode([[[names, form, [], [column]]], {}])
    with pytest.raises(ValueError, match=r"nested too deeply|cannot be read"):
        dict(expand(condensed))
