"""Conditions: what can never hold, though it was compiled.

A condition is taken apart into its alternatives; one in which two questions about the same value
contradict each other cannot hold. What is not understood is taken for possible, so that a finding
is always right and a missing one says nothing.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Final, TypeAlias

import msgspec

from analytics.authoring.linting.finding import Finding, Written
from analytics.authoring.weaken import said
from analytics.expression import ANY_FIELD, All, Atom, Node, Not, Some, atoms
from analytics.matching.values import NUMERIC, RELATED, atom_test
from analytics.rule import Rule, Step
from schema.event import DATASET
from schema.fields import catalogue, is_open

ALTERNATIVES_MAX: Final = 512
"""Alternatives of one condition that are looked at: beyond it it is taken for possible."""

Literal: TypeAlias = "tuple[Atom, bool]"
"""(atom, whether it must hold)"""
Term: TypeAlias = "frozenset[Literal]"

_RANGES: Final[dict[str, tuple[int, int]]] = {
    "http.response.status_code": (100, 599),
    "source.port": (0, 65_535),
    "destination.port": (0, 65_535),
    "event.severity": (0, 100),
    "event.risk_score": (0, 100),
}
"""Numbers that a field can have; HTTP's of RFC 9110, section 15, ports of 16 bits."""

_PARTS: Final[dict[str, tuple[int, int]]] = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "week": (1, 53),
    "month": (1, 12),
    "year": (1, 9999),
}

_TEXTS: Final = frozenset({"equals", "contains", "startswith", "endswith"})
_INTEGER_MAX: Final = 2**63 - 1


class _Carried(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    every: frozenset[str]
    dataset: dict[str, frozenset[str]]


@cache
def carried(dataset: str) -> frozenset[str] | None:
    """The fields events of a dataset carry; None where that is not known."""
    folder = resources.files("analytics.authoring.linting")
    raw = folder.joinpath("carried.toml").read_text("utf-8")
    read = msgspec.convert(tomllib.loads(raw), _Carried)
    found = read.dataset.get(dataset)
    return None if found is None else found | read.every


def unreachable(written: Written) -> Iterator[Finding]:
    """Steps and parts of conditions that no event can meet."""
    for step in written.rule.steps:
        yield from _step(written, step)
    yield from _entities(written)


def _step(written: Written, step: Step) -> Iterator[Finding]:
    for atom in dict.fromkeys(atoms(step.condition)):
        why = impossible(atom)
        if why is not None:
            yield written.finding(
                "unreachable",
                written.line_of_atom(atom),
                zh=f"条件“{said(atom)}”不可能成立：{why[0]}",
                en=f'the condition "{said(atom)}" can never hold: {why[1]}',
                severity="error",
            )
    if not any(_possible(step.condition, dataset) for dataset in step.datasets):
        yield written.finding(
            "unreachable",
            written.line_of(f"name: {step.name}", "condition:"),
            zh=f"步骤“{step.name}”的条件互相矛盾，{'、'.join(step.datasets)} 的日志都不可能满足",
            en=f'step "{step.name}" contradicts itself: no event of '
            f"{', '.join(step.datasets)} can meet it",
            severity="error",
        )


def _entities(written: Written) -> Iterator[Finding]:
    rule = written.rule
    for step in rule.steps:
        for name in (*(step.entity or rule.entity), *step.values):
            if all(name not in (carried(one) or {name}) for one in step.datasets):
                yield written.finding(
                    "uncarried",
                    written.line_of(name),
                    zh=f"{'、'.join(step.datasets)} 的日志没有字段 {name}，"
                    f"步骤“{step.name}”不会触发",
                    en=f"events of {', '.join(step.datasets)} do not carry {name}: step "
                    f'"{step.name}" never counts',
                    severity="error",
                )


def impossible(atom: Atom) -> tuple[str, str] | None:
    """Why an atom can hold of no value of its field, in Chinese and English; None where it can."""
    if atom.op in NUMERIC and isinstance(atom.value, int | float):
        return _out_of_range(atom)
    field = catalogue().get(atom.field)
    if field is None or atom.op not in _TEXTS:
        return None
    text = str(atom.value)
    if field.type == "integer" and not _of_digits(text, whole=atom.op == "equals"):
        return f"{atom.field} 是整数", f"{atom.field} is a whole number"
    if field.type == "boolean" and atom.op == "equals" and text.lower() not in ("true", "false"):
        return f"{atom.field} 是真假值", f"{atom.field} is true or false"
    return None


def _of_digits(text: str, *, whole: bool) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and (digits.isdecimal() or (not whole and not digits))


def _out_of_range(atom: Atom) -> tuple[str, str] | None:
    low, high = _range(atom)
    value = atom.value
    assert isinstance(value, int | float)
    never = {
        "number": not low <= value <= high or value != int(value),
        "gt": value >= high,
        "gte": value > high,
        "lt": value <= low,
        "lte": value < low,
    }[atom.op]
    return (f"取值范围 {low} 至 {high}", f"values are from {low} to {high}") if never else None


def _range(atom: Atom) -> tuple[int, int]:
    if atom.part:
        return _PARTS[atom.part]
    return _RANGES.get(atom.field, (-_INTEGER_MAX - 1, _INTEGER_MAX))


def _possible(condition: Node, dataset: str) -> bool:
    """Whether an event of the dataset may meet the condition."""
    terms = _terms(condition, True)
    if terms is None:
        return True
    own = Atom(DATASET, "equals", dataset), True
    fields = carried(dataset)
    return any(not _contradicts([*term, own], fields) for term in terms)


def _terms(node: Node, wanted: bool) -> set[Term] | None:
    """The alternatives of a condition; None where they are too many."""
    match node:
        case Atom():
            return {frozenset({(node, wanted)})}
        case Not():
            return _terms(node.item, not wanted)
    parts = [_terms(item, wanted) for item in node.items]
    if isinstance(node, Some) is wanted:
        united: set[Term] = set()
        for part in parts:
            if part is None:
                return None
            united |= part
        return united if len(united) <= ALTERNATIVES_MAX else None
    joined: set[Term] = {frozenset()}
    for part in parts:
        if part is None or len(joined) * len(part) > ALTERNATIVES_MAX:
            return None
        joined = {one | other for one in joined for other in part}
    return joined


def _contradicts(term: Iterable[Literal], fields: frozenset[str] | None) -> bool:
    by_field: dict[str, list[Literal]] = {}
    for atom, wanted in term:
        by_field.setdefault(atom.field, []).append((atom, wanted))
    return any(_of_one_field(name, found, fields) for name, found in by_field.items())


def _of_one_field(name: str, found: Sequence[Literal], fields: frozenset[str] | None) -> bool:
    positive = [atom for atom, wanted in found if wanted]
    denied = [atom for atom, wanted in found if not wanted]
    if any(atom in positive for atom in denied):
        return True
    if name == ANY_FIELD:
        return False
    if positive and fields is not None and name not in fields and not is_open(name):
        return True
    if any(implies(one, other) for one in positive for other in denied):
        return True
    field = catalogue().get(name)
    if field is None or field.type == "keywords":
        return False  # any item of a list may answer each question
    pairs = ((one, other) for one in positive for other in positive if one is not other)
    return any(_exclude(one, other) for one, other in pairs) or _no_number(positive, denied)


def implies(one: Atom, other: Atom) -> bool:
    """Whether a value for which ``one`` holds also meets ``other``, as far as that is certain."""
    if one == other or other.op == "exists":
        return True
    if one.op in RELATED or other.op in RELATED or one.part or other.part:
        return False
    if one.op == "equals" and not (other.cased and not one.cased):
        return _meets(str(one.value), other)
    if one.op == "number" and other.op in NUMERIC:
        return _meets(str(one.value), other)
    if one.cased or other.cased or one.op not in _TEXTS or other.op not in _TEXTS:
        return False
    text, part = str(one.value).lower(), str(other.value).lower()
    if other.op == "contains":
        return part in text
    if one.op != other.op:
        return False
    return text.startswith(part) if one.op == "startswith" else text.endswith(part)


def _meets(text: str, atom: Atom) -> bool:
    if atom.op == "regex" and text.lower() != text.upper():
        # The value may be written in other case than the rule has it.
        return False
    return atom_test(atom)(text.lower(), text)


def _exclude(one: Atom, other: Atom) -> bool:
    """Whether no single value meets both."""
    if one.op == "equals" and not one.cased and not other.cased and not other.part:
        if other.op in (*_TEXTS, "wildcard", "cidr"):
            return not _meets(str(one.value), other)
        return False
    if one.cased or other.cased or one.op != other.op:
        return False
    text, part = str(one.value).lower(), str(other.value).lower()
    if one.op == "startswith":
        return not (text.startswith(part) or part.startswith(text))
    if one.op == "endswith":
        return not (text.endswith(part) or part.endswith(text))
    return False


def _no_number(positive: Sequence[Atom], denied: Sequence[Atom]) -> bool:
    """Whether the comparisons leave no whole number, for the value or for a part of a time."""
    for part in {atom.part for atom in positive if atom.op in NUMERIC}:
        asked = [atom for atom in positive if atom.op in NUMERIC and atom.part == part]
        low, high = _range(asked[0])
        for atom in asked:
            assert isinstance(atom.value, int | float)
            below, above = math.floor(atom.value), math.ceil(atom.value)
            match atom.op:
                case "number":
                    low, high = max(low, above), min(high, below)
                case "gt":
                    low = max(low, below + 1)
                case "gte":
                    low = max(low, above)
                case "lt":
                    high = min(high, above - 1)
                case _:
                    high = min(high, below)
        excluded = {atom.value for atom in denied if atom.op == "number" and atom.part == part}
        if low > high or (high - low <= len(excluded) and excluded >= set(range(low, high + 1))):
            return True
    return False


def narrower(one: Node, other: Node) -> bool:
    """Whether each event that meets ``one`` meets ``other``, as far as their parts tell."""
    if one == other:
        return True
    if isinstance(other, All):
        return all(narrower(one, item) for item in other.items)
    if isinstance(one, Some):
        return all(narrower(item, other) for item in one.items)
    if isinstance(one, All) and any(narrower(item, other) for item in one.items):
        return True
    if isinstance(other, Some):
        return any(narrower(one, item) for item in other.items)
    if isinstance(one, Not) and isinstance(other, Not):
        return narrower(other.item, one.item)
    return isinstance(one, Atom) and isinstance(other, Atom) and implies(one, other)


def fields_of(rule: Rule) -> set[str]:
    """The fields a rule's conditions read."""
    return {atom.field for step in rule.steps for atom in atoms(step.condition)}
