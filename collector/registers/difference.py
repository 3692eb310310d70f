"""Difference: what a file says otherwise than the register does now, and the statements of it.

A row without ``valid_from`` speaks of the time from the new version on and leaves the past alone.
Rows with it speak of all time: where they differ, they replace all that was known of their key.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Literal, TypeAlias

from schema.event import Fields
from schema.registers import ALWAYS, FOREVER, Draft, Key, Table, unpack_fields, unpack_key

ChangeKind: TypeAlias = Literal["added", "changed", "ended"]


@dataclass(frozen=True, slots=True)
class Change:
    """One key a version changes, with the statements that say so, in order."""

    kind: ChangeKind
    packed_key: bytes
    packed_before: bytes
    statements: Sequence[Draft]

    @property
    def key(self) -> Key:
        """The key of the row."""
        return unpack_key(self.packed_key)

    @property
    def before(self) -> Fields:
        """What was said of the key before, at the time of the comparison."""
        return unpack_fields(self.packed_before)

    @property
    def after(self) -> Fields:
        """What is said last; nothing where the row ends."""
        return next((unpack_fields(one.fields) for one in self.statements if one.fields), {})


def whole(table: Table, drafts: Sequence[Draft], at: int) -> Iterator[Change]:
    """The changes of a file that lists the whole register: what it leaves out ends at ``at``."""
    by_key: dict[bytes, list[Draft]] = {}
    for one in drafts:
        by_key.setdefault(one.key, []).append(one)
    yield from chain.from_iterable(_replaced(table, rows, at) for rows in by_key.values())
    for key in sorted(table.keys() - by_key.keys()):
        yield from ended(table, key, at)


def partial(table: Table, drafts: Sequence[Draft], at: int) -> Iterator[Change]:
    """The changes of single rows: each is said as it is, where the register says otherwise."""
    for one in drafts:
        start = at if one.valid_from is None else one.valid_from
        picture = table.picture(one.key)
        said = any(
            row.fields == one.fields and row.valid_from <= start and one.valid_to <= row.valid_to
            for row in picture
        )
        if not said:
            before = table.find(one.key, max(start, ALWAYS), FOREVER)
            yield Change(
                "changed" if picture else "added", one.key, before.fields if before else b"", [one]
            )


def said(table: Table, drafts: Iterable[Draft], at: int) -> Iterator[Change]:
    """The changes that statements of a proposal make, where those of one key stand together."""
    for key, group in groupby(drafts, key=lambda one: one.key):
        statements = list(group)
        picture = table.picture(key)
        now = table.find(key, at, FOREVER) or (picture[-1] if picture else None)
        kind: ChangeKind = "changed" if picture else "added"
        if not any(one.fields for one in statements):
            kind = "ended"
        yield Change(kind, key, now.fields if now else b"", statements)


def ended(table: Table, key: bytes, at: int) -> Iterator[Change]:
    """The end of a row, where it holds at ``at`` or will hold later."""
    holding = [row for row in table.picture(key) if row.valid_to > at]
    if holding:
        yield Change("ended", key, holding[0].fields, [Draft(key, b"", None, FOREVER)])


def _replaced(table: Table, rows: Sequence[Draft], at: int) -> Iterator[Change]:
    key = rows[0].key
    picture = table.picture(key)
    if len(rows) == 1 and rows[0].valid_from is None:
        (row,) = rows
        future = [one for one in picture if one.valid_to > at]
        now = future[0] if future else None
        same = (
            now is not None
            and len(future) == 1
            and now.valid_from <= at
            and (now.fields, now.valid_to) == (row.fields, row.valid_to)
        )
        over = row.valid_to <= at and not future
        statements = [row]
        if row.valid_to < FOREVER:
            statements.insert(0, Draft(key, b"", None, FOREVER, row.line))
    else:
        now = picture[-1] if picture else None
        ordered = sorted(rows, key=lambda one: one.since)
        wanted = [(one.fields, one.valid_from, one.valid_to) for one in _joined(ordered)]
        same = wanted == [(one.fields, one.valid_from, one.valid_to) for one in picture]
        over = False
        statements = list(ordered)
        if picture:
            statements.insert(0, Draft(key, b"", ALWAYS, FOREVER, rows[0].line))
    if not same and not over:
        yield Change("changed" if picture else "added", key, now.fields if now else b"", statements)


def _joined(rows: Sequence[Draft]) -> Iterator[Draft]:
    """Rows that follow on each other and say the same, as one."""
    last: Draft | None = None
    for one in rows:
        if last and last.valid_to == one.valid_from and last.fields == one.fields:
            last = last._replace(valid_to=one.valid_to)
        else:
            if last:
                yield last
            last = one
    if last:
        yield last
