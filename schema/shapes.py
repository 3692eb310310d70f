"""Shapes: events side by side as columns, grouped by which fields they have.

A source writes few shapes, a hundred lines of each at a time: what is asked of every event is
asked of a column instead, and a value that comes again is met once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schema.event import Fields, Value


@dataclass(frozen=True, slots=True)
class Shape:
    """Events with the same fields: where each stands, and the values of each field in step."""

    places: Sequence[int]
    columns: Mapping[str, tuple[Value, ...]]


def shapes(events: Sequence[Fields]) -> list[Shape]:
    """The events by shape; every event stands in exactly one, in order inside it."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, names in enumerate(map(tuple, events)):
        known = places.get(names)
        if known is None:
            places[names] = [place]
        else:
            known.append(place)
    return [
        Shape(
            found,
            dict(
                zip(
                    names,
                    zip(*[events[place].values() for place in found], strict=True),
                    strict=True,
                )
            ),
        )
        for names, found in places.items()
    ]
