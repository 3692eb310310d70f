"""Coverage is summed by minute, read newest first, and shown as far as a person may see."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.state.alerts import Alerts
from collector.state.coverage import CoverageQuery, CoverageTable
from collector.state.database import Database
from schema.coverage import CoverageRow
from schema.errors import FengsuiError
from schema.times import DAY, MINUTE

NOW = 1_700_000_040_000_000


class _Clock:
    def now(self) -> int:
        return NOW


@pytest.fixture
def table(tmp_path: Path) -> Iterator[CoverageTable]:
    database = Database(tmp_path / "state.db")
    rows = [
        CoverageRow(
            minute=NOW - number * MINUTE, sensor=sensor, dataset="d", events=2, too_late=late
        )
        for number in range(3)
        for sensor, late in (("a", number % 2), ("b", 0))
    ]
    rows.append(CoverageRow(minute=NOW - MINUTE, rule="r", unkeyed=4))
    rows.append(CoverageRow(minute=NOW - 2 * DAY, sensor="a", dataset="d", events=9))
    Alerts(database).commit([], [], snapshot={}, coverage=rows, received_at=NOW)
    yield CoverageTable(database, _Clock())
    database.close()


def _query(**changed: object) -> CoverageQuery:
    return CoverageQuery(**{"start": None, "end": NOW + DAY, **changed})  # type: ignore[arg-type]


def test_pages_follow_each_other_newest_first_and_totals_are_of_the_whole_range(
    table: CoverageTable,
) -> None:
    seen: list[tuple[int, str, str]] = []
    cursor = ""
    while True:
        page = table.page(_query(limit=2, cursor=cursor), visible=None)
        seen += [(row.minute, row.sensor, row.rule) for row in page.items]
        totals = [(one.sensor, one.rule, one.events, one.too_late) for one in page.totals]
        assert totals == [("", "r", 0, 0), ("a", "", 6, 1), ("b", "", 6, 0)]
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 7


def test_only_what_was_missed_of_one_sensor(table: CoverageTable) -> None:
    page = table.page(_query(missed=True, sensor="a"), visible=None)
    assert [(row.minute, row.too_late) for row in page.items] == [(NOW - MINUTE, 1)]


def test_records_of_rules_and_of_other_sensors_are_not_shown_to_people_of_one_unit(
    table: CoverageTable,
) -> None:
    page = table.page(_query(), visible=frozenset({"b"}))
    assert {(row.sensor, row.rule) for row in (*page.items, *page.totals)} == {("b", "")}
    assert table.page(_query(), visible=frozenset()).items == []


def test_what_is_older_than_logs_must_be_kept_goes(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.db")
    alerts, table = Alerts(database), CoverageTable(database, _Clock())
    ages = (0, 184, 189, 191, 400)
    rows = [CoverageRow(minute=NOW - age * DAY, sensor="a", events=1) for age in ages]
    # A clock far ahead must not make everything else old.
    rows.append(CoverageRow(minute=NOW + 4000 * DAY, sensor="a", events=1))
    alerts.commit([], [], snapshot={}, coverage=rows, received_at=NOW)
    page = table.page(_query(start=0), visible=None)
    assert [(NOW - row.minute) // DAY for row in page.items] == [0, 184, 189]
    database.close()


@pytest.mark.parametrize("cursor", ["x", "eA==", "é"])
def test_a_cursor_of_another_list_is_refused(table: CoverageTable, cursor: str) -> None:
    with pytest.raises(FengsuiError, match="not one this list gave"):
        table.page(_query(cursor=cursor), visible=None)
