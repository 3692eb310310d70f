"""Hosts and listening ports are learned from stored events, and again when they are lost."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from collector.assets import sightings
from collector.assets.sightings import Sightings
from collector.state.database import Database
from schema.event import Fields
from schema.filter import Term
from schema.ports import Bucketed, EventHit, EventPage
from schema.times import DAY, HOUR, to_text

DAY_1 = 20_000 * DAY


class Stored:
    """An index of a few events."""

    def __init__(self, *events: Fields) -> None:
        self.events = events

    def count_by(
        self, terms: Sequence[Term], field: str, *, start: int, end: int, limit: int,
        sensors: Sequence[str] | None = None,
    ) -> Sequence[Bucketed]:  # fmt: skip
        hosts = dict.fromkeys(str(one[field]) for one in self._within(start, end))
        return [Bucketed(key=one, count=1) for one in hosts][:limit]

    def search(
        self, terms: Sequence[Term], *, start: int, end: int, limit: int, after: str = "",
        sensors: Sequence[str] | None = None,
    ) -> EventPage:  # fmt: skip
        ports = [one for one in self._within(start, end) if "destination.port" in one]
        hits = [EventHit(id="", sensor="s", number=1, index=0, fields=one) for one in ports]
        at = int(after or 0)
        more = at + limit < len(hits)
        return EventPage(hits=hits[at : at + limit], next_cursor=str(at + limit) if more else "")

    def get(self, wanted: str) -> EventHit | None:
        return None

    def _within(self, start: int, end: int) -> Iterator[Fields]:
        return (
            one for one in self.events if to_text(start) <= str(one["@timestamp"]) < to_text(end)
        )


def event(host: str, at: int, port: int | None = None, address: str = "0.0.0.0") -> Fields:
    fields: Fields = {"@timestamp": to_text(at), "host.name": host}
    if port is not None:
        fields |= {"destination.port": port, "destination.ip": address, "network.protocol": "tcp6"}
    return fields


@pytest.fixture
def learned(tmp_path: Path) -> Iterator[Sightings]:
    database = Database(tmp_path / "state.db")
    yield Sightings(database)
    database.close()


def test_a_host_is_known_from_its_first_day_to_its_last(learned: Sightings) -> None:
    stored = Stored(event("a", DAY_1 + HOUR), event("a", DAY_1 + DAY + HOUR))
    now = DAY_1 + DAY + 2 * HOUR
    assert learned.learn(stored, since=DAY_1, now=now) == 0
    (one,) = learned.assets()
    assert (one.host, one.first_at, one.last_at) == ("a", DAY_1, now)
    assert learned.last_at() == now


def test_a_port_is_learned_once_with_its_first_time_and_a_local_one_not(learned: Sightings) -> None:
    first = DAY_1 + HOUR
    stored = Stored(
        event("a", first, 443), event("a", first + HOUR, 443), event("a", first, 6379, "127.0.0.1")
    )
    learned.learn(stored, since=DAY_1, now=DAY_1 + DAY - 1)
    learned.learn(stored, since=DAY_1, now=DAY_1 + DAY - 1)
    assert learned.assets()[0].ports == {"tcp/443": first}


def test_what_is_lost_is_built_again_from_the_events(learned: Sightings) -> None:
    stored = Stored(event("a", DAY_1, 80), event("b", DAY_1))
    learned.learn(Stored(event("gone", DAY_1)), since=DAY_1, now=DAY_1 + HOUR)
    learned.rebuild(stored, now=DAY_1 + HOUR)
    assert [one.host for one in learned.assets()] == ["a", "b"]


def test_a_bound_that_is_met_is_told(learned: Sightings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "HOSTS_MAX", 2)
    stored = Stored(*(event(f"h{n}", DAY_1) for n in range(5)))
    assert learned.learn(stored, since=DAY_1, now=DAY_1 + HOUR) == 1
