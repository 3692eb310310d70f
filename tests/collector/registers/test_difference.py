"""A difference is empty for what is said already, and applied it makes the file come true."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from collector.registers.difference import Change, partial, whole
from schema.registers import FOREVER, Draft, Statement, Table, pack_fields, pack_key

KEYS = [pack_key((name,)) for name in "abc"]
VALUES = [pack_fields({"v": at}) for at in range(3)]
undated = st.fixed_dictionaries({}, optional={key: st.sampled_from(VALUES) for key in KEYS}).map(
    lambda rows: [Draft(key, value) for key, value in rows.items()]
)


def spans(borders: list[int], values: list[bytes], key: bytes) -> list[Draft]:
    pairs = list(itertools.pairwise(borders))
    return [Draft(key, value, low, high) for (low, high), value in zip(pairs, values, strict=False)]


dated = st.tuples(
    *(
        st.builds(
            spans,
            st.lists(st.integers(0, 30), max_size=4, unique=True).map(sorted),
            st.lists(st.sampled_from(VALUES), min_size=4, max_size=4),
            st.just(key),
        )
        for key in KEYS
    )
).map(lambda parts: [one for part in parts for one in part])


def applied(rows: list[Statement], changes: list[Change], at: int) -> list[Statement]:
    said = [
        Statement(one.key, one.fields, at if one.valid_from is None else one.valid_from,
                  one.valid_to, at, at)
        for change in changes
        for one in change.statements
    ]  # fmt: skip
    return [*rows, *said]


@given(st.lists(undated | dated, min_size=1, max_size=4))
def test_files_one_after_the_other_hold_as_the_last_one_says(files: list[list[Draft]]) -> None:
    rows: list[Statement] = []
    for turn, drafts in enumerate(files):
        at = 5 + 10 * turn
        rows = applied(rows, list(whole(Table(rows), drafts, at)), at)
        table = Table(rows)
        assert list(whole(table, drafts, at)) == []
        for one in drafts:
            start = at if one.valid_from is None else one.valid_from
            found = table.find(one.key, start, FOREVER)
            assert found is not None
            assert found.fields == one.fields
        named = {one.key for one in drafts}
        assert all(table.find(key, at, FOREVER) is None for key in set(KEYS) - named)


@given(undated, undated)
def test_single_rows_change_their_keys_only(first: list[Draft], second: list[Draft]) -> None:
    rows = applied([], list(whole(Table([]), first, 5)), 5)
    table = Table(applied(rows, list(partial(Table(rows), second, 9)), 9))
    wanted = {one.key: one.fields for one in first} | {one.key: one.fields for one in second}
    found = {key: row.fields for key in KEYS if (row := table.find(key, 9, FOREVER))}
    assert found == wanted


def test_a_change_shows_what_was_and_what_will_be() -> None:
    rows = [Statement(KEYS[0], VALUES[0], 0, FOREVER), Statement(KEYS[1], VALUES[0], 0, FOREVER)]
    changes = list(whole(Table(rows), [Draft(KEYS[0], VALUES[1]), Draft(KEYS[2], VALUES[2])], 5))
    assert [(one.kind, one.key, one.before, one.after) for one in changes] == [
        ("changed", ("a",), {"v": 0}, {"v": 1}),
        ("added", ("c",), {}, {"v": 2}),
        ("ended", ("b",), {"v": 0}, {}),
    ]
