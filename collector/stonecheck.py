"""Stone check: which tombstones of a chain count, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from collector.finding import Finding
from crypto import sm2
from schema import tombstone
from schema.disk import Disk
from schema.errors import FengsuiError
from schema.tombstone import Tombstone


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundStones:
    """Tombstones that stand for what they say, in batch order, up to the first that does not."""

    stones: list[Tombstone] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def sound_stones(
    folder: Path, *, realm: str, sensor: str, keys: Sequence[bytes], disk: Disk
) -> SoundStones:
    """Read the tombstones of a chain; ``keys`` are all points the collector ever signed with."""
    read, found = tombstone.read(folder, disk), SoundStones()
    if read.malformed:
        message = f"{read.malformed} lines of {folder / tombstone.FILE} are no tombstones"
        found.findings.append(
            Finding(code="proof.tombstone.malformed", sensor=sensor, message=message)
        )
    by_id = {key.key_id: key for key in map(sm2.PublicKey.from_point, keys)}
    before: Tombstone | None = None
    for stone in read.stones:
        try:
            tombstone.verify(stone, by_id)
            if (stone.realm, stone.sensor) != (realm, sensor) or not tombstone.follows(
                stone, before
            ):
                raise _broken(stone)
        except FengsuiError as error:
            found.findings.append(
                Finding(
                    code=error.code.replace("schema.", "proof."),
                    sensor=sensor,
                    segment=stone.segment,
                    batch=stone.first,
                    message=str(error.args[0]),
                )
            )
            break
        found.stones.append(stone)
        before = stone
    return found


def _broken(stone: Tombstone) -> FengsuiError:
    return FengsuiError(
        "schema.tombstone.broken",
        f"the tombstone of {stone.segment} does not carry on from what expired before it",
    )


def check_tombstones(
    expired: Mapping[str, Sequence[Tombstone]],
    *,
    recorded: Set[tuple[str, str]],
    oldest_record: int,
) -> list[Finding]:
    """Name tombstones no control record tells of: their segments went some other way.

    ``recorded`` are sensor and footer hash of each record of an expiry. Records older than
    ``oldest_record`` have themselves expired.
    """
    return [
        Finding(
            code="proof.tombstone.unrecorded",
            sensor=sensor,
            segment=stone.segment,
            batch=stone.first,
            message=f"{stone.segment} of {sensor} has a tombstone, but no sealed record tells of "
            "its expiry",
        )
        for sensor, stones in sorted(expired.items())
        for stone in stones
        if (sensor, stone.footer) not in recorded and stone.expired_at >= oldest_record
    ]
