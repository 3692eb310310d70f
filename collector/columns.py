"""Columns: a verified batch's events decoded, placed and told apart, as index and rules read them.

What is wrong with one event sets that event aside with its reason and leaves the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter, lt
from typing import Final

from collector import normalise, rescan
from collector.geo.geography import Geography
from schema import ids, limits, times
from schema.batch import Batch, Body
from schema.enrichment import Enrichment
from schema.errors import FengsuiError
from schema.event import (
    GENERATION,
    OFFSET,
    SOURCE,
    TIME,
    AcceptedBatch,
    Fields,
    Value,
    decode,
    decode_many,
)
from schema.shapes import Shape, shapes

Marks = Mapping[tuple[str, str], int]
"""Highest accepted offset by (source, generation)."""

TIME_MIN: Final = times.from_text("1990-01-01T00:00:00.000000Z")
TIME_MAX: Final = times.from_text("2100-01-01T00:00:00.000000Z")
"""Event times outside are no clock's, and would scatter the index over files of their own."""

DAYS_MAX: Final = 64
"""Days of events in one batch: two months of a slow source; each day is a file of the index."""

_place = itemgetter(SOURCE, GENERATION, OFFSET)
_OFFSET_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """An event that is not let in, and why."""

    index: int
    code: str
    message: str


@dataclass(slots=True, kw_only=True)
class Columns:
    """The events of a batch that are let in, and what became of the others."""

    indexes: Sequence[int]
    events: list[Fields]
    payloads: list[bytes]
    """The canonical bytes of each."""
    times: list[int] = field(default_factory=list)
    places: list[tuple[str, str, int]] = field(default_factory=list)
    """Source, generation and offset of each."""
    ids: list[bytes] = field(default_factory=list)
    shapes: Sequence[Shape] = ()
    unusual: Mapping[int, Mapping[str, Value]] = field(default_factory=dict)
    set_aside: list[SetAside] = field(default_factory=list)
    dirty: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Kinds of what a sensor may not send, by index: these events are to be redacted."""
    duplicates: list[int] = field(default_factory=list)
    marks: dict[tuple[str, str], int] = field(default_factory=dict)
    """Where the marks stand behind this batch."""

    @property
    def dropped(self) -> list[int]:
        """Every index left out, but for redacted events."""
        return sorted([*self.duplicates, *(item.index for item in self.set_aside)])


def first_read(batch: Batch, body: Body, marks: Marks, *, clean: bool = False) -> Columns:
    """The columns of a batch that was never read before; decides what is left out.

    ``clean`` says that these very bytes were searched before, and nothing found.
    """
    columns = _decoded(body)
    if not clean:
        _look_again(columns, body)
    _time_and_place(columns)
    _drop_duplicates(columns, marks)
    _identify(columns, batch)
    return columns


def read_again(batch: Batch, body: Body, dropped: frozenset[int]) -> Columns:
    """The same columns for a batch already let in: what was left out then is left out again."""
    columns = _decoded(body)
    _keep(columns, [index not in dropped for index in columns.indexes])
    columns.times = _times(columns.events)
    columns.places = _places(columns.events)
    _identify(columns, batch)
    return columns


def accepted(
    columns: Columns,
    batch: Batch,
    *,
    received_at: int,
    low_watermark: int,
    geography: Geography | None = None,
) -> AcceptedBatch:
    """The batch as the index and the analytics tier read it; its addresses by the geo files that
    counted when it was received."""
    unusual = columns.unusual
    if geography is not None:
        found = geography.places(columns.events, columns.shapes, received_at)
        if found:
            unusual = {
                place: {**unusual.get(place, {}), **found.get(place, {})}
                for place in sorted({*unusual, *found})
            }
    return AcceptedBatch(
        sensor=batch.header.sensor,
        number=batch.header.number,
        first_sequence=batch.header.first_sequence,
        low_watermark=low_watermark,
        received_at=received_at,
        indexes=columns.indexes,
        ids=columns.ids,
        times=columns.times,
        events=columns.events,
        enrichment=Enrichment(
            columns.events, columns.ids, received_at=received_at, unusual=unusual
        ),
        shapes=columns.shapes,
        payloads=columns.payloads,
    )


def _decoded(body: Body) -> Columns:
    payloads = body.payloads
    if not body.leaves:
        try:
            whole = [payload for payload in payloads if payload is not None]
            events = decode_many(whole)
            if max(map(len, events)) <= limits.FIELDS_MAX:
                return Columns(indexes=range(len(events)), events=events, payloads=whole)
        except FengsuiError:
            pass
    return _decoded_singly(payloads)


def _decoded_singly(payloads: Sequence[bytes | None]) -> Columns:
    indexes: list[int] = []
    columns = Columns(indexes=indexes, events=[], payloads=[])
    for index, payload in enumerate(payloads):
        if payload is None:
            continue
        try:
            event = decode(payload)
            if len(event) > limits.FIELDS_MAX:
                raise FengsuiError(
                    "collector.event.too_many_fields",
                    f"an event has {len(event)} fields, at most {limits.FIELDS_MAX} are let in",
                )
        except FengsuiError as error:
            columns.set_aside.append(SetAside(index=index, code=error.code, message=str(error)))
        else:
            indexes.append(index)
            columns.events.append(event)
            columns.payloads.append(payload)
    return columns


def _keep(columns: Columns, keep: Sequence[bool]) -> None:
    """Cut indexes, events and payloads (and times and places in step) down to the places kept."""
    if all(keep):
        return
    columns.indexes = [one for one, kept in zip(columns.indexes, keep, strict=True) if kept]
    columns.events = [one for one, kept in zip(columns.events, keep, strict=True) if kept]
    columns.payloads = [one for one, kept in zip(columns.payloads, keep, strict=True) if kept]
    if columns.times:
        columns.times = [one for one, kept in zip(columns.times, keep, strict=True) if kept]
        columns.places = [one for one, kept in zip(columns.places, keep, strict=True) if kept]


def _look_again(columns: Columns, body: Body) -> None:
    suspects = set(rescan.worth_a_look(body.payloads))
    if not suspects:
        return
    keep = [True] * len(columns.events)
    for at, index in enumerate(columns.indexes):
        if index in suspects and (kinds := rescan.kinds_in(columns.events[at])):
            columns.dirty[index] = kinds
            keep[at] = False
    # What cannot be decoded cannot be searched value by value: a suspect among it is redacted.
    for item in columns.set_aside:
        if item.index in suspects:
            columns.dirty[item.index] = ("unreadable",)
    columns.set_aside = [one for one in columns.set_aside if one.index not in columns.dirty]
    _keep(columns, keep)


def _times(events: Sequence[Fields]) -> list[int]:
    return times.from_texts([event[TIME] for event in events])  # type: ignore[misc]


def _time_and_place(columns: Columns) -> None:
    """Fill in times; events without a sound time or place are set aside."""
    try:
        columns.times, columns.places = _times(columns.events), _places(columns.events)
    except (KeyError, TypeError, FengsuiError):
        _set_aside_unplaced(columns)
        columns.times, columns.places = _times(columns.events), _places(columns.events)
    if columns.times:
        first, last = min(columns.times), max(columns.times)
        if first < TIME_MIN or last >= TIME_MAX or last - first >= DAYS_MAX * times.DAY:
            _set_aside_far(columns)


def _places(events: Sequence[Fields]) -> list[tuple[str, str, int]]:
    if not events:
        return []
    places = list(map(_place, events))
    sources, generations, offsets = zip(*places, strict=True)
    if (set(map(type, sources)) | set(map(type, generations))) != {str}:
        raise TypeError
    if set(map(type, offsets)) != {int} or min(offsets) < 0 or max(offsets) > _OFFSET_MAX:
        raise TypeError
    return places


def _set_aside_unplaced(columns: Columns) -> None:
    keep: list[bool] = []
    for index, event in zip(columns.indexes, columns.events, strict=True):
        reason = _unplaced(event)
        keep.append(reason is None)
        if reason:
            columns.set_aside.append(SetAside(index=index, code=reason[0], message=reason[1]))
    _keep(columns, keep)


def _unplaced(event: Fields) -> tuple[str, str] | None:
    """Why an event cannot be put in order, None when it can."""
    try:
        _times([event])
    except (KeyError, TypeError, FengsuiError):
        return "collector.event.time", f"its @timestamp is {str(event.get(TIME))[:40]!r}"
    try:
        _places([event])
    except (KeyError, TypeError):
        return "collector.event.place", "it does not say where in its source it began"
    return None


def _set_aside_far(columns: Columns) -> None:
    keep: list[bool] = []
    days: set[int] = set()
    for index, time_us in zip(columns.indexes, columns.times, strict=True):
        day = time_us // times.DAY
        near = TIME_MIN <= time_us < TIME_MAX and (day in days or len(days) < DAYS_MAX)
        if near:
            days.add(day)
        else:
            columns.set_aside.append(
                SetAside(
                    index=index,
                    code="collector.event.time",
                    message=f"its time {times.to_text(time_us)} is not plausible in this batch",
                )
            )
        keep.append(near)
    _keep(columns, keep)


def _drop_duplicates(columns: Columns, marks: Marks) -> None:
    """Leave out what is not beyond the mark of its file, and move the marks on."""
    if not columns.events:
        return
    sources, generations, offsets = zip(*columns.places, strict=True)
    if len(set(zip(sources, generations, strict=True))) == 1:
        mark = marks.get((sources[0], generations[0]), -1)
        if offsets[0] > mark and all(map(lt, offsets, offsets[1:])):
            columns.marks[sources[0], generations[0]] = offsets[-1]
            return
    keep: list[bool] = []
    moved = columns.marks
    for index, (source, generation, offset) in zip(columns.indexes, columns.places, strict=True):
        file = (source, generation)
        beyond = offset > moved.get(file, marks.get(file, -1))
        if beyond:
            moved[file] = offset
        else:
            columns.duplicates.append(index)
        keep.append(beyond)
    _keep(columns, keep)


def _identify(columns: Columns, batch: Batch) -> None:
    header = batch.header
    columns.ids = ids.event_ids(header.sensor, header.enrolment, columns.places)
    columns.shapes = shapes(columns.events)
    columns.unusual = normalise.unusual_in(columns.shapes)
