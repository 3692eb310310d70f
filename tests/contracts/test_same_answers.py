"""DuckDB and Elasticsearch give the same answers to any filter over any events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from elastic_indices import elastic_index
from event_index import END, START, batch_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector import normalise
from collector.index.duckdb_index import DuckDbIndex
from collector.index.elastic_index import ElasticIndex
from schema.enrichment import Enrichment
from schema.errors import FengsuiError
from schema.event import AcceptedBatch, Fields
from schema.filter import Term
from schema.times import DAY, to_text

pytestmark = pytest.mark.service

WORDS = [
    "", "a", "A", "ab", "admin", "Admin*", "a?b", "a\\b", "*", "?", "10.1.0.1", "10.1.0.11",
    "::1", "口", "口令", "认证口令", "登录 failed", "口 令", "Ünï", "é", "e\u0301", "😀", "x😀y",
    "a\0b", "\x1f", "口\x1f令", "true", "17", " 17 ", "17.6", "a\nb", '"q"', "%", "_", "labels.a",
    "-", "\u200b", "ﬀ", "İ",
]  # fmt: skip
LONG = ["a" * 12_000, "口令" * 6_000 + "尾", "x" * 10_922, "y" * 10_923, "😀" * 5_462]
"""Over the limit of what is indexed, right at it, and one beyond."""

TEXTS = st.one_of(st.sampled_from(WORDS), st.text("aB口令*?\\ .😀", max_size=6))
LONGER = st.one_of(TEXTS, TEXTS, TEXTS, st.sampled_from(LONG))
INTEGERS = st.one_of(
    st.integers(-3, 20), st.sampled_from([404, 2**31, 2**63 - 1, -(2**63) + 1, 17])
)
LISTS = st.lists(st.sampled_from(["web", "a", "口令", "", "a\\b", LONG[1]]), max_size=3)
ADDRESSES = st.sampled_from(["10.1.0.1", "10.1.0.11", "::1", "0:0:0:0:0:0:0:1", "fe80::1%eth0"])
ANYTHING = st.one_of(LONGER, INTEGERS, st.booleans(), LISTS, ADDRESSES)

TYPED = {
    "event.original": LONGER,
    "message": LONGER,
    "url.path": LONGER,
    "user.name": TEXTS,
    "user.target.name": TEXTS,
    "destination.domain": LONGER,
    "source.ip": ADDRESSES,
    "destination.ip": ADDRESSES,
    "http.response.status_code": INTEGERS,
    "process.pid": INTEGERS,
    "event.severity": st.integers(0, 4),
    "log.level": st.sampled_from(["error", "INFO", "crit", "warn"]),
    "event.outcome": st.sampled_from(["failure", "success"]),
    "event.category": LISTS,
    "gov.line.partial": st.booleans(),
    "labels.unit": LONGER,
    "labels.unit.of": TEXTS,
    "labels.n": st.one_of(INTEGERS, st.booleans(), TEXTS),
    "winlog.event_data.Target": LONGER,
}
ODD = ["unknown", "source.ip.more", "..", "a b", *TYPED]
FILTERED = [
    *TYPED, "sensor", "number", "@timestamp", "event.ingested", "related.ip", "related.user",
    "labels.unknown", "labels.source.ip", "labels.process.pid", "labels.none",
    "labels.event.category",
]  # fmt: skip

COUNTED = [
    "event.original", "labels.unit", "event.category", "source.ip", "process.pid", "number",
    "event.severity", "destination.domain", "@timestamp/3600", "@timestamp/86400", "sensor",
    "event.ingested", "gov.line.partial", "labels.n",
]  # fmt: skip

EVENTS = st.builds(
    lambda typed, odd: {**typed, **odd},
    st.fixed_dictionaries({}, optional=TYPED),
    st.dictionaries(st.sampled_from(ODD), ANYTHING, max_size=1),
)
BATCHES = st.lists(EVENTS, min_size=1, max_size=8)
VALUES = st.one_of(
    TEXTS,
    INTEGERS.map(str),
    ADDRESSES,
    st.sampled_from(["web", "gate", "host", "177", "low", "critical", "尾", "a" * 512]),
)
BOUNDS = st.one_of(st.just(""), VALUES, st.sampled_from([to_text(START), "2026-11-20", "5"]))


@st.composite
def terms(draw: st.DrawFn) -> Term:
    denied = draw(st.booleans())
    field = draw(st.sampled_from([*FILTERED, "*", "*", "event.original", "labels.unit"]))
    if field == "*":
        return Term(field=field, match="contains", value=draw(VALUES), denied=denied)
    match = draw(st.sampled_from(["equals", "contains", "prefix", "suffix", "range", "present"]))
    if match == "range":
        low, high = draw(BOUNDS), draw(BOUNDS)
        return Term(field=field, match=match, low=low, high=high, denied=denied)
    value = "" if match == "present" else draw(VALUES)
    return Term(field=field, match=match, value=value, denied=denied)


@dataclass
class Both:
    """The two engines with the same events."""

    duckdb: DuckDbIndex
    elastic: ElasticIndex
    number: int = 0
    sensor: str = ""
    """The sensor of the newest events: each example asks about its own."""

    def insert(self, events: list[Fields]) -> None:
        self.number += 1
        self.sensor = f"s{self.number}"
        batch = accepted(batch_of(events, sensor=self.sensor, number=self.number, step=DAY // 3))
        for index in (self.duckdb, self.elastic):
            index.insert([batch])

    def asked(self, what: str, *arguments: object, **options: object) -> tuple[object, object]:
        """The answers of both, or the codes of their errors."""
        return tuple(  # type: ignore[return-value]
            self._answer(index, what, *arguments, **options)
            for index in (self.duckdb, self.elastic)
        )

    def _answer(self, index: object, what: str, *arguments: object, **options: object) -> object:
        scope = {"start": START, "end": END, "limit": 100, "sensors": [self.sensor]}
        try:
            return getattr(index, what)(*arguments, **{**scope, **options})
        except FengsuiError as error:
            return error.code


def accepted(batch: AcceptedBatch) -> AcceptedBatch:
    """The batch as intake hands it on: what is odd in it told beside it."""
    enrichment = Enrichment(
        batch.events,
        batch.ids,
        received_at=batch.received_at,
        unusual=normalise.unusual(batch.events),
    )
    return AcceptedBatch(
        sensor=batch.sensor,
        number=batch.number,
        first_sequence=batch.first_sequence,
        low_watermark=batch.low_watermark,
        received_at=batch.received_at,
        indexes=batch.indexes,
        ids=[batch.sensor.encode().ljust(8, b"-") + raw[8:] for raw in batch.ids],
        times=batch.times,
        events=batch.events,
        enrichment=enrichment,
    )


@pytest.fixture(scope="module")
def both(elasticsearch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder: Path = tmp_path_factory.mktemp("same-answers")
    duckdb = DuckDbIndex(folder / "index")
    prefix = f"same{folder.name[-3:].strip('-')}"
    with elastic_index(elasticsearch.urls, prefix) as elastic:
        yield Both(duckdb, elastic)
    duckdb.close()


THOROUGH = settings(
    max_examples=30,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@THOROUGH
@given(events=BATCHES, filters=st.lists(st.lists(terms(), min_size=1, max_size=3), max_size=12))
def test_any_filter_finds_the_same_events_with_the_same_fields(
    both: Both, events: list[Fields], filters: list[list[Term]]
) -> None:
    both.insert(events)
    for asked in [[], *filters]:
        duckdb, elastic = both.asked("search", asked)
        assert duckdb == elastic


@settings(THOROUGH, max_examples=12)
@given(events=BATCHES, asked=st.lists(terms(), max_size=2))
def test_any_count_is_the_same(both: Both, events: list[Fields], asked: list[Term]) -> None:
    both.insert(events)
    for field in COUNTED:
        duckdb, elastic = both.asked("count_by", asked, field)
        assert duckdb == elastic, field
