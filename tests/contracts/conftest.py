"""Makes the contract classes importable beside the tests that inherit them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import os
from collections.abc import Iterator

import kafka
import pytest

from collector.bus.access import Access


@pytest.fixture(scope="session")
def access() -> Access:
    return Access(brokers=(os.environ["BUSDEV"],))


@pytest.fixture(scope="session")
def admin(access: Access) -> Iterator[kafka.KafkaAdminClient]:
    client = kafka.KafkaAdminClient(**access.kafka_python())
    yield client
    client.close()
