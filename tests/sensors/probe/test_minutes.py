"""Outage and defacement are counted in minutes, and a time nobody looked at is unknown."""

from __future__ import annotations

import random

from schema import times
from schema.event import Fields
from sensors.probe.minutes import GAP_US, Minutes, count

START = times.from_text("2026-11-20T08:00:00.000000Z")
URL = "https://pay.example/"


def probe(minute: int, *, outcome: str = "success", hash_: str = "good", url: str = URL) -> Fields:
    return {
        "@timestamp": times.to_text(START + minute * times.MINUTE),
        "event.dataset": "probe.http",
        "event.outcome": outcome,
        "event.hash": hash_,
        "url.domain": "pay.example",
        "url.full": url,
    }


def counted(*events: Fields, minutes: int = 60) -> tuple[Minutes, ...]:
    return count(
        events,
        start=START,
        end=START + minutes * times.MINUTE,
        released=lambda domain, found, _: (domain, found) == ("pay.example", "good"),
    )


def test_a_state_lasts_from_its_probe_to_the_next() -> None:
    assert counted(
        probe(0), probe(10, outcome="failure"), probe(17, hash_="bad"), probe(20), minutes=30
    ) == (Minutes(url=URL, up=20, down=7, defaced=3, unknown=0),)


def test_what_nobody_looked_at_is_unknown_and_no_outage() -> None:
    (found,) = counted(probe(0, outcome="failure"), probe(50))
    assert (found.down, found.up, found.unknown) == (GAP_US // times.MINUTE, 10, 35)


def test_the_probe_before_the_beginning_tells_the_state_at_it() -> None:
    (found,) = counted(probe(-5, outcome="failure"), probe(2), minutes=10)
    assert (found.down, found.up, found.unknown) == (2, 8, 0)


def test_a_page_without_a_fingerprint_is_not_called_defaced() -> None:
    event = probe(0)
    del event["event.hash"]
    (found,) = counted(event, minutes=10)
    assert (found.up, found.defaced) == (10, 0)


def test_the_order_of_events_changes_nothing_and_pages_are_apart() -> None:
    events = [probe(at, outcome=("failure", "success")[at % 2]) for at in range(0, 60, 7)]
    events += [probe(0, url=f"{URL}b"), probe(7, outcome="success")]
    wanted = counted(*events)
    random.Random(7).shuffle(events)
    assert counted(*events) == wanted
    assert [one.url for one in wanted] == [URL, f"{URL}b"]


def test_other_events_are_passed_over() -> None:
    other = {**probe(0), "event.dataset": "host.file"}
    assert counted(other, {"event.dataset": "probe.http"}) == ()
