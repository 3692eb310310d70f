"""Registers (台账): what a site knows of its units, grants, payees…, and since when it knows it.

A row is a fact with two times: ``valid_from`` to ``valid_to`` (excluded) is the event time it
holds for, ``known_from`` is when the platform learned it. Nothing is overwritten: what is learned
later is said again, and of two statements about one moment the later learned one counts. So
``lookup(register, key, event_time, as_known_at)`` gives the same answer today and in a replay.

Rows lie packed: a million of them take about 200 MB. All times are microseconds UTC. Pure.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from schema.event import Fields

ALWAYS: Final = -(2**63)
"""``valid_from`` of what holds since ever."""
FOREVER: Final = 2**63 - 1
"""``valid_to`` of what has no end yet; ``as_known_at`` of all that is known."""

STATEMENTS_PER_KEY_MAX: Final = 1024
"""Statements about one key: a change each day for almost three years. Bounds one lookup."""
_WALK_MAX: Final = 16
"""Up to here walking back over the statements of a key costs less than a picture of them."""
_PICTURES_MAX: Final = 4096
"""Pictures kept; made anew when forgotten."""

Key: TypeAlias = tuple[str, ...]
State: TypeAlias = Literal["proposed", "approved", "replaced", "refused"]

_encoder: Final = msgspec.json.Encoder(order="sorted")
_key_decoder: Final = msgspec.json.Decoder(tuple[str, ...])
_fields_decoder: Final = msgspec.json.Decoder(dict[str, str | int | bool | list[str]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fact of a register."""

    register: str
    key: Key
    fields: Fields
    valid_from: int
    valid_to: int
    known_from: int
    version: int
    """Number of the version that said so: the value of ``gov.registry.version``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterVersion:
    """One immutable version of a register: what it changed, who proposed and who approved it."""

    register: str
    number: int
    state: State
    digest: str
    """SM3 (hex) over the digest of the version before and every statement of this one."""
    effective_at: int
    """From when on it is known; 0 while only proposed."""
    added: int
    changed: int
    ended: int
    source: str
    """Name of the file it came from, or ``-``."""
    proposed_by: str
    proposed_at: int
    approved_by: str = ""
    refused_by: str = ""
    reason: str = ""
    """What the proposer gave for it; empty where nothing was asked."""


class Statement(NamedTuple):
    """A row as it lies packed: canonical JSON of key and fields; no fields say there is none."""

    key: bytes
    fields: bytes
    valid_from: int
    valid_to: int
    known_from: int = 0
    version: int = 0


class Draft(NamedTuple):
    """One row as a file gives it, packed. No ``valid_from``: from the version's own time on."""

    key: bytes
    fields: bytes
    valid_from: int | None = None
    valid_to: int = FOREVER
    line: int = 0

    @property
    def since(self) -> int:
        """When it begins, for putting rows in order."""
        return ALWAYS if self.valid_from is None else self.valid_from


def pack_key(key: Key) -> bytes:
    """The key as tables hold it."""
    return _encoder.encode(key)


def unpack_key(packed: bytes) -> Key:
    """The key again; raises ``msgspec.DecodeError`` for what :func:`pack_key` never wrote."""
    return _key_decoder.decode(packed)


def pack_fields(fields: Fields) -> bytes:
    """The fields in canonical form: equal fields have equal bytes."""
    return _encoder.encode(fields)


def unpack_fields(packed: bytes) -> Fields:
    """The fields again; none where the statement ends a row."""
    return _fields_decoder.decode(packed) if packed else {}


class Table:
    """The statements of one register, in the order they were learned; immutable."""

    __slots__ = (
        "_blob",
        "_hashes",
        "_keys",
        "_known",
        "_pictures",
        "_starts",
        "_times",
        "_version",
        "known_since",
    )

    def __init__(self, statements: Iterable[Statement]) -> None:
        """``statements`` come in the order they were learned."""
        blob = bytearray()
        hashes, starts, keys = array("q"), array("Q"), array("I")
        since, until, known, version = array("q"), array("q"), array("q"), array("q")
        for one in statements:
            hashes.append(hash(one.key))
            starts.append(len(blob))
            keys.append(len(one.key))
            blob += one.key
            blob += one.fields
            since.append(one.valid_from)
            until.append(one.valid_to)
            known.append(one.known_from)
            version.append(one.version)
        ends = array("Q", starts[1:])
        ends.append(len(blob))
        # Stable: statements about one key stay in the order they were learned.
        order = array("I", sorted(range(len(hashes)), key=hashes.__getitem__))
        _keep_keys_together(order, hashes, [starts, keys], blob)
        self._blob = bytes(blob)
        self._hashes = array("q", map(hashes.__getitem__, order))
        self._keys = array("I", map(keys.__getitem__, order))
        self._starts = (
            array("Q", map(starts.__getitem__, order)),
            array("Q", map(ends.__getitem__, order)),
        )
        self._times = (
            array("q", map(since.__getitem__, order)),
            array("q", map(until.__getitem__, order)),
        )
        self._known = array("q", map(known.__getitem__, order))
        self._version = array("q", map(version.__getitem__, order))
        self.known_since = min(self._known, default=FOREVER)
        """When its first statement was learned; ``FOREVER`` without any."""
        self._pictures: dict[tuple[int, int], list[tuple[int, int, int]]] = {}

    def __len__(self) -> int:
        return len(self._hashes)

    def find(self, key: bytes, event_time: int, as_known_at: int) -> Statement | None:
        """What was known then about the key at that time; None where nothing or an end."""
        first, last = self._run(key)
        known = bisect_right(self._known, as_known_at, first, last)
        at = self._covering(first, known, event_time)
        if at is None:
            return None
        found = self._statement(at)
        return found if found.fields else None

    def picture(self, key: bytes, as_known_at: int = FOREVER) -> list[Statement]:
        """All that was known then about the key, as rows that do not overlap, in time order."""
        rows: list[Statement] = []
        first, last = self._run(key)
        known = bisect_right(self._known, as_known_at, first, last)
        for start, end, at in self._flat(first, known):
            one = self._statement(at)
            if not one.fields:
                continue
            before = rows[-1] if rows else None
            if before and before.valid_to == start and before.fields == one.fields:
                rows[-1] = before._replace(valid_to=end)
            else:
                rows.append(one._replace(valid_from=start, valid_to=end))
        return rows

    def statements(self) -> Iterator[Statement]:
        """All of them by key, those about one key in the order they were learned."""
        places = sorted(range(len(self._hashes)), key=lambda at: (self._key(at), at))
        return map(self._statement, places)

    def count(self, key: bytes) -> int:
        """How many statements there are about the key."""
        first, last = self._run(key)
        return last - first

    def keys(self) -> set[bytes]:
        """Every key there was ever a statement about."""
        starts, _ = self._starts
        return {
            self._blob[start : start + size] for start, size in zip(starts, self._keys, strict=True)
        }

    def _run(self, key: bytes) -> tuple[int, int]:
        """Where the statements of the key stand."""
        wanted = hash(key)
        first = bisect_left(self._hashes, wanted)
        last = bisect_right(self._hashes, wanted, first)
        # Two keys of one 64-bit hash: never seen outside tests, and true all the same.
        while first < last and self._key(first) != key:
            first += 1
        while first < last and self._key(last - 1) != key:
            last -= 1
        return first, last

    def _covering(self, first: int, last: int, event_time: int) -> int | None:
        """The latest learned statement of a run that covers the time."""
        if last - first > _WALK_MAX:
            flat = self._flat(first, last)
            at = bisect_right(flat, event_time, key=lambda part: part[0]) - 1
            return flat[at][2] if at >= 0 and event_time < flat[at][1] else None
        since, until = self._times
        for at in range(last - 1, first - 1, -1):
            if since[at] <= event_time < until[at]:
                return at
        return None

    def _flat(self, first: int, last: int) -> list[tuple[int, int, int]]:
        """The run as (from, to, statement) without overlaps."""
        found = self._pictures.get((first, last))
        if found is None:
            found = _flattened(
                [(self._times[0][at], self._times[1][at], at) for at in range(first, last)]
            )
            if len(self._pictures) >= _PICTURES_MAX:
                self._pictures.clear()
            if last - first > _WALK_MAX:
                self._pictures[first, last] = found
        return found

    def _key(self, at: int) -> bytes:
        start = self._starts[0][at]
        return self._blob[start : start + self._keys[at]]

    def _statement(self, at: int) -> Statement:
        start, end = self._starts[0][at], self._starts[1][at]
        middle = start + self._keys[at]
        return Statement(
            self._blob[start:middle], self._blob[middle:end], self._times[0][at],
            self._times[1][at], self._known[at], self._version[at],
        )  # fmt: skip


def _keep_keys_together(
    order: array[int], hashes: array[int], spans: list[array[int]], blob: bytearray
) -> None:
    """Where different keys share a hash, put the statements of each beside each other."""
    starts, sizes = spans

    def key(at: int) -> bytes:
        return bytes(blob[starts[at] : starts[at] + sizes[at]])

    first = 0
    for place in range(1, len(order) + 1):
        if place < len(order) and hashes[order[place]] == hashes[order[first]]:
            continue
        if place - first > 1:
            run = order[first:place]
            if len({key(at) for at in run}) > 1:
                order[first:place] = array("I", sorted(run, key=key))
        first = place


def _flattened(parts: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Later parts over earlier ones, cut at every border; parts that end before they begin fall."""
    borders = sorted({time for start, end, _ in parts if start < end for time in (start, end)})
    tops = [-1] * len(borders)
    # Latest first, each fills what is still free; ``free`` leads past what is filled.
    free = list(range(len(borders) + 1))

    def next_free(at: int) -> int:
        while free[at] != at:
            free[at] = free[free[at]]
            at = free[at]
        return at

    for start, end, name in reversed(parts):
        last = bisect_left(borders, end)
        at = next_free(bisect_left(borders, start)) if start < end else last
        while at < last:
            tops[at] = name
            free[at] = at + 1
            at = next_free(at)
    flat: list[tuple[int, int, int]] = []
    for at, name in enumerate(tops):
        if name < 0:
            continue
        if flat and flat[-1][2] == name and flat[-1][1] == borders[at]:
            flat[-1] = (flat[-1][0], borders[at + 1], name)
        else:
            flat.append((borders[at], borders[at + 1], name))
    return flat


@dataclass(frozen=True, slots=True)
class RegisterView:
    """All registers with all that was ever known of them; immutable, swapped as a whole."""

    tables: Mapping[str, Table]
    known_until: int = FOREVER
    """What was learned later is not seen."""

    def as_of(self, time: int) -> RegisterView:
        """The view of somebody who has seen the control log up to this effective time."""
        return replace(self, known_until=min(self.known_until, time))

    def lookup(
        self, register: str, key: Key, event_time: int, as_known_at: int = FOREVER
    ) -> Row | None:
        """The row valid at ``event_time`` as known at ``as_known_at``; None where there is none.

        A register nobody imported has no rows: ``register in view.tables`` tells.
        """
        table = self.tables.get(register)
        if table is None:
            return None
        found = table.find(pack_key(key), event_time, min(as_known_at, self.known_until))
        return _row(register, found) if found else None

    def rows(self, register: str, event_time: int, as_known_at: int = FOREVER) -> Iterator[Row]:
        """All rows valid then as known then, in key order."""
        table = self.tables.get(register)
        if table is None:
            return
        known = min(as_known_at, self.known_until)
        for key in sorted(table.keys()):
            found = table.find(key, event_time, known)
            if found:
                yield _row(register, found)

    def spans(self, register: str, as_known_at: int = FOREVER) -> Iterator[tuple[Key, int, int]]:
        """Each row as (key, valid_from, valid_to), as known then, in key order."""
        table = self.tables.get(register)
        if table is None:
            return
        known = min(as_known_at, self.known_until)
        for key in sorted(table.keys()):
            for found in table.picture(key, known):
                yield unpack_key(found.key), found.valid_from, found.valid_to

    def known_since(self, register: str) -> int:
        """Since when the platform knows anything of the register; ``FOREVER`` for never."""
        table = self.tables.get(register)
        since = FOREVER if table is None else table.known_since
        return since if since <= self.known_until else FOREVER

    def members(self, register: str, event_time: int, as_known_at: int = FOREVER) -> frozenset[Key]:
        """The keys of :meth:`rows`."""
        return frozenset(row.key for row in self.rows(register, event_time, as_known_at))


EMPTY: Final = RegisterView({})


def _row(register: str, found: Statement) -> Row:
    return Row(
        register=register,
        key=unpack_key(found.key),
        fields=unpack_fields(found.fields),
        valid_from=found.valid_from,
        valid_to=found.valid_to,
        known_from=found.known_from,
        version=found.version,
    )
