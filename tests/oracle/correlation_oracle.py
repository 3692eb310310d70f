"""Oracle of correlations: at which events a correlation holds, by brute force over all events.

SigmaHQ/sigma-specification, ``sigma-correlation-rules-specification.md``, version 2.1.0, as of
commit 0c857d07da0e71eaaab2d667b3cce6f2c8469578. It shares no code with the product.

The window is decided, as the text only names a ``timespan``: it slides and ends at each event,
which is in it; another event is in it when it comes no later in the order of events and is *less
than* one timespan older. An event exactly one timespan older no longer counts.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

Group = tuple[str, ...]
Deciding = dict[Group, list[int]]

MICROSECONDS: Final = {"s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
COMPARE: Final[dict[str, Callable[[Fraction, Fraction], bool]]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "eq": lambda left, right: left == right,
    "neq": lambda left, right: left != right,
}


@dataclass(frozen=True)
class Seen:
    """One event, in the order of events, with the names of the rules that match it."""

    time: int
    """In microseconds; a list of these is in order of time."""
    event: Mapping[str, Any]
    rules: Collection[str]


@dataclass(frozen=True)
class _Hit:
    place: int
    time: int
    event: Mapping[str, Any]
    rules: frozenset[str]


def deciding_times(document: Mapping[str, Any], seen: Sequence[Seen]) -> Deciding:
    """For each group the times of the events at which the correlation holds.

    An event decides only if it takes part: it matches a rule and belongs to the group.
    """
    section = document["correlation"]
    rules = section["rules"] if isinstance(section["rules"], list) else [section["rules"]]
    length = _timespan(section["timespan"])
    found: Deciding = {}
    for group, hits in _grouped(section, rules, seen).items():
        for now, hit in enumerate(hits):
            window = [one for one in hits[: now + 1] if hit.time - one.time < length]
            number = _number(section, rules, window)
            if number is not None and _holds(section, rules, number):
                found.setdefault(group, []).append(hit.time)
    return found


def chained(document: Mapping[str, Any], seen: Sequence[Seen], name: str) -> list[Seen]:
    """The events with this correlation among the rules they match, for one that names it.

    "Related rules" allows it. Decided: it counts as an event of its own, right behind the deciding
    one, whose fields are those of its ``group-by``.
    """
    fields = document["correlation"].get("group-by") or []
    deciding = deciding_times(document, seen)
    added = [
        Seen(time, dict(zip(fields, group, strict=True)), (name,))
        for group, times in deciding.items()
        for time in times
    ]
    return sorted([*seen, *added], key=lambda one: one.time)


def _timespan(text: str) -> int:
    number, unit = re.fullmatch(r"([0-9]+)([smhd])", text).groups()  # type: ignore[union-attr]
    return int(number) * MICROSECONDS[unit]


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _grouped(
    section: Mapping[str, Any], rules: Sequence[str], seen: Sequence[Seen]
) -> dict[Group, list[_Hit]]:
    """Hits by the values of ``group-by``, each name read as its alias says for the rule.

    Decided: an event without one of the fields belongs to no group; of a list, each of its items
    is a value; values are compared as texts, with regard to case.
    """
    names = section.get("group-by") or []
    aliases = section.get("aliases") or {}
    grouped: dict[Group, dict[int, set[str]]] = {}
    for place, one in enumerate(seen):
        for rule in rules:
            if rule not in one.rules:
                continue
            choices = []
            for name in names:
                value = one.event.get(aliases[name].get(rule) if name in aliases else name)
                items = value if isinstance(value, list) else [] if value is None else [value]
                choices.append([_text(item) for item in items])
            for group in itertools.product(*choices):
                grouped.setdefault(group, {}).setdefault(place, set()).add(rule)
    return {
        group: [
            _Hit(place, seen[place].time, seen[place].event, frozenset(matched))
            for place, matched in sorted(places.items())
        ]
        for group, places in grouped.items()
    }


def _holds(section: Mapping[str, Any], rules: Sequence[str], number: Fraction) -> bool:
    """All of the bounds; of the temporal kinds without any, all of the rules."""
    given = section.get("condition") or {}
    bounds = {key: value for key, value in given.items() if key in COMPARE}
    if not bounds and section["type"] in ("temporal", "temporal_ordered"):
        bounds = {"gte": len(rules)}
    return all(COMPARE[key](number, Fraction(value)) for key, value in bounds.items())


def _number(
    section: Mapping[str, Any], rules: Sequence[str], window: Sequence[_Hit]
) -> Fraction | None:
    """What the correlation measures over a window; None where there is nothing to measure."""
    kind, condition = section["type"], section.get("condition") or {}
    if kind == "event_count":
        return Fraction(len(window))
    if kind == "temporal":
        return Fraction(len(frozenset().union(*(hit.rules for hit in window))))
    if kind == "temporal_ordered":
        return Fraction(_longest(rules, window))
    if kind == "value_count":
        return Fraction(len(set(_values(condition["field"], window))))
    if kind == "value_percentile" and "percentile" not in condition:
        return _share(condition["field"], window)
    numbers = sorted(_numbers(condition["field"], window))
    if not numbers:
        return None
    match kind:
        case "value_sum":
            return Fraction(sum(numbers))
        case "value_avg":
            return Fraction(sum(numbers), len(numbers))
        case "value_median":
            return _percentile(numbers, Fraction(50))
    return _percentile(numbers, Fraction(condition["percentile"]))


def _longest(rules: Sequence[str], window: Sequence[_Hit]) -> int:
    """How many different rules, in the order they are written, events in order match, each event
    one rule, the last event of the window being the last of them: all chains are tried."""

    def chain(hits: Sequence[_Hit], before: int) -> int:
        return max(
            (
                1 + chain(hits[:at], rules.index(rule))
                for at, hit in enumerate(hits)
                for rule in hit.rules
                if rules.index(rule) < before
            ),
            default=0,
        )

    last = window[-1]
    return max(1 + chain(window[:-1], rules.index(rule)) for rule in last.rules)


def _values(field: str | list[str], window: Sequence[_Hit]) -> list[Group]:
    """Several fields are one value ("linked by an AND"). Decided: an absent or empty one is none;
    of a list, its text as a whole is not asked for, but each of its items."""
    found: list[Group] = []
    for hit in window:
        choices = []
        for name in field if isinstance(field, list) else [field]:
            value = hit.event.get(name)
            items = value if isinstance(value, list) else [value]
            choices.append([_text(item) for item in items if item is not None and item != ""])
        found.extend(itertools.product(*choices))
    return found


def _numbers(field: str, window: Sequence[_Hit]) -> list[int]:
    """Decided: integers, and texts of up to 20 digits; other events are not measured."""
    found = []
    for hit in window:
        value = hit.event.get(field)
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, int) or re.fullmatch(r"-?[0-9]{1,20}", str(value)):
            found.append(int(value))
    return found


def _percentile(numbers: Sequence[int], percent: Fraction) -> Fraction:
    """Decided: between two neighbours in proportion, so that the median is the percentile 50."""
    place = percent / 100 * (len(numbers) - 1)
    below = int(place)
    above = min(below + 1, len(numbers) - 1)
    return numbers[below] + (place - below) * (numbers[above] - numbers[below])


def _share(field: str, window: Sequence[_Hit]) -> Fraction | None:
    """ "Value Percentile": which share of the observed values the event's own value is, in percent;
    the example asks for a program that is at most one percent of all of them."""
    values = [_text(hit.event[field]) for hit in window if hit.event.get(field) is not None]
    own = window[-1].event.get(field)
    if own is None:
        return None
    return Fraction(100 * values.count(_text(own)), len(values))
