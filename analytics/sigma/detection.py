"""Detection: a rule's ``detection`` section, parsed by pySigma, as our expression tree.

The only module beside the modifiers that knows pySigma. An absent field makes every question
about it false, so ``null`` and ``exists: false`` are written as a denied ``exists``, and under a
``not`` an absent field counts as different.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sigma import types as sigma_types
from sigma.exceptions import SigmaError, SigmaRuleLocation
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections, SigmaRule

from analytics.expression import Node, Some
from analytics.language.rulefile import Plain
from analytics.matching.values import compile_regex, wildcard_regex
from analytics.sigma.lines import pointer, refused
from analytics.sigma.modifiers import MODIFIERS, Placeholder, expand, no_placeholder
from analytics.sigma.nodes import FieldName, node, wildcard
from schema.errors import FengsuiError

TAXONOMY: Final = "sigma"
"""The taxonomy whose names a rule may use; another one is refused by name."""

_SCALARS: Final = (str, int, float, bool, type(None))
_NOTHING: Final = {"selection": {"field": 1}, "condition": "selection"}
"""Stands for the detection while pySigma checks everything else of a rule."""
_SOUND: Final[dict[str, object]] = {"title": "A rule", "logsource": {"product": "any"}}
"""What a rule cannot do without, to find out which key is to blame."""


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


@dataclass
class _Place(SigmaRuleLocation):
    """Where in the detection a part stands; pySigma hands it down to what it makes of the part."""

    pointer: str = ""

    def __str__(self) -> str:
        return self.pointer


_POLICY: Final = SigmaPolicy(regex_engine=_LinearExpressions())


def check_rule(document: Mapping[str, object]) -> None:
    """Raise ``analytics.rule.refused`` unless all but the detection is a sound Sigma rule."""
    taxonomy = document.get("taxonomy", TAXONOMY)
    if taxonomy != TAXONOMY:
        raise refused(f"its names are of the taxonomy {str(taxonomy)[:40]!r}", "/taxonomy")
    rule = {**document, "detection": _NOTHING}
    why = _fault(rule)
    if why is None:
        return
    # To blame is the key without which the rest is sound.
    for key in rule:
        rest = {name: value for name, value in rule.items() if name != key}
        if key in _SOUND:
            rest[key] = _SOUND[key]
        if _fault(rest) is None:
            raise refused(why, pointer(key))
    raise refused(why)


def _fault(rule: dict[str, object]) -> str | None:
    try:
        SigmaRule.from_dict(rule, policy=_POLICY)
    except SigmaError as error:
        return f"Sigma: {error.args[0]}"
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        # pySigma reports malformed sections by any of these.
        return f"Sigma: {type(error).__name__} {error}"
    return None


def compile_detection(
    detection: Mapping[str, Plain],
    field_name: FieldName,
    placeholder: Placeholder = no_placeholder,
) -> Node:
    """The condition of a Sigma ``detection`` section as a tree.

    Raises ``analytics.rule.refused`` with the reason and a pointer into the section.
    """
    conditions = detection.get("condition")
    if conditions is None:
        raise refused("the detection has no condition")
    given = conditions if isinstance(conditions, list) else [conditions]
    listed = [one for one in given if isinstance(one, str)]
    if not listed or len(listed) != len(given):
        raise refused("a condition is a text or a list of texts", pointer("condition"))
    parts = {
        name: _Reader(placeholder).detection(part, pointer(name))
        for name, part in detection.items()
        if name != "condition"
    }
    if not parts:
        raise refused("the detection has no selection")
    sections = SigmaDetections(detections=parts, condition=listed, policy=_POLICY)
    nodes = []
    for place, condition in enumerate(sections.parsed_condition):
        at = pointer("condition", place) if isinstance(conditions, list) else pointer("condition")
        try:
            tree = condition.parsed
        except (SigmaError, ValueError, TypeError, AttributeError) as error:
            raise refused(f"Sigma: {error.args[0] if error.args else error}", at) from error
        nodes.append(node(tree, field_name))
    return nodes[0] if len(nodes) == 1 else Some(tuple(nodes))


class _Reader:
    """A selection as pySigma has it, made with our modifiers and with the place of each part."""

    def __init__(self, placeholder: Placeholder) -> None:
        self._placeholder = placeholder

    def detection(self, part: object, at: str) -> SigmaDetection:
        items: list[SigmaDetectionItem | SigmaDetection]
        if isinstance(part, Mapping):
            items = [
                self._item(str(key), value, at + pointer(str(key))) for key, value in part.items()
            ]
        elif isinstance(part, list) and not all(isinstance(item, _SCALARS) for item in part):
            items = [self.detection(item, at + pointer(place)) for place, item in enumerate(part)]
        else:
            items = [self._item("", part, at)]
        if not items:
            raise refused("the selection is empty", at)
        # Without a place of its own: pySigma would put it over those of the items.
        return SigmaDetection(items)

    def _item(self, key: str, value: object, at: str) -> SigmaDetectionItem:
        field, *names = key.split("|")
        listed = value if isinstance(value, list) else [value]
        if not listed and not field:
            raise refused("the selection is empty", at)
        for item in listed:
            if not isinstance(item, _SCALARS):
                raise refused(
                    f"a value of type {type(item).__name__} cannot be compared: write a text",
                    at,
                )
        unknown = [name for name in names if name not in MODIFIERS and name != "expand"]
        if unknown:
            raise refused(f"unknown modifier {unknown[0][:40]!r}", at)
        if "fieldref" in names and "cased" in names:
            raise refused("fields are compared without regard to case", at)
        try:
            return SigmaDetectionItem(
                field or None,
                [MODIFIERS[name] for name in names if name != "expand"],
                [self._value(item, names) for item in listed],
                source=_Place(Path(), pointer=at),
                policy=_POLICY,
            )
        except SigmaError as error:
            raise refused(f"Sigma: {error.args[0]}", at) from error
        except FengsuiError as error:
            raise refused(str(error.args[0]), at) from error

    def _value(self, value: object, names: Sequence[str]) -> sigma_types.SigmaType:
        expression = "re" in names
        if expression and not isinstance(value, str):
            raise refused("an expression is a text")
        if "expand" not in names or not isinstance(value, str):
            if expression:
                return sigma_types.SigmaString.from_str(str(value))
            return sigma_types.sigma_type(value)  # type: ignore[arg-type] # checked by the caller
        if expression:
            texts = expand(value, lambda name: _as_expressions(self._placeholder(name)))
            forms = [sigma_types.SigmaString.from_str(text) for text in texts]
        else:
            forms = [sigma_types.SigmaString(text) for text in expand(value, self._placeholder)]
        return forms[0] if len(forms) == 1 else sigma_types.SigmaExpansion([*forms])


def _as_expressions(values: Sequence[str] | None) -> tuple[str, ...] | None:
    """The values of a placeholder inside of an expression: they are strings, not expressions."""
    if values is None:
        return None
    strings = (sigma_types.SigmaString(value) for value in values)
    return tuple(f"(?:{wildcard_regex(wildcard(string.s))})" for string in strings)
