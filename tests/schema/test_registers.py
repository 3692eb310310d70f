"""A look-up in a register finds what a plain scan of everything said finds."""

import itertools
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from schema.registers import (
    ALWAYS,
    FOREVER,
    RegisterView,
    Statement,
    Table,
    pack_fields,
    pack_key,
)

KEYS = [pack_key((name,)) for name in ("a", "b")]
TIMES = st.integers(0, 12)


def statements(most: int) -> st.SearchStrategy[list[Statement]]:
    """Statements about two keys, in the order they were learned."""
    one = st.builds(
        lambda key, value, start, end: (key, value, start, end),
        st.sampled_from(KEYS),
        st.sampled_from([b"", pack_fields({"v": 1}), pack_fields({"v": 2})]),
        TIMES | st.just(ALWAYS),
        TIMES | st.just(FOREVER),
    )
    return st.lists(one, max_size=most).map(
        lambda rows: [Statement(*row, at // 2, at) for at, row in enumerate(rows)]
    )


def scanned(rows: list[Statement], key: bytes, time: int, known: int) -> Statement | None:
    """The last statement that covers the time, of those known: the rule in one line."""
    covering = [
        row
        for row in rows
        if row.key == key and row.known_from <= known and row.valid_from <= time < row.valid_to
    ]
    return covering[-1] if covering and covering[-1].fields else None


@given(statements(60), st.sampled_from(KEYS), TIMES, st.integers(-1, 32))
def test_a_lookup_is_what_a_scan_finds(
    rows: list[Statement], key: bytes, time: int, known: int
) -> None:
    assert Table(rows).find(key, time, known) == scanned(rows, key, time, known)


@given(statements(40), st.sampled_from(KEYS), st.integers(0, 20))
def test_a_picture_says_at_each_time_what_a_lookup_says(
    rows: list[Statement], key: bytes, known: int
) -> None:
    table = Table(rows)
    picture = table.picture(key, known)
    for time in range(14):
        (*found,) = (row.fields for row in picture if row.valid_from <= time < row.valid_to)
        wanted = table.find(key, time, known)
        assert found == ([wanted.fields] if wanted else [])
    assert all(one.valid_to <= two.valid_from for one, two in itertools.pairwise(picture))


class Same(bytes):
    """Keys that all share one hash."""

    def __hash__(self) -> int:
        return 7


def test_keys_that_share_a_hash_are_told_apart() -> None:
    names = [Same(key) for key in (*KEYS, pack_key(("c",)))]
    rows = [Statement(names[at % 2], b'{"v":%d}' % at, 0, 9, at) for at in range(6)]
    table = Table(rows)
    assert [table.find(name, 3, 9) for name in names] == [rows[4], rows[5], None]
    assert [table.count(name) for name in names] == [3, 3, 0]


def view(*rows: Statement) -> RegisterView:
    return RegisterView({"grants": Table(rows)})


GRANT = Statement(pack_key(("r1", "s1")), pack_fields({"quota": 5}), 10, 20, 100, 1)
CORRECTED = Statement(pack_key(("r1", "s1")), pack_fields({"quota": 7}), 12, 14, 200, 2)


def test_a_correction_counts_for_those_who_know_it() -> None:
    seen = view(GRANT, CORRECTED)
    before = seen.lookup("grants", ("r1", "s1"), 13, 199)
    after = seen.lookup("grants", ("r1", "s1"), 13, 200)
    assert before is not None
    assert after is not None
    assert (before.fields, before.version) == ({"quota": 5}, 1)
    assert (after.fields, after.version) == ({"quota": 7}, 2)
    assert seen.as_of(199).lookup("grants", ("r1", "s1"), 13) == before


def test_a_row_holds_from_its_start_and_not_at_its_end() -> None:
    seen = view(GRANT)
    held = [seen.lookup("grants", ("r1", "s1"), time) is not None for time in (9, 10, 19, 20)]
    assert held == [False, True, True, False]


def test_unknown_registers_keys_and_times_have_no_row() -> None:
    seen = view(GRANT)
    assert seen.lookup("nothing", ("r1", "s1"), 15) is None
    assert seen.lookup("grants", ("r1",), 15) is None
    assert seen.lookup("grants", ("r1", "s1"), 15, 99) is None
    assert list(seen.rows("nothing", 15)) == []


def test_rows_come_in_key_order_whatever_the_hash_seed() -> None:
    program = (
        "from schema.registers import *\n"
        "t = Table(Statement(pack_key((f'{n}',)), b'{}', 0, 9) for n in range(50))\n"
        "print([r.key for r in RegisterView({'x': t}).rows('x', 3)])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_members_are_the_keys_of_the_rows() -> None:
    other = GRANT._replace(key=pack_key(("r2", "s1")), valid_to=12)
    assert view(GRANT, other).members("grants", 11) == {("r1", "s1"), ("r2", "s1")}
    assert view(GRANT, other).members("grants", 12) == {("r1", "s1")}
