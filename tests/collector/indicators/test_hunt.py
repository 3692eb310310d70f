"""A hunt finds in stored events what the indicators name today, and says what it did not see."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from event_index import batch_of

from collector.index.duckdb_index import DuckDbIndex
from collector.indicators import hunt as hunting
from collector.indicators.hunt import Day, hunt
from schema.event import Fields
from schema.indicators import Allowed, Indicator, IndicatorSet, Kind
from schema.times import DAY, HOUR, SECOND, from_text

START = from_text("2026-11-20T00:00:00.000000Z")
NOW = START + 3 * DAY


def of(kind: Kind, value: str, **more: object) -> Indicator:
    values = {"source": "s", "confidence": 80, "valid_from": NOW, "valid_until": NOW + DAY}
    return Indicator(kind=kind, value=value, **(values | more))  # type: ignore[arg-type]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[DuckDbIndex]:
    index = DuckDbIndex(tmp_path)
    yield index
    index.close()


def stored(index: DuckDbIndex, events: list[Fields], *, day: int = 0, number: int = 1) -> None:
    index.insert([batch_of(events, number=number, start=START + day * DAY + HOUR)])


def days(
    index: DuckDbIndex, *indicators: Indicator, allowed: tuple[Allowed, ...] = ()
) -> list[Day]:
    seen = IndicatorSet(indicators, allowed)
    return list(hunt(index, seen, start=START, end=NOW, now=NOW))


def found(index: DuckDbIndex, *indicators: Indicator) -> list[tuple[str, str, int]]:
    return [
        (one.field, one.value, one.count) for day in days(index, *indicators) for one in day.matches
    ]


def test_events_from_before_the_list_are_found_in_every_field(index: DuckDbIndex) -> None:
    stored(index, [{"source.ip": "198.51.100.7"}, {"destination.ip": "198.51.100.7"}])
    stored(index, [{"url.domain": "WWW.bad.example"}], day=1, number=2)
    stored(index, [{"event.hash": "A" * 64}, {"source.ip": "203.0.113.9"}], day=2, number=3)
    some = [
        of("network", "198.51.100.0/24"),
        of("domain", "bad.example", subdomains=True),
        of("hash", "a" * 64),
    ]
    assert found(index, *some) == [
        ("event.hash", "A" * 64, 1),
        ("url.domain", "WWW.bad.example", 1),
        ("source.ip", "198.51.100.7", 1),
        ("destination.ip", "198.51.100.7", 1),
    ]


def test_a_match_counts_all_and_names_the_newest(index: DuckDbIndex) -> None:
    stored(index, [{"source.ip": "198.51.100.7"}] * 9)
    (match,) = [one for day in days(index, of("address", "198.51.100.7")) for one in day.matches]
    assert match.count == 9
    assert match.last_at == START + HOUR + 8 * SECOND
    newest = [event_id.hex() for event_id in batch_of([{}] * 9).ids[:-6:-1]]
    assert list(match.events) == newest


def test_what_is_allowed_or_expired_today_is_not_found(index: DuckDbIndex) -> None:
    stored(index, [{"source.ip": "198.51.100.7"}, {"source.ip": "198.51.100.8"}])
    good = Allowed(kind="address", value="198.51.100.7", reason="ours", owner="li")
    some = [
        of("address", "198.51.100.7"),
        of("address", "198.51.100.8", valid_from=START, valid_until=NOW),
    ]
    assert [one for day in days(index, *some, allowed=(good,)) for one in day.matches] == []


def test_a_span_with_too_many_values_is_halved_until_all_are_seen(
    index: DuckDbIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hunting, "VALUES_MAX", 4)
    stored(index, [{"source.ip": f"198.51.100.{number}"} for number in range(50)])
    assert len(found(index, of("network", "198.51.100.0/24"))) == 50
    assert [day.missed for day in days(index)] == [[], [], []]


def test_what_could_not_be_looked_at_is_told(
    index: DuckDbIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hunting, "VALUES_MAX", 4)
    events: list[Fields] = [{"source.ip": f"198.51.100.{number}"} for number in range(50)]
    index.insert([batch_of(events, start=START, step=0)])
    assert [day.missed for day in days(index)][-1] == ["source.ip"]


def test_days_come_newest_first_and_cover_the_span(index: DuckDbIndex) -> None:
    some = list(hunt(index, IndicatorSet(()), start=START + HOUR, end=NOW - HOUR, now=NOW))
    assert [(day.start, day.end) for day in some] == [
        (START + 2 * DAY, NOW - HOUR),
        (START + DAY, START + 2 * DAY),
        (START + HOUR, START + DAY),
    ]
