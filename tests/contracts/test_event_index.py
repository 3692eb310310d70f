"""Both indices keep the contract of their port."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from elastic_indices import elastic_index
from event_index import EventIndexContract

from collector.index.duckdb_index import DuckDbIndex
from collector.index.elastic_index import ElasticIndex


class TestDuckDbIndex(EventIndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[DuckDbIndex]:
        opened = DuckDbIndex(tmp_path / "index")
        yield opened
        opened.close()


@pytest.mark.service
class TestElasticIndex(EventIndexContract):
    @pytest.fixture
    def index(self, elasticsearch, own_prefix) -> Iterator[ElasticIndex]:
        with elastic_index(elasticsearch.urls, own_prefix) as opened:
            yield opened
