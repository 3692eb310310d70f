"""What the state of record keeps of chains, and for how long."""

from contextlib import closing
from pathlib import Path

from collector.state import chains
from collector.state.chains import Gap, Progress
from collector.state.database import Database
from schema.times import DAY

NOW = 1_700_000_000_000_000


def _gap(age_days: int) -> tuple[str, Gap]:
    at = NOW - age_days * DAY
    return "gate", Gap(from_at=at - 1, to_at=at, reason="silent")


def test_gaps_are_kept_as_long_as_logs_must_be(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "state.db")) as database:
        for age in (400, 191, 184, 0):
            chains.save(database, Progress(chains=[], batches=[], marks={}, gaps=[_gap(age)]))
        kept = chains.load_gaps(database)["gate"]
    assert [(NOW - gap.to_at) // DAY for gap in kept] == [184, 0]
