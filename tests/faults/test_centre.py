"""The centre, its disk and its brokers fail while sensors ship: each batch is stored once."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager

import pytest
from carrying import Carrier, Item
from centre import Centre, Fleet, settings_on
from journey import fengsui

from collector.bus.access import Access
from collector.bus.confluent_bus import ConfluentWriter

SENSORS = 3
ROUNDS = 20
PACE_SECONDS = 0.25
"""After twenty batches: the centre keeps up with it on a busy machine, and is always at work."""
SEGMENT_BYTES = 4096
STATE_BYTES = 150_000


class Site:
    """A centre on brokers, sensors that ship to it now, and who carries."""

    def __init__(self, folder, kafka, prefix, *, before=()):
        settings = settings_on(kafka.address, prefix)
        self.fleet = Fleet(SENSORS, prefix)
        self.centre = Centre(folder / "data", settings, self.fleet.sensors)
        access = Access(brokers=settings.bus.brokers)
        self.enough = threading.Event()

        def items():
            yield from before_of(self.fleet)
            yield from self.fleet.items(self.enough)

        def before_of(fleet):
            first = fleet.sensors[0].name
            return [Item(fleet.place(first), first.encode(), value) for value in before]

        self.carrier = Carrier(lambda: ConfluentWriter(access), items(), pause_seconds=PACE_SECONDS)

    def stored(self, state):
        return sum(state["events"].get(one.name, 0) for one in self.fleet.sensors)

    def wait_for_progress(self):
        """Seconds until more is stored than now."""
        standing = self.stored(self.centre.ask())
        return self.centre.until(lambda state: self.stored(state) > standing)

    def finish(self):
        """Let everything arrive, end in good order, and look at the evidence."""
        self.enough.set()
        self.carrier.join(60)
        assert not self.carrier.is_alive()
        expected = sum(self.fleet.events().values())
        self.centre.until(lambda state: self.stored(state) >= expected)
        self.batches = sum(map(len, self.fleet.sealed.values()))
        assert self.stored(self.centre.ask()) == expected
        self.centre.end()
        self.fleet.check(self.centre)
        assert fengsui("verify", "--all", data=self.centre.folder).returncode == 0


@contextmanager
def shipping(folder, kafka, prefix, **settings):
    """A site in the middle of its work, checked in the end."""
    site = Site(folder, kafka, prefix, **settings)
    with site.centre:
        site.carrier.start()
        site.centre.until(lambda state: site.stored(state) > 0)
        yield site
        site.finish()


def test_a_centre_killed_while_sensors_ship_stores_each_batch_once(
    kafka, own_prefix, tmp_path, measures
):
    with shipping(tmp_path, kafka, own_prefix) as site:
        site.centre.kill()
        begun = time.monotonic()
        site.centre.start()
        site.wait_for_progress()
        recovered = time.monotonic() - begun
    measures.add(
        "kill -9 of the centre: from its start to the next stored batch",
        recovered_seconds=recovered,
        batches=site.batches,
        lost=0,
        twice=0,
    )


@pytest.mark.parametrize(
    "bytes_max",
    [
        pytest.param(SEGMENT_BYTES, id="segments"),
        pytest.param(STATE_BYTES, id="state", marks=pytest.mark.long),
    ],
)
def test_a_centre_whose_disk_is_full_says_so_and_goes_on_once_there_is_room(
    kafka, own_prefix, tmp_path, measures, bytes_max
):
    with shipping(tmp_path, kafka, own_prefix) as site:
        site.centre.ask(f"full {bytes_max}")
        site.centre.until(lambda state: state["failure"])
        begun = time.monotonic()
        site.centre.ask("free")
        site.centre.until(lambda state: not state["failure"])
        site.wait_for_progress()
        recovered = time.monotonic() - begun
    measures.add(
        "the centre's disk full: from room to the next stored batch",
        recovered_seconds=recovered,
        batches=site.batches,
        lost=0,
        twice=0,
    )


def test_poison_on_the_bus_is_put_aside_once_and_the_rest_goes_on(
    kafka, own_prefix, tmp_path, measures
):
    poison = [b"", b"not a batch", bytes(1_000_000)]
    with shipping(tmp_path, kafka, own_prefix, before=poison) as site:
        site.centre.kill()
        site.centre.start()
    notes = site.centre.notes()
    place = site.fleet.place(site.fleet.sensors[0].name)
    assert {(one["topic"], one["partition"]) for one in notes} == {place}
    assert sorted(one["offset"] for one in notes) == [0, 1, 2]
    assert all(one["reason"] for one in notes)
    measures.add("poison on the bus", recovered_seconds=0.0, put_aside=len(notes), lost=0)


def test_a_broker_killed_under_the_centre_costs_seconds_and_no_batch(
    kafka3, own_prefix, tmp_path, measures
):
    with shipping(tmp_path, kafka3, own_prefix) as site:
        begun = time.monotonic()
        kafka3.kill(1)
        site.carrier.wait_for(2)
        site.wait_for_progress()
        recovered = time.monotonic() - begun
    measures.add(
        "kill -9 of a broker under the centre: to the next stored batch",
        recovered_seconds=recovered,
        batches=site.batches,
        lost=0,
        twice=0,
    )


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_everything_fails_at_random_and_each_batch_is_stored_once(
    kafka3, own_prefix, tmp_path, seed
):
    chance = random.Random(seed)
    with shipping(tmp_path, kafka3, own_prefix) as site:
        for _ in range(ROUNDS):
            fault = chance.choice(["centre", "broker", "disk"])
            if fault == "centre":
                site.centre.kill()
                site.centre.start()
            elif fault == "broker":
                kafka3.kill(number := chance.randint(1, 3))
                time.sleep(chance.random() * 8)
                kafka3.restart(number)
            else:
                site.centre.ask(f"full {chance.choice([SEGMENT_BYTES, STATE_BYTES])}")
                time.sleep(chance.random() * 3)
                site.centre.ask("free")
            time.sleep(chance.random() * 3)
