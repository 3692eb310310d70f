"""The embedded index keeps the contract of its port."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from event_index import EventIndexContract

from collector.index.duckdb_index import DuckDbIndex


class TestDuckDbIndex(EventIndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[DuckDbIndex]:
        opened = DuckDbIndex(tmp_path / "index")
        yield opened
        opened.close()
