"""Check: whether one stored event is meant by a filter, worked out value by value.

For events Elasticsearch cannot be sure about, because a value is too long to be indexed whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from collector.index.elastic_documents import Row
from collector.index.elastic_query import RELATED, TEXT_FIELDS, read, wanted_id
from collector.index.fieldtext import Asked, asked, text_of, whole_of
from collector.normalise import fits
from schema.event import TIME, Value
from schema.filter import TEXT_FIELD, Term


def holds(terms: Sequence[Term], row: Row) -> bool:
    """Whether all terms are true of the event."""
    return all(_condition(term, row) is not term.denied for term in terms)


def value_of(field: Asked, row: Row) -> Value | None:
    """The value a filter by that field compares, None where the event has none."""
    if field.place == "sensor":
        return row.sensor
    if field.place == "number":
        return row.number
    if field.place == "received":
        return row.received
    if field.name == TIME:
        return row.time
    value = row.fields.get(field.name)
    if value is None:
        return None
    if field.place == "column":
        return value if fits(field.name, value) else None
    if field.kind == "list":
        return value if isinstance(value, list) else None
    if field.kind == "integer":
        return whole_of(text_of(value))
    return text_of(value)


def _condition(term: Term, row: Row) -> bool:
    if term.field == TEXT_FIELD:
        texts = (value_of(asked(name), row) for name in TEXT_FIELDS)
        return any(isinstance(text, str) and term.value in text for text in texts)
    if term.field == "event.id":
        return term.match == "present" or row.id == wanted_id(term)
    if term.field in RELATED:
        return any(_compare(asked(name), term, row) for name in RELATED[term.field])
    return _compare(asked(term.field), term, row)


def _compare(field: Asked, term: Term, row: Row) -> bool:
    value = value_of(field, row)
    if value is None:
        return False
    if term.match == "present":
        return True
    if field.kind == "list":
        return term.value in cast("list[str]", value)
    if term.match == "equals":
        return value == read(field, term, term.value)
    if term.match == "range":
        return _between(field, term, cast("str | int", value))
    text = text_of(value)
    if term.match == "prefix":
        return text.startswith(term.value)
    if term.match == "suffix":
        return text.endswith(term.value)
    return term.value in text


def _between(field: Asked, term: Term, value: str | int) -> bool:
    if term.low and value < read(field, term, term.low):  # type: ignore[operator]
        return False
    return not term.high or value <= read(field, term, term.high, last=True)  # type: ignore[operator]
