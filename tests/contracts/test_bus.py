"""Both clients of real brokers, the bus inside a process, and sealing keep the bus's contract."""

import itertools
from collections.abc import Callable

import kafka
import pytest
from bus import BusContract, MakeReader, MakeWriter

from collector.bus.access import Access
from collector.bus.confluent_bus import ConfluentReader, ConfluentWriter
from collector.bus.kafka_bus import KafkaPythonReader, KafkaPythonWriter
from collector.bus.memory_bus import MemoryBus
from collector.bus.reading import Group, Starts
from collector.bus.sealed import SealedReader, SealedWriter, Sealing, SealKey
from collector.bus.topics import MESSAGE_BYTES_MAX
from schema.bus import BusReader, BusWriter, Place


class _Counted:
    """Different bytes each time, the same in every run."""

    def __init__(self) -> None:
        self._next = itertools.count()

    def take(self, size: int) -> bytes:
        return next(self._next).to_bytes(size, "big")


class TestMemoryBus(BusContract):
    @pytest.fixture
    def topic(self) -> str:
        return "topic"

    @pytest.fixture
    def memory(self, topic: str) -> MemoryBus:
        return MemoryBus({topic: 3})

    @pytest.fixture
    def make_writer(self, memory: MemoryBus) -> MakeWriter:
        return memory.writer

    @pytest.fixture
    def make_reader(self, memory: MemoryBus) -> MakeReader:
        return memory.reader

    @pytest.fixture
    def delete_before(self, memory: MemoryBus) -> Callable[[Place, int], None]:
        return memory.delete_before


class TestSealedMemoryBus(TestMemoryBus):
    @pytest.fixture
    def sealing(self) -> Sealing:
        return Sealing([SealKey.of(bytes(range(16)))], _Counted())

    @pytest.fixture
    def make_writer(self, memory: MemoryBus, sealing: Sealing) -> MakeWriter:
        def make(**limits: int) -> BusWriter:
            return SealedWriter(memory.writer(**limits), sealing)

        return make

    @pytest.fixture
    def make_reader(self, memory: MemoryBus, sealing: Sealing) -> MakeReader:
        def make(source: Group | Starts) -> BusReader:
            return SealedReader(memory.reader(source), sealing)

        return make


class _OnBrokers(BusContract):
    @pytest.fixture
    def topic(self, admin: kafka.KafkaAdminClient, own_prefix: str) -> str:
        name = own_prefix
        config = {"max.message.bytes": str(MESSAGE_BYTES_MAX)}
        admin.create_topics(
            {name: {"num_partitions": 3, "replication_factor": 1, "configs": config}},
            wait_for_metadata=True,
        )
        return name

    @pytest.fixture
    def delete_before(self, admin: kafka.KafkaAdminClient) -> Callable[[Place, int], None]:
        def delete(place: Place, offset: int) -> None:
            admin.delete_records({kafka.TopicPartition(*place): offset})

        return delete


@pytest.mark.service
class TestKafkaPython(_OnBrokers):
    @pytest.fixture
    def make_writer(self, access: Access) -> MakeWriter:
        def make(**limits: int) -> BusWriter:
            return KafkaPythonWriter(access, **limits)

        return make

    @pytest.fixture
    def make_reader(self, access: Access) -> MakeReader:
        def make(source: Group | Starts) -> BusReader:
            return KafkaPythonReader(access, source)

        return make


@pytest.mark.service
class TestConfluent(_OnBrokers):
    @pytest.fixture
    def make_writer(self, access: Access) -> MakeWriter:
        def make(**limits: int) -> BusWriter:
            return ConfluentWriter(access, **limits)

        return make

    @pytest.fixture
    def make_reader(self, access: Access) -> MakeReader:
        def make(source: Group | Starts) -> BusReader:
            return ConfluentReader(access, source)

        return make
