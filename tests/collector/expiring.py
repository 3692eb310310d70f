"""Segments old enough to go, and the expiry of a test's site as the product wires it."""

from collections.abc import Callable, Sequence

from collected import COLLECTOR_KEY, FakeSensor, Site

from collector.expiry import EVERYTHING, Expiry
from collector.removal import Removal
from schema import log
from schema.batch import Position
from schema.disk import PosixDisk
from schema.event import AcceptedBatch, Fields
from schema.retention import Periods, periods
from schema.times import DAY, from_text

HALF_YEAR = from_text("2027-06-01T00:00:00.000000Z")
BIG = 365 * DAY


def filled(
    site: Site,
    sensor: FakeSensor,
    *,
    segments: int,
    first: Sequence[Fields] | None = None,
    positions: dict[str, Position] | None = None,
) -> list[AcceptedBatch]:
    """Take in so many closed segments of two batches each; what came of them."""
    writer = log.Writer(site.segments / sensor.chain.sensor)
    found: list[AcceptedBatch] = []
    for index in range(segments):
        for place in range(2):
            events = first if first and index == place == 0 else sensor.events(3)
            writer.append(sensor.seal(events, positions=positions))
        writer.close_segment()
        found += site.rounds()
    return found


def removal_of(site: Site) -> Removal:
    return Removal(site.segments, database=site.database, index=site.index, ids=site.ids)


def expiry_of(
    site: Site,
    *,
    kept_for: Periods | None = None,
    needed: Callable[[str], int] = lambda _: EVERYTHING,
    forgotten: Callable[[str, list[tuple[str, str]]], None] = lambda _sensor, _marks: None,
    close: Callable[[str], None] = lambda _: None,
) -> Expiry:
    return Expiry(
        site.segments,
        database=site.database,
        periods=kept_for or periods(),
        needed=needed,
        control=site.control,
        key=COLLECTOR_KEY,
        clock=site.clock,
        removal=removal_of(site),
        forgotten=forgotten,
        close=close,
    )


def names(site: Site, sensor: str = "gate") -> list[str]:
    return log.segment_names(site.segments / sensor, PosixDisk())
