"""Mapping: how the search nodes hold an event, made from the field catalogue and from nothing else.

Every known field has the type the catalogue says; a field it does not know adds no field to the
mapping, however many a source makes up. Under ``fengsui`` stands what we add to each event; names
no list can hold stand there as texts ``name NUL value`` in one field. No module beyond the core
of Elasticsearch is needed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from schema.event import TIME
from schema.fields import Field, catalogue
from schema.times import DAY, SECOND

Dsl: TypeAlias = dict[str, Any]
"""A piece of a request as Elasticsearch's JSON has it."""

FORM: Final = 1
"""Form of the documents. Fields that are new in the catalogue do not change it."""

UNITS_MAX: Final = 10_922
"""Longest value (UTF-16 units, as ``ignore_above`` counts) that is indexed as a whole: a term of
Lucene has at most 32,766 bytes, and a unit at most three. Longer values are looked at by us."""

OWN: Final = "fengsui"
SENSOR: Final = f"{OWN}.sensor"
NUMBER: Final = f"{OWN}.number"
INDEX: Final = f"{OWN}.index"
TIME_US: Final = f"{OWN}.time"
"""Microseconds as they are; ``@timestamp``, for people's own tools, ends at thousandths."""
RECEIVED: Final = f"{OWN}.received"
PAIRS: Final = f"{OWN}.pairs"
REST: Final = f"{OWN}.rest"
BETWEEN: Final = "\0"
"""Between name and value of a pair; a field whose name has it is kept and cannot be searched."""
EXACT: Final = "exact"
"""Sub-field holding a value as the text a filter compares."""

UNSEARCHED: Final = frozenset({"event.id", "event.ingested"})
"""A filter means the index's own by these names, never what an event says of itself."""

_KEYWORD: Final[Dsl] = {"type": "keyword", "ignore_above": UNITS_MAX}


def mapping() -> Dsl:
    """The mapping of an index of events."""
    fields: Dsl = {
        field.name: _mapped(field) for field in catalogue().values() if field.name not in UNSEARCHED
    }
    own: Dsl = {
        "sensor": _KEYWORD,
        "number": {"type": "long", "fields": {EXACT: _KEYWORD}},
        "index": {"type": "integer"},
        "time": {"type": "long"},
        "received": {"type": "long"},
        "pairs": _KEYWORD,
        "rest": {"type": "object", "enabled": False},
    }
    return {
        "dynamic": "false",
        "date_detection": False,
        "numeric_detection": False,
        "_meta": {"form": FORM},
        "properties": {**fields, OWN: {"properties": own}},
    }


def _mapped(field: Field) -> Dsl:
    if field.name == TIME:
        return {"type": "date", "format": "strict_date_optional_time"}
    if field.type == "integer":
        return {"type": "long", "fields": {EXACT: _KEYWORD}}
    if field.type == "text":
        # The standard analyzer gives each ideograph as a word: a phrase finds Chinese.
        return {"type": "text", "norms": False, "fields": {EXACT: _KEYWORD}}
    if field.type == "ip":
        return {"type": "ip", "ignore_malformed": True, "fields": {EXACT: _KEYWORD}}
    # A boolean too: a filter compares "true" as a text.
    return _KEYWORD


def path_of(name: str) -> str:
    """Where the text of a known field stands that a filter compares."""
    field = catalogue()[name]
    return f"{name}.{EXACT}" if field.type in ("integer", "text", "ip") else name


def events_alias(prefix: str) -> str:
    """The name under which all indices of events are read."""
    return f"{prefix}-events"


def index_of(prefix: str, kind: str, day: int) -> str:
    """The index of a retention class and an event day (days since the epoch, UTC)."""
    return f"{prefix}-events-{kind}-{day_text(day)}"


def day_text(day: int) -> str:
    """A day as the names of indices have it."""
    return datetime.fromtimestamp(day * DAY // SECOND, UTC).strftime("%Y%m%d")


def day_of(index: str) -> int:
    """The event day of an index."""
    moment = datetime.strptime(index.rpartition("-")[2], "%Y%m%d").replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND // DAY


def kind_of(index: str, prefix: str) -> str:
    """The retention class of an index."""
    return index.removeprefix(f"{prefix}-events-").rpartition("-")[0]


def cursors_index(prefix: str) -> str:
    """The small index of how far each sensor's batches are stored."""
    return f"{prefix}-cursors"


CURSORS: Final[Dsl] = {
    "dynamic": "strict",
    "_meta": {"form": FORM},
    "properties": {"sensor": {"type": "keyword"}, "number": {"type": "long"}},
}
