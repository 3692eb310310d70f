"""Expiry: which keys and certificates of the service are over soon, or are over.

Each is told of in stages: thirty days before, seven days before, and when it is over. A stage that
had begun before the thing was made is left out: who makes a key for a week knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from collector.state.database import Readable
from crypto.keystore.model import Key, State
from dashboard_api.custody import certificate_rows as rows
from dashboard_api.custody import device_rows
from dashboard_api.custody.certificate_rows import Filed
from dashboard_api.custody.room import KeyRoom
from schema.ports import Clock
from schema.times import DAY, MINUTE

STAGES_DAYS: Final = (30, 7, 0)
OVER_TOLD_US: Final = 30 * DAY
"""What was over for so long without anybody who missed it is history."""
LOOK_US: Final = 10 * MINUTE
"""Days are counted: more often costs reading every key for nothing."""

What: TypeAlias = Literal["key", "certificate", "grant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """One thing that is over soon. ``begun_at`` is when its stage began, microseconds UTC."""

    what: What
    name: str
    """The key's id; of a certificate also its number, or its subject where the key is elsewhere."""
    days: int
    """Of the stage: 0 for over."""
    begun_at: int


class Expiries:
    """What expires at one site, looked up every ten minutes at most."""

    def __init__(self, room: KeyRoom, database: Readable, clock: Clock) -> None:
        self._room = room
        self._database = database
        self._clock = clock
        self._looked_at = 0
        self._found: Sequence[Expiring] = ()

    def __call__(self) -> Sequence[Expiring]:
        """What expires, as of the last look."""
        now = self._clock.now()
        if not 0 <= now - self._looked_at < LOOK_US:
            self._found, self._looked_at = self.look(), now
        return self._found

    def look(self) -> Sequence[Expiring]:
        """What expires now; a site without a key store opens none."""
        now = self._clock.now()
        with self._database.read() as state:
            keys: dict[str, Key] = {**device_rows.every(state)}
            filed = rows.by_owner(state)
        if self._room.exists:
            keys |= {one.id: one for one in self._room.store.all_keys()}
        return (*_keys(keys.values(), now), *_certificates(filed, keys, now))


def _keys(keys: Iterable[Key], now: int) -> Iterator[Expiring]:
    for key in keys:
        over_at = key.policy.expires_at_us
        if key.state is not State.ACTIVE or over_at is None:
            continue
        found = stage_of(key.created_at_us, over_at, now)
        if found is not None:
            days, begun_at = found
            yield Expiring(what="key", name=key.id, days=days, begun_at=begun_at)


def _certificates(filed: Sequence[Filed], keys: dict[str, Key], now: int) -> Iterator[Expiring]:
    followed = set[tuple[str, str]]()
    # Newest first: of one key and kind only the newest counts.
    for one in filed:
        if one.revoked_at is not None or one.renewed_by is not None:
            continue
        name = str(one.certificate.subject)
        if one.key:
            held = keys.get(one.key)
            given_up = held is not None and held.state is not State.ACTIVE
            if (one.key, one.kind) in followed or given_up:
                continue
            followed.add((one.key, one.kind))
            name = one.key
        found = stage_of(one.created_at, one.certificate.not_after_us, now)
        if found is not None:
            days, begun_at = found
            yield Expiring(
                what="certificate", name=f"{name} {one.serial}", days=days, begun_at=begun_at
            )


def stage_of(made_at: int, over_at: int, now: int) -> tuple[int, int] | None:
    """The stage reached, and when it began; None for none."""
    if now >= over_at + OVER_TOLD_US:
        return None
    for days in reversed(STAGES_DAYS):
        begun_at = over_at - days * DAY
        if begun_at <= now:
            return (days, begun_at) if begun_at > made_at else None
    return None
