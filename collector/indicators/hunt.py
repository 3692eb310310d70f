"""Hunt: the indicators as they count today, asked of events long stored.

For each field the distinct values of a span are taken from the index and each is looked up, so
the cost follows the values there are and not the length of the list; networks, subdomains and
allow-list mean what they mean in a rule. A span with too many values is halved; nothing is left
out unsaid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from schema.event import TIME
from schema.fields import catalogue
from schema.filter import Term
from schema.indicators import FIELDS, Indicator, IndicatorSet, Kind
from schema.ports import EventReader
from schema.times import DAY, SECOND, from_text

VALUES_MAX: Final = 10_000
"""Distinct values taken from the index at once: the most it gives."""
SPAN_MIN_US: Final = SECOND
"""A span is not halved below this; what it has beyond the most frequent values is told of."""
EVENTS_PER_VALUE_MAX: Final = 5
"""Newest events named for each value found in a day; all are counted."""
VALUE_CHARS_MAX: Final = 512
"""Longer values are looked up, but their events cannot be asked for by the filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One value of one field that an indicator names, on one day."""

    indicator: Indicator
    field: str
    value: str
    count: int
    last_at: int
    """Time of its newest event, microseconds UTC."""
    events: Sequence[str]
    """Ids of its newest events, at most :data:`EVENTS_PER_VALUE_MAX`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day looked through."""

    start: int
    end: int
    matches: Sequence[Match]
    missed: Sequence[str]
    """Fields that had too many values in one second to look at all of them."""


def hunt(
    events: EventReader,
    indicators: IndicatorSet,
    *,
    start: int,
    end: int,
    now: int,
) -> Iterator[Day]:
    """The days from the newest to the oldest; stop after any of them and go on from its start."""
    while end > start:
        begin = max(start, (end - 1) // DAY * DAY)
        matches: list[Match] = []
        missed: list[str] = []
        for kind, fields in FIELDS.items():
            for field in (name for name in fields if name in catalogue()):
                one = _Field(events, indicators, kind=kind, field=field, now=now)
                matches += one.matches(begin, end)
                missed += [field] if one.missed else []
        yield Day(start=begin, end=end, matches=matches, missed=missed)
        end = begin


class _Field:
    """One field of one day."""

    def __init__(
        self,
        events: EventReader,
        indicators: IndicatorSet,
        *,
        kind: Kind,
        field: str,
        now: int,
    ) -> None:
        self._events = events
        self._find: Callable[[str], Indicator | None] = lambda value: indicators.find(
            kind, value, now
        )
        self._field = field
        self.missed = False

    def matches(self, start: int, end: int) -> Iterator[Match]:
        counts: Counter[str] = Counter()
        found: dict[str, Indicator] = {}
        for value, count in self._values(start, end):
            indicator = found.get(value) or self._find(value)
            if indicator is not None:
                found[value] = indicator
                counts[value] += count
        for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            yield self._match(found[value], value, count=count, span=(start, end))

    def _values(self, start: int, end: int) -> Iterator[tuple[str, int]]:
        spans = [(start, end)]
        while spans:
            low, high = spans.pop()
            buckets = self._events.count_by((), self._field, start=low, end=high, limit=VALUES_MAX)
            if len(buckets) >= VALUES_MAX and high - low > SPAN_MIN_US:
                middle = (low + high) // 2
                spans += [(low, middle), (middle, high)]
                continue
            self.missed |= len(buckets) >= VALUES_MAX
            yield from ((one.key, one.count) for one in buckets)

    def _match(
        self, indicator: Indicator, value: str, *, count: int, span: tuple[int, int]
    ) -> Match:
        ids: list[str] = []
        last = span[0]
        if len(value) <= VALUE_CHARS_MAX:
            term = Term(field=self._field, match="equals", value=value)
            page = self._events.search(
                (term,), start=span[0], end=span[1], limit=EVENTS_PER_VALUE_MAX
            )
            ids = [hit.id for hit in page.hits]
            last = max((from_text(str(hit.fields[TIME])) for hit in page.hits), default=last)
        return Match(
            indicator=indicator, field=self._field, value=value, count=count, last_at=last,
            events=ids,
        )  # fmt: skip
