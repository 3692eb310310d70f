"""Documents: accepted batches as lines of a bulk request, and documents as events again.

Events with the same fields are encoded together; only what differs from event to event is put in
one by one. An event comes back exactly as DuckDB gives it.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from collector.index.elastic_mapping import BETWEEN, OWN, index_of
from collector.index.fieldtext import text_of, whole_of
from schema.enrichment import derived, severity, unusual_of
from schema.event import PLACES, TIME, AcceptedBatch, Fields, Value
from schema.fields import catalogue, is_open
from schema.ports import EventHit
from schema.shapes import Shape, shapes
from schema.times import DAY, to_text

SEVERITY: Final = "event.severity"
LOG_CLASS: Final = "log"

Classify = Callable[[Fields], str]
"""The retention class of an event."""

_encoder: Final = msgspec.json.Encoder()
_LISTS: Final = frozenset(one.name for one in catalogue().values() if one.type == "keywords")


Document = tuple[bytes, str, AcceptedBatch, int]
"""One event on its way: its two lines, its index, its batch and its place there. A tuple, since a
million are made a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A stored event without what is worked out when it is shown."""

    id: str
    sensor: str
    number: int
    index: int
    time: int
    received: int
    fields: Fields

    def hit(self) -> EventHit:
        """The event as people see it."""
        added = derived(self.fields, event_id=bytes.fromhex(self.id), received_at=self.received)
        return EventHit(
            id=self.id,
            sensor=self.sensor,
            number=self.number,
            index=self.index,
            fields={**self.fields, **added},
        )


def documents(
    batch: AcceptedBatch, *, prefix: str, classify: Classify | None = None
) -> list[Document]:
    """The events of a batch, shape by shape."""
    head = b'"%s":{"sensor":%s,"number":%d,"received":%d,"index":' % (
        OWN.encode(), _encoder.encode(batch.sensor), batch.number, batch.received_at,
    )  # fmt: skip
    names = _Indices(prefix)
    odd = unusual_of(batch.enrichment)
    found: list[Document] = []
    for shape in batch.shapes or shapes(batch.events):
        severities = _severities(shape)
        bodies, tails = _bodies(batch, shape), _tails(shape)
        for at, place in enumerate(shape.places):
            body, tail, level = bodies[at], tails[at], severities[at]
            if odd and place in odd:
                body, tail, level = _odd(batch.events[place], odd[place])
            kind = classify(batch.events[place]) if classify else LOG_CLASS
            time_us = batch.times[place]
            index, action = names.of(kind, time_us // DAY)
            lines = b'%b%b"}}\n%b,"event.severity":%d,%b%d,"time":%d%b}}\n' % (
                action, hexlify(batch.ids[place]), body, level, head, batch.indexes[place],
                time_us, tail,
            )  # fmt: skip
            found.append((lines, index, batch, place))
    return found


def row_of(event_id: str, source: Mapping[str, Any]) -> Row:
    """A document as the event it was."""
    own = source[OWN]
    fields: Fields = {name: value for name, value in source.items() if name != OWN}
    # A value of the wrong type is shown as it came; a wrong severity has been worked out instead.
    fields.update({name: value for name, value in own.get("rest", {}).items() if name != SEVERITY})
    fields[TIME] = to_text(own["time"])
    return Row(
        id=event_id,
        sensor=own["sensor"],
        number=own["number"],
        index=own["index"],
        time=own["time"],
        received=own["received"],
        fields=fields,
    )


class _Indices:
    """Names of indices and the beginnings of their actions, each made once."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._known: dict[tuple[str, int], tuple[str, bytes]] = {}

    def of(self, kind: str, day: int) -> tuple[str, bytes]:
        known = self._known.get((kind, day))
        if known is None:
            name = index_of(self._prefix, kind, day)
            known = name, b'{"create":{"_index":"%s","_id":"' % name.encode("ascii")
            self._known[kind, day] = known
        return known


def _severities(shape: Shape) -> Sequence[int]:
    own = shape.columns.get(SEVERITY)
    if own is not None:
        return cast("Sequence[int]", own)
    nothing = (None,) * len(shape.places)
    levels = shape.columns.get("log.level", nothing)
    outcomes = shape.columns.get("event.outcome", nothing)
    # Of a value with another type the event is odd, and its severity worked out there.
    return [
        severity(
            level if isinstance(level, str) else None, outcome if isinstance(outcome, str) else None
        )
        for level, outcome in zip(levels, outcomes, strict=True)
    ]


def _bodies(batch: AcceptedBatch, shape: Shape) -> list[bytes]:
    """Of each event the fields that have one of their own in the mapping, its brace left open."""
    aside = {name for name in shape.columns if is_open(name)} | {SEVERITY} & set(shape.columns)
    if aside:
        names = [name for name in shape.columns if name not in aside]
        rows = zip(*[shape.columns[name] for name in names], strict=True)
        chosen = [dict(zip(names, row, strict=True)) for row in rows]
    elif batch.payloads:
        # The sensor's own bytes are the document already.
        return [batch.payloads[place][:-1] for place in shape.places]
    else:
        chosen = [batch.events[place] for place in shape.places]
    return [line[:-1] for line in _lines(chosen)]


def _tails(shape: Shape) -> Sequence[bytes]:
    """Of each event its pairs and the fields under open names, behind a comma."""
    size = len(shape.places)
    listed = [name for name in shape.columns if name in _LISTS]
    opened = [name for name in shape.columns if is_open(name)]
    if not listed and not opened:
        return [b""] * size
    tails: list[dict[str, object]] = [{"pairs": []} for _ in range(size)]
    for name in (*listed, *(one for one in opened if BETWEEN not in one)):
        begin = name + BETWEEN
        for tail, value in zip(tails, shape.columns[name], strict=True):
            tail["pairs"].append(begin + text_of(value))  # type: ignore[attr-defined]
    if opened:
        rows = zip(*[shape.columns[name] for name in opened], strict=True)
        for tail, row in zip(tails, rows, strict=True):
            tail["rest"] = dict(zip(opened, row, strict=True))
    return [b"," + line[1:-1] for line in _lines(tails)]


def _odd(event: Fields, labels: Mapping[str, Value]) -> tuple[bytes, bytes, int]:
    """Body, tail and severity of an event with values of the wrong type or without a type."""
    places = {name: one for name, one in labels.items() if name in PLACES}
    event, labels = {**event, **places}, {
        name: one for name, one in labels.items() if name not in PLACES
    }  # fmt: skip
    wrong = {name.removeprefix("labels.") for name in labels}
    body = {name: value for name, value in event.items() if name not in wrong and not is_open(name)}
    rest = {name: value for name, value in event.items() if name in wrong or is_open(name)}
    rest.update(labels)
    for name in wrong & event.keys():
        told = _retold(name, event[name])
        if told is not None:
            body[name] = told
    own = body.pop(SEVERITY, None)
    level = own if isinstance(own, int) else severity(
        _text(body.get("log.level")), _text(body.get("event.outcome"))
    )  # fmt: skip
    pairs = [
        f"{name}{BETWEEN}{text_of(value)}"
        for name, value in (*rest.items(), *body.items())
        if BETWEEN not in name
        and (is_open(name) or (name in _LISTS and isinstance(value, list)))
        and name not in wrong
    ]
    tail = _encoder.encode({"pairs": pairs, "rest": rest})
    return _encoder.encode(body)[:-1], b"," + tail[1:-1], level


def _retold(name: str, value: Value) -> Value | None:
    """What a filter by the field's own name sees of a value of another type, None for nothing."""
    known = catalogue().get(name)
    if known is None or known.column or known.type in ("keywords", "time"):
        return None
    return whole_of(text_of(value)) if known.type == "integer" else text_of(value)


def _text(value: Value | None) -> str | None:
    return value if isinstance(value, str) else None


def _lines(rows: Sequence[object]) -> list[bytes]:
    # JSON holds no line end of its own, so a line is a row.
    return _encoder.encode_lines(rows).split(b"\n")[: len(rows)]
