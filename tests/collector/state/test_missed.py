"""Missed events: of a unit's own sensors all are told, however many others have."""

from contextlib import closing
from pathlib import Path

from collector.state.database import Database
from collector.state.missed import SHOWN_MAX, MissedTable, save
from schema.coverage import Missed


def missed(sensor: str, number: int) -> Missed:
    return Missed(
        rule_id="r", entity=str(number), sensor=sensor, first_at=number, last_at=number, events=1
    )


def test_other_sensors_rows_crowd_nobody_out(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "state.db")) as database:
        database.write(lambda state: save(state, [missed("mine", 1)], 1))
        others = [missed("theirs", number) for number in range(SHOWN_MAX)]
        database.write(lambda state: save(state, others, 2))
        table = MissedTable(database)
        assert {row.missed.sensor for row in table.newest()} == {"theirs"}
        mine = table.newest(visible=frozenset({"mine"}), waiting=True)
        assert [row.missed.sensor for row in mine] == ["mine"]
        assert table.newest(visible=frozenset()) == []
