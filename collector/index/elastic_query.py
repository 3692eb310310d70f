"""Query: filter terms as Elasticsearch's query language, with the answers DuckDB gives.

What is said here never misses an event. It is exact for all whose values are indexed whole; a
value over the limit is not, and Elasticsearch notes so in ``_ignored``: such events are let
through as *doubtful*, and :mod:`collector.index.elastic_check` looks at each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from collector.index.elastic_mapping import (
    BETWEEN,
    EXACT,
    NUMBER,
    PAIRS,
    RECEIVED,
    SENSOR,
    TIME_US,
    Dsl,
    path_of,
)
from collector.index.fieldtext import INTEGER_MAX, NAME_CHARS_MAX, Asked, asked
from schema.alert import SEVERITIES
from schema.enrichment import RELATED_IP, RELATED_USER
from schema.errors import FengsuiError
from schema.event import TIME
from schema.fields import catalogue
from schema.filter import TEXT_FIELD, Term
from schema.times import from_written

TEXT_FIELDS: Final = ("event.original", "message")
"""Where a bare word is looked for."""
RELATED: Final = {"related.ip": RELATED_IP, "related.user": RELATED_USER}
ID_HEX: Final = 32

EFFORT_MAX: Final = 40_000
"""Work the nodes put into one wildcard: measured, they refuse past 49,000 (9.5), as from a text
that repeats its own beginning some three hundred times, a line of dashes."""
SURE_CHARS: Final = 256
"""A beginning of so many characters never takes more; what it finds is looked at."""

EVERYTHING: Final[Dsl] = {"match_all": {}}
NOTHING: Final[Dsl] = {"match_none": {}}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a field stands: as a number (if it is one), and as the text a filter compares."""

    asked: Asked
    number: str = ""
    text: str = ""
    """Empty for times: nobody's digits are worth an entry of their own for every event."""
    begin: str = ""
    """Before the value in a pair."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which events may be meant, and how those are told that have to be looked at."""

    clauses: tuple[Dsl, ...]
    long: frozenset[str] = field(default_factory=frozenset)
    """Fields whose values may be too long to be indexed."""
    unsure: bool = False
    """Every event has to be looked at."""

    @property
    def doubt(self) -> Dsl:
        """The events that have to be looked at."""
        if self.unsure:
            return EVERYTHING
        return {"terms": {"_ignored": sorted(self.long)}} if self.long else NOTHING

    def doubtful(self, ignored: Sequence[str]) -> bool:
        """Whether an event with these fields ignored has to be looked at."""
        return self.unsure or not self.long.isdisjoint(ignored)


def query(terms: Sequence[Term]) -> Query:
    """All terms, joined by AND; raises ``collector.index.field`` or ``.value``."""
    found = [(term, _condition(term)) for term in terms]
    clauses = [_clause(term, one) for term, one in found]
    return Query(
        tuple(clause for clause in clauses if clause is not EVERYTHING),
        frozenset(path for _, one in found for path in one.long),
        any(one.unsure for _, one in found),
    )


def target(name: str) -> Target:
    """Where the field of that name stands; raises ``collector.index.field``."""
    one = asked(name)
    if one.place == "sensor":
        return Target(one, text=SENSOR)
    if one.place == "number":
        return Target(one, number=NUMBER, text=f"{NUMBER}.{EXACT}")
    if one.place == "open":
        return Target(one, text=PAIRS, begin=name + BETWEEN)
    if one.kind == "time":
        return Target(one, number=TIME_US if name == TIME else RECEIVED)
    if one.kind == "list":
        return Target(one, text=name, begin=name + BETWEEN)
    return Target(one, number=name if one.kind == "integer" else "", text=path_of(name))


@dataclass(frozen=True, slots=True)
class _Found:
    """A condition that is right about every value that is indexed, or lets through too many."""

    dsl: Dsl
    long: tuple[str, ...] = ()
    unsure: bool = False


def _clause(term: Term, found: _Found) -> Dsl:
    if term.denied and found.unsure:
        return EVERYTHING
    if term.denied:
        # Of a value that is not indexed the condition is never true: it is let through.
        return {"bool": {"must_not": [found.dsl]}}
    if not found.long:
        return found.dsl
    return _any([found.dsl, {"terms": {"_ignored": list(found.long)}}])


def _condition(term: Term) -> _Found:
    if term.field == TEXT_FIELD:
        return _joined(_compare(target(name), _of(name, term)) for name in TEXT_FIELDS)
    if term.field == "event.id":
        return _Found(_by_id(term))
    if term.field in RELATED:
        return _joined(_compare(target(name), term) for name in RELATED[term.field])
    return _compare(target(term.field), term)


def _of(name: str, term: Term) -> Term:
    return Term(field=name, match="contains", value=term.value, denied=term.denied)


def _joined(parts: Iterable[_Found]) -> _Found:
    found = list(parts)
    return _Found(
        _any([one.dsl for one in found]),
        tuple(path for one in found for path in one.long),
        any(one.unsure for one in found),
    )


def _any(parts: list[Dsl]) -> Dsl:
    return {"bool": {"should": parts, "minimum_should_match": 1}}


def _by_id(term: Term) -> Dsl:
    if term.match == "present":
        return EVERYTHING
    return {"ids": {"values": [wanted_id(term)]}}


def wanted_id(term: Term) -> str:
    """The id a term asks for; raises ``collector.index.value``."""
    try:
        raw = bytes.fromhex(term.value)
    except ValueError:
        raw = b""
    if term.match != "equals" or len(raw) * 2 != ID_HEX:
        raise _value(term, "an event id is 32 hexadecimal digits, looked for as a whole")
    return raw.hex()


def _compare(field: Target, term: Term) -> _Found:
    if term.match == "present":
        return _present(field)
    if field.asked.kind == "list":
        if term.match != "equals":
            raise _value(term, "a list can only be asked for one of its values")
        return _Found({"term": {field.text: term.value}}, (field.text,))
    if term.match == "range":
        return _range(field, term)
    if term.match == "equals" and field.number:
        return _Found({"term": {field.number: read(field.asked, term, term.value)}})
    if not field.text:
        return _Found(EVERYTHING, unsure=True)
    value = field.begin + term.value
    if term.match == "equals":
        return _Found({"term": {field.text: value}}, (field.text,))
    if term.match == "prefix":
        return _Found({"prefix": {field.text: {"value": value}}}, (field.text,))
    heavy = _effort(term.value) > EFFORT_MAX
    wanted = term.value[:SURE_CHARS] if heavy else term.value
    pattern = f"*{_literal(wanted)}{'*' if heavy or term.match == 'contains' else ''}"
    return _Found(
        {"wildcard": {field.text: {"value": _literal(field.begin) + pattern}}},
        (field.text,),
        unsure=heavy,
    )


def _present(field: Target) -> _Found:
    if field.begin:
        return _Found({"prefix": {PAIRS: {"value": field.begin}}}, (PAIRS,))
    if field.number:
        return _Found({"exists": {"field": field.number}})
    return _Found({"exists": {"field": field.text}}, (field.text,))


def _range(field: Target, term: Term) -> _Found:
    known = catalogue().get(term.field)
    if known is not None and known.type == "ip":
        raise _value(term, "addresses have no ranges here; use the beginning, as 10.1.*")
    bounds: Dsl = {}
    for sign, bound in (("gte", term.low), ("lte", term.high)):
        if bound:
            bounds[sign] = read(field.asked, term, bound, last=sign == "lte")
    if not bounds:
        return _present(field)
    if field.number:
        return _Found({"range": {field.number: bounds}})
    if not field.begin:
        return _Found({"range": {field.text: bounds}}, (field.text,))
    # Pairs are in order by value inside one name, and end before the name with a later separator.
    low = {"gte": field.begin + str(bounds.get("gte", ""))}
    high = (
        {"lte": field.begin + str(bounds["lte"])}
        if "lte" in bounds
        else {"lt": field.begin[: -len(BETWEEN)] + chr(ord(BETWEEN) + 1)}
    )
    return _Found({"range": {field.text: {**low, **high}}}, (field.text,))


def _literal(text: str) -> str:
    """The text as a wildcard pattern that means it alone."""
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _effort(text: str) -> int:
    """Work of finding the text anywhere: how often its beginnings stand inside it."""
    borders, effort, length = [0] * len(text), [1] * len(text), 0
    for at in range(1, len(text)):
        while length and text[at] != text[length]:
            length = borders[length - 1]
        if text[at] == text[length]:
            length += 1
            effort[at] += effort[length - 1]
        borders[at] = length
    return sum(effort)


def read(field: Asked, term: Term, text: str, *, last: bool = False) -> str | int:
    """The value of a term as the field holds it; raises ``collector.index.value``."""
    if field.kind == "text":
        return text
    if field.kind == "time":
        return _time(term, text, last=last)
    if term.field == "event.severity" and text in SEVERITIES:
        return SEVERITIES.index(text)
    try:
        number = int(text)
    except ValueError:
        raise _value(term, f"{text[:40]!r} is not a whole number") from None
    if abs(number) > INTEGER_MAX:
        raise _value(term, f"{text[:40]!r} is too large")
    return number


def _time(term: Term, text: str, *, last: bool) -> int:
    try:
        return from_written(text, last=last)
    except ValueError:
        raise _value(term, f"{text[:40]!r} is no date or time, as 2026-01-31T08:00:00Z") from None


def _value(term: Term, why: str) -> FengsuiError:
    return FengsuiError(
        "collector.index.value", f"{term.field}: {why}", field=term.field[:NAME_CHARS_MAX]
    )
