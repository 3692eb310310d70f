"""Expression: a rule's condition as a tree of atoms, each a question about one field's value.

This compiled form is what is cached and evaluated; it knows neither YAML nor pySigma. A field
that is absent makes every atom false, so ``null`` and ``exists: false`` are written as a denied
``exists``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

Op: TypeAlias = Literal[
    "equals",
    "contains",
    "startswith",
    "endswith",
    "wildcard",
    "regex",
    "cidr",
    "exists",
    "number",
    "boolean",
    "lt",
    "lte",
    "gt",
    "gte",
    "same_as",
    "starts_as",
    "ends_as",
    "contains_as",
]

Part: TypeAlias = Literal["", "minute", "hour", "day", "week", "month", "year"]
"""Which part of a time is compared; empty for the value itself."""

ANY_FIELD = ""
"""The field of a keyword: it is looked for in every value of the event."""


class Atom(msgspec.Struct, frozen=True, tag="is", array_like=True):
    """One question: does ``field`` stand in relation ``op`` to ``value``?

    ``wildcard`` is compared with the whole value: ``*`` stands for any text, ``?`` for one
    character, and a backslash takes the meaning from ``*``, ``?`` and itself. ``regex`` is an RE2
    expression searched in the value as it is; ``same_as``, ``starts_as``, ``ends_as`` and
    ``contains_as`` name another field. A ``number``, ``lt`` … with a ``part`` compares that part of
    a time, in UTC.
    """

    field: str
    op: Op
    value: str | int | float | bool = ""
    cased: bool = False
    part: Part = ""


class All(msgspec.Struct, frozen=True, tag="all", array_like=True):
    """Every item holds."""

    items: tuple[Node, ...]


class Some(msgspec.Struct, frozen=True, tag="some", array_like=True):
    """At least one item holds."""

    items: tuple[Node, ...]


class Not(msgspec.Struct, frozen=True, tag="not", array_like=True):
    """The item does not hold."""

    item: Node


Node: TypeAlias = Atom | All | Some | Not


def atoms(node: Node) -> Iterator[Atom]:
    """All atoms of the tree, left to right."""
    if isinstance(node, Atom):
        yield node
    elif isinstance(node, Not):
        yield from atoms(node.item)
    else:
        for item in node.items:
            yield from atoms(item)


def conjunction(nodes: tuple[Node, ...]) -> Node:
    """All of the nodes, flat."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.items if isinstance(node, All) else (node,))
    return flat[0] if len(flat) == 1 else All(tuple(flat))
