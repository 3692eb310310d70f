"""Where rules run on workers nothing expires that they have not judged, and told of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from centre_world import SETTINGS, Workers, new_bus
from machine import HandClock, RemoteSensor, framed, until

from fengsui import wiring
from fengsui.folder import DataFolder
from fengsui.wiring import DUTY, Site
from schema.times import DAY

HALF_YEAR_US = 200 * DAY


class World:
    """A site on a bus and its workers; its clock is the test's."""

    def __init__(self, folder: Path) -> None:
        self.bus, self.clock = new_bus(), HandClock()
        self.workers = Workers(self.bus)
        self.site: Site = wiring._open(
            DataFolder(folder), SETTINGS, realm=DUTY, local=None, clock=self.clock,
            recording=None, bus=self.bus,
        )  # fmt: skip
        self.sensor = RemoteSensor(self.site)

    def send(self, path: str) -> None:
        """A batch of now, in a segment of its own."""
        sealed = self.sensor.seal([path], at=self.clock.now())
        self.site.intake.accept(framed(sealed))
        self.site.intake.to_close.put(self.sensor.name)
        until(self.site, lambda: self.number == sealed.header.number)

    @property
    def number(self) -> int:
        return self.site.status_of(self.sensor.name).last_batch

    def decide(self) -> None:
        """The workers judge all that was handed on, and the site stores what they decided."""
        self.workers.run()
        self.site.pipeline.round()
        self.site.pipeline._commit()

    def gone(self) -> list[int]:
        stones = self.site.retention.run(by="test", seconds=20)
        return [one.last for one in stones if one.sensor == self.sensor.name]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.site.close()


def test_what_was_handed_on_and_not_decided_stays_however_old(world: World) -> None:
    world.send("/first")
    world.clock.ahead_us = HALF_YEAR_US
    world.send("/second")
    world.site.pipeline._commit()
    # The bus has all of it for certain; the workers have read nothing.
    assert world.site.pipeline.committed[world.sensor.name] == 2
    assert world.gone() == []


def test_it_goes_once_decisions_past_its_receipt_are_stored(world: World) -> None:
    world.send("/first")
    world.clock.ahead_us = HALF_YEAR_US
    world.send("/second")
    world.workers.run()
    assert world.gone() == []
    world.decide()
    assert world.gone() == [1]


def test_decisions_up_to_the_batch_itself_are_not_enough(world: World) -> None:
    world.send("/first")
    world.decide()
    world.clock.ahead_us = HALF_YEAR_US
    world.send("/second")
    # The second batch is not with the workers: what they decided reaches to the first.
    world.site.pipeline.round()
    world.site.pipeline._commit()
    assert world.gone() == []
