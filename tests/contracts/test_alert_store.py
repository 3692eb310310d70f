"""The embedded alert store keeps the contract of its port."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alert_store import AlertStoreContract

from collector.state.alerts import Alerts
from collector.state.database import Database


class TestAlerts(AlertStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Alerts]:
        database = Database(tmp_path / "state.db")
        yield Alerts(database)
        database.close()
