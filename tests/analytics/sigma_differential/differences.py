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
DASHES: Final = "-/–—―"
DASHES_MAX: Final = 3
"""Dashes of one value that are exchanged; pySigma refuses more."""

_OPTION: Final = re.compile(r"\B[-/]\b")
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
        item for value in event.values() for item in (value if isinstance(value, list) else [value])
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


def _large(rule: Rule, _: Event) -> bool:
    """Numbers that a float with 53 bits cannot hold."""
    return any(
        isinstance(value, int | float) and abs(value) > 2**53 for _, _, value in compared(rule)
    )


def _number_and_text(rule: Rule, event: Event) -> bool:
    """A number or truth value on one side and something else on the other, where both meet."""
    for name, modifiers, value in compared(rule):
        held = event.get(name) if name else list(event.values())
        items = held if isinstance(held, list) else [held]
        if "fieldref" in modifiers:
            other = event.get(str(value))
            items = [*items, *(other if isinstance(other, list) else [other])]
        numeric = isinstance(value, int | float) or bool(set(modifiers) & COMPARISONS)
        others = [item for item in items if item is not None and type(item) is not type(value)]
        if numeric and (not name or others):
            return True
        if not numeric and any(isinstance(item, int) for item in items):
            return True
    return False


def _dash_outside_of_an_option(rule: Rule, _: Event) -> bool:
    """A dash that does not begin an option: a letter stands before it, or none behind it."""
    return any(
        "windash" in modifiers
        and any(
            char in DASHES and not _OPTION.match(str(value), at)
            for at, char in enumerate(str(value))
        )
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


def _absent_under_neq(rule: Rule, event: Event) -> bool:
    return any(
        "neq" in modifiers
        and (name not in event or ("fieldref" in modifiers and value not in event))
        for name, modifiers, value in compared(rule)
    )


def _wildcard_over_line_end(rule: Rule, event: Event) -> bool:
    wild = any(set("*?") & set(str(value)) for _, _, value in compared(rule))
    return wild and any("\n" in value for value in _scalars(event) if isinstance(value, str))


def _windash_beyond_two_dashes(rule: Rule, event: Event) -> bool:
    return any(
        "windash" in modifiers
        and (bool(set("*?/–—―") & set(str(value))) or _dash_outside_of_an_option(rule, event))
        for _, modifiers, value in compared(rule)
    )


def _wildcard_at_an_end(rule: Rule, _: Event) -> bool:
    return any(
        {"startswith", "endswith"} & set(modifiers) and bool(set("*?") & set(str(value)))
        for _, modifiers, value in compared(rule)
    )


def _empty_keyword(rule: Rule, event: Event) -> bool:
    return not event and any(name == "" for name, _, _ in compared(rule))


def may_refuse(rule: Rule) -> bool:
    """What the product may refuse though the oracle reads it; a rule of this kind has no answer."""
    for name, modifiers, value in compared(rule):
        used = set(modifiers)
        if (
            used & {*TIME_PARTS, "utf16le", "utf16be", "utf16", "wide"}
            or {
                "fieldref",
                "contains",
            }
            <= used
        ):
            return True
        if "windash" in used and sum(char in DASHES for char in str(value)) > DASHES_MAX:
            return True
        if not isinstance(value, str) and (used & {"contains"} or not name):
            return True
    return False


PREDICATES: Final[dict[str, Callable[[Rule, Event], bool]]] = {
    "absent under neq": _absent_under_neq,
    "dash inside of a word": _dash_outside_of_an_option,
    "dotted capital I": _letters("İ"),
    "empty event": _empty_keyword,
    "end of text before a line end": _end_before_newline,
    "keywords under all": lambda rule, _: any(
        not name and "all" in modifiers for name, modifiers, _ in compared(rule)
    ),
    "large number": _large,
    "letters of one folding": _letters("ſK"),
    "letters beyond ASCII": _beyond_ascii,
    "network as text": _with("cidr"),
    "number and text": _number_and_text,
    "part of a time": _with(*TIME_PARTS),
    "reference to a list": _reference_to_list,
    "sigma at the end of a word": _letters("Σσς"),
    "values of windash": _windash_beyond_two_dashes,
    "wildcard at an end": _wildcard_at_an_end,
    "wildcard over a line end": _wildcard_over_line_end,
}
