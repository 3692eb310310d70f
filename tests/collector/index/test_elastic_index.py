"""On real search nodes: nothing lost, nothing twice, no answer wrong, whatever is in an event."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence

import pytest

from collector.index.elastic_bulk import Rejected
from collector.index.elastic_index import ElasticIndex
from collector.index.elastic_mapping import events_alias
from collector.index.elastic_nodes import Connection, Nodes
from collector.index.elastic_setup import Layout
from collector.index.elastic_snapshots import Snapshots
from schema.errors import FengsuiError
from schema.event import AcceptedBatch, Fields
from schema.filter import parse
from schema.times import DAY, HOUR, SECOND, from_text, to_text

pytestmark = pytest.mark.service

START = from_text("2026-11-20T08:00:00.000000Z")
SPAN = {"start": START, "end": START + 100 * DAY}


def batch(
    events: Sequence[Fields], *, number: int = 1, sensor: str = "gate", start: int = START,
    step: int = SECOND,
) -> AcceptedBatch:  # fmt: skip
    times = [start + at * step for at in range(len(events))]
    head = sensor.encode().ljust(4, b"-")[:4] + number.to_bytes(4, "big")
    return AcceptedBatch(
        sensor=sensor,
        number=number,
        first_sequence=number * 10_000,
        low_watermark=0,
        received_at=start,
        indexes=range(len(events)),
        ids=[head + at.to_bytes(8, "big") for at in range(len(events))],
        times=times,
        events=[
            {"@timestamp": to_text(time), **event}
            for time, event in zip(times, events, strict=True)
        ],
        enrichment=[{} for _ in events],
    )


class Stand:
    """A prefix of the test's own on the session's node."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.connection = Connection(hosts=urls)
        self.prefix = f"t{uuid.uuid4().hex[:12]}"
        self.nodes = Nodes(self.connection)
        self.rejected: list[Rejected] = []
        self._opened: list[ElasticIndex] = []

    def index(self, **layout: object) -> ElasticIndex:
        shape = Layout(**{"prefix": self.prefix, "replicas": 0, "refresh_s": 0, **layout})
        index = ElasticIndex(self.connection, shape, rejected=self.rejected.append)
        self._opened.append(index)
        return index

    def names(self) -> list[str]:
        return sorted(
            self.nodes.ask("GET", f"/{self.prefix}-*", params={"filter_path": "*.aliases"})
        )

    def forget(self) -> None:
        for name in self.names():
            self.nodes.ask("DELETE", f"/{name}", missing=True)

    def close(self) -> None:
        self.forget()
        self.nodes.ask("DELETE", f"/_index_template/{events_alias(self.prefix)}", missing=True)
        self.nodes.close()
        for index in self._opened:
            index.close()


@pytest.fixture
def stand(elasticsearch) -> Iterator[Stand]:
    made = Stand(elasticsearch.urls)
    yield made
    made.close()


def found(index: ElasticIndex, text: str) -> list[int]:
    return sorted(hit.index for hit in index.search(parse(text), **SPAN, limit=100).hits)


def test_values_over_the_limit_of_a_term_are_found_like_all_others(stand: Stand) -> None:
    index = stand.index()
    index.insert([batch([
        {"message": "口令" * 8000 + "needle*尾", "labels.long": "x" * 20_000 + "?end"},
        {"message": "short needle", "labels.long": "y"},
        {"message": "😀" * 5461, "url.path": "/" + "a" * 11_000},
        {"message": "A" * 32_766},
    ])])  # fmt: skip
    assert found(index, "needle") == [0, 1]
    assert found(index, "-needle") == [2, 3]
    assert found(index, "needle*尾") == [0]
    assert found(index, "labels.long:*?end") == [0]
    assert found(index, "labels.long:*") == [0, 1]
    assert found(index, "url.path:/aaa*") == [2]
    assert found(index, "😀") == [2]
    assert found(index, "a") == []
    counts = index.count_by(parse("-labels.long:y"), "labels.long", **SPAN, limit=5)
    assert [(len(one.key), one.count) for one in counts] == [(20_004, 1)]
    hours = index.count_by(parse("needle"), "@timestamp/3600", **SPAN, limit=5)
    assert [one.count for one in hours] == [2]


def test_a_page_goes_on_behind_events_that_only_seemed_to_be_meant(stand: Stand) -> None:
    index = stand.index()
    long = "b" * 11_000
    index.insert(
        [batch([{"message": long + ("needle" if at % 7 == 0 else "")} for at in range(60)])]
    )
    first = index.search(parse("needle"), **SPAN, limit=5)
    second = index.search(parse("needle"), **SPAN, limit=5, after=first.next_cursor)
    assert [hit.index for hit in first.hits] == [56, 49, 42, 35, 28]
    assert [hit.index for hit in second.hits] == [21, 14, 7, 0]
    assert not second.next_cursor


def test_a_list_stays_as_it_was_while_newer_events_come_in(stand: Stand) -> None:
    index = stand.index()
    index.insert([batch([{}] * 20)])
    first = index.search((), **SPAN, limit=8)
    index.insert([batch([{}] * 20, number=2, start=START + HOUR)])
    second = index.search((), **SPAN, limit=8, after=first.next_cursor)
    assert [hit.index for hit in (*first.hits, *second.hits)] == list(range(19, 3, -1))


def test_a_batch_sent_twice_is_stored_once_though_its_cursor_was_lost(stand: Stand) -> None:
    over_midnight = batch([{}] * 30, step=HOUR)
    stand.index().insert([over_midnight])
    version = {"version": 1, "version_type": "external_gte"}
    stand.nodes.ask("DELETE", f"/{stand.prefix}-cursors/_doc/gate", params=version)
    again = stand.index()
    assert again.cursor("gate") == 0
    again.insert([over_midnight])
    assert (again.bulk.created, again.bulk.repeated) == (0, 30)
    assert (len(found(again, "")), stand.index().cursor("gate")) == (30, 1)


def test_a_late_repeat_never_sets_a_cursor_back(stand: Stand) -> None:
    slow, quick = stand.index(), stand.index()
    assert slow.cursor("gate") == 0
    quick.insert([batch([{}], number=9)])
    slow.insert([batch([{}], number=3)])
    assert (slow.cursor("gate"), stand.index().cursor("gate")) == (9, 9)


def test_one_event_the_nodes_cannot_take_is_named_and_the_others_go_on(stand: Stand) -> None:
    index = stand.index()
    index.insert([batch([{}])])
    bad = batch([{"url.path": "/a"}, {"url.path": "/b"}, {"url.path": "/c"}], number=2)
    bad.events[1]["@timestamp"] = "not a time"
    index.insert([bad])
    assert [(one.number, one.index) for one in stand.rejected] == [(2, 1)]
    assert stand.rejected[0].event_id == bad.ids[1].hex()
    assert len(found(index, "")) == 3
    assert index.cursor("gate") == 2


def test_fields_nobody_foresaw_leave_the_mapping_as_it_is(stand: Stand) -> None:
    index = stand.index()
    index.insert([batch([{}])])
    before = stand.nodes.ask("GET", f"/{stand.prefix}-events-log-20261120/_mapping")
    events: list[Fields] = [{f"labels.made.up.{at}": str(at)} for at in range(500)]
    index.insert([batch(events, number=2)])
    assert stand.nodes.ask("GET", f"/{stand.prefix}-events-log-20261120/_mapping") == before
    assert found(index, "labels.made.up.77:77") == [77]


def test_a_lost_index_is_filled_again_from_the_beginning(stand: Stand) -> None:
    stand.index().insert([batch([{}] * 3)])
    stand.forget()
    again = stand.index()
    assert again.cursor("gate") == 0
    again.insert([batch([{}] * 3)])
    assert len(found(again, "")) == 3


def test_an_index_that_goes_while_we_write_is_made_again_with_its_mapping(stand: Stand) -> None:
    index = stand.index()
    index.insert([batch([{}])])
    stand.nodes.ask("DELETE", f"/{stand.prefix}-events-log-20261120")
    index.insert([batch([{"source.ip": "10.0.0.1"}], number=2)])
    assert found(index, "source.ip:10.0.0.1") == [0]
    assert found(index, "source.ip:10.0*") == [0]


def test_counts_are_exact_over_many_shards_and_more_values_than_a_shard_tells(
    stand: Stand,
) -> None:
    index = stand.index(shards=4)
    number = 0
    for day in range(3):
        for part in range(3):
            number += 1
            # Each value a few times, the true leader nowhere near the top of one shard.
            users = [f"u{at % 3000 + part * 17:05}" for at in range(3000)] + ["leader"] * 2
            index.insert([
                batch([{"user.name": user} for user in users], number=number,
                      start=START + day * DAY, step=1000)
            ])  # fmt: skip
    counts = index.count_by((), "user.name", **SPAN, limit=3)
    assert [(one.key, one.count) for one in counts] == [
        ("leader", 18), ("u00034", 9), ("u00035", 9)
    ]  # fmt: skip


def test_every_value_is_counted_where_no_shard_tells_enough_of_them(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = stand.index(shards=4)
    users = [f"u{at % 40:03}" for at in range(200)] + ["u007"]
    index.insert([batch([{"user.name": user, "process.pid": 5} for user in users], step=1000)])
    monkeypatch.setattr("collector.index.elastic_counts.SHARD_VALUES", (2, 3))
    monkeypatch.setattr("collector.index.elastic_counts.COMPOSITE_PAGE", 7)
    counts = index.count_by((), "user.name", **SPAN, limit=3)
    assert [(one.key, one.count) for one in counts] == [("u007", 6), ("u000", 5), ("u001", 5)]


def test_indices_of_another_form_are_not_written_into(stand: Stand) -> None:
    stand.nodes.ask("PUT", f"/{stand.prefix}-cursors", {"mappings": {"_meta": {"form": 0}}})
    with pytest.raises(FengsuiError, match="another \\[search\\] prefix"):
        stand.index().insert([batch([{}])])


def test_a_chinese_phrase_is_found_word_by_word_by_people_s_own_tools(stand: Stand) -> None:
    stand.index().insert([batch([{"message": "统一身份认证口令爆破"}, {"message": "口 令"}])])
    answer = stand.nodes.ask(
        "POST",
        f"/{events_alias(stand.prefix)}/_search",
        {"query": {"match_phrase": {"message": "认证口令"}}},
    )
    assert len(answer["hits"]["hits"]) == 1


def test_a_snapshot_brings_events_and_cursors_back(stand: Stand, elasticsearch) -> None:
    index = stand.index()
    index.insert([batch([{}] * 5), batch([{}] * 2, sensor="host", number=7)])
    snapshots = Snapshots(stand.nodes, prefix=stand.prefix, repository=stand.prefix)
    snapshots.register(str(elasticsearch.snapshots / stand.prefix))
    snapshots.create("one")
    index.insert([batch([{}] * 4, number=2)])
    stand.forget()
    assert snapshots.names() == ["one"]
    snapshots.restore("one")
    again = stand.index()
    assert (again.cursor("gate"), again.cursor("host")) == (1, 7)
    again.insert([batch([{}] * 4, number=2)])
    assert len(found(again, "")) == 11
    stand.nodes.ask("DELETE", f"/_snapshot/{stand.prefix}/one")
    stand.nodes.ask("DELETE", f"/_snapshot/{stand.prefix}")


def test_a_rejected_event_is_at_least_in_the_log_of_the_process(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    index = ElasticIndex(stand.connection, Layout(prefix=stand.prefix, replicas=0, refresh_s=0))
    bad = batch([{"message": "secret text"}])
    bad.events[0]["@timestamp"] = "not a time"
    with caplog.at_level(logging.WARNING):
        index.insert([bad])
    index.close()
    assert "cannot take an event" in caplog.text
    assert "secret text" not in caplog.text
