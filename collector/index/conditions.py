"""Conditions: filter terms as SQL; every value, and every name of a label, is a parameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from collector.index.rows import BETWEEN, COLUMNS, TEXT_COLUMNS, id_halves
from schema.alert import SEVERITIES
from schema.enrichment import RELATED_IP, RELATED_USER
from schema.errors import FengsuiError
from schema.fields import catalogue, is_open
from schema.filter import TEXT_FIELD, Term
from schema.times import from_written

Parameter = str | int
NAME_CHARS_MAX: Final = 256
_RELATED: Final = {"related.ip": RELATED_IP, "related.user": RELATED_USER}
_ID_HEX: Final = 32


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and its parameters, in order."""

    text: str
    values: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """A field as SQL, and what kind of value it gives."""

    sql: Sql
    kind: Literal["text", "integer", "time", "list"]


def where(terms: Sequence[Term]) -> Sql:
    """All terms, joined by AND; raises ``collector.index.field`` or ``.value``."""
    parts = [_term(term) for term in terms]
    return Sql(
        " AND ".join(["true", *(part.text for part in parts)]),
        tuple(value for part in parts for value in part.values),
    )


def expression(name: str) -> Expression:
    """The field of that name; raises ``collector.index.field`` for one nobody could have."""
    if name in ("sensor", "number"):
        return Expression(Sql(name), "text" if name == "sensor" else "integer")
    if name == "event.ingested":
        return Expression(Sql("received"), "time")
    known = catalogue().get(name)
    if known is not None and known.column:
        kind = COLUMNS[name]
        if known.type == "time":
            return Expression(Sql(f'"{name}"'), "time")
        return Expression(Sql(f'"{name}"'), "integer" if kind == "BIGINT" else "text")
    label = is_open(name) and len(name) <= NAME_CHARS_MAX
    if known is None and (not label or '"' in name or "\\" in name):
        raise FengsuiError(
            "collector.index.field",
            f"there is no field {name[:80]!r}: docs/integrator/fields.md lists them; what is not "
            "in the list is called labels.<name>",
            field=name[:80],
        )
    path = f'$."{name}"'
    if known is not None and known.type == "keywords":
        return Expression(Sql("TRY_CAST(json_extract(rest, ?) AS VARCHAR[])", (path,)), "list")
    text = Sql("json_extract_string(rest, ?)", (path,))
    if known is not None and known.type == "integer":
        return Expression(Sql(f"TRY_CAST({text.text} AS BIGINT)", text.values), "integer")
    return Expression(text, "text")


def _term(term: Term) -> Sql:
    found = _condition(term)
    # An absent field must not turn a denied term into "unknown".
    sure = f"coalesce({found.text}, false)"
    return Sql(f"NOT {sure}" if term.denied else sure, found.values)


def _condition(term: Term) -> Sql:
    if term.field == TEXT_FIELD:
        in_wide = not term.value.isascii() and BETWEEN not in term.value
        columns = ("wide",) if in_wide else TEXT_COLUMNS
        return _any(Sql(f'contains("{column}", ?)', (term.value,)) for column in columns)
    if term.field == "event.id":
        return _by_id(term)
    if term.field in _RELATED:
        return _any(_compare(expression(name), term) for name in _RELATED[term.field])
    return _compare(expression(term.field), term)


def _any(parts: Iterable[Sql]) -> Sql:
    found = list(parts)
    return Sql(
        "(" + " OR ".join(f"coalesce({part.text}, false)" for part in found) + ")",
        tuple(value for part in found for value in part.values),
    )


def _by_id(term: Term) -> Sql:
    if term.match == "present":
        return Sql("true")
    try:
        raw = bytes.fromhex(term.value)
    except ValueError:
        raw = b""
    if term.match != "equals" or len(raw) * 2 != _ID_HEX:
        raise _value(term, "an event id is 32 hexadecimal digits, looked for as a whole")
    return Sql("(id_high = ? AND id_low = ?)", id_halves(raw))


def _compare(field: Expression, term: Term) -> Sql:
    sql, values = field.sql.text, field.sql.values
    if term.match == "present":
        return Sql(f"{sql} IS NOT NULL", values)
    if field.kind == "list":
        if term.match != "equals":
            raise _value(term, "a list can only be asked for one of its values")
        return Sql(f"list_contains({sql}, ?)", (*values, term.value))
    if term.match == "range":
        return _range(field, term)
    if term.match == "equals":
        return Sql(f"{sql} = ?", (*values, _read(field, term, term.value)))
    function = {"contains": "contains", "prefix": "starts_with", "suffix": "ends_with"}[term.match]
    text = sql if field.kind == "text" else f"CAST({sql} AS VARCHAR)"
    return Sql(f"{function}({text}, ?)", (*values, term.value))


def _range(field: Expression, term: Term) -> Sql:
    known = catalogue().get(term.field)
    if known is not None and known.type == "ip":
        raise _value(term, "addresses have no ranges here; use the beginning, as 10.1.*")
    parts: list[str] = []
    values: list[Parameter] = []
    for sign, bound in ((">=", term.low), ("<=", term.high)):
        if bound:
            parts.append(f"{field.sql.text} {sign} ?")
            values += [*field.sql.values, _read(field, term, bound, last=sign == "<=")]
    if not parts:
        return Sql(f"{field.sql.text} IS NOT NULL", field.sql.values)
    return Sql(f"({' AND '.join(parts)})", tuple(values))


def _read(field: Expression, term: Term, text: str, *, last: bool = False) -> Parameter:
    """The value of a term as the column holds it."""
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
    if abs(number) >= 2**63:
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
