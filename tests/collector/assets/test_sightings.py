"""Hosts and listening ports are learned from stored events, and again when they are lost."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from collector.assets import details, sightings
from collector.assets.sightings import Sightings
from collector.state.database import Database
from schema.event import Fields
from schema.filter import Term
from schema.ports import Bucketed, EventHit, EventPage
from schema.times import DAY, HOUR, to_text

DAY_1 = 20_000 * DAY


def _meets(fields: Fields, term: Term) -> bool:
    value = str(fields.get(term.field, ""))
    return {
        "present": term.field in fields,
        "equals": value == term.value,
        "prefix": value.startswith(term.value),
    }[term.match]


class Stored:
    """An index of a few events."""

    def __init__(self, *events: Fields) -> None:
        self.events = events

    def count_by(
        self, terms: Sequence[Term], field: str, *, start: int, end: int, limit: int,
        sensors: Sequence[str] | None = None,
    ) -> Sequence[Bucketed]:  # fmt: skip
        found = Counter(
            str(one[field])
            for one in self._within(start, end)
            if field in one and all(_meets(one, term) for term in terms)
        )
        return [Bucketed(key=one, count=count) for one, count in found.most_common(limit)]

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


def said(host: str, at: int = DAY_1 + HOUR, **fields: str) -> Fields:
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return {"@timestamp": to_text(at), "host.name": host, **named}


def learn(learned: Sightings, *events: Fields) -> int:
    return learned.learn(Stored(*events), since=DAY_1, now=DAY_1 + DAY - 1)


def test_what_belongs_to_a_host_is_learned_each_value_once(learned: Sightings) -> None:
    met = learn(
        learned,
        said("a", host__id="h-1", user__name="root", gov__app__id="portal"),
        said("a", user__name="root", service__name="sshd"),
        said("a", user__name="deploy"),
        said("b", event__dataset="windows.security"),
        said("a", event__dataset="host.process"),
    )
    a, b = learned.assets()
    assert met == 0
    assert a.shown == {
        "account": ("deploy", "root"), "application": ("portal",), "id": ("h-1",),
        "os": ("Linux",), "service": ("sshd",),
    }  # fmt: skip
    assert b.values("os") == ("Windows",)


def test_a_port_tells_the_hosts_own_address_and_who_listens(learned: Sightings) -> None:
    one = event("a", DAY_1 + HOUR, 443, "10.0.0.3") | {"process.name": "nginx"}
    learn(learned, one, event("a", DAY_1 + HOUR, 80))
    (found,) = learned.assets()
    assert found.values("address") == ("10.0.0.3",)
    assert found.values("service") == ("nginx tcp/443",)


def test_a_certificate_is_the_hosts_whose_address_answered_for_its_name(learned: Sightings) -> None:
    until = "2027-01-31T08:00:00.000000Z"
    learn(
        learned,
        event("web", DAY_1 + HOUR, 443, "10.0.0.3"),
        said("sensor", tls__client__server_name="portal.example", destination__ip="10.0.0.3"),
        said("sensor", url__domain="portal.example", tls__server__not_after=until),
    )
    sensor, web = learned.assets()
    assert web.values("name") == ("portal.example",)
    assert web.values("certificate") == (f"portal.example {until}",)
    assert sensor.values("certificate") == ()


def test_who_only_relays_a_log_is_no_address_of_the_host(learned: Sightings) -> None:
    learn(learned, said("a", gov__transit__peer="10.0.0.9"))
    assert learned.assets()[0].values("address") == ()


def test_a_quick_look_leaves_details_out(learned: Sightings) -> None:
    stored = Stored(said("a", user__name="root"))
    learned.learn(stored, since=DAY_1, now=DAY_1 + DAY - 1, details=False)
    assert learned.assets()[0].shown == {}


def test_more_accounts_than_a_host_has_people_meet_a_bound_that_is_told(
    learned: Sightings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "VALUES_MAX", 3)
    assert learn(learned, *(said("a", user__name=f"u{n}") for n in range(5))) == 1
    assert len(learned.assets()[0].values("account")) == 3


def test_a_look_makes_a_bounded_number_of_small_searches_and_tells(
    learned: Sightings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "QUESTIONS_MAX", 2)
    assert learn(learned, said("a", user__name="root")) == 1
    assert learned.assets()[0].shown == {}
