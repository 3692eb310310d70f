"""Sigma: detections parsed by pySigma, turned into our expression tree; evaluation is ours.

The only module that imports pySigma (a fifth of a second), and only when no compiled rule set is
cached. Whatever cannot be evaluated here is refused with its reason, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sigma import types as sigma_types
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.exceptions import SigmaError
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern
from sigma.rule import SigmaDetections, SigmaRule
from sigma.types import SpecialChars

from analytics.document import Plain, refused
from analytics.expression import ANY_FIELD, All, Atom, Node, Not, Op, Some
from analytics.matching.values import compile_regex
from schema.errors import FengsuiError

FieldName: TypeAlias = Callable[[str], str | None]
"""Our name of a field as the rule writes it, None where there is none."""


class _LinearExpressions(RegexEngine):
    """pySigma checks expressions with the same engine that will search for them."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        names = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))
        prefix = "".join(name for flag, name in names if flags & flag)
        compiled: RegexPattern = compile_regex(f"(?{prefix}){pattern}" if prefix else pattern)
        return compiled

    @property
    def error(self) -> type[Exception]:
        return FengsuiError


_SPECIAL = re.compile(r"[*?\\]")
_POLICY = SigmaPolicy(regex_engine=_LinearExpressions())
_COMPARE: dict[str, Op] = {"LT": "lt", "LTE": "lte", "GT": "gt", "GTE": "gte"}


def check_rule(document: dict[str, Plain]) -> None:
    """Raise ``analytics.rule.refused`` unless the document is a sound Sigma rule."""
    try:
        SigmaRule.from_dict(document, policy=_POLICY)
    except SigmaError as error:
        raise refused(f"Sigma: {error}") from error


def compile_detection(detection: dict[str, Plain], field_name: FieldName) -> Node:
    """The condition of a Sigma ``detection`` section as a tree.

    Raises ``analytics.rule.refused`` with the reason.
    """
    try:
        parsed = SigmaDetections.from_dict(detection, policy=_POLICY).parsed_condition
        trees = [condition.parsed for condition in parsed]
    except (SigmaError, ValueError, TypeError, AttributeError) as error:
        # pySigma reports malformed sections by any of these.
        raise refused(f"Sigma: {type(error).__name__} {error}") from error
    nodes = tuple(_node(tree, field_name) for tree in trees)
    return nodes[0] if len(nodes) == 1 else Some(nodes)


def _node(tree: object, field_name: FieldName) -> Node:
    match tree:
        case ConditionAND():
            return All(tuple(_node(item, field_name) for item in tree.args))
        case ConditionOR():
            return Some(tuple(_node(item, field_name) for item in tree.args))
        case ConditionNOT():
            return Not(_node(tree.args[0], field_name))
        case ConditionFieldEqualsValueExpression():
            name = field_name(tree.field)
            if name is None:
                raise refused(f"no field {tree.field!r} in the catalogue for this log source")
            return _comparison(name, tree.value, field_name)
        case ConditionValueExpression():
            return _keyword(tree.value)
    raise refused(f"a condition of kind {type(tree).__name__} cannot be evaluated")


def _comparison(field: str, value: object, field_name: FieldName) -> Node:
    match value:
        case sigma_types.SigmaExpansion():
            return Some(tuple(_comparison(field, item, field_name) for item in value.values))
        case sigma_types.SigmaString():
            return _string(field, value)
        case sigma_types.SigmaNull():
            return Not(Atom(field, "exists"))
        case sigma_types.SigmaExists():
            present = Atom(field, "exists")
            return present if value.exists else Not(present)
        case sigma_types.SigmaBool():
            return Atom(field, "boolean", value.boolean)
        case sigma_types.SigmaTimestampPart():
            raise refused("parts of a time (hour, day …) cannot be evaluated")
        case sigma_types.SigmaNumber():
            return Atom(field, "number", value.number)
        case sigma_types.SigmaRegularExpression():
            return Atom(field, "regex", _regex(value))
        case sigma_types.SigmaCIDRExpression():
            return Atom(field, "cidr", value.cidr)
        case sigma_types.SigmaCompareExpression():
            if isinstance(value.number, sigma_types.SigmaTimestampPart):
                raise refused("parts of a time (hour, day …) cannot be evaluated")
            if value.op.name not in _COMPARE:
                raise refused(f"comparison {value.op.name} cannot be evaluated")
            return Atom(field, _COMPARE[value.op.name], value.number.number)
        case sigma_types.SigmaFieldReference():
            return _reference(field, value, field_name)
    raise refused(f"a value of kind {type(value).__name__} cannot be evaluated")


def _reference(field: str, value: sigma_types.SigmaFieldReference, field_name: FieldName) -> Node:
    other = field_name(value.field)
    if other is None:
        raise refused(f"no field {value.field!r} in the catalogue for this log source")
    if value.starts_with and value.ends_with:
        raise refused("a field that contains another field's value cannot be evaluated")
    op: Op = "starts_as" if value.starts_with else "ends_as" if value.ends_with else "same_as"
    return Atom(field, op, other)


def _keyword(value: object) -> Node:
    """A word looked for in every value of the event."""
    match value:
        case sigma_types.SigmaExpansion():
            return Some(tuple(_keyword(item) for item in value.values))
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


def _string(field: str, value: sigma_types.SigmaString) -> Node:
    return _parts(field, value.s, cased=isinstance(value, sigma_types.SigmaCasedString))


def _parts(field: str, parts: Sequence[object], *, cased: bool) -> Node:
    """A string with wildcards in the cheapest form that means the same."""
    multi = SpecialChars.WILDCARD_MULTI
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
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += _SPECIAL.sub(r"\\\g<0>", part)
        elif isinstance(part, SpecialChars):
            text += "*" if part is multi else "?"
        else:
            raise refused(f"placeholder %{getattr(part, 'name', part)}% has no value here")
    return Atom(field, "wildcard", text, cased)


def _regex(value: sigma_types.SigmaRegularExpression) -> str:
    """The expression with its flags, as RE2 writes them."""
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    return f"(?{flags}){value.regexp}" if flags else str(value.regexp)
