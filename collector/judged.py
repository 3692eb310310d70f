"""Judged: what rules read of the collector's own records.

A refusal, a gap, an event set aside or a node given up is a finding about evidence, and rules judge
it as any event. What the collector notes of its everyday work is indexed and provable alone: rules
that read it would judge their own doing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from collector.control import SENSOR as CONTROL
from schema.event import AcceptedBatch

ACTIONS: Final = frozenset(
    {
        "batch_refused",
        "batch_quarantined",
        "clock_capped",
        "event_quarantined",
        "event_redacted",
        "gap",
        "records_lost",
        "sensor_revoked",
        "source_excluded",
        "source_readmitted",
    }
)


def judged(batch: AcceptedBatch) -> AcceptedBatch:
    """The batch as rules read it: of the collector's own, those records only."""
    if batch.sensor != CONTROL:
        return batch
    kept = [
        place for place, fields in enumerate(batch.events) if fields.get("event.action") in ACTIONS
    ]
    return replace(
        batch,
        indexes=[batch.indexes[place] for place in kept],
        ids=[batch.ids[place] for place in kept],
        times=[batch.times[place] for place in kept],
        events=[batch.events[place] for place in kept],
        enrichment=[batch.enrichment[place] for place in kept],
        shapes=(),
        payloads=[batch.payloads[place] for place in kept] if batch.payloads else (),
    )
