"""Documents hold every event as DuckDB would give it back, in a mapping that never grows."""

from __future__ import annotations

import json
from dataclasses import replace

from collector import normalise
from collector.index.elastic_documents import documents, row_of
from collector.index.elastic_mapping import OWN, UNSEARCHED, day_of, index_of, kind_of, mapping
from collector.index.fieldtext import whole_of
from schema.enrichment import Enrichment
from schema.event import AcceptedBatch, Fields, decode, encode
from schema.fields import catalogue
from schema.times import DAY, from_text, to_text

START = from_text("2026-11-20T08:00:00.000000Z")


def _batch(events: list[Fields]) -> AcceptedBatch:
    times = [START + at for at in range(len(events))]
    whole = [{"@timestamp": to_text(time), **one} for time, one in zip(times, events, strict=True)]
    ids = [at.to_bytes(16, "big") for at in range(len(events))]
    return AcceptedBatch(
        sensor="gate",
        number=7,
        first_sequence=1,
        low_watermark=0,
        received_at=START,
        indexes=range(len(events)),
        ids=ids,
        times=times,
        events=whole,
        enrichment=Enrichment(
            whole, ids, received_at=START, unusual=normalise.unusual(whole)
        ),
    )  # fmt: skip


def _sources(events: list[Fields]) -> list[dict[str, object]]:
    found = documents(_batch(events), prefix="p")
    return [json.loads(lines.splitlines()[1]) for lines, *_ in found]


def test_every_field_of_the_catalogue_has_its_place_and_none_meets_our_own() -> None:
    known = set(mapping()["properties"])
    assert known == (catalogue().keys() - UNSEARCHED) | {OWN}
    assert not any(name == OWN or name.startswith(f"{OWN}.") for name in catalogue())


def test_no_field_is_a_part_of_another() -> None:
    names = catalogue().keys()
    assert not [(one, two) for one in names for two in names if two.startswith(f"{one}.")]


def test_only_known_fields_stand_outside_of_what_is_ours() -> None:
    odd: Fields = {"..": "x", "source.ip.more": 1, "source.ip": "no address", "a b": ["x"],
                   "labels.c..d": "e", "process.pid": "17", "event.category": "web"}  # fmt: skip
    for source in _sources([odd, {"labels.x": 1, "source.ip": "::1"}]):
        assert set(source) - {OWN} <= catalogue().keys()


def test_an_event_comes_back_as_it_was() -> None:
    events: list[Fields] = [
        {
            "message": "口令 \0 \u2028 😀",
            "event.category": [],
            "labels.x": ["a", "b"],
            "labels.y": 5,
        },
        {"source.ip": 17, "event.severity": "high", "unknown": True, "log.level": "error"},
        {},
    ]
    for event, source in zip(events, _sources(events), strict=True):
        row = row_of("0" * 32, json.loads(json.dumps(source)))
        kept = {name: value for name, value in event.items() if name != "event.severity"}
        assert kept.items() <= row.fields.items()
        assert row.time == from_text(str(row.fields["@timestamp"]))
    assert [source["event.severity"] for source in _sources(events)] == [0, 2, 0]


def test_a_class_of_its_own_goes_into_an_index_of_its_own() -> None:
    batch = _batch([{"message": "a"}, {"message": "b"}])
    found = documents(
        batch, prefix="p", classify=lambda event: "given" if event["message"] == "b" else "log"
    )
    assert [index for _, index, *_ in found] == ["p-events-log-20261120", "p-events-given-20261120"]


def test_the_name_of_an_index_says_class_and_day() -> None:
    name = index_of("my-site", "log", START // DAY)
    assert (kind_of(name, "my-site"), day_of(name)) == ("log", START // DAY)


def test_texts_are_numbers_where_duckdb_takes_them_for_numbers() -> None:
    texts = ["17", " 17 ", "17.6", "-17.5", "1e3", "0x10", "1_000", "x", "", "1e30", "１７", ".5"]
    assert [whole_of(text) for text in texts] == [
        17, 17, 18, -18, 1000, 16, 1000, None, None, None, None, 1
    ]  # fmt: skip


def test_sealed_bytes_at_hand_give_the_same_documents() -> None:
    events: list[Fields] = [
        {"message": '口令 "x"\n', "source.ip": "::1", "event.category": ["web", "api"]},
        {"message": "b", "source.ip": "no address", "event.category": []},
        {"labels.x": 1, "log.level": "error"},
        {"event.severity": 3, "user.name": "u"},
        {"source.ip": "::2"},
    ]
    batch = _batch([dict(sorted(one.items())) for one in events])
    payloads = [encode(one) for one in batch.events]
    given = replace(batch, events=[decode(one) for one in payloads])
    at_hand = replace(given, payloads=payloads)
    assert [one[0] for one in documents(at_hand, prefix="p")] == [
        one[0] for one in documents(given, prefix="p")
    ]
