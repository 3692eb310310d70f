"""Comparing: one value against another, numbers where both are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

from analytics.matching.values import lowered, number_of, text_of
from schema.event import Value

Comparison: TypeAlias = Literal[
    "eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in", "covers", "not_covers"
]
"""``in``: every item of the left is among the right's; ``covers``: the other way round."""


def number(value: Value | Sequence[str]) -> int | None:
    """The value as a number, as conditions read it; None where it is none."""
    return number_of(str(value), value) if isinstance(value, str | int) else None


_ORDERS: Final[dict[str, Callable[[int, int], bool]]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}


def compare(left: Value, op: Comparison, right: Value) -> bool:
    """Numbers where both sides are, texts without regard to case else; lists for ``in``."""
    if op in ("covers", "not_covers"):
        return compare(right, "in" if op == "covers" else "not_in", left)
    if op in ("in", "not_in"):
        among = {_text(item) for item in (right if isinstance(right, list) else (right,))}
        inside = all(_text(item) in among for item in (left if isinstance(left, list) else (left,)))
        return inside is (op == "in")
    if op in _ORDERS:
        numbers = number(left), number(right)
        return numbers[0] is not None and numbers[1] is not None and _ORDERS[op](*numbers)  # type: ignore[arg-type] # neither is None
    return (_text(left) == _text(right)) is (op == "eq")


def _text(value: Value) -> str:
    return lowered(str(value) if isinstance(value, list) else text_of(value))
