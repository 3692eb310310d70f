"""Elasticsearch: a rule as a search of Query DSL over events indexed by the field catalogue.

The fields are mapped as :func:`mapping` says. What one search cannot express is refused by its
name, never left out. A threshold is one time window that ends now; the engine's slides.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final, TypeAlias

from analytics.authoring.conversion.lucene import refused, regexp
from analytics.expression import ANY_FIELD, All, Atom, Node, Not
from analytics.matching.values import NUMERIC, RELATED, wildcard_pieces
from analytics.patterns import Once, Threshold
from analytics.rule import ALERTS, Rule, Step
from schema.event import DATASET, TIME
from schema.fields import catalogue
from schema.times import SECOND

__all__ = ["mapping", "query", "search"]

HITS: Final = 1000
"""Events of one answer: a page of Elasticsearch allows 10,000."""

ENTITIES_MAX: Final = 10_000
"""Entities of one answer: Elasticsearch's own limit of buckets is 65,536."""

Dsl: TypeAlias = "dict[str, object]"

_TYPES: Final = {
    "keyword": "keyword",
    "keywords": "keyword",
    "text": "keyword",
    "integer": "long",
    "boolean": "boolean",
    "ip": "ip",
    "time": "date",
}
_NOTHING: Final[Dsl] = {"match_none": {}}
_RANGES: Final = {"lt", "lte", "gt", "gte"}
_DIGITS_MAX: Final = 19
"""Digits of the longest number Elasticsearch keeps as one."""


def mapping() -> Dsl:
    """The mapping the searches are written for; other fields are keywords."""
    properties = {name: {"type": _TYPES[field.type]} for name, field in catalogue().items()}
    keyword = {"match_mapping_type": "string", "mapping": {"type": "keyword"}}
    return {"dynamic_templates": [{"others": keyword}], "properties": properties}


def search(rule: Rule) -> Dsl:
    """The body of a search; raises ``analytics.convert.refused`` for what has none."""
    pattern = rule.pattern
    if not isinstance(pattern, Once | Threshold):
        raise refused(f"a rule of kind {rule.kind}: it looks at events one after the other")
    (step,) = rule.steps
    if ALERTS in step.datasets:
        raise refused("a rule on the alerts of other rules")
    if step.where:
        raise refused("guards (where): registers, indicators and fields against each other")
    filters: list[Dsl] = [{"terms": {DATASET: sorted(step.datasets)}}, query(step.condition)]
    if isinstance(pattern, Once):
        return {"size": HITS, "query": _named(rule, filters), "sort": [{TIME: "asc"}]}
    return _threshold(rule, step, pattern, filters)


def _named(rule: Rule, filters: Sequence[Dsl]) -> Dsl:
    return {"bool": {"_name": f"{rule.id} {rule.version}", "filter": list(filters)}}


def _threshold(rule: Rule, step: Step, pattern: Threshold, filters: Sequence[Dsl]) -> Dsl:
    if pattern.each_at_most:
        raise refused("a threshold with each_at_most")
    since: Dsl = {"range": {TIME: {"gt": f"now-{pattern.within_us // SECOND}s"}}}
    names = step.entity or rule.entity
    there: list[Dsl] = [{"exists": {"field": name}} for name in (*names, *step.values)]
    inner: Dsl = {"terms": _terms(names[-1], pattern.count)}
    if pattern.distinct:
        # Most distinct values first: buckets below the rule's count are behind the last that fires.
        inner["terms"] = {**_terms(names[-1], pattern.count), "order": {"distinct": "desc"}}
        inner["aggs"] = {
            "distinct": {"cardinality": {"field": pattern.distinct, "precision_threshold": 40_000}}
        }
    inner["meta"] = {
        "fires_at": pattern.count,
        "counted": "distinct" if pattern.distinct else "doc_count",
    }
    for name in reversed(names[:-1]):
        inner = {"terms": _terms(name, pattern.count), "aggs": {"entity": inner}}
    return {
        "size": 0,
        "query": _named(rule, [*filters, since, *there]),
        "aggs": {"entity": inner},
    }


def _terms(name: str, count: int) -> Dsl:
    return {"field": name, "size": ENTITIES_MAX, "min_doc_count": count}


def query(node: Node) -> Dsl:
    """The condition; raises ``analytics.convert.refused``."""
    match node:
        case Atom():
            return _atom(node)
        case Not():
            return {"bool": {"must_not": [query(node.item)]}}
        case All():
            return {"bool": {"filter": [query(item) for item in node.items]}}
    items = [query(item) for item in node.items]
    return {"bool": {"should": items, "minimum_should_match": 1}}


def _atom(atom: Atom) -> Dsl:
    if atom.field == ANY_FIELD:
        raise refused("a keyword that is looked for in every field")
    if atom.op in RELATED:
        raise refused(f"{atom.field} against another field ({atom.op})")
    if atom.part:
        raise refused(f"the {atom.part} of a time")
    if atom.op == "exists":
        return {"exists": {"field": atom.field}}
    field = catalogue().get(atom.field)
    kind = _TYPES[field.type] if field else "keyword"
    if atom.op in NUMERIC:
        return _number(atom, kind)
    if kind in ("long", "boolean", "date") or atom.op == "boolean":
        return _scalar(atom, kind)
    if kind == "ip" or atom.op == "cidr":
        return _address(atom, kind)
    return _text(atom)


def _number(atom: Atom, kind: str) -> Dsl:
    if kind != "long":
        raise refused(f"a number in {atom.field}, which is kept as {kind}")
    if atom.op in _RANGES:
        return {"range": {atom.field: {atom.op: atom.value}}}
    return {"term": {atom.field: {"value": atom.value}}}


def _scalar(atom: Atom, kind: str) -> Dsl:
    text = str(atom.value).lower()
    if atom.op == "boolean" and kind == "keyword":
        return {"term": {atom.field: {"value": text, "case_insensitive": True}}}
    if atom.op not in ("equals", "boolean") or kind == "date":
        raise refused(f"a part of the text of {atom.field}, which is kept as {kind}")
    if kind == "boolean":
        known = text in ("true", "false")
        return {"term": {atom.field: {"value": text == "true"}}} if known else _NOTHING
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS_MAX):
        return _NOTHING
    # A number's text has no zeros before it.
    return {"term": {atom.field: {"value": int(text)}}} if str(int(text)) == text else _NOTHING


def _address(atom: Atom, kind: str) -> Dsl:
    text = str(atom.value)
    if kind != "ip":
        raise refused(f"a network in {atom.field}, which is kept as {kind}")
    try:
        if atom.op == "cidr":
            return {"term": {atom.field: {"value": str(ipaddress.ip_network(text, strict=False))}}}
        if atom.op == "equals":
            return {"term": {atom.field: {"value": str(ipaddress.ip_address(text))}}}
    except ValueError:
        return _NOTHING
    raise refused(f"a part of the text of {atom.field}, which is kept as ip: write a network")


def _text(atom: Atom) -> Dsl:
    text = str(atom.value)
    if atom.op == "regex":
        return {"regexp": {atom.field: {"value": regexp(text), "flags": "NONE"}}}
    how: Dsl = {}
    if not atom.cased:
        _check_case(text)
        how = {"case_insensitive": True}
    if atom.op == "equals":
        return {"term": {atom.field: {"value": text, **how}}}
    if atom.op == "startswith":
        return {"prefix": {atom.field: {"value": text, **how}}}
    return {"wildcard": {atom.field: {"value": _wildcard(atom.op, text), **how}}}


def _wildcard(op: str, text: str) -> str:
    if op == "contains":
        return f"*{_escaped(text)}*"
    if op == "endswith":
        return f"*{_escaped(text)}"
    pieces = wildcard_pieces(text)
    return "".join(piece if place % 2 else _escaped(piece) for place, piece in enumerate(pieces))


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "*?\\" else char for char in text)


def _check_case(text: str) -> None:
    """Elasticsearch knows the two cases of ASCII letters only."""
    for char in text:
        if not char.isascii() and char.lower() != char.upper():
            raise refused(f"the letter {char!r}, whose case does not matter")
