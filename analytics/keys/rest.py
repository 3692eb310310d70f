"""Rest: a key that waits for its next hit, packed as its entry in a snapshot is.

Of a million keys most wait: an order that was paid, an account of yesterday. As objects they take
two kilobytes each, packed a quarter of one, and nothing for the garbage collector to look through.
Only what no hit still to come can revise lies so, without an alert in its cell or a deadline.
"""

from __future__ import annotations

import struct
from typing import Final, TypeAlias

import msgspec

from analytics.keys.state import Dump

Rest: TypeAlias = bytes
"""A zero where few hits have their number, event time of the newest hit, when the key is idle, and
its entry."""

_HEAD: Final = struct.Struct(">Bqq")
_BODY: Final = _HEAD.size


class _StateHead(Dump, frozen=True, array_like=True):
    """A state's dump, its memory not looked at."""

    memory: msgspec.Raw


class _KeyHead(msgspec.Struct, frozen=True, array_like=True):
    settled: _StateHead | None
    elapsed: int
    released: tuple[msgspec.Raw, ...]


_head: Final = msgspec.msgpack.Decoder(_KeyHead).decode


def rest(entry: bytes, *, last_at: int, idle_at: int) -> Rest:
    """A key's entry at rest."""
    return _HEAD.pack(0, last_at, idle_at) + entry


def of_entry(entry: bytes, retention_us: int) -> Rest | None:
    """A snapshot's entry of a key whose memory has no deadlines; None where it may not rest.

    Raises ``msgspec.DecodeError``.
    """
    found = _head(entry)
    state = found.settled
    if state is None or found.released or state.alerts:
        return None
    return rest(entry, last_at=state.last_at, idle_at=state.last_at + retention_us)


def is_rest(held: bytes) -> bool:
    """Whether it is a key at rest, not few hits."""
    return held[0] == 0


def last_at(held: Rest) -> int:
    """Event time of the newest hit."""
    return int(_HEAD.unpack_from(held)[1])


def idle_at(held: Rest) -> int:
    """From this event time on it answers as if it had never been."""
    return int(_HEAD.unpack_from(held)[2])


def entry(held: Rest) -> bytes:
    """As a snapshot has it."""
    return held[_BODY:]
