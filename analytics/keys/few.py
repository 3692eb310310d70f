"""Few: the hits of an entity as they are kept while they are too few for its rule to hold.

Most entities come a few times and never again, a million of them at once. Their hits lie packed,
as a snapshot has them: a third of the memory of tuples, and nothing for the garbage collector to
look through.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from analytics.memory import Hit

HITS_MAX: Final = 16
"""Hits kept so: from here on the memory of the rule's kind is smaller or as small."""

Few: TypeAlias = bytes
"""How many, the event time of the newest, and the hits in order, each as MessagePack."""

_HEAD: Final = struct.Struct(">Bq")
_head: Final = _HEAD.pack
_read: Final = _HEAD.unpack_from
_BODY: Final = _HEAD.size
_ARRAY: Final = struct.Struct(">BH")
"""MessagePack's head of an array of 16-bit length, its first byte 0xdc."""

_ALONE: Final = b"\x91"
"""MessagePack's head of an array of one item."""

pack: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[Hit, ...]).decode
_plain: Final = msgspec.msgpack.Decoder(tuple[tuple[Hit, ...]]).decode


def first(hit: Hit, packed: bytes) -> Few:
    """One hit, which :func:`pack` has packed already."""
    return _head(1, hit[0]) + packed


def more(few: Few, hit: Hit, packed: bytes, *, until: int) -> Few:
    """The hits and one more, in order; it alone where the newest of them came by ``until``."""
    count, last = _read(few)
    if hit[0] > last:
        if last <= until:
            return _head(1, hit[0]) + packed
        return _head(count + 1, hit[0]) + few[_BODY:] + packed
    return few_of(sorted([*hits_of(few), hit]))


def few_of(hits: Sequence[Hit]) -> Few:
    """These hits, which are in order."""
    return b"".join((_head(len(hits), hits[-1][0]), *map(pack, hits)))


def last_at(few: Few) -> int:
    """Event time of the newest."""
    return int(_read(few)[1])


def hits_of(few: Few) -> tuple[Hit, ...]:
    """The hits one by one; raises ``msgspec.DecodeError``."""
    return _decode(_ARRAY.pack(0xDC, few[0]) + few[_BODY:])


def plain(few: Few) -> bytes:
    """The same as one MessagePack array of the hits in another; a key's has three items."""
    return pack((hits_of(few),))


def of_plain(raw: bytes) -> Few:
    """What :func:`plain` was made of; other bytes as they are, which no few begins with."""
    return few_of(_plain(raw)[0]) if raw[:1] == _ALONE else raw


def is_few(raw: bytes) -> bool:
    """Whether the bytes of a snapshot's entry are hits; a key's begin with an array's head."""
    return len(raw) > _BODY and 0 < raw[0] <= HITS_MAX
