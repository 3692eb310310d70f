"""What readers see of retention: each class and each source of their units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard_api.wire import Time


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionClassView:
    """One class of record: the law's floor and the setting, in calendar months."""

    name: str
    title_zh: str
    title_en: str
    floor_months: int
    months: int
    required_from: Time
    """Everything of the class from here on must still be here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSourceView:
    """One source: what is oldest, what has expired, and why its oldest segment goes or stays."""

    sensor: str
    retention: str
    """The class of its oldest segment; empty while that still grows."""
    oldest_event_at: Time | None
    segments: int
    bytes: int
    expired_events: int
    expired_to: Time | None
    """Events up to here are gone, by signed tombstones; null: nothing has ever expired."""
    held: bool
    """Whether a hold is on it."""
    next_at: Time | None
    """When its oldest segment is past its period, where that is known."""
    verdict: str
    """``due``, or what keeps its oldest segment: ``young``, ``held``, ``newest``, ``needed``,
    ``proving``, ``unsound`` or ``unknown``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionView:
    """How long things are kept here. Gaps are with the sensors."""

    classes: Sequence[RetentionClassView]
    sources: Sequence[RetentionSourceView]


def nothing() -> RetentionView:
    """Of a site that keeps nothing."""
    return RetentionView(classes=[], sources=[])
