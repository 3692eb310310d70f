"""Who carries deeds out, and what becomes of what servers wrote meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import pytest
from district.deed import Deed
from district.stream import Sink
from living.clock import Clock
from living.crew import Crew
from living.part import Made

AT = 1_794_900_000_000_000


class Gate:
    """A system whose one server notes who came."""

    name = "gate"
    made: Mapping[str, Made] = {}
    stream = "gate.log"

    def __init__(self) -> None:
        self.written: list[tuple[float, str]] = []

    def start(self, ground: object) -> None: ...

    def begin(self) -> None: ...

    def end_of_day(self) -> None: ...

    def perform(self, deed: Deed) -> Iterable[Deed]:
        if deed.act == "closed":
            raise ConnectionRefusedError("closed")
        self.written.append((time.time(), f"TRUE {deed.act}"))
        yield Deed(at=deed.at + 7, system="gate", act="leave")

    def read(self) -> Iterable[tuple[float, str]]:
        taken, self.written = self.written, []
        return taken

    def stamped(self, text: str, at: int) -> str:
        return text.replace("TRUE", str(at))


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def crew(gate: Gate, sink: Sink) -> Crew:
    return Crew({"gate": gate}, [gate], clock=Clock(AT), sink=sink)


def test_servers_lines_come_in_at_the_town_s_time_with_their_episode(crew, gate, sink) -> None:
    after = list(crew.perform(gate, Deed(at=AT + 60, system="gate", act="enter", episode="E1")))
    crew.perform(gate, Deed(at=AT + 9_000_000, system="gate", act="look"))
    crew.end_of_day()
    assert [deed.act for deed in after] == ["leave"]
    first, second = sink.lines
    assert (first.stream, first.episode, second.episode) == ("gate.log", "E1", "")
    assert AT + 60 <= first.at < AT + 1_000_000 < AT + 9_000_000 <= second.at
    assert first.text == f"{first.at} enter"


def test_a_deed_whose_server_is_away_is_counted_and_nothing_follows(crew, gate, capsys) -> None:
    assert list(crew.perform(gate, Deed(at=AT, system="gate", act="closed"))) == []
    assert "closed" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="1 of 1 deeds failed"):
        crew.judge()


def test_few_failures_are_part_of_life(crew, gate) -> None:
    for place in range(2000):
        crew.perform(gate, Deed(at=AT + place, system="gate", act="enter"))
    crew.perform(gate, Deed(at=AT + 2000, system="gate", act="closed"))
    crew.judge()


def test_a_system_that_has_no_part_carries_its_deeds_out_itself(gate, sink) -> None:
    crew = Crew({}, [], clock=Clock(AT), sink=sink)
    assert [deed.act for deed in crew.perform(gate, Deed(at=AT, system="gate", act="x"))] == [
        "leave"
    ]
