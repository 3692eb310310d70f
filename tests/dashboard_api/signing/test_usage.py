"""Every entry is counted once, whatever crashed between its commit and its count."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journalled import NOON, mark, open_journal, the_file, written

from collector.state.database import Database
from dashboard_api.signing import usage
from dashboard_api.signing.usage import Count, Tally
from schema import times
from schema.errors import FengsuiError

DAY = "2026-11-27"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "state.db")
    yield opened
    opened.close()


def count(**other: object) -> Count:
    """A kind of which nothing was done, but for what is said."""
    told = {
        "day": DAY, "application": "payments", "operation": "sign", "algorithm": "SM2-SM3",
        "mode": "message", "place": "software", "done": 0, "failed": 0, "refused": 0,
    }  # fmt: skip
    return Count(**{**told, **other})


def test_items_are_done_failed_or_turned_away() -> None:
    tally = Tally()
    tally.add(
        [
            mark(items=5, failed=2),
            mark(result="crypto.signature.invalid", failed=1),
            mark(items=3, result="dashboard_api.quota.exceeded"),
        ]
    )
    assert tally.take() == (count(done=3, failed=3, refused=3),)
    assert tally.take() == ()


def test_a_day_begins_at_midnight_in_beijing() -> None:
    tally = Tally()
    midnight = NOON - 12 * times.HOUR
    tally.add([mark(midnight - 1), mark(midnight)])
    assert [one.day for one in tally.take()] == ["2026-11-26", DAY]


def test_kinds_are_told_apart_by_everything_an_assessor_asks_for() -> None:
    tally = Tally()
    others = ({"application": "other"}, {"operation": "verify"}, {"algorithm": "SM2"},
              {"mode": "digest"}, {"place": "device"})  # fmt: skip
    tally.add([mark(), *(mark(**other) for other in others)])
    assert set(tally.take()) == {count(done=1), *(count(done=1, **other) for other in others)}


def test_a_month_adds_its_days_and_no_others(database: Database) -> None:
    found = [count(done=1), count(day="2026-11-01", done=2), count(day="2026-12-01", done=4),
             count(day="2026-10-31", done=8), count(application="other", refused=1)]  # fmt: skip
    assert database.write(lambda state: usage.store(state, 0, found, after=0, upto=5))
    with database.read() as state:
        everybody = usage.month(state, "2026-11")
        assert [(one.application, one.done, one.refused) for one in everybody] == [
            ("other", 0, 1), ("payments", 3, 0)
        ]  # fmt: skip
        assert usage.month(state, "2026-11", "payments") == everybody[1:]
        assert usage.month(state, "2027-01") == ()
        with pytest.raises(FengsuiError) as caught:
            usage.month(state, "2026-13")
    assert caught.value.code == "dashboard_api.usage.malformed"


def test_what_was_turned_away_counts_against_no_quota(database: Database) -> None:
    found = [count(done=5, failed=1, refused=100), count(operation="verify", done=2)]
    database.write(lambda state: usage.store(state, 0, found, after=0, upto=9))
    with database.read() as state:
        assert usage.daily_items(state, "payments", DAY) == 8
        assert usage.daily_items(state, "payments", "2026-11-28") == 0
        assert usage.daily_items(state, "other", DAY) == 0


def test_counts_that_do_not_follow_what_is_counted_change_nothing(database: Database) -> None:
    one = [count(done=1)]
    assert database.write(lambda state: usage.store(state, 3, one, after=0, upto=1))
    for after in (0, 2):
        assert not database.write(
            lambda state, at=after: usage.store(state, 3, one, after=at, upto=9)
        )
    with database.read() as state:
        assert usage.counted(state, 3) == 1
        assert usage.daily_items(state, "payments", DAY) == 1
        assert usage.counted(state, 0) == 0


def test_counts_and_how_far_they_reach_stand_or_fall_together(database: Database) -> None:
    def job(state: sqlite3.Connection) -> None:
        usage.store(state, 0, [count(done=1)], after=0, upto=1)
        raise KeyError

    with pytest.raises(KeyError):
        database.write(job)
    with database.read() as state:
        assert usage.counted(state, 0) == 0
        assert usage.month(state, "2026-11") == ()


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_recount_from_anywhere_equals_the_count_as_it_was_written(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("slot")
    journal = open_journal(folder, file_bytes_max=2_000)
    sizes = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=12))
    split = data.draw(st.integers(0, len(sizes)))
    chance = random.Random(sum(sizes))  # which kind, no secret
    behind = 0
    for index, size in enumerate(sizes):
        if index == split:
            behind = journal.n
            journal.take_counts()
        for _ in range(size):
            journal.add(
                mark(
                    NOON + chance.randrange(2) * times.DAY,
                    items=chance.randrange(1, 4),
                    failed=chance.randrange(2),
                    operation=chance.choice(("sign", "verify")),
                    result=chance.choice(("done", "crypto.mac.invalid", "dashboard_api.x.y")),
                )
            )
        journal.commit()
    if split == len(sizes):
        behind = journal.n
        journal.take_counts()
    after, counts = journal.take_counts()
    assert after == behind
    assert usage.recount(folder, after=behind) == (journal.n, counts)
    journal.close()


def test_a_recount_stops_at_the_entry_it_is_asked_to(tmp_path: Path) -> None:
    written(tmp_path, (1, 2, 3, 4), file_bytes_max=900)
    upto, counts = usage.recount(tmp_path, after=1, upto=6)
    assert (upto, counts[0].done) == (6, 5)


def test_a_journal_shorter_than_what_was_counted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError) as caught:
        usage.recount(tmp_path, after=1)
    assert caught.value.code == "dashboard_api.journal.cut"
    assert usage.recount(tmp_path, after=0) == (0, ())
    written(tmp_path, (2,))
    with pytest.raises(FengsuiError, match="ends with entry 2") as caught:
        usage.recount(tmp_path, after=3)
    assert caught.value.code == "dashboard_api.journal.cut"


def test_the_tables_are_those_of_the_migration(tmp_path: Path, database: Database) -> None:
    del database
    with closing(sqlite3.connect(tmp_path / "state.db")) as state:
        columns = [row[1] for row in state.execute("PRAGMA table_info(signing_usage)")]
    assert columns == list(Count.__struct_fields__)


def test_damage_met_while_counting_is_named(tmp_path: Path) -> None:
    written(tmp_path, (2, 2))
    path = the_file(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[200] ^= 1
    path.write_bytes(raw)
    with pytest.raises(FengsuiError) as caught:
        usage.recount(tmp_path, after=0)
    assert caught.value.code == "dashboard_api.journal.broken"
