"""Three brokers, one, two and all of them killed: nothing acknowledged is lost or taken back."""

import time
from collections.abc import Callable

import pytest

from collector.bus.access import Access
from collector.bus.confluent_bus import ConfluentReader, ConfluentWriter
from collector.bus.kafka_bus import KafkaPythonReader, KafkaPythonWriter
from collector.bus.reading import BEGINNING, Group
from deploy.services import Kafka
from schema.bus import BusReader, BusWriter, Place
from schema.errors import FengsuiError

CLIENTS = [
    pytest.param(KafkaPythonWriter, KafkaPythonReader, id="kafka-python"),
    pytest.param(ConfluentWriter, ConfluentReader, id="confluent"),
]


def send_until_acknowledged(
    writer: BusWriter, place: Place, values: list[bytes], *, seconds: float = 90
) -> int:
    """How often it took; the same again after each failure, as the port says."""
    end = time.monotonic() + seconds
    tries = 0
    while True:
        tries += 1
        for value in values:
            writer.send(place, key=b"k", value=value)
        try:
            writer.flush()
        except FengsuiError as error:
            if error.code != "schema.bus.unacknowledged" or time.monotonic() > end:
                raise
        else:
            return tries


def read_until(reader: BusReader, last: bytes, *, seconds: float = 60) -> list[bytes]:
    """Everything up to that value; a broker that does not answer is asked again."""
    got: list[bytes] = []
    end = time.monotonic() + seconds
    while last not in got and time.monotonic() < end:
        try:
            got += [one.value for one in reader.read(records_max=100, wait_seconds=0.5)]
        except FengsuiError as error:
            if error.code != "schema.bus.unreachable":
                raise
    return got


def first_of_each(values: list[bytes]) -> list[bytes]:
    return list(dict.fromkeys(values))


@pytest.mark.parametrize(("make_writer", "make_reader"), CLIENTS)
@pytest.mark.long
def test_with_one_of_three_killed_writing_goes_on_and_nothing_is_lost(
    kafka3: Kafka,
    access3: Access,
    topic3: str,
    make_writer: Callable[..., BusWriter],
    make_reader: Callable[..., BusReader],
) -> None:
    place = Place(topic3, 0)
    sent = [[b"%d-%d" % (turn, one) for one in range(20)] for turn in range(6)]
    writer = make_writer(access3)
    reader = make_reader(access3, Group(name=f"{topic3}.g", topics=(topic3,)))
    for turn, values in enumerate(sent):
        if turn == 2:
            kafka3.kill(2)
        if turn == 4:
            kafka3.restart(2)
            kafka3.kill(1)
        send_until_acknowledged(writer, place, values)
    writer.close()
    got = read_until(reader, sent[-1][-1])
    reader.commit()
    reader.close()
    assert first_of_each(got) == [value for values in sent for value in values]


@pytest.mark.parametrize(("make_writer", "make_reader"), CLIENTS)
@pytest.mark.long
def test_with_two_of_three_killed_nothing_is_acknowledged_until_one_is_back(
    kafka3: Kafka,
    access3: Access,
    topic3: str,
    make_writer: Callable[..., BusWriter],
    make_reader: Callable[..., BusReader],
) -> None:
    place = Place(topic3, 0)
    writer = make_writer(access3, acknowledge_seconds=6)
    send_until_acknowledged(writer, place, [b"before"])
    kafka3.kill(2)
    kafka3.kill(3)
    writer.send(place, key=b"k", value=b"meanwhile")
    with pytest.raises(FengsuiError) as raised:
        writer.flush()
    assert raised.value.code == "schema.bus.unacknowledged"
    kafka3.restart(2)
    send_until_acknowledged(writer, place, [b"meanwhile", b"after"])
    writer.close()
    reader = make_reader(access3, {place: BEGINNING})
    got = read_until(reader, b"after")
    reader.close()
    assert first_of_each(got) == [b"before", b"meanwhile", b"after"]


@pytest.mark.parametrize(("make_writer", "make_reader"), CLIENTS)
@pytest.mark.long
def test_with_all_killed_both_ends_say_so_and_go_on_once_they_are_back(
    kafka3: Kafka,
    access3: Access,
    topic3: str,
    make_writer: Callable[..., BusWriter],
    make_reader: Callable[..., BusReader],
) -> None:
    place = Place(topic3, 0)
    writer = make_writer(access3, acknowledge_seconds=6)
    send_until_acknowledged(writer, place, [b"before"])
    reader = make_reader(access3, {place: BEGINNING})
    assert read_until(reader, b"before") == [b"before"]
    for number in (1, 2, 3):
        kafka3.kill(number)
    writer.send(place, key=b"k", value=b"after")
    with pytest.raises(FengsuiError, match="not acknowledge") as raised:
        writer.flush()
    assert raised.value.code == "schema.bus.unacknowledged"
    with pytest.raises(FengsuiError) as raised:
        [reader.read(records_max=1, wait_seconds=0.5) for _ in range(20)]
    assert raised.value.code == "schema.bus.unreachable"
    with pytest.raises(FengsuiError) as raised:
        reader.lag()
    assert raised.value.code == "schema.bus.unreachable"
    kafka3.heal()
    send_until_acknowledged(writer, place, [b"after"])
    assert first_of_each(read_until(reader, b"after")) == [b"after"]
    writer.close()
    reader.close()
