"""Of the collector's own records rules read what speaks of evidence, and nothing else."""

from __future__ import annotations

from collector.judged import ACTIONS, judged
from schema.event import AcceptedBatch, Fields


def batch(sensor: str, *actions: str) -> AcceptedBatch:
    events: list[Fields] = [{"event.action": action} for action in actions]
    return AcceptedBatch(
        sensor=sensor,
        number=7,
        first_sequence=1,
        low_watermark=5,
        received_at=6,
        indexes=range(len(events)),
        ids=[bytes([place]) * 16 for place in range(len(events))],
        times=list(range(len(events))),
        events=events,
        enrichment=[{} for _ in events],
        payloads=[b"{}"] * len(events),
    )


def test_receipts_are_left_out_and_a_refusal_stays_in_its_place() -> None:
    found = judged(batch("collector", "batch_received", "batch_refused", "rules_loaded", "gap"))
    assert [event["event.action"] for event in found.events] == ["batch_refused", "gap"]
    assert list(found.indexes) == [1, 3]
    assert list(found.times) == [1, 3]
    assert found.ids[0] == bytes([1]) * 16
    assert len(found.enrichment) == len(found.payloads) == 2
    assert (found.number, found.low_watermark) == (7, 5)


def test_a_batch_of_nothing_but_everyday_work_still_counts_as_taken() -> None:
    found = judged(batch("collector", "batch_received", "batch_received"))
    assert found.number == 7
    assert not found.events


def test_a_sensors_own_batch_is_judged_whole_whatever_it_says() -> None:
    given = batch("gate", "batch_received", "batch_refused")
    assert judged(given) is given


def test_what_was_refused_or_is_missing_is_judged() -> None:
    assert {"batch_refused", "event_quarantined", "gap", "source_excluded"} <= ACTIONS
    assert "batch_received" not in ACTIONS
