"""Event: one flat map of ECS and ``gov.*`` fields, and its canonical bytes.

Canonical form (the signed bytes): a flat JSON object, keys in code-point order, UTF-8 unchanged,
integers only, times as RFC 3339 text with six digits, no nulls. Written once by the sensor and
never re-encoded; golden files in ``tests/schema/golden`` pin it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import msgspec

from schema import limits, native
from schema.errors import FengsuiError

if TYPE_CHECKING:
    from schema.shapes import Shape

ECS_VERSION: Final = "8.17.0"
"""The released Elastic Common Schema our field names follow."""

Value: TypeAlias = str | int | bool | list[str]
Fields: TypeAlias = dict[str, Value]

_encoder: Final = msgspec.json.Encoder(order="sorted")
_Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What every store and every encoding behind the collector can hold."""
_decoder: Final = msgspec.json.Decoder(dict[str, str | _Integer | bool | list[str]])

TIME: Final = "@timestamp"
DATASET: Final = "event.dataset"
ORIGINAL: Final = "event.original"
SOURCE: Final = "gov.sensor.source"
"""Which source of the sensor the event came from: its configured name."""
GENERATION: Final = "gov.sensor.generation"
"""Which file behind the source: a new one after each rotation; ``-`` where there are no files."""
OFFSET: Final = "gov.sensor.offset"
"""Where it began in that file, in bytes; for streams the receiver's dense counter."""

TROUBLE: Final = "fengsui.sensor"
"""Source and dataset of what a sensor tells of itself: what it could not read, or had to cut."""

PLACES: Final = frozenset(
    {
        "destination.as.number",
        "destination.geo.country_iso_code",
        "source.as.number",
        "source.geo.city_name",
        "source.geo.country_iso_code",
        "source.geo.region_name",
    }
)
"""Fields the collector adds from a geo file, where the event has none of its own."""

ADDED: Final = PLACES | {
    "event.id",
    "event.ingested",
    "event.severity",
    "related.ip",
    "related.user",
}
"""Fields that are the collector's to add beside signed ones, as are ``labels.*`` of odd ones."""


def encode(fields: Fields) -> bytes:
    """Canonical bytes of an event. The caller has dropped nulls and uses no floats."""
    return _encoder.encode(fields)


def decode(payload: bytes) -> Fields:
    """The fields of canonical bytes; raises ``schema.event.malformed`` for anything else.

    Bytes that only read alike are something else: of a field written twice the first would be
    sealed, and searched by nobody.
    """
    fields = _read(payload)
    if encode(fields) != payload:
        raise FengsuiError(
            "schema.event.malformed",
            "an event is not in canonical form: a field twice, fields out of order, blanks or "
            "needless escapes may hide what nobody reads",
        )
    return fields


def decode_many(payloads: list[bytes]) -> list[Fields]:
    """As :func:`decode`, for less; raises for all if one is not sound."""
    events = [_read(payload) for payload in payloads]
    if native.scan and native.scan.canonical(payloads):
        return events
    # Written again at once. Canonical bytes hold no line end, so equal lines are equal events.
    if _encoder.encode_lines(events).removesuffix(b"\n") != b"\n".join(payloads):
        return [decode(payload) for payload in payloads]
    return events


def _read(payload: bytes) -> Fields:
    if len(payload) > limits.EVENT_BYTES_MAX:
        raise FengsuiError(
            "schema.event.too_long",
            f"an event of {len(payload)} bytes is over the limit of {limits.EVENT_BYTES_MAX}",
            size=len(payload),
        )
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FengsuiError(
            "schema.event.malformed", f"an event is not a flat map of known types: {error}"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBatch:
    """One verified batch as the index and the analytics tier read it: columns of equal length.

    ``events`` are the decoded signed fields (never changed), ``enrichment`` what the collector
    adds beside them. A redacted event is left out of all columns; ``indexes`` keeps its place.
    """

    sensor: str
    number: int
    first_sequence: int
    low_watermark: int
    """Microseconds UTC, as signed by the sensor and capped by the collector."""
    received_at: int
    indexes: Sequence[int]
    """Index of each event inside the batch; sequence = first_sequence + index."""
    ids: Sequence[bytes]
    """Sixteen bytes each, see :mod:`schema.ids`."""
    times: Sequence[int]
    """Event times, microseconds UTC."""
    events: Sequence[Fields]
    enrichment: Sequence[Fields]
    shapes: Sequence[Shape] = ()
    """The same events as columns, see :mod:`schema.shapes`; empty where nobody needed them yet."""
    payloads: Sequence[bytes] = ()
    """The canonical bytes of the same events; empty where they are not at hand."""
