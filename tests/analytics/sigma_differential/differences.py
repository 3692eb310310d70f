"""Differences: which answers may differ, and why; read from ``tests/oracle/differences.toml``.

A difference is accepted only where the predicate of an entry for that peer explains it, and every
entry's example must still differ: an entry nobody needs is a failure too.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from making import COMPARISONS, TIME_PARTS, compared

FILE: Final = Path(__file__).resolve().parents[2] / "oracle" / "differences.toml"
WHO: Final = {"oracle", "peer", "open"}

Rule = Mapping[str, Any]
Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One entry of the file."""

    peer: str
    name: str
    what: str
    right: str
    section: str
    since: str
    rule: Rule
    event: Event


def known() -> list[Difference]:
    """All entries."""
    entries = tomllib.loads(FILE.read_text(encoding="utf-8"))["difference"]
    return [
        Difference(
            **{
                **entry,
                "rule": {
                    "title": "example",
                    "logsource": {"category": "made"},
                    "detection": json.loads(entry["rule"]),
                },
                "event": json.loads(entry["event"]),
            }
        )
        for entry in entries
    ]


def explanation(peer: str, rule: Rule, event: Event) -> str | None:
    """The name of an entry that explains why the peer's answer differs; None if none does."""
    for entry in known():
        if entry.peer == peer and PREDICATES[entry.name](rule, event):
            return entry.name
    return None


def _scalars(event: Event) -> list[Any]:
    return [
        item
        for value in event.values()
        for item in (value if isinstance(value, list) else [value])
    ]


def _texts(rule: Rule, event: Event) -> list[str]:
    given = [value for _, _, value in compared(rule)] + _scalars(event)
    return [value for value in given if isinstance(value, str)]


def _with(*modifiers: str) -> Callable[[Rule, Event], bool]:
    wanted = set(modifiers)
    return lambda rule, _: any(wanted & set(used) for _, used, _ in compared(rule))


def _letters(letters: str) -> Callable[[Rule, Event], bool]:
    return lambda rule, event: any(set(letters) & set(text) for text in _texts(rule, event))


def _beyond_ascii(rule: Rule, event: Event) -> bool:
    return any(not text.isascii() for text in _texts(rule, event))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _large(rule: Rule, _: Event) -> bool:
    """Numbers that a float with 53 bits cannot hold."""
    return any(_is_number(value) and abs(value) > 2**53 for _, _, value in compared(rule))


def _number_and_text(rule: Rule, event: Event) -> bool:
    """A number on one side, a text or truth value on the other, in a field that is compared."""
    for name, modifiers, value in compared(rule):
        held = event.get(name)
        items = held if isinstance(held, list) else [held]
        if set(modifiers) & {"fieldref"}:
            items = [*items, event.get(str(value))]
            if any(map(_is_number, items)) or any(isinstance(item, bool) for item in items):
                return True
        numeric = _is_number(value) or isinstance(value, bool) or set(modifiers) & COMPARISONS
        if numeric and any(isinstance(item, str | bool) for item in items):
            return True
        if not numeric and any(isinstance(item, int) for item in items):
            return True
        if not numeric and not name and any(isinstance(item, int) for item in event.values()):
            return True
    return False


def _dash_outside_of_an_option(rule: Rule, _: Event) -> bool:
    return any(
        "windash" in modifiers
        and isinstance(value, str)
        # A dash that no option's name follows, or that has one before it.
        and any(not re.match(r"\B[-/–—―]\b", value[at:]) or re.match(r"\w", value[at - 1 : at])
                for at, char in enumerate(value) if char in "-/–—―")
        for _, modifiers, value in compared(rule)
    )


def _end_before_newline(rule: Rule, event: Event) -> bool:
    dollar = any("re" in modifiers and "$" in str(value) for _, modifiers, value in compared(rule))
    return dollar and any(text.endswith("\n") for text in _texts(rule, event))


def _reference_to_list(rule: Rule, event: Event) -> bool:
    return any(
        "fieldref" in modifiers
        and (isinstance(event.get(name), list) or isinstance(event.get(value), list))
        for name, modifiers, value in compared(rule)
    )


PREDICATES: Final[dict[str, Callable[[Rule, Event], bool]]] = {
    "sigma at the end of a word": _letters("Σσς"),
    "dotted capital I": _letters("İ"),
    "large number": _large,
    "dash inside of a word": _dash_outside_of_an_option,
    "end of text before a line end": _end_before_newline,
    "reference to a list": _reference_to_list,
    "letters beyond ASCII": _beyond_ascii,
    "number and text": _number_and_text,
    "network as text": _with("cidr"),
    "part of a time": _with(*TIME_PARTS),
    "wildcards of a keyword": lambda rule, _: any(not name for name, _, _ in compared(rule)),
    "reference": _with("fieldref"),
    "absent under neq": _with("neq"),
    "encoded": _with("base64", "base64offset"),
    "null": lambda rule, _: any(value is None for _, _, value in compared(rule)),
    "expression": _with("re"),
    "escape": lambda rule, event: any("\\" in text for text in _texts(rule, event)),
    "empty string": lambda rule, event: "" in _texts(rule, event),
}
