"""Rows: accepted batches as columns for DuckDB, and rows of DuckDB as events again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from schema.enrichment import derived, severity, unusual_of
from schema.event import TIME, AcceptedBatch, Fields, Value
from schema.fields import columns
from schema.ports import EventHit
from schema.shapes import Shape, shapes
from schema.times import to_text

T = TypeVar("T")
Array: TypeAlias = npt.NDArray[Any]

NULL_INTEGER: Final = -(2**63)
"""Stands for an absent integer until it is masked; intake lets no event hold it."""

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
    "wide": "VARCHAR",
}
"""Columns beside the catalogue's: identity, place, receipt, all other fields as JSON, and once more
the text of events whose text goes beyond ASCII, so that a search for Chinese reads no other."""

TEXT_COLUMNS: Final = ("event.original", "message")
"""Where a bare word is looked for."""
BETWEEN: Final = "\x1f"
"""Stands between the texts of a row in ``wide``."""

COLUMNS: Final[Mapping[str, str]] = _OWN | {
    field.name: _SQL_TYPES[field.type] for field in columns()
}
_FIELD_COLUMNS: Final = frozenset(field.name for field in columns())
_SEVERITY: Final = "event.severity"
_LABEL: Final = "labels."
_LOOSE: Final = _FIELD_COLUMNS - {TIME, _SEVERITY}
"""Columns an event may do without."""

_NOTHING: Final[Mapping[str, Value]] = {}
_encoder: Final = msgspec.json.Encoder()
_rest_decoder: Final = msgspec.json.Decoder(dict[str, str | int | bool | list[str]])


@dataclass(frozen=True, slots=True)
class Part:
    """Some events of a batch: those at these places in its columns."""

    batch: AcceptedBatch
    places: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows with the same fields: their columns, and the JSON of all fields without one."""

    size: int
    columns: Mapping[str, Sequence[Value]]
    rests: Sequence[Mapping[str, Value]]


def frame(parts: Sequence[Part]) -> dict[str, Array]:
    """Columns by name; integers that are absent are masked.

    Rows stand shape by shape, not in the order of their batch: every row says its place.
    """
    blocks: list[_Block] = []
    placed: list[tuple[Part, Sequence[int]]] = []
    for part in parts:
        _spread(part, blocks, placed)
    table = _places(placed)
    table[_SEVERITY] = np.array(_joined(map(_severities, blocks)), dtype=np.int64)
    table["wide"] = _texts(_joined(map(_wide_texts, blocks)))
    rests = _encoder.encode_lines(_joined(block.rests for block in blocks)).decode()
    table["rest"] = _texts(rests.split("\n")[: len(table["wide"])])
    for name in set(chain.from_iterable(block.columns for block in blocks)) & _LOOSE:
        if COLUMNS[name] == "BIGINT":
            integers = np.array(_column(blocks, name, NULL_INTEGER), dtype=np.int64)
            table[name] = np.ma.masked_equal(integers, NULL_INTEGER, copy=False)
        else:
            table[name] = _texts(_column(blocks, name, None))
    return table


def _joined(parts: Iterable[Sequence[T]]) -> list[T]:
    return list(chain.from_iterable(parts))


def _column(blocks: Sequence[_Block], name: str, absent: T) -> list[Value | T]:
    return _joined(block.columns.get(name) or (absent,) * block.size for block in blocks)


def _wide_texts(block: _Block) -> list[str | None]:
    """Of each row the text, if it goes beyond ASCII."""
    wide: list[str | None] = [None] * block.size
    columns = [block.columns[name] for name in TEXT_COLUMNS if name in block.columns]
    if all("".join(texts).isascii() for texts in columns):  # type: ignore[arg-type]
        return wide
    for at, texts in enumerate(zip(*columns, strict=True)):
        joined = BETWEEN.join(texts)
        if not joined.isascii():
            wide[at] = joined
    return wide


def _severities(block: _Block) -> Sequence[int]:
    own = block.columns.get(_SEVERITY)
    if own is not None:
        return own  # type: ignore[return-value]
    nothing = (None,) * block.size
    levels = block.columns.get("log.level", nothing)
    outcomes = block.columns.get("event.outcome", nothing)
    return list(map(severity, levels, outcomes))  # type: ignore[arg-type]


def _spread(part: Part, blocks: list[_Block], placed: list[tuple[Part, Sequence[int]]]) -> None:
    """Split the part's events into what has a column and the rest, shape by shape."""
    batch = part.batch
    whole = isinstance(part.places, range) and len(part.places) == len(batch.events)
    added = unusual_of(batch.enrichment)
    # A place of an address stands in a row like any field; a label says that a field is odd.
    odd = {place: one for place, one in added.items() if any(map(_is_label, one))}
    if whole and not added:
        groups = [(shape, shape.places) for shape in batch.shapes or shapes(batch.events)]
    else:
        plain = [place for place in part.places if place not in odd]
        groups = [
            (shape, [plain[at] for at in shape.places])
            for shape in shapes(
                [
                    {**batch.events[place], **added[place]}
                    if place in added
                    else batch.events[place]
                    for place in plain
                ]
            )
        ]
    for shape, places in groups:
        blocks.append(_block(shape))
        placed.append((part, places))
    for place in part.places if odd else ():
        if place in odd:
            blocks.append(_odd_block(batch.events[place], odd[place]))
            placed.append((part, [place]))


def _block(shape: Shape) -> _Block:
    names = [name for name in shape.columns if name not in _FIELD_COLUMNS]
    rows = zip(*[shape.columns[name] for name in names], strict=True)
    size = len(shape.places)
    rests = [dict(zip(names, row, strict=True)) for row in rows] if names else [_NOTHING] * size
    return _Block(size, shape.columns, rests)


def _is_label(name: str) -> bool:
    return name.startswith(_LABEL)


def _odd_block(event: Fields, labels: Mapping[str, Value]) -> _Block:
    """An event with a value of the wrong type for its column: that value goes to the rest."""
    wrong = {name.removeprefix(_LABEL) for name in labels if _is_label(name)}
    event = {**event, **{name: one for name, one in labels.items() if not _is_label(name)}}
    labels = {name: one for name, one in labels.items() if _is_label(name)}
    rest = {
        name: value for name, value in event.items() if name in wrong or name not in _FIELD_COLUMNS
    }
    kept = {name: (value,) for name, value in event.items() if name not in wrong}
    return _Block(1, kept, [{**rest, **labels}])


def _places(placed: Sequence[tuple[Part, Sequence[int]]]) -> dict[str, Array]:
    """Identity, place and time of each row."""
    sizes = [len(places) for _, places in placed]
    batches = [part.batch for part, _ in placed]
    id_bytes = b"".join(
        batch.ids[at] for batch, (_, places) in zip(batches, placed, strict=True) for at in places
    )
    ids = np.frombuffer(id_bytes, dtype=">i8").reshape(-1, 2)
    return {
        "id_high": ids[:, 0].astype(np.int64),
        "id_low": ids[:, 1].astype(np.int64),
        "sensor": np.repeat(_texts([batch.sensor for batch in batches]), sizes),
        "number": np.repeat([batch.number for batch in batches], sizes),
        "received": np.repeat([batch.received_at for batch in batches], sizes),
        "idx": np.concatenate(
            [_chosen(part.batch.indexes, places, np.int32) for part, places in placed]
        ),
        TIME: np.concatenate(
            [_chosen(part.batch.times, places, np.int64) for part, places in placed]
        ),
    }


def _chosen(
    values: Sequence[int], places: Sequence[int], kind: type[np.signedinteger[Any]]
) -> Array:
    return np.array([values[place] for place in places], dtype=kind)


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
