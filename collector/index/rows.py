"""Rows: accepted batches as columns for DuckDB, and rows of DuckDB as events again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from collector.enrichment import derived, severity, severity_of, unusual_of
from schema.event import TIME, AcceptedBatch, Fields, Value
from schema.fields import columns
from schema.ports import EventHit
from schema.times import to_text

T = TypeVar("T")
Array: TypeAlias = npt.NDArray[Any]

NULL_INTEGER: Final = -(2**63)
"""Stands for an absent integer on the way into DuckDB; intake lets no event hold it."""

_SQL_TYPES: Final = {"keyword": "VARCHAR", "text": "VARCHAR", "ip": "VARCHAR"} | {
    "integer": "BIGINT",
    "time": "BIGINT",
}
_OWN: Final = {
    "id_high": "BIGINT",
    "id_low": "BIGINT",
    "sensor": "VARCHAR",
    "number": "BIGINT",
    "idx": "INTEGER",
    "received": "BIGINT",
    "rest": "VARCHAR",
    "wide": "BOOLEAN",
}
"""Columns beside the catalogue's: identity, place, receipt, all other fields as JSON, and whether
the event's text goes beyond ASCII, so that a search for Chinese passes over most lines."""

TEXT_COLUMNS: Final = ("event.original", "message")
"""Where a bare word is looked for."""
COLUMNS: Final[Mapping[str, str]] = _OWN | {
    field.name: _SQL_TYPES[field.type] for field in columns()
}
_FIELD_COLUMNS: Final = frozenset(field.name for field in columns())
_SEVERITY: Final = "event.severity"
_FILLED: Final = frozenset({TIME, _SEVERITY})
_encoder: Final = msgspec.json.Encoder()
_rest_decoder: Final = msgspec.json.Decoder(dict[str, str | int | bool | list[str]])


@dataclass(frozen=True, slots=True)
class Part:
    """Some events of a batch: those at these places in its columns."""

    batch: AcceptedBatch
    places: Sequence[int]


def frame(parts: Sequence[Part]) -> dict[str, Array]:
    """Columns by name; integers that are absent hold :data:`NULL_INTEGER`."""
    events: list[Fields] = []
    rests: list[Mapping[str, Value]] = []
    for part in parts:
        _spread(part, events, rests)
    present = set(chain.from_iterable(events)) & _FIELD_COLUMNS - _FILLED
    table = _places(parts)
    table[_SEVERITY] = np.array(_severities(events), dtype=np.int64)
    table["wide"] = np.array(list(map(_is_wide, events)), dtype=np.bool_)
    table["rest"] = _texts(_encoder.encode_lines(rests).decode().split("\n")[: len(rests)])
    for name in present:
        if COLUMNS[name] == "BIGINT":
            table[name] = np.array(
                [event.get(name, NULL_INTEGER) for event in events], dtype=np.int64
            )
        else:
            table[name] = _texts([event.get(name) for event in events])
    return table


def _is_wide(event: Fields) -> bool:
    original, message = event.get("event.original"), event.get("message")
    return not (
        (original is None or str(original).isascii())
        and (message is None or str(message).isascii())
    )


def _spread(part: Part, events: list[Fields], rests: list[Mapping[str, Value]]) -> None:
    """Split each event into what has a column and the rest."""
    own = part.batch.events
    odd = unusual_of(part.batch.enrichment)
    chosen = _chosen(own, part)
    events_at = len(events)
    events.extend(chosen)
    shapes: dict[tuple[str, ...], list[str]] = {}
    for event in chosen:
        shape = tuple(event)
        names = shapes.get(shape)
        if names is None:
            names = shapes[shape] = [name for name in shape if name not in _FIELD_COLUMNS]
        rests.append({name: event[name] for name in names})
    if odd:
        for at, place in enumerate(part.places, events_at):
            if place in odd:
                events[at], rests[at] = _split_odd(own[place], odd[place])


def _split_odd(event: Fields, labels: Mapping[str, Value]) -> tuple[Fields, Mapping[str, Value]]:
    """An event with a value of the wrong type for its column: that value goes to the rest."""
    wrong = {name.removeprefix("labels.") for name in labels}
    kept = {name: value for name, value in event.items() if name not in wrong}
    rest = {
        name: value for name, value in event.items() if name in wrong or name not in _FIELD_COLUMNS
    }
    return kept, {**rest, **labels}


def _places(parts: Sequence[Part]) -> dict[str, Array]:
    """Identity, place and time of each event."""
    ids = np.frombuffer(
        b"".join(chain.from_iterable(_chosen(part.batch.ids, part) for part in parts)), dtype=">i8"
    ).reshape(-1, 2)
    sizes = [len(part.places) for part in parts]
    return {
        "id_high": ids[:, 0].astype(np.int64),
        "id_low": ids[:, 1].astype(np.int64),
        "sensor": np.repeat(_texts([part.batch.sensor for part in parts]), sizes),
        "number": np.repeat([part.batch.number for part in parts], sizes),
        "received": np.repeat([part.batch.received_at for part in parts], sizes),
        "idx": _joined([_chosen(part.batch.indexes, part) for part in parts], np.int32),
        TIME: _joined([_chosen(part.batch.times, part) for part in parts], np.int64),
    }


def _chosen(values: Sequence[T], part: Part) -> Sequence[T]:
    """The part's share of a column of its batch."""
    if isinstance(part.places, range) and len(part.places) == len(values):
        return values
    return [values[place] for place in part.places]


def _joined(parts: Sequence[Sequence[int]], kind: type[np.signedinteger[Any]]) -> Array:
    return np.concatenate([np.asarray(column, dtype=kind) for column in parts])


def _severities(events: Sequence[Fields]) -> list[int]:
    if any(_SEVERITY in event for event in events):
        return [severity_of(event) for event in events]
    return [
        severity(event.get("log.level"), event.get("event.outcome"))  # type: ignore[arg-type]
        for event in events
    ]


def _texts(values: Sequence[object]) -> Array:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def id_halves(event_id: bytes) -> tuple[int, int]:
    """An id as the two columns hold it."""
    return (
        int.from_bytes(event_id[:8], "big", signed=True),
        int.from_bytes(event_id[8:], "big", signed=True),
    )


def hit(row: Sequence[Any]) -> EventHit:
    """A row of all :data:`COLUMNS` as the event it was."""
    values = dict(zip(COLUMNS, row, strict=True))
    event_id = b"".join(
        values[half].to_bytes(8, "big", signed=True) for half in ("id_high", "id_low")
    )
    fields: Fields = _rest_decoder.decode(values["rest"])
    for name in _FIELD_COLUMNS:
        value = values[name]
        if value is not None:
            fields[name] = value
    fields[TIME] = to_text(values[TIME])
    added = derived(fields, event_id=event_id, received_at=values["received"])
    return EventHit(
        id=event_id.hex(),
        sensor=values["sensor"],
        number=values["number"],
        index=values["idx"],
        fields={**fields, **added},
    )
