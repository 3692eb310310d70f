"""What every EventIndex promises; each adapter's test class inherits this one."""

from collections.abc import Sequence

import pytest

from schema.errors import FengsuiError
from schema.event import AcceptedBatch, Fields
from schema.filter import parse
from schema.ports import EventIndex, Expired
from schema.times import DAY, HOUR, SECOND, from_text, to_text

START = from_text("2026-11-20T08:00:00.000000Z")
END = START + 100 * DAY


def batch_of(
    events: Sequence[Fields],
    *,
    sensor: str = "gate",
    number: int = 1,
    start: int = START,
    step: int = SECOND,
) -> AcceptedBatch:
    """An accepted batch of these fields, ``step`` microseconds apart."""
    times = [start + index * step for index in range(len(events))]
    mark = sum(sensor.encode()) % 256
    ids = [
        bytes([200, mark]) + number.to_bytes(6, "big") + index.to_bytes(8, "big")
        for index in range(len(events))
    ]
    return AcceptedBatch(
        sensor=sensor,
        number=number,
        first_sequence=number * 1000,
        low_watermark=start,
        received_at=start,
        indexes=range(len(events)),
        ids=ids,
        times=times,
        events=[
            {"@timestamp": to_text(time), **event}
            for time, event in zip(times, events, strict=True)
        ],
        enrichment=[{} for _ in events],
    )


EVENTS: list[Fields] = [
    {
        "event.original": 'GET /admin?x=100% "quoted"',
        "source.ip": "10.1.0.1",
        "http.response.status_code": 404,
        "event.outcome": "failure",
        "url.path": "/admin",
        "user.name": "alice",
    },
    {
        "event.original": "统一身份认证口令爆破",
        "source.ip": "10.2.0.1",
        "http.response.status_code": 200,
        "log.level": "error",
        "event.category": ["web", "authentication"],
        "labels.unit": "公安局",
    },
    {
        "message": "口令 wrong\n'; DROP TABLE events; --",
        "source.ip": "10.1.0.1",
        "process.pid": 17,
        "user.target.name": "alice",
        "gov.line.partial": True,
        "labels.a'b": "x",
    },
    {"event.original": "nul \0 end", "event.severity": 4, "source.ip": "::1"},
]


FILTERS: list[tuple[str, list[int]]] = [
    ("", [0, 1, 2, 3]),
    ("口令", [1, 2]),
    ("认证口令", [1]),
    ("wrong", [2]),
    ("Wrong", []),
    ("%", [0]),
    ('"quoted"', [0]),
    ("DROP", [2]),
    ("-口令", [0, 3]),
    ("source.ip:10.1.0.1", [0, 2]),
    ("-source.ip:10.1.0.1", [1, 3]),
    ("source.ip:10.*", [0, 1, 2]),
    ("source.ip:*.1", [0, 1, 2]),
    ("url.path:*dmi*", [0]),
    ("url.path:*", [0]),
    ("-url.path:*", [1, 2, 3]),
    ("http.response.status_code:404", [0]),
    ("http.response.status_code:200..404", [0, 1]),
    ("http.response.status_code:..300", [1]),
    ("http.response.status_code:*0*", [0, 1]),
    ("event.severity:critical", [3]),
    ("event.severity:low", [0]),
    ("event.severity:medium..", [1, 3]),
    ("event.category:web", [1]),
    ("labels.unit:公安局", [1]),
    ("process.pid:17", [2]),
    ("process.pid:10..20", [2]),
    ("gov.line.partial:true", [2]),
    ("user.name:alice", [0]),
    ("related.user:alice", [0, 2]),
    ("related.ip:10.2.0.1", [1]),
    ("-related.user:alice", [1, 3]),
    ("sensor:gate", [0, 1, 2, 3]),
    ("sensor:other", []),
    ("@timestamp:2026-11-20", []),
    ("@timestamp:2026-11-20..2026-11-20", [0, 1, 2, 3]),
    ("@timestamp:2026-11-20T08:00:01Z..2026-11-20T08:00:02Z", [1, 2]),
    ("source.ip:10.1.0.1 process.pid:17", [2]),
]
"""Filters and the indexes of EVENTS they find."""

MEANINGLESS = [
    "no.such.field:1",
    "labels.:x.. nothing:1",
    "http.response.status_code:many",
    "http.response.status_code:99999999999999999999",
    "@timestamp:soon..",
    "event.id:12",
    "event.category:*we*",
    "source.ip:10.0.0.1..10.0.0.9",
]


class EventIndexContract:
    """Inherit it and give a fixture ``index``."""

    @pytest.fixture
    def filled(self, index: EventIndex) -> EventIndex:
        """The index with EVENTS of one sensor."""
        index.insert([batch_of(EVENTS)])
        return index

    @staticmethod
    def found(index: EventIndex, text: str, start: int = START, end: int = END) -> list[int]:
        """Indexes of the events found, in event order."""
        page = index.search(parse(text), start=start, end=end, limit=100)
        return sorted(hit.index for hit in page.hits)

    def test_a_filter_finds_exactly_its_events(self, filled: EventIndex) -> None:
        found = [(text, self.found(filled, text)) for text, _ in FILTERS]
        assert found == FILTERS
        assert self.found(filled, f"event.id:{batch_of(EVENTS).ids[3].hex()}") == [3]

    def test_a_filter_nobody_can_mean_is_refused(self, filled: EventIndex) -> None:
        for text in MEANINGLESS:
            with pytest.raises(FengsuiError):
                self.found(filled, text)

    def test_an_event_comes_back_as_it_was(self, filled: EventIndex) -> None:
        batch = batch_of(EVENTS)
        for index, event in enumerate(batch.events):
            hit = filled.get(batch.ids[index].hex())
            assert hit is not None
            assert (hit.sensor, hit.number, hit.index) == ("gate", 1, index)
            assert event.items() <= hit.fields.items()
            assert hit.fields["event.id"] == batch.ids[index].hex()

    def test_an_unknown_id_is_none(self, filled: EventIndex) -> None:
        for event_id in ("", "zz", "0" * 31, "0" * 32, "F" * 32, "0" * 64):
            assert filled.get(event_id) is None

    def test_the_span_includes_its_start_and_excludes_its_end(self, filled: EventIndex) -> None:
        assert self.found(filled, "", START + SECOND, START + 3 * SECOND) == [1, 2]

    def test_a_batch_stored_again_changes_nothing(self, filled: EventIndex) -> None:
        assert filled.cursor("gate") == 1
        filled.insert([batch_of(EVENTS)])
        filled.insert([batch_of(EVENTS[:1], number=2), batch_of(EVENTS, sensor="other")])
        assert (filled.cursor("gate"), filled.cursor("other"), filled.cursor("no")) == (2, 1, 0)
        assert len(self.found(filled, "")) == 9

    def test_pages_are_newest_first_and_meet_without_gap(self, index: EventIndex) -> None:
        for number in range(1, 6):
            batches = [
                batch_of([{}] * 7, sensor=sensor, number=number, start=START + number * DAY // 2)
                for sensor in ("gate", "host")
            ]
            index.insert(batches)
        whole = index.search((), start=START, end=END, limit=100)
        assert len(whole.hits) == 70
        assert not whole.next_cursor
        places = [
            (hit.fields["@timestamp"], hit.sensor, hit.number, hit.index) for hit in whole.hits
        ]
        assert places == sorted(places, reverse=True)
        paged, cursor = [], ""
        while True:
            page = index.search((), start=START, end=END, limit=9, after=cursor)
            paged += page.hits
            cursor = page.next_cursor
            if not cursor:
                break
        assert [hit.id for hit in paged] == [hit.id for hit in whole.hits]

    def test_a_cursor_of_somebody_else_is_refused(self, filled: EventIndex) -> None:
        for cursor in ("x", "1", "1.2", "-1.2.3.gate", "9" * 30 + ".1.1.gate"):
            with pytest.raises(FengsuiError):
                filled.search((), start=START, end=END, limit=9, after=cursor)

    def test_counts_are_ranked_and_filtered(self, filled: EventIndex) -> None:
        counts = filled.count_by((), "source.ip", start=START, end=END, limit=2)
        assert [(one.key, one.count) for one in counts] == [("10.1.0.1", 2), ("10.2.0.1", 1)]
        counts = filled.count_by((), "event.severity", start=START, end=END, limit=9)
        assert {(one.key, one.count) for one in counts} == {
            ("0", 1), ("1", 1), ("2", 1), ("4", 1)
        }  # fmt: skip
        counts = filled.count_by(parse("口令"), "labels.unit", start=START, end=END, limit=9)
        assert [(one.key, one.count) for one in counts] == [("公安局", 1)]

    def test_hours_are_counted_in_time_order_over_days(self, index: EventIndex) -> None:
        for day in (0, 1, 12, 3):
            number = day + 1 if day != 3 else 14
            index.insert([batch_of([{}, {}], number=number, start=START + day * DAY, step=HOUR)])
        counts = index.count_by((), "@timestamp/3600", start=START, end=END, limit=100)
        keys = [one.key for one in counts]
        assert keys == sorted(keys)
        assert len(keys) == 8
        assert keys[0] == to_text(START)
        assert sum(one.count for one in counts) == 8

    def test_what_expired_is_gone_and_the_rest_and_the_cursors_stay(
        self, index: EventIndex
    ) -> None:
        old, new = START, START + 3 * DAY
        index.insert([batch_of([{}] * 3, number=1, start=old)])
        index.insert([batch_of([{}] * 2, number=2, start=old + HOUR)])
        index.insert([batch_of([{}] * 4, sensor="host", number=7, start=old)])
        index.insert([batch_of([{}] * 5, number=3, start=new)])
        gone = [Expired(sensor="gate", number=1, first_at=old, last_at=old + 2 * SECOND)]
        index.expire(gone)
        index.expire(gone)
        assert self.counted(index) == {"gate": 7, "host": 4}
        assert index.get(batch_of([{}], number=1).ids[0].hex()) is None
        index.expire([Expired(sensor="gate", number=3, first_at=old, last_at=new + DAY)])
        assert self.counted(index) == {"host": 4}
        assert (index.cursor("gate"), index.cursor("host")) == (3, 7)
        index.expire([Expired(sensor="host", number=7, first_at=old, last_at=old + DAY)])
        assert self.counted(index) == {}
        index.insert([batch_of([{}] * 6, number=4, start=old)])
        assert (self.counted(index), index.cursor("gate")) == ({"gate": 6}, 4)

    @staticmethod
    def counted(index: EventIndex) -> dict[str, int]:
        """Events by sensor."""
        found = index.count_by((), "sensor", start=0, end=END, limit=9)
        return {one.key: one.count for one in found}

    def test_nothing_stored_gives_nothing(self, index: EventIndex) -> None:
        assert index.search((), start=0, end=END, limit=5).hits == []
        assert list(index.count_by((), "source.ip", start=0, end=END, limit=5)) == []
        assert index.cursor("gate") == 0
