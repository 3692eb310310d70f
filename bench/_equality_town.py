"""A made-up town of people and addresses for ``bench equality``: every kind of rule fires there.

Nine days of synthetic events of eight sensors, the same for the same seed. They arrive out of
order inside the lateness budget, some too late, and an event's user, address and unit belong to
different buckets, so that every rule re-keys them anew.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from schema.event import Fields
from schema.times import DAY, HOUR, MINUTE, SECOND, to_text

SENSORS: Final = tuple(f"town-{number}" for number in range(8))
DAYS: Final = 9
SEED: Final = 20261125

_USERS: Final = tuple(f"user-{number:02d}" for number in range(24))
_ADDRESSES: Final = tuple(f"10.9.0.{number}" for number in range(1, 21))
_UNITS: Final = tuple(f"unit-{number}" for number in range(4))
_HOSTS: Final = tuple(f"h{number}" for number in range(1, 6))
_ACTIONS: Final = ("town_apply", "town_approve", "town_issue", "town_read", "town_revoke")
_WEIGHTS: Final = (25, 20, 15, 36, 4)
_JITTER_US: Final = 55 * SECOND
"""An event arrives so much later than it happened, at most: inside the budget of a minute."""
_PROMISE_US: Final = 2 * SECOND
"""How far a sensor looks back when it promises that nothing earlier comes: too little for some
events, which come late and revise what was told."""
_BATCH_MAX: Final = 30


class Sealable(NamedTuple):
    """What a sensor puts into one batch: its events as they arrived, and what it promises."""

    sensor: str
    events: Sequence[tuple[int, Fields]]
    """(event time, fields), in order of arrival."""
    low_watermark: int


def units() -> tuple[str, ...]:
    """The units whose heartbeats the absence rule waits for."""
    return _UNITS


def batches(begin: int, *, seed: int = SEED, days: int = DAYS) -> Iterator[Sealable]:
    """Batches of all sensors in the order of their arrival, from an event time on."""
    chance = random.Random(seed)
    arrived: dict[str, list[tuple[int, int, Fields]]] = {sensor: [] for sensor in SENSORS}
    for number, (time, fields) in enumerate(_happenings(chance, begin, days)):
        # One in two hundred comes after its time has passed: it is missed, and named.
        late = chance.randrange(200) == 0
        delay = chance.randrange(5 * MINUTE, HOUR) if late else chance.randrange(_JITTER_US)
        stamped = {"@timestamp": to_text(time), **fields}
        arrived[SENSORS[number % len(SENSORS)]].append((time + delay, time, stamped))
    found: list[tuple[int, Sealable]] = []
    for sensor, events in arrived.items():
        events.sort(key=lambda one: one[0])
        first = 0
        while first < len(events):
            part = events[first : first + chance.randrange(1, _BATCH_MAX)]
            first += len(part)
            low = events[first][0] - _PROMISE_US if first < len(events) else begin + days * DAY
            pairs = [(time, fields) for _, time, fields in part]
            found.append((part[-1][0], Sealable(sensor, pairs, low)))
    found.sort(key=lambda one: one[0])
    yield from (one for _, one in found)


def _happenings(chance: random.Random, begin: int, days: int) -> Iterator[tuple[int, Fields]]:
    """Events in no order."""
    for day in range(days):
        start = begin + day * DAY
        yield from _work(chance, start, day)
        yield from _bursts(chance, start, day)
        yield from _beats(chance, start)
        yield from _visits(chance, start, day)


def _fields(action: str, user: str, address: str, **more: str | int) -> Fields:
    return {
        "event.dataset": "system.auth",
        "process.name": "town",
        "event.action": action,
        "event.outcome": "success",
        "user.name": user,
        "source.ip": address,
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def _work(chance: random.Random, start: int, day: int) -> Iterator[tuple[int, Fields]]:
    """A working day: everybody at their own pace, at their own few hosts and addresses."""
    for number, user in enumerate(_USERS):
        hosts = [_HOSTS[number % 3], _HOSTS[(number + 1) % 3]]
        if day >= 4 and chance.random() < 0.25:
            hosts.append(chance.choice(_HOSTS[3:]))
        for _ in range(chance.randrange(50, 90)):
            (action,) = chance.choices(_ACTIONS, _WEIGHTS)
            address = _ADDRESSES[(number + chance.choice((0, 0, 0, 1, 2))) % len(_ADDRESSES)]
            failed = chance.random() < (0.45 if user in _USERS[:3] else 0.08)
            yield (
                start + 9 * HOUR + chance.randrange(9 * HOUR),
                _fields(
                    action,
                    user,
                    address,
                    event__outcome="failure" if failed else "success",
                    host__name=chance.choice(hosts),
                    user__target__name=chance.choice(_USERS[:5]),
                    organization__id=_UNITS[number % len(_UNITS)],
                    http__response__body__bytes=chance.randrange(100, 10_000),
                ),
            )


def _bursts(chance: random.Random, start: int, day: int) -> Iterator[tuple[int, Fields]]:
    """Minutes in which one address does much of one thing."""
    for _ in range(14):
        at = start + chance.randrange(DAY - HOUR)
        number = chance.randrange(len(_USERS))
        address = chance.choice(_ADDRESSES)
        action = chance.choice(("town_apply", "town_read", "town_read"))
        for _ in range(chance.randrange(12, 40)):
            user = chance.choice(_USERS[number : number + 8] or _USERS[:8])
            yield (
                at + chance.randrange(8 * MINUTE),
                _fields(
                    action,
                    user,
                    address,
                    event__outcome=chance.choice(("failure", "success")),
                    host__name=_HOSTS[number % len(_HOSTS)],
                    user__target__name=chance.choice(_USERS[:5]),
                    organization__id=_UNITS[number % len(_UNITS)],
                    http__response__body__bytes=chance.randrange(1000, 20_000 + day * 2000),
                ),
            )
    poller = chance.choice(_USERS)
    at = start + chance.randrange(12 * HOUR)
    for turn in range(15):
        yield at + turn * MINUTE, _fields("town_poll", poller, _ADDRESSES[0])


def _beats(chance: random.Random, start: int) -> Iterator[tuple[int, Fields]]:
    """Every unit is heard from each ten minutes, but for an hour it is silent."""
    for unit in _UNITS:
        silent = start + chance.randrange(DAY - 2 * HOUR)
        for at in range(start, start + DAY, 10 * MINUTE):
            if not silent <= at < silent + HOUR:
                yield at, _fields("town_beat", "beat", "10.9.1.1", organization__id=unit)


def _visits(chance: random.Random, start: int, day: int) -> Iterator[tuple[int, Fields]]:
    """Some come by every fourth day only."""
    for number in range(12):
        if day in (0, 1) or (day + number) % 4 == 3:
            user = f"guest-{number}"
            yield start + chance.randrange(DAY), _fields("town_visit", user, _ADDRESSES[1])
