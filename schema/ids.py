"""Identities that a re-send, a replay or another machine computes alike.

Event id = first 16 bytes of SM3 over the length-prefixed (tag, sensor, enrolment, source,
generation, offset). Alert id = SM3 over (tag, rule, major version, entity, cell), 16 bytes too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final

from crypto import sm3

EVENT_TAG: Final = b"fengsui/event/1"
ALERT_TAG: Final = b"fengsui/alert/1"
BUCKETS: Final = 256


def _prefixed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


@lru_cache(maxsize=4096)
def _event_prefix(sensor: str, enrolment: int, source: str, generation: str) -> bytes:
    parts = _prefixed(
        EVENT_TAG,
        sensor.encode(),
        enrolment.to_bytes(4, "big"),
        source.encode(),
        generation.encode(),
    )
    return parts + (8).to_bytes(4, "big")


def event_id(sensor: str, enrolment: int, source: str, generation: str, offset: int) -> bytes:
    """The 16-byte id of the event that began at ``offset`` of that file or stream."""
    prefix = _event_prefix(sensor, enrolment, source, generation)
    return sm3.digest(prefix + offset.to_bytes(8, "big"))[:16]


def event_ids(
    sensor: str, enrolment: int, positions: Sequence[tuple[str, str, int]]
) -> list[bytes]:
    """Ids of many events of one sensor; ``positions`` are (source, generation, offset)."""
    ids: list[bytes] = []
    # Events come in runs of one file, so the prefix is hashed once a run.
    for (source, generation), run in groupby(positions, key=itemgetter(0, 1)):
        prefix = _event_prefix(sensor, enrolment, source, generation)
        offsets = [offset.to_bytes(8, "big") for _, _, offset in run]
        ids += [digest[:16] for digest in sm3.digest_many(offsets, prefix)]
    return ids


def alert_id(rule_id: str, major_version: int, entity: str, cell_start: int) -> bytes:
    """The 16-byte id of the alert of a rule for an entity in the cell beginning at that time."""
    return sm3.digest(
        _prefixed(
            ALERT_TAG,
            rule_id.encode(),
            major_version.to_bytes(4, "big"),
            entity.encode(),
            cell_start.to_bytes(8, "big", signed=True),
        )
    )[:16]


@lru_cache(maxsize=65536)
def bucket(entity: str) -> int:
    """Which of the 256 state buckets holds the entity."""
    return sm3.digest(entity.encode())[0]


def buckets(entities: Sequence[str]) -> list[int]:
    """The buckets of many entities."""
    return [digest[0] for digest in sm3.digest_many([one.encode() for one in entities])]


def uuid7(time_us: int, randomness: bytes) -> str:
    """A UUIDv7 (RFC 9562) from an injected time and ten random bytes."""
    value = (time_us // 1000) << 80 | int.from_bytes(randomness[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
