"""Makes the contract classes importable beside the tests that inherit them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import kafka as kafka_python
import pytest

from collector.bus.access import Access
from deploy.services import Kafka

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def access(kafka: Kafka) -> Access:
    """The way to one open broker."""
    return Access(brokers=tuple(kafka.address.split(",")))


@pytest.fixture
def admin(access: Access) -> Iterator[kafka_python.KafkaAdminClient]:
    """Somebody who makes topics and deletes records."""
    client = kafka_python.KafkaAdminClient(**access.kafka_python())
    yield client
    client.close()
