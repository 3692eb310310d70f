"""Condensed: many small MessagePack records of few forms, as columns of their values.

What rules learn of many keys is alike in form and differs in times, ids and texts. Values of one
place lie together here, a value told before in the same record is not told again, and whole numbers
stand as differences: with compression, less than half of what the records take one by one. Records
of a form that few share stay as they are. Pure; the same records give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Final, TypeAlias

import msgspec
import numpy as np

SHARED_LEAST: Final = 16
"""Records of one form from which on they are told by columns."""
RECORD_BYTES_MAX: Final = 4096
"""Longer ones stay whole: their form is hardly anybody else's."""
GROUP_MAX: Final = 16_384
"""Records told together: more would pack no better, and take more memory when they are read."""
DEPTH_MAX: Final = 32
"""Arrays in arrays: several times what any state has."""
_REFERRED_LEAST: Final = 256
"""Smaller numbers are told each time: that two are equal says nothing of the form."""
_pack: Final = msgspec.msgpack.Encoder().encode
_INTEGERS: Final = (-(2**63), 2**63 - 1)

_Form: TypeAlias = object
"""Nested lists as in the record, with a column's number in place of each value."""


class _Group(msgspec.Struct, frozen=True, array_like=True):
    """Records of one form."""

    names: memoryview
    """As a MessagePack array."""
    form: _Form
    integers: tuple[int, ...]
    """Columns of whole numbers, as differences in eight planes of bytes."""
    columns: tuple[memoryview, ...]
    """Those of anything else as MessagePack arrays."""


class _Condensed(msgspec.Struct, frozen=True, array_like=True):
    groups: tuple[_Group, ...]
    whole: dict[str, memoryview]
    """Records of no group."""


def condense(records: Mapping[str, bytes]) -> bytes:
    """The records, in the order of their names: alike ones side by side pack best."""
    shared: dict[bytes, list[tuple[str, Sequence[object]]]] = {}
    rest: list[str] = []
    for name in sorted(records):
        found = _taken_apart(records[name])
        if found is None:
            rest.append(name)
        else:
            shared.setdefault(found[0], []).append((name, found[1]))
    groups: list[_Group] = []
    for form, rows in shared.items():
        if len(rows) < SHARED_LEAST:
            rest += [name for name, _ in rows]
            continue
        groups += [
            _group(form, rows[start : start + GROUP_MAX])
            for start in range(0, len(rows), GROUP_MAX)
        ]
    whole = {name: memoryview(records[name]) for name in rest}
    return _pack(_Condensed(tuple(groups), whole))


def expand(raw: bytes | memoryview) -> Iterator[tuple[str, bytes]]:
    """The records again, one by one: no more than a group is held at once.

    Raises ``ValueError`` for bytes that :func:`condense` did not write.
    """
    try:
        found = msgspec.msgpack.decode(raw, type=_Condensed)
        for group in found.groups:
            names = msgspec.msgpack.decode(group.names, type=list[str])
            yield from zip(names, _records(group, len(names)), strict=True)
        for name, record in found.whole.items():
            yield name, bytes(record)
    except (msgspec.MsgspecError, ValueError, RecursionError, IndexError) as error:
        raise ValueError(f"condensed records cannot be read: {error}") from error


def _taken_apart(record: bytes) -> tuple[bytes, list[object]] | None:
    """Form with kinds, and values by column; None for what stays whole."""
    if len(record) > RECORD_BYTES_MAX:
        return None
    try:
        tree = msgspec.msgpack.decode(record)
        if _pack(tree) != record:
            return None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    values: list[object] = []
    form = _form(tree, values, {}, 0)
    if form is None:
        return None
    kinds = [type(value).__name__ for value in values]
    return _pack([form, kinds]), values


def _form(tree: object, values: list[object], seen: dict[object, int], depth: int) -> _Form | None:
    if isinstance(tree, list):
        if depth >= DEPTH_MAX:
            return None
        parts = [_form(part, values, seen, depth + 1) for part in tree]
        return None if None in parts else parts
    if isinstance(tree, dict) and not tree:
        return {}
    if isinstance(tree, dict | float) or not _fits(tree):
        return None
    if isinstance(tree, bytes | str) or (isinstance(tree, int) and abs(tree) >= _REFERRED_LEAST):
        place = seen.setdefault(tree, len(values))
        if place < len(values):
            return place
    values.append(tree)
    return len(values) - 1


def _fits(value: object) -> bool:
    return not isinstance(value, int) or _INTEGERS[0] <= value <= _INTEGERS[1]


def _group(form_and_kinds: bytes, rows: Sequence[tuple[str, Sequence[object]]]) -> _Group:
    form, kinds = msgspec.msgpack.decode(form_and_kinds)
    names, values = zip(*rows, strict=True)
    integers = tuple(place for place, kind in enumerate(kinds) if kind == "int")
    columns = tuple(
        memoryview(_differences(column) if place in integers else _pack(column))
        for place, column in enumerate(zip(*values, strict=True))
    )
    return _Group(memoryview(_pack(names)), form, integers, columns)


def _differences(column: Sequence[int]) -> bytes:
    # Differences wrap around, and summed up again they come out right.
    numbers = np.array(column, dtype=np.int64).view(np.uint64)
    steps = np.diff(numbers, prepend=np.uint64(0))
    return steps.astype("<u8").view(np.uint8).reshape(-1, 8).T.tobytes()


def _values(group: _Group, place: int, count: int) -> Sequence[object]:
    column = group.columns[place]
    if place in group.integers:
        return _numbers(column, count)
    return msgspec.msgpack.decode(column, type=list[object])


def _numbers(planes: memoryview, count: int) -> list[int]:
    if len(planes) != 8 * count:
        raise ValueError("a column of whole numbers has another length than its group")
    steps = np.frombuffer(planes, dtype=np.uint8).reshape(8, count).T.copy().view("<u8")
    return list(np.cumsum(steps.ravel(), dtype=np.uint64).view(np.int64).tolist())


def _records(group: _Group, count: int) -> Iterator[bytes]:
    packed = [list(map(_pack, _values(group, at, count))) for at in range(len(group.columns))]
    pieces = [
        repeat(piece, count) if isinstance(piece, bytes) else packed[piece]
        for piece in _pieces(group.form, 0)
    ]
    return map(b"".join, zip(*pieces, strict=True))


def _pieces(form: _Form, depth: int) -> Iterator[bytes | int]:
    """What a record of the form is made of, in order: MessagePack as it is, and columns."""
    if isinstance(form, list):
        if depth >= DEPTH_MAX:
            raise ValueError("a form is nested too deeply")
        # The head of an array, without its items of a byte each.
        yield _pack([None] * len(form))[: -len(form) or None]
        for part in form:
            yield from _pieces(part, depth + 1)
    elif form == {}:
        yield _pack({})
    elif isinstance(form, int) and form >= 0:
        yield form
    else:
        raise ValueError("a form holds something else than arrays and columns")
