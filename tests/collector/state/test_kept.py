"""What the state of record knows of batches, asked by the time they came."""

from pathlib import Path

from collector.state import kept
from collector.state.database import Database


def test_the_last_batch_of_before_a_time_is_found_and_none_of_another_sensor(
    tmp_path: Path,
) -> None:
    database = Database(tmp_path / "state.db")
    rows = [("a", 1, 10), ("a", 2, 20), ("a", 3, 30), ("b", 7, 10)]
    database.write(
        lambda state: state.executemany("INSERT INTO batches VALUES (?, ?, ?, 0, 0, NULL)", rows)
    )
    found = [kept.taken_before(database, "a", time) for time in (10, 11, 30, 31)]
    assert (found, kept.taken_before(database, "c", 99)) == ([0, 1, 2, 3], 0)
    database.close()
