"""A record opens where it was sealed to be, by who holds its key, and nowhere else."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.bus.memory_bus import MemoryBus
from collector.bus.reading import BEGINNING, Group
from collector.bus.sealed import (
    OWN_BYTES,
    SealedReader,
    SealedWriter,
    Sealing,
    SealKey,
    create_key,
    load_key,
)
from crypto.errors import CryptoError
from schema.bus import Place, Record
from schema.errors import FengsuiError

OLD, NEW, OTHER = (SealKey.of(bytes([number]) * 16) for number in (1, 2, 3))
PLACE = Place("site.batches", 3)


class Counted:
    def __init__(self) -> None:
        self._next = itertools.count(1)

    def take(self, size: int) -> bytes:
        return next(self._next).to_bytes(size, "big")


def sealing(*keys: SealKey) -> Sealing:
    return Sealing(keys, Counted())


def record(value: bytes, *, place: Place = PLACE, key: bytes = b"gate") -> Record:
    return Record(place, 7, key, value)


def refused(opening: Sealing, sealed: Record) -> FengsuiError:
    with pytest.raises(FengsuiError) as raised:
        opening.open(sealed)
    assert raised.value.params["offset"] == 7
    assert sealed.place.topic in str(raised.value)
    return raised.value


@given(st.binary(max_size=300), st.binary(max_size=20))
def test_what_is_sealed_opens_to_the_same(value: bytes, key: bytes) -> None:
    sealed = sealing(OLD).seal(PLACE.topic, key, value)
    assert len(sealed) == len(value) + OWN_BYTES
    assert sealing(OLD).open(record(sealed, key=key)) == record(value, key=key)


def test_the_same_value_never_looks_the_same_twice() -> None:
    one = sealing(OLD)
    assert one.seal("t", b"k", b"value") != one.seal("t", b"k", b"value")


def test_all_keys_of_a_rotation_open_and_the_first_seals() -> None:
    before = sealing(OLD).seal(PLACE.topic, b"gate", b"v")
    rotated = sealing(NEW, OLD)
    assert rotated.open(record(before)).value == b"v"
    after = rotated.seal(PLACE.topic, b"gate", b"v")
    assert sealing(NEW).open(record(after)).value == b"v"


def test_an_unknown_key_is_named_by_its_id() -> None:
    sealed = sealing(OTHER).seal(PLACE.topic, b"gate", b"v")
    error = refused(sealing(NEW, OLD), record(sealed))
    assert error.code == "collector.seal.key_unknown"
    assert error.params["key_id"] == OTHER.id.hex()


def test_a_record_without_a_seal_is_refused() -> None:
    assert refused(sealing(OLD), record(b"plain")).code == "collector.seal.plain"


@pytest.mark.parametrize(
    "moved",
    [
        {"place": Place("site.accepted", 3)},
        {"key": b"other"},
        {"key": b""},
        # What is bound is told apart by length: no topic and key run into another pair.
        {"place": Place("site.batche", 3), "key": b"sgate"},
    ],
)
def test_a_record_replayed_to_another_topic_or_key_is_refused(moved: dict[str, object]) -> None:
    sealed = sealing(OLD).seal(PLACE.topic, b"gate", b"v")
    assert refused(sealing(OLD), record(sealed, **moved)).code == "collector.seal.invalid"  # type: ignore[arg-type]


def test_a_cut_record_is_refused_at_every_length() -> None:
    sealed = sealing(OLD).seal(PLACE.topic, b"gate", b"value")
    for length in range(len(sealed)):
        code = refused(sealing(OLD), record(sealed[:length])).code
        assert code == ("collector.seal.plain" if length < 4 else "collector.seal.invalid")


def test_a_flipped_bit_is_refused_wherever_it_is() -> None:
    sealed = sealing(OLD).seal(PLACE.topic, b"gate", b"value")
    for at in range(len(sealed)):
        flipped = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        refused(sealing(OLD), record(flipped))


def test_a_key_file_is_for_its_owner_alone_and_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bus.key"
    made = create_key(path, Counted())
    assert load_key(path) == made
    assert made.secret.hex() not in repr(made)
    path.chmod(0o640)
    with pytest.raises(CryptoError, match="0640"):
        load_key(path)


@pytest.mark.parametrize("content", [b"", b"00", b"z" * 32, b"\xff" * 32, b"0" * 64])
def test_a_file_that_is_no_key_is_named_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bus.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(FengsuiError, match=r"bus\.key is no sealing key") as raised:
        load_key(path)
    assert raised.value.__context__ is None or raised.value.__suppress_context__


def test_no_key_is_no_sealing() -> None:
    with pytest.raises(FengsuiError, match="seal_key_files"):
        sealing()


def test_a_record_that_does_not_open_is_told_alone_and_the_next_are_read() -> None:
    bus = MemoryBus({"t": 1})
    plain, sealed = bus.writer(), SealedWriter(bus.writer(), sealing(OLD))
    place = Place("t", 0)
    for number in range(5):
        writer = plain if number == 2 else sealed
        writer.send(place, key=b"k", value=b"%d" % number)
        writer.flush()
    reader = SealedReader(bus.reader({place: BEGINNING}), sealing(OLD))
    first = reader.read(records_max=10, wait_seconds=0)
    with pytest.raises(FengsuiError) as raised:
        reader.read(records_max=10, wait_seconds=0)
    rest = reader.read(records_max=10, wait_seconds=0)
    assert [one.value for one in (*first, *rest)] == [b"0", b"1", b"3", b"4"]
    assert raised.value.params["offset"] == 2


def test_a_commit_leaves_what_was_fetched_and_not_given_out() -> None:
    bus = MemoryBus({"t": 1})
    writer = SealedWriter(bus.writer(), sealing(OLD))
    bad = bus.writer()
    place = Place("t", 0)
    writer.send(place, key=b"k", value=b"good")
    writer.flush()
    bad.send(place, key=b"k", value=b"bad")
    bad.flush()
    group = Group(name="g", topics=("t",))
    reader = SealedReader(bus.reader(group), sealing(OLD))
    assert [one.value for one in reader.read(records_max=9, wait_seconds=0)] == [b"good"]
    assert reader.lag() == {place: 1}
    reader.commit()
    reader.close()
    again = SealedReader(bus.reader(group), sealing(OLD))
    assert [one.value for one in again.read(records_max=9, wait_seconds=0)] == [b"good"]
