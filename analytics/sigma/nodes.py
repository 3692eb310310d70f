"""Nodes: pySigma's tree of a condition as ours, each value in its cheapest form."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from sigma import types as sigma_types
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import SpecialChars

from analytics.expression import ANY_FIELD, All, Atom, Node, Not, Op, Part, Some
from analytics.sigma.lines import refused
from schema.errors import FengsuiError

FieldName: TypeAlias = Callable[[str], str | None]
"""Our name of a field as the rule writes it, None where there is none."""

_SPECIAL: Final = re.compile(r"[*?\\]")
_COMPARE: Final[dict[str, Op]] = {"LT": "lt", "LTE": "lte", "GT": "gt", "GTE": "gte"}
_RELATIONS: Final[dict[tuple[bool, bool], Op]] = {
    (False, False): "same_as",
    (True, False): "starts_as",
    (False, True): "ends_as",
    (True, True): "contains_as",
}
_PARTS: Final[dict[str, Part]] = {
    "MINUTE": "minute",
    "HOUR": "hour",
    "DAY": "day",
    "WEEK": "week",
    "MONTH": "month",
    "YEAR": "year",
}


def node(tree: object, field_name: FieldName) -> Node:
    """The tree as ours; raises ``analytics.rule.refused`` for what cannot be evaluated."""
    match tree:
        case ConditionAND():
            return All(tuple(node(item, field_name) for item in tree.args))
        case ConditionOR():
            return Some(tuple(node(item, field_name) for item in tree.args))
        case ConditionNOT():
            return Not(node(tree.args[0], field_name))
        case ConditionFieldEqualsValueExpression():
            try:
                return _comparison(_named(tree.field, field_name), tree.value, field_name)
            except FengsuiError as error:
                raise _placed(error, tree) from error
        case ConditionValueExpression():
            try:
                return _keyword(tree.value)
            except FengsuiError as error:
                raise _placed(error, tree) from error
    raise refused(f"a condition of kind {type(tree).__name__} cannot be evaluated")


def _placed(error: FengsuiError, tree: object) -> FengsuiError:
    """The refusal with the place of the part it speaks of."""
    return refused(str(error.args[0]), str(getattr(tree, "source", None) or ""))


def _named(field: str, field_name: FieldName) -> str:
    name = field_name(field)
    if name is None:
        raise refused(f"no field {field!r} in the catalogue for this log source")
    return name


def _comparison(field: str, value: object, field_name: FieldName) -> Node:
    match value:
        case sigma_types.SigmaExpansion():
            return Some(tuple(_comparison(field, item, field_name) for item in value.values))
        case sigma_types.SigmaString():
            cased = isinstance(value, sigma_types.SigmaCasedString)
            return _parts(field, value.s, cased=cased)
        case sigma_types.SigmaNull():
            return Not(Atom(field, "exists"))
        case sigma_types.SigmaExists():
            present = Atom(field, "exists")
            return present if value.exists else Not(present)
        case sigma_types.SigmaBool():
            return Atom(field, "boolean", value.boolean)
        case sigma_types.SigmaTimestampPart():
            return Atom(field, "number", value.number, part=_part(value))
        case sigma_types.SigmaNumber():
            return Atom(field, "number", value.number)
        case sigma_types.SigmaRegularExpression():
            return Atom(field, "regex", _regex(value))
        case sigma_types.SigmaCIDRExpression():
            return Atom(field, "cidr", value.cidr)
        case sigma_types.SigmaCompareExpression():
            op = _COMPARE[value.op.name]
            return Atom(field, op, value.number.number, part=_part(value.number))
        case sigma_types.SigmaFieldReference():
            return _reference(field, value, field_name)
    raise refused(f"a value of kind {type(value).__name__} cannot be evaluated")


def _reference(field: str, value: sigma_types.SigmaFieldReference, field_name: FieldName) -> Node:
    op = _RELATIONS[value.starts_with, value.ends_with]
    return Atom(field, op, _named(value.field, field_name))


def _part(value: object) -> Part:
    return (
        _PARTS[value.timestamp_part.name]
        if isinstance(value, sigma_types.SigmaTimestampPart)
        else ""
    )


def _keyword(value: object) -> Node:
    """A word looked for in every value of the event."""
    match value:
        case sigma_types.SigmaExpansion():
            return Some(tuple(_keyword(item) for item in value.values))
        case sigma_types.SigmaBool():
            return Atom(ANY_FIELD, "contains", str(value.boolean).lower())
        case sigma_types.SigmaTimestampPart():
            raise refused("a part of a time needs a field")
        case sigma_types.SigmaNumber():
            return Atom(ANY_FIELD, "contains", str(value.number))
        case sigma_types.SigmaRegularExpression():
            return Atom(ANY_FIELD, "regex", _regex(value))
        case sigma_types.SigmaString():
            multi = SpecialChars.WILDCARD_MULTI
            parts = [*([multi] if value.s[:1] != [multi] else []), *value.s]
            if parts[-1] != multi:
                parts.append(multi)
            return _parts(ANY_FIELD, parts, cased=isinstance(value, sigma_types.SigmaCasedString))
    raise refused(f"a keyword of kind {type(value).__name__} cannot be evaluated")


def _parts(field: str, parts: Sequence[object], *, cased: bool) -> Node:
    """A string with wildcards in the cheapest form that means the same."""
    match parts:
        case []:
            return Atom(field, "equals", "", cased)
        case [str(text)]:
            return Atom(field, "equals", text, cased)
        case [SpecialChars.WILDCARD_MULTI]:
            return Atom(field, "exists")
        case [SpecialChars.WILDCARD_MULTI, str(text), SpecialChars.WILDCARD_MULTI]:
            return Atom(field, "contains", text, cased)
        case [str(text), SpecialChars.WILDCARD_MULTI]:
            return Atom(field, "startswith", text, cased)
        case [SpecialChars.WILDCARD_MULTI, str(text)]:
            return Atom(field, "endswith", text, cased)
    return Atom(field, "wildcard", wildcard(parts), cased)


def wildcard(parts: Sequence[object]) -> str:
    """The parts of a string as a ``wildcard`` has them."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += _SPECIAL.sub(r"\\\g<0>", part)
        else:
            text += "*" if part is SpecialChars.WILDCARD_MULTI else "?"
    return text


def _regex(value: sigma_types.SigmaRegularExpression) -> str:
    """The expression with its flags, as RE2 writes them."""
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    return f"(?{flags}){value.regexp}" if flags else str(value.regexp)
