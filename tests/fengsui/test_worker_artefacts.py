"""A worker finds an artefact whatever else lies in its topic, and reads the topic once."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from collector.bus.memory_bus import MemoryBus
from collector.bus.reading import BEGINNING
from collector.bus.sealed import SealedReader, SealedWriter, Sealing, SealKey
from fengsui import worker_artefacts
from fengsui.worker_artefacts import TopicArtefacts
from schema import artefact
from schema.bus import BusReader, Place
from schema.errors import FengsuiError

PLACE = Place("t.artefacts", 0)


class Entropy:
    """The same bytes each time."""

    def __init__(self) -> None:
        self._chance = random.Random(1)

    def take(self, count: int) -> bytes:
        return self._chance.randbytes(count)


class Topic:
    """The topic, and where readers began."""

    def __init__(self, sealing: Sealing | None = None) -> None:
        self.bus = MemoryBus({PLACE.topic: 1})
        self.starts: list[int] = []
        self._sealing = sealing

    def write(self, *records: tuple[bytes, bytes], sealing: Sealing | None = None) -> None:
        writer = self.bus.writer()
        for key, value in records:
            (writer if sealing is None else SealedWriter(writer, sealing)).send(
                PLACE, key=key, value=value
            )
        writer.flush()

    def reader(self, starts: Mapping[Place, int]) -> BusReader:
        self.starts += starts.values()
        reader = self.bus.reader(starts)
        return reader if self._sealing is None else SealedReader(reader, self._sealing)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_artefacts, "WAIT_SECONDS", 0)


def test_records_nobody_of_ours_wrote_hide_no_artefact(tmp_path: Path) -> None:
    topic, wanted = Topic(), b"rules"
    name = artefact.digest_of(wanted)
    topic.write(
        (b"what is this", b""), (b"\xff", b"x"), (f"{name}/0/1".encode(), b"other bytes"),
        (f"{name}/0/2".encode(), b"half"), (f"{name}/3/2".encode(), b"half"),
        *artefact.records(wanted),
    )  # fmt: skip
    assert TopicArtefacts(tmp_path, PLACE, topic.reader).get(name) == wanted


def test_an_artefact_cut_in_two_ways_is_whole_in_either() -> None:
    raw, assembly = b"abcdef", artefact.Assembly()
    name = artefact.digest_of(raw)
    assert assembly.take(f"{name}/0/3".encode(), b"ab") is None
    assert assembly.take(f"{name}/0/2".encode(), b"abc") is None
    assert assembly.take(f"{name}/2/3".encode(), b"ef") is None
    assert assembly.take(f"{name}/1/2".encode(), b"def") == (name, raw)
    assert assembly.take(f"{name}/1/3".encode(), b"cd") == (name, raw)


def test_what_was_sealed_with_a_key_of_before_hides_no_artefact(tmp_path: Path) -> None:
    old, new = (Sealing([SealKey.of(bytes([n]) * 16)], Entropy()) for n in (1, 2))
    topic, wanted = Topic(new), b"rules"
    topic.write(*artefact.records(b"old"), sealing=old)
    topic.write(*artefact.records(wanted), sealing=new)
    artefacts = TopicArtefacts(tmp_path, PLACE, topic.reader)
    assert artefacts.get(artefact.digest_of(wanted)) == wanted
    with pytest.raises(FengsuiError, match="holds no artefact"):
        artefacts.get(artefact.digest_of(b"old"))


def test_the_newest_is_read_without_those_before_it(tmp_path: Path) -> None:
    topic, raws = Topic(), [b"1", b"2", b"3"]
    artefacts = TopicArtefacts(tmp_path, PLACE, topic.reader)
    topic.write(*(record for raw in raws[:2] for record in artefact.records(raw)))
    assert artefacts.get(artefact.digest_of(raws[1])) == raws[1]
    topic.write(*artefact.records(raws[2]))
    assert artefacts.get(artefact.digest_of(raws[2])) == raws[2]
    assert topic.starts == [BEGINNING, 2]
    assert artefacts.get(artefact.digest_of(raws[0])) == raws[0]
    assert topic.starts == [BEGINNING, 2, 3, BEGINNING]
