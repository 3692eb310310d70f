"""Cluster: makes the layout of the bus on real brokers, and tells where they differ from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from collector.bus import rights, topics
from collector.bus.access import Access
from collector.bus.admin import Admin, Broker, Found
from collector.bus.rights import Right
from collector.bus.topics import Topic
from fengsui.settings import BusSettings
from schema.errors import FengsuiError
from schema.ports import Clock

CLOCK_DIFFERENCE_MAX_US: Final = 1_000_000
"""Brokers stamp records and retention counts by it; a second is far more than NTP leaves."""

FEW_BROKERS: Final = topics.REPLICATION
"""With fewer, a broker that fails takes acknowledged records along or stops the bus."""


class Users(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the brokers know, by SCRAM user or certificate name."""

    centre: str = "centre"
    worker: str = "worker"
    sensors: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at; ``ok`` None says it is no fault, only worth knowing."""

    what: str
    ok: bool | None
    found: str
    todo: str = ""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """Everything looked at."""

    brokers: tuple[str, ...]
    prefix: str
    lines: tuple[Line, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return all(line.ok is not False for line in self.lines)


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What was made, and what was there and differs: that is left as it is."""

    topics: tuple[str, ...]
    rights: tuple[str, ...]
    kept: tuple[str, ...]
    differences: tuple[Line, ...]
    authorizer: bool
    """Whether the brokers keep rights at all."""


def init(
    access: Access, settings: BusSettings, users: Users, *, replication: int | None = None
) -> Made:
    """Make what is missing, change and delete nothing.

    Raises ``fengsui.cluster.replication`` for more copies than brokers, and what the brokers do.
    """
    with Admin(access) as admin:
        copies = _replication(admin.brokers(), replication)
        names = _names(settings)
        there = admin.topics(names)
        for name, topic in names.items():
            if name not in there:
                admin.create(
                    name,
                    partitions=topic.partition_count(settings.partitions),
                    replication=copies,
                    config=topic.config(copies),
                )
        granted = admin.rights()
        missing = _wanted(users, settings.prefix) - (granted or frozenset())
        if granted is not None:
            admin.grant(missing)
        differences = [
            line
            for name, found in there.items()
            for line in _topic_lines(name, names[name], found, settings, copies)
            if line.ok is False
        ]
        return Made(
            topics=tuple(name for name in names if name not in there),
            rights=tuple(sorted(one.told for one in missing)) if granted is not None else (),
            kept=tuple(there),
            differences=tuple(differences),
            authorizer=granted is not None,
        )


def check(access: Access, settings: BusSettings, users: Users, clock: Clock) -> Checked:
    """Compare brokers, topics, rights and clocks with the layout; raises what no answer raises."""
    lines = [
        Line(
            what=f"address {one}",
            ok=not reason,
            found=reason or "answers",
            todo="look at this broker and the network to it" if reason else "",
        )
        for one, reason in access.reach().items()
    ]
    with Admin(access) as admin:
        brokers = admin.brokers()
        lines += _broker_lines(brokers)
        names = _names(settings)
        there = admin.topics(names)
        copies = _replication(brokers, None)
        for name, topic in names.items():
            if name in there:
                lines += _topic_lines(name, topic, there[name], settings, copies)
            else:
                lines.append(Line(what=f"topic {name}", ok=False, found="absent", todo=_INIT))
        lines += _right_lines(admin.rights(), users, settings, access)
        clocks = topics.CLOCKS.full_name(settings.prefix)
        if clocks in there:
            lines += _clock_lines(admin.clock_differences(clocks, there[clocks], clock))
    return Checked(brokers=access.brokers, prefix=settings.prefix, lines=tuple(lines))


_INIT: Final = "run `fengsui cluster init`"


def _names(settings: BusSettings) -> Mapping[str, Topic]:
    return {topic.full_name(settings.prefix): topic for topic in topics.TOPICS}


def _wanted(users: Users, prefix: str) -> frozenset[Right]:
    sensors = [rights.of_sensor(one, prefix) for one in users.sensors]
    return frozenset().union(
        rights.of_centre(users.centre, prefix), rights.of_worker(users.worker, prefix), *sensors
    )


def _replication(brokers: Sequence[Broker], asked: int | None) -> int:
    if asked is None:
        return min(topics.REPLICATION, len(brokers))
    if not 1 <= asked <= len(brokers):
        raise FengsuiError(
            "fengsui.cluster.replication",
            f"{asked} copies do not fit {len(brokers)} brokers: ask for fewer, or start more",
            asked=asked,
            brokers=len(brokers),
        )
    return asked


def _broker_lines(brokers: Sequence[Broker]) -> Iterator[Line]:
    few = len(brokers) < FEW_BROKERS
    yield Line(
        what="brokers",
        ok=None if few else True,
        found=f"{len(brokers)}: " + ", ".join(f"{one.id} at {one.address}" for one in brokers),
        todo="for duty have three: with fewer, one that fails stops the bus or loses records"
        if few
        else "",
    )
    for one in brokers:
        if not one.answers:
            yield Line(
                what=f"broker {one.id}",
                ok=False,
                found=f"{one.address} does not answer",
                todo="start it, or look at the network to it",
            )
        if one.creates_topics:
            yield Line(
                what=f"broker {one.id} auto.create.topics.enable",
                ok=False,
                found="true",
                todo="set it to false: a mistyped name would become a topic with other settings",
            )


def _topic_lines(
    name: str, topic: Topic, found: Found, settings: BusSettings, copies: int
) -> Iterator[Line]:
    what = f"topic {name}"
    wanted = topic.partition_count(settings.partitions)
    count = len(found.partitions)
    yield Line(
        what=f"{what} partitions",
        ok=count == wanted,
        found=str(count),
        todo=f"{wanted} are set: set bus.partitions to what is there, or move to a new bus.prefix; "
        "a partition count is never changed while records lie there"
        if count != wanted
        else "",
    )
    yield Line(
        what=f"{what} replication",
        ok=found.replication >= copies,
        found=str(found.replication),
        todo=f"raise it to {copies} with kafka-reassign-partitions"
        if found.replication < copies
        else "",
    )
    for key, value in topic.config(found.replication).items():
        is_there = found.config.get(key, "")
        yield Line(
            what=f"{what} {key}",
            ok=is_there == value,
            found=is_there or "not set",
            todo=f"kafka-configs --alter --topic {name} --add-config {key}={value}"
            if is_there != value
            else "",
        )
    behind = [one for one in found.partitions if set(one.in_sync) != set(one.replicas)]
    leaderless = [one.number for one in found.partitions if one.leader < 0]
    yield Line(
        what=f"{what} in sync",
        ok=not behind and not leaderless,
        found="all"
        if not behind and not leaderless
        else f"{len(behind)} of {count} partitions have a copy that is behind"
        + (f", without a leader: {leaderless}" if leaderless else ""),
        todo="start the brokers that are down, or wait until they have caught up"
        if behind or leaderless
        else "",
    )


def _right_lines(
    granted: frozenset[Right] | None, users: Users, settings: BusSettings, access: Access
) -> Iterator[Line]:
    if granted is None:
        yield Line(
            what="rights",
            ok=False if access.ca is not None else None,
            found="the brokers keep none: whoever reaches them may do everything",
            todo="set authorizer.class.name and super.users on the brokers, then " + _INIT,
        )
        return
    wanted = _wanted(users, settings.prefix)
    for one in sorted(wanted - granted):
        yield Line(what=f"right {one.told}", ok=False, found="not granted", todo=_INIT)
    extra = sorted(_extra(granted - wanted, settings.prefix))
    for one in extra:
        yield Line(
            what=f"right {one.told}",
            ok=False,
            found="granted, though the layout does not ask for it",
            todo="take it away with kafka-acls --remove, or name the sensor with --sensor",
        )
    if wanted <= granted and not extra:
        yield Line(what="rights", ok=True, found=f"{len(wanted)} granted, none besides")


def _extra(granted: frozenset[Right], prefix: str) -> Iterator[Right]:
    """Rights that reach our topics and groups, but for those a sensor has by its own name."""
    for one in granted:
        user = one.principal.partition(":")[2]
        if one in rights.of_sensor(user, prefix) or one.kind not in ("topic", "group"):
            continue
        ours = f"{prefix}."
        if (
            one.name == "*"
            or one.name.startswith(ours)
            or (one.prefixed and ours.startswith(one.name))
        ):
            yield one


def _clock_lines(ahead: Mapping[int, int]) -> Iterator[Line]:
    for broker, difference_us in ahead.items():
        off = abs(difference_us) > CLOCK_DIFFERENCE_MAX_US
        yield Line(
            what=f"broker {broker} clock",
            ok=not off,
            found=f"{difference_us / 1_000_000:+.3f} s against this machine",
            todo="set both clocks by the same time server: records carry the broker's time"
            if off
            else "",
        )
