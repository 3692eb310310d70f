"""Kinds of rules: how each is written, what it remembers of an entity, how its alerts explain."""

from __future__ import annotations

from typing import Final

from analytics.kinds.event import EventKind
from analytics.kinds.model import ModelKind
from analytics.kinds.port import Kind
from analytics.kinds.sequence import SequenceKind
from analytics.kinds.threshold import ThresholdKind
from analytics.patterns import AnyPattern, EntityHours, Once, Pattern, Sequence, Threshold

_KINDS: Final[dict[type[Pattern], Kind]] = {
    Once: EventKind(),
    Threshold: ThresholdKind(),
    Sequence: SequenceKind(),
    EntityHours: ModelKind(),
}


def of(pattern: AnyPattern) -> Kind:
    """The kind of a pattern."""
    return _KINDS[type(pattern)]
