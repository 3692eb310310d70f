"""The embedded register store keeps the contract of its port."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from registers import RegistersContract

from collector.registers import description
from collector.registers.store import RegisterStore
from collector.state.database import Database


class StandingClock:
    def now(self) -> int:
        return 1_000_000


class TestRegisterStore(RegistersContract):
    @pytest.fixture
    def registers(self, tmp_path: Path) -> Iterator[RegisterStore]:
        database = Database(tmp_path / "state.db")
        yield RegisterStore(database, description.load(), clock=StandingClock())
        database.close()
