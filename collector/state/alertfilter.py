"""Alert filter: the terms people write, as SQL over the alert table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from schema.alert import SEVERITIES
from schema.errors import FengsuiError
from schema.filter import Term
from schema.times import from_written

_COLUMNS: Final = {
    "rule.id": "a.rule_id",
    "alert.state": "a.state",
    "entity": "a.entity",
    "verdict": "v.verdict",
}


def seen_by(visible: frozenset[str] | None) -> tuple[str, list[int | str]]:
    """Alerts whose sensors are all visible; one without any known sensor is not."""
    if visible is None:
        return "1", []
    marks = ", ".join("?" * len(visible))
    hidden = f"SELECT 1 FROM alert_sensors s WHERE s.alert_id = a.id AND s.sensor NOT IN ({marks})"
    known = "SELECT 1 FROM alert_sensors s WHERE s.alert_id = a.id"
    return f"EXISTS ({known}) AND NOT EXISTS ({hidden})", [*sorted(visible)]


def where(
    terms: Sequence[Term],
    judged: bool | None,
    state: str | None,
    visible: frozenset[str] | None,
) -> tuple[str, tuple[int | str, ...]]:
    """The condition of a list over ``alerts a`` and ``verdicts v``, and its values."""
    seen, values = seen_by(visible)
    parts = [seen]
    if state is not None:
        parts.append("a.state = ?")
        values.append(state)
    if judged is not None:
        parts.append(f"v.verdict IS {'NOT ' if judged else ''}NULL")
    for term in terms:
        part, found = _condition(term)
        # A NULL must not turn a denied term into "unknown".
        parts.append(f"NOT ifnull({part}, 0)" if term.denied else part)
        values.extend(found)
    return " AND ".join(parts), tuple(values)


def _condition(term: Term) -> tuple[str, list[int | str]]:
    if term.field in ("severity", "event.severity"):
        return _range("a.severity", term, _severity, _severity)
    if term.field == "@timestamp":
        return _range("a.decided_at", term, _time, partial(_time, last=True))
    if term.field == "*":
        return "(instr(a.entity, ?) OR instr(a.rule_id, ?))", [term.value, term.value]
    column = _COLUMNS.get(term.field)
    if column is None:
        column = "CASE WHEN a.entity_field = ? THEN a.entity END"
        part, values = _text(column, term)
        # The column's own parameter comes once for each time the column is named.
        return part, [term.field] * part.count(column) + values
    return _text(column, term)


def _text(column: str, term: Term) -> tuple[str, list[int | str]]:
    if term.match == "present":
        return f"{column} IS NOT NULL", []
    if term.match == "contains":
        return f"instr({column}, ?)", [term.value]
    if term.match in ("prefix", "suffix"):
        escaped = term.value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        pattern = f"{escaped}%" if term.match == "prefix" else f"%{escaped}"
        return f"{column} LIKE ? ESCAPE '\\'", [pattern]
    if term.match == "range":
        raise FengsuiError(
            "collector.alert.filter",
            f"{term.field} has no ranges: use severity or @timestamp",
            field=term.field,
        )
    return f"{column} = ?", [term.value]


def _range(
    column: str, term: Term, read: Callable[[str], int], read_last: Callable[[str], int]
) -> tuple[str, list[int | str]]:
    if term.match == "present":
        return "1", []
    if term.match != "range":
        return f"{column} = ?", [read(term.value)]
    parts: list[str] = ["1"]
    values: list[int | str] = []
    if term.low:
        parts.append(f"{column} >= ?")
        values.append(read(term.low))
    if term.high:
        parts.append(f"{column} <= ?")
        values.append(read_last(term.high))
    return f"({' AND '.join(parts)})", values


def _severity(text: str) -> int:
    if text in SEVERITIES:
        return SEVERITIES.index(text)
    if text.isdecimal() and int(text) < len(SEVERITIES):
        return int(text)
    raise FengsuiError(
        "collector.alert.filter", f"a severity is one of {', '.join(SEVERITIES)}, not {text[:40]!r}"
    )


def _time(text: str, *, last: bool = False) -> int:
    try:
        return from_written(text, last=last)
    except ValueError as error:
        raise FengsuiError(
            "collector.alert.filter",
            f"{text[:40]!r} is no date or time, as 2026-01-31T08:00:00Z",
        ) from error
