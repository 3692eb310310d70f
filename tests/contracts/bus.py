"""What every bus promises; each client's test class inherits this one."""

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from collector.bus.reading import BEGINNING, END, Group, Starts
from schema import bus
from schema.bus import BusReader, BusWriter, Place, Record
from schema.errors import FengsuiError

WAIT_SECONDS = 15.0

MakeWriter = Callable[..., BusWriter]
MakeReader = Callable[[Group | Starts], BusReader]


def read_all(reader: BusReader, count: int, *, at_once: int = 1000) -> list[Record]:
    """At least that many records, or what came in time."""
    records: list[Record] = []
    end = time.monotonic() + WAIT_SECONDS
    while len(records) < count and time.monotonic() < end:
        records += reader.read(records_max=at_once, wait_seconds=0.2)
    return records


def nothing_more(reader: BusReader) -> bool:
    """Whether nothing comes for a while."""
    return not reader.read(records_max=1000, wait_seconds=0.5)


def values(records: Sequence[Record]) -> list[bytes]:
    """What was sent."""
    return [record.value for record in records]


class BusContract:
    """Inherit and give ``make_writer``, ``make_reader``, ``topic`` (3 partitions) and ``other``."""

    @pytest.fixture
    def writer(self, make_writer: MakeWriter) -> Iterator[BusWriter]:
        opened = make_writer()
        yield opened
        opened.close()

    @pytest.fixture
    def opened(self, make_reader: MakeReader) -> Iterator[MakeReader]:
        readers: list[BusReader] = []

        def make(source: Group | Starts) -> BusReader:
            readers.append(make_reader(source))
            return readers[-1]

        yield make
        for one in readers:
            one.close()

    def test_records_of_one_partition_come_in_the_order_they_were_sent(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        sent = [Place(topic, number % 3) for number in range(300)]
        for number, place in enumerate(sent):
            writer.send(place, key=b"k%d" % number, value=b"%d" % number)
        writer.flush()
        read = read_all(opened({Place(topic, one): BEGINNING for one in range(3)}), 300)
        for partition in range(3):
            mine = [one for one in read if one.place.partition == partition]
            assert values(mine) == [b"%d" % number for number in range(partition, 300, 3)]
            assert [one.key for one in mine] == [b"k" + one.value for one in mine]
            assert [one.offset for one in mine] == list(range(100))

    def test_the_longest_record_arrives_whole(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        longest = bytes(range(256)) * (bus.RECORD_BYTES_MAX // 256 - 1)
        writer.send(Place(topic, 0), key=b"sensor", value=longest)
        writer.send(Place(topic, 0), key=b"sensor", value=b"next")
        writer.flush()
        assert values(read_all(opened({Place(topic, 0): BEGINNING}), 2)) == [longest, b"next"]

    def test_a_record_over_the_limit_is_refused_before_it_is_sent(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        with pytest.raises(FengsuiError) as raised:
            writer.send(Place(topic, 0), key=b"k", value=bytes(bus.RECORD_BYTES_MAX))
        assert raised.value.code == "schema.bus.too_long"
        writer.send(Place(topic, 0), key=b"k", value=b"short")
        writer.flush()
        assert values(read_all(opened({Place(topic, 0): BEGINNING}), 1)) == [b"short"]

    def test_a_full_queue_says_so_and_takes_more_after_a_flush(
        self, make_writer: MakeWriter, opened: MakeReader, topic: str
    ) -> None:
        writer = make_writer(queue_bytes_max=1024 * 1024)
        half = bytes(512 * 1024)
        sent = 0
        # The brokers acknowledge meanwhile: sooner or later they are the slower ones.
        with pytest.raises(FengsuiError) as raised:  # noqa: PT012
            while sent < 10_000:
                writer.send(Place(topic, 0), key=b"", value=half)
                sent += 1
        assert raised.value.code == "schema.bus.full"
        writer.flush()
        writer.send(Place(topic, 0), key=b"", value=b"after")
        writer.close()
        assert values(read_all(opened({Place(topic, 0): sent}), 1)) == [b"after"]

    def test_a_flush_without_records_does_nothing(self, writer: BusWriter) -> None:
        writer.flush()

    @pytest.mark.parametrize("partition", [3, 700])
    def test_a_partition_that_does_not_exist_is_named(
        self, writer: BusWriter, opened: MakeReader, topic: str, partition: int
    ) -> None:
        writer.send(Place(topic, partition), key=b"", value=b"x")
        with pytest.raises(FengsuiError) as raised:
            writer.flush()
        assert raised.value.code == "schema.bus.no_place"
        with pytest.raises(FengsuiError, match=f"partition {partition}") as raised:
            opened({Place(topic, partition): BEGINNING}).read(records_max=1, wait_seconds=0.1)
        assert raised.value.code == "schema.bus.no_place"
        writer.send(Place(topic, 1), key=b"", value=b"x")
        writer.flush()

    def test_a_topic_that_does_not_exist_is_named_and_not_made(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        for _ in range(2):
            writer.send(Place(f"{topic}-absent", 0), key=b"", value=b"x")
            with pytest.raises(FengsuiError, match=f"{topic}-absent") as raised:
                writer.flush()
            assert raised.value.code == "schema.bus.no_place"

    def test_a_reader_goes_on_from_a_fixed_start(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        for number in range(10):
            writer.send(Place(topic, 2), key=b"", value=b"%d" % number)
        writer.flush()
        assert values(read_all(opened({Place(topic, 2): 7}), 3)) == [b"7", b"8", b"9"]

    def test_a_start_at_the_end_reads_only_what_comes(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        writer.send(Place(topic, 0), key=b"", value=b"old")
        writer.flush()
        reader = opened({Place(topic, 0): END})
        assert nothing_more(reader)
        writer.send(Place(topic, 0), key=b"", value=b"new")
        writer.flush()
        assert values(read_all(reader, 1)) == [b"new"]

    def test_at_most_so_many_records_come_at_once_and_none_is_left_out(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        for number in range(50):
            writer.send(Place(topic, number % 3), key=b"", value=b"%d" % number)
        writer.flush()
        reader = opened({Place(topic, one): BEGINNING for one in range(3)})
        got: list[bytes] = []
        end = time.monotonic() + WAIT_SECONDS
        while len(got) < 50 and time.monotonic() < end:
            part = reader.read(records_max=7, wait_seconds=0.2)
            assert len(part) <= 7
            got += values(part)
        assert sorted(got, key=int) == [b"%d" % number for number in range(50)]

    def test_what_was_read_and_not_committed_is_read_again(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        group = Group(name=f"{topic}-group", topics=(topic,))
        for number in range(30):
            writer.send(Place(topic, number % 3), key=b"", value=b"%d" % number)
        writer.flush()
        first = opened(group)
        before = read_all(first, 10, at_once=10)
        first.commit()
        lost = read_all(first, 5, at_once=5)
        first.close()
        second = opened(group)
        after = read_all(second, 30 - len(before))
        assert set(values(lost)) <= set(values(after))
        assert sorted(values(before) + values(after), key=int) == [
            b"%d" % number for number in range(30)
        ]
        second.commit()
        second.close()
        assert nothing_more(opened(group))

    def test_a_group_reads_what_was_written_before_it_was_there(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        writer.send(Place(topic, 0), key=b"", value=b"early")
        writer.flush()
        group = Group(name=f"{topic}-late", topics=(topic,))
        assert values(read_all(opened(group), 1)) == [b"early"]

    def test_a_second_member_takes_a_share_and_together_nothing_is_missing(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        group = Group(name=f"{topic}-shared", topics=(topic,))
        one, two = opened(group), opened(group)
        shares: dict[int, set[int]] = {}
        end = time.monotonic() + WAIT_SECONDS
        number = 0
        got: set[bytes] = set()
        while time.monotonic() < end:
            for partition in range(3):
                writer.send(Place(topic, partition), key=b"", value=b"%d" % number)
                number += 1
            writer.flush()
            shares = {0: set(), 1: set()}
            for index, reader in enumerate((one, two)):
                for record in reader.read(records_max=1000, wait_seconds=0.3):
                    shares[index].add(record.place.partition)
                    got.add(record.value)
                reader.commit()
            # One of three records may be a moment late: then the next round tells.
            apart = shares[0] and shares[1] and not shares[0] & shares[1]
            if apart and shares[0] | shares[1] == {0, 1, 2}:
                break
        assert shares[0] | shares[1] == {0, 1, 2}
        assert not shares[0] & shares[1]
        end = time.monotonic() + WAIT_SECONDS
        while len(got) < number and time.monotonic() < end:
            for reader in (one, two):
                got |= set(values(reader.read(records_max=1000, wait_seconds=0.2)))
        assert got == {b"%d" % one for one in range(number)}

    def test_lag_counts_what_is_written_and_not_yet_read(
        self, writer: BusWriter, opened: MakeReader, topic: str
    ) -> None:
        reader = opened({Place(topic, 0): BEGINNING, Place(topic, 1): BEGINNING})
        assert reader.lag() == {Place(topic, 0): 0, Place(topic, 1): 0}
        for _ in range(4):
            writer.send(Place(topic, 1), key=b"", value=b"x")
        writer.flush()
        assert reader.lag() == {Place(topic, 0): 0, Place(topic, 1): 4}
        read_all(reader, 3, at_once=3)
        assert reader.lag()[Place(topic, 1)] == 1
        read_all(reader, 1)
        assert reader.lag()[Place(topic, 1)] == 0

    def test_records_that_are_gone_are_told_and_reading_goes_on_behind_them(
        self,
        writer: BusWriter,
        opened: MakeReader,
        topic: str,
        delete_before: Callable[[Place, int], None],
    ) -> None:
        place = Place(topic, 0)
        for number in range(10):
            writer.send(place, key=b"", value=b"%d" % number)
        writer.flush()
        delete_before(place, 6)
        reader = opened({place: 2})
        with pytest.raises(FengsuiError) as raised:
            read_all(reader, 1)
        assert raised.value.code == "schema.bus.gone"
        assert (raised.value.params["wanted"], raised.value.params["first"]) == (2, 6)
        assert values(read_all(reader, 4)) == [b"6", b"7", b"8", b"9"]
