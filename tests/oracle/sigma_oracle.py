"""Oracle: whether a Sigma rule matches one event, written straight from the specification.

SigmaHQ/sigma-specification: ``sigma-rules-specification.md`` as of commit
5598c79eefb9421a4b25c8028600aaf6f80b358a and ``sigma-appendix-modifiers.md``, version 2.1.0, as of
commit 12e7b7baeebab08743d995e075c53b9bcd001db4. It shares no code with the product and knows no
parser of Sigma but its own. An event is a flat map; a field that is absent, or null, is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from oracle_condition import Condition, Refused
from oracle_values import KNOWN, Test, value_test

__all__ = ["Refused", "matches"]

Event = Mapping[str, Any]


def matches(rule: Mapping[str, Any], event: Event) -> bool:
    """Whether the rule, a document as YAML gives it, matches; raises ``Refused``.

    The log source is not asked: which events a rule is given is not evaluation.
    """
    detection = rule.get("detection")
    if not isinstance(detection, Mapping) or "condition" not in detection:
        raise Refused("no detection with a condition")
    names = [name for name in detection if name != "condition"]
    given = detection["condition"]
    # rules, "Condition": a list is several conditions, linked with OR.
    conditions = [
        Condition(text, names) for text in (given if isinstance(given, list) else [given])
    ]
    known: dict[str, bool] = {}
    for name in names:
        known[name] = _selection(detection[name], event)
    return any(condition.holds(known.__getitem__) for condition in conditions)


def _selection(part: Any, event: Event) -> bool:
    """rules, "Lists" and "Maps": a map is all of its fields, a list any of its items."""
    # Each item is asked even when one answered, so that a refusal never depends on the event.
    if isinstance(part, Mapping):
        if not part:
            raise Refused("an empty map")
        held = [_field(str(key), value, event) for key, value in part.items()]
        return all(held)
    if isinstance(part, list):
        if not part:
            raise Refused("an empty list")
        held = [
            _selection(item, event) if isinstance(item, Mapping) else _word(item, [], event)
            for item in part
        ]
        return any(held)
    return _word(part, [], event)


def _field(key: str, given: Any, event: Event) -> bool:
    field, *modifiers = key.split("|")
    for modifier in modifiers:
        if modifier not in KNOWN:
            raise Refused(f"unknown modifier {modifier!r}")
    if "expand" in modifiers:
        # rules, "Placeholders": a tool that has no values for them must reject the rule.
        raise Refused("placeholders have no values here")
    values = given if isinstance(given, list) else [given]
    if not values:
        raise Refused("an empty list of values")
    link = all if "all" in modifiers else any
    answers = [_holds(field, value, modifiers, event) for value in values]
    held = link(answers)
    # modifiers, ``neq``: different from the specified values. Decided: an absent field is
    # different from any value, as under a ``not`` in the condition.
    return not held if "neq" in modifiers else held


def _holds(field: str, value: Any, modifiers: list[str], event: Event) -> bool:
    if not field:
        return _word(value, modifiers, event)
    present = event.get(field)
    if "exists" in modifiers:
        if not isinstance(value, bool):
            raise Refused("exists is true or false")
        return (present is not None) is value
    if value is None:
        # rules, "Special Field Values". Decided: null is an absent field. In a list it is invalid
        # by the text; we read a rule that has it there as its author meant it.
        return present is None
    return _any(_test(value, *modifiers), present, event)


@lru_cache(maxsize=100_000, typed=True)
def _test(value: Any, *modifiers: str) -> Test:
    """Made once, so that thousands of rules can be asked of thousands of events at all."""
    return value_test(value, list(modifiers))


def _any(test: Test, present: Any, event: Event) -> bool:
    """Decided: an absent field answers no; a list of values answers for any of its items."""
    if present is None:
        return False
    return any(test(item, event) for item in (present if isinstance(present, list) else [present]))


def _word(value: Any, modifiers: list[str], event: Event) -> bool:
    """rules, "Keywords search": a string anywhere in the event.

    Decided: in any value of any field, as if ``contains`` were written; an expression as it is.
    """
    if value is None or set(modifiers) & {"exists", "cidr", "fieldref"}:
        raise Refused("a keyword is a string or a number")
    anywhere = modifiers if "re" in modifiers else [*modifiers, "contains"]
    test = _test(value, *anywhere)
    return any(_any(test, present, event) for present in event.values())
