"""Partitioner: a key for each partition of a topic, as every producer of ours places it.

Where a library lets a producer name a key but no partition, a key the named partitioner puts there
stands for it. Kafka's clients agree on ``murmur2``: the partition is the hash of the key, its sign
cut off, modulo the count (Apache Kafka, org.apache.kafka.common.utils.Utils.murmur2).
"""

from __future__ import annotations

import itertools
import struct
from typing import Final

NAME: Final = "murmur2"
"""The partitioner's name in the settings of librdkafka."""

_SEED: Final = 0x9747B28C
_MULTIPLIER: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF


def murmur2(key: bytes) -> int:
    """The 32 bits of a key's hash."""
    whole = len(key) & ~3
    value = _SEED ^ len(key)
    for (word,) in struct.iter_unpack("<I", key[:whole]):
        mixed = word * _MULTIPLIER & _MASK
        mixed = (mixed ^ mixed >> 24) * _MULTIPLIER & _MASK
        value = value * _MULTIPLIER & _MASK ^ mixed
    if rest := key[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _MASK
    value = (value ^ value >> 13) * _MULTIPLIER & _MASK
    return value ^ value >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key in a topic of so many."""
    return (murmur2(key) & _POSITIVE) % partitions


def keys(partitions: int) -> tuple[bytes, ...]:
    """For each partition the least decimal number that lies in it."""
    found: dict[int, bytes] = {}
    for number in itertools.count():
        key = b"%d" % number
        found.setdefault(partition_of(key, partitions), key)
        if len(found) == partitions:
            return tuple(found[partition] for partition in range(partitions))
    raise AssertionError  # pragma: no cover
