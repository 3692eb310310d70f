"""Roll: a register's version as absence rules need it: whom it holds, from when to when.

The rows come as (key, valid from, valid to), and a version is in force from its effective time
until the next one's. Each change of an entity becomes a hit of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from analytics.kinds.absence import hit_of
from analytics.memory import NEVER, Hit
from analytics.rule import entity_name
from schema.errors import FengsuiError
from schema.registers import FOREVER, RegisterView, unpack_key

Row: TypeAlias = tuple[tuple[str, ...], int, int]
"""(key, valid from, valid to)"""

ROWS_MAX: Final = 100_000
"""Rows of one watched register: each is a key with a deadline for every rule that reads it."""

Spans: TypeAlias = tuple[tuple[int, int], ...]
_NOWHERE: Final[Spans] = ()


class Roll(msgspec.Struct, frozen=True, array_like=True):
    """One version: when each entity is in it."""

    effective_at: int
    spans: Mapping[str, Spans]
    """Disjoint (from, to) in order, by entity."""


def rows_of(view: RegisterView, register: str, as_known_at: int = FOREVER) -> Iterator[Row]:
    """All rows of a register as they were known then, past and future ones too, in key order."""
    table = view.tables.get(register)
    if table is None:
        return
    for key in sorted(table.keys()):
        for one in table.picture(key, min(as_known_at, view.known_until)):
            yield unpack_key(key), one.valid_from, one.valid_to


def roll_of(rows: Iterable[Row], effective_at: int) -> Roll:
    """The roll of a version's rows; raises ``analytics.engine.register_large``."""
    found: dict[str, list[tuple[int, int]]] = {}
    for number, (key, valid_from, valid_to) in enumerate(rows):
        if number == ROWS_MAX:
            raise FengsuiError(
                "analytics.engine.register_large",
                f"a watched register has at most {ROWS_MAX} rows",
                limit=ROWS_MAX,
            )
        if valid_from < valid_to:
            found.setdefault(entity_name(key), []).append((valid_from, valid_to))
    return Roll(effective_at, {entity: _joined(spans) for entity, spans in found.items()})


def _joined(spans: list[tuple[int, int]]) -> Spans:
    """The spans in order, those that touch as one: who stays does not enter anew."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return tuple(joined)


def changes(
    before: Roll | None, after: Roll, since: int
) -> Iterable[tuple[str, Sequence[Hit], Sequence[Hit]]]:
    """What a version changes for a rule in force from ``since``: (entity, hits gone, hits new)."""
    at = max(since, after.effective_at)
    known = before.spans if before else {}
    for entity in {**known, **after.spans}:
        old, new = known.get(entity, _NOWHERE), after.spans.get(entity, _NOWHERE)
        if old != new:
            yield entity, _future(old, at), [*_present(old, new, at), *_future(new, at + 1)]


def hits(rolls: Sequence[Roll], since: int) -> Iterable[tuple[str, Sequence[Hit]]]:
    """All hits of the versions, the last of which may lie ahead, for a rule from ``since`` on."""
    ends = [*(roll.effective_at for roll in rolls[1:]), NEVER][: len(rolls)]
    found: dict[str, list[Hit]] = {}
    before: Roll | None = None
    for roll, end in zip(rolls, ends, strict=True):
        if end > since:
            for entity, gone, new in changes(before, roll, since):
                standing = [hit for hit in found.get(entity, ()) if hit not in gone]
                found[entity] = [*standing, *new]
            before = roll
    return found.items()


def _future(spans: Spans, at: int) -> list[Hit]:
    """The words at ``at`` and behind it, each when the entity enters."""
    return [hit_of(begin, end) for begin, end in spans if begin >= at]


def _present(old: Spans, new: Spans, at: int) -> list[Hit]:
    """The word at ``at`` itself: it is in the register until then, or is so no longer."""
    for begin, end in new:
        if begin <= at < end:
            return [hit_of(at, end)]
    return [hit_of(at, at)] if any(begin <= at < end for begin, end in old) else []
