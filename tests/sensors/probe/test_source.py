"""Pages are asked when due and no oftener; each answer is one event."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from schema import event, times
from schema.batch import Position
from schema.errors import FengsuiError
from schema.fields import catalogue
from sensors.probe.fetch import Answer
from sensors.probe.source import GENERATION, Ports, Prober, ProbeSource
from sensors.probe.target import Target

START = times.from_text("2026-11-26T02:00:00.000000Z")
PAGE = Target(name="portal", url="https://www.shili.example/i?a=1", consent="office", interval_us=1)


class World:
    """A page, and two clocks."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.set_forward = 0
        self.asked: list[str] = []
        self.moments: list[float] = []
        self.answer = Answer(status=200, body=b"<p>page</p>", is_whole=True)

    def fetch(self, target: Target) -> Answer:
        self.asked.append(target.url)
        self.moments.append(self.passed)
        self.passed += 0.5
        return self.answer

    def now(self) -> int:
        return START + int(self.passed * times.SECOND) + self.set_forward

    def source(self, *targets: Target) -> ProbeSource:
        ports = Ports(fetch=self.fetch, now=self.now, elapsed=lambda: self.passed, host="m1")
        return ProbeSource("probe", Prober(targets or (PAGE,), ports), self.now)


def test_a_page_is_asked_at_most_once_a_minute_whatever_the_clock_says() -> None:
    world = World()
    source = world.source()
    source.turn()
    assert world.asked == []
    for _ in range(180):
        world.passed += 1
        world.set_forward += times.HOUR
        source.turn()

    assert len(world.moments) == 3
    gaps = [b - a for a, b in pairwise([0, *world.moments])]
    assert min(gaps) >= 60


def test_an_answer_is_one_event_that_the_catalogue_knows() -> None:
    world = World()
    world.answer = Answer(
        status=200, body=b'<a hidden href="//bad.example">x</a>', is_whole=True,
        not_after_us=START + 10 * times.DAY,
    )  # fmt: skip
    source = world.source()
    world.passed = 61
    source.turn()
    source.stop()
    (told,) = source.poll(10).events

    event.encode(told)
    assert {one for one in told if not one.startswith("labels.")} <= set(catalogue())
    assert told["event.outcome"] == "success"
    assert told["url.path"] == "/i"
    assert told["url.full"] == PAGE.url
    assert told["event.duration"] == 500_000_000
    assert told["labels.dark_links"] == "bad.example"
    assert told["labels.certificate_days_left"] == "9"
    assert len(str(told["event.hash"])) == 64


def test_a_page_that_is_away_is_a_failure_with_its_reason_and_no_fingerprint() -> None:
    world = World()
    world.answer = Answer(reason="timeout")
    source = world.source()
    world.passed = 61
    source.turn()
    source.stop()
    (told,) = source.poll(10).events

    assert (told["event.outcome"], told["event.reason"]) == ("failure", "timeout")
    assert "event.hash" not in told


def test_a_page_too_large_is_there_but_not_compared() -> None:
    world = World()
    world.answer = Answer(status=200, body=b"x", reason="page_too_large")
    source = world.source()
    world.passed = 61
    source.turn()
    source.stop()
    (told,) = source.poll(10).events

    assert told["event.outcome"] == "success"
    assert "event.hash" not in told


def test_no_event_is_earlier_than_what_was_told_as_complete() -> None:
    world = World()
    source = world.source()
    source.stop()
    told = source.poll(10).watermark
    other = world.source()
    other.restore(Position(generation=GENERATION, offset=7))
    world.passed = 61
    other.turn()
    world.set_forward = -times.HOUR
    world.passed += 61
    other.turn()
    other.stop()
    polled = other.poll(10)

    assert [place[1] for place in polled.places] == [7, 8]
    stamps = [str(one["@timestamp"]) for one in polled.events]
    assert stamps == sorted(stamps)
    assert times.from_text(stamps[0]) >= told


def test_a_question_that_fails_unforeseen_is_not_put_again_sooner() -> None:
    world = World()
    asked: list[float] = []

    def fails(_: Target) -> Answer:
        asked.append(world.passed)
        raise RuntimeError

    prober = Prober(
        [PAGE], Ports(fetch=fails, now=world.now, elapsed=lambda: world.passed, host="")
    )
    world.passed = 61
    (due,) = prober.due()
    with pytest.raises(RuntimeError):
        prober.ask(due)
    world.passed += 59

    assert prober.due() == []
    assert len(asked) == 1


def test_nothing_is_asked_outside_the_window() -> None:
    world = World()
    night = Target(name="n", url="http://n.example/", consent="office", window="22:00-06:00")
    source = world.source(night)
    world.passed = 61
    source.turn()

    assert world.asked == []


def test_the_same_page_is_not_registered_twice() -> None:
    with pytest.raises(FengsuiError, match="each address once"):
        World().source(PAGE, PAGE)


def test_its_own_thread_asks_and_ends() -> None:
    world = World()
    source = world.source()
    world.passed = 61
    source.poll(1)
    until = time.monotonic() + 20
    events = list(source.poll(1).events)
    while not events and time.monotonic() < until:
        time.sleep(0.05)
        events = list(source.poll(1).events)
    source.stop()

    assert len(events) == 1
