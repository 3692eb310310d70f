"""The keeper: a stage in memory counts only while the entries hold its lease."""

from __future__ import annotations

import random

import pytest

from analytics.streaming.runner.keeper import IDLE_US, LEASE, LOOK_US, PART_BYTES_MAX, Keeper
from analytics.streaming.stage import Sent


class Disk:
    """Entries of one partition; each checkpoint is written whole or dropped."""

    def __init__(self):
        self.stored = {}

    def begin(self):
        return Checkpoint(self)


class Checkpoint:
    def __init__(self, disk):
        self._disk = disk
        self._changed = {}

    def get(self, name):
        return self._changed.get(name, self._disk.stored.get(name))

    def put(self, name, value):
        self._changed[name] = value

    def delete(self, name):
        self._changed[name] = None

    def entries(self):
        return dict(self._disk.stored)

    def write(self):
        merged = {**self._disk.stored, **self._changed}
        self._disk.stored = {name: value for name, value in merged.items() if value is not None}


class Adding:
    """Adds numbers up; at 0 it forgets the sum's entry."""

    def __init__(self, entries):
        self.sum = int(entries.get("sum", b"0"))

    def take(self, message):
        self.sum += int(message)
        return [Sent("decided", 0, b"%d" % self.sum)]

    def look(self, now):
        return [Sent("decided", 0, b"looked at %d" % now)] if now else []

    def snapshot(self):
        return {"sum": b"%d" % self.sum if self.sum else b""}


class Clock:
    now = 0

    def __call__(self):
        return self.now


class World:
    def __init__(self):
        self.clock = Clock()
        self.disk = Disk()
        self.opened = 0

    def keeper(self):
        return Keeper(self, clock=self.clock, opened=self.count)

    def open(self, lane, partition, entries):
        assert LEASE not in entries
        return Adding(entries)

    def count(self, lane, partition):
        self.opened += 1


def take(keeper, checkpoint, number):
    return [one.message for one in keeper.take("hits", 0, checkpoint, b"%d" % number)]


def written(keeper, checkpoint):
    keeper.store()
    checkpoint.write()


def test_a_stage_is_opened_once_and_kept_over_checkpoints():
    world = World()
    keeper = world.keeper()
    for number, total in ((1, b"1"), (2, b"3"), (3, b"6")):
        checkpoint = world.disk.begin()
        assert take(keeper, checkpoint, number) == [total]
        written(keeper, checkpoint)
    assert (world.opened, world.disk.stored["sum"]) == (1, b"6")


def test_a_checkpoint_dropped_before_its_entries_were_written_is_forgotten():
    world = World()
    keeper = world.keeper()
    first = world.disk.begin()
    take(keeper, first, 1)
    written(keeper, first)
    take(keeper, world.disk.begin(), 5)  # and dropped
    again = world.disk.begin()
    assert take(keeper, again, 5) == [b"6"]
    written(keeper, again)
    assert world.disk.stored["sum"] == b"6"


def test_a_checkpoint_refused_after_its_entries_were_written_is_forgotten():
    world = World()
    keeper = world.keeper()
    refused = world.disk.begin()
    take(keeper, refused, 5)
    keeper.store()
    assert take(keeper, world.disk.begin(), 5) == [b"5"]
    assert world.opened == 2


def test_what_another_worker_did_meanwhile_is_read():
    world = World()
    here, there = world.keeper(), world.keeper()
    for keeper, number in ((here, 1), (there, 10)):
        checkpoint = world.disk.begin()
        take(keeper, checkpoint, number)
        written(keeper, checkpoint)
    assert take(here, world.disk.begin(), 100) == [b"111"]


def test_an_empty_value_deletes_its_entry_and_sizes_are_told():
    world = World()
    keeper = world.keeper()
    checkpoint = world.disk.begin()
    take(keeper, checkpoint, 12)
    assert (keeper.store().size_bytes, checkpoint.write()) == (2, None)
    checkpoint = world.disk.begin()
    take(keeper, checkpoint, -12)
    written(keeper, checkpoint)
    assert set(world.disk.stored) == {LEASE}


def test_only_stages_that_took_something_are_written():
    world = World()
    keeper = world.keeper()
    checkpoint = world.disk.begin()
    take(keeper, checkpoint, 12)
    assert keeper.store().entries == 1
    assert keeper.store().entries == 0


def test_a_stage_is_asked_for_provisional_alerts_at_most_each_second():
    world = World()
    keeper = world.keeper()
    looked = []
    for now in (LOOK_US, LOOK_US + 1, 2 * LOOK_US):
        world.clock.now = now
        looked.append(len(take(keeper, world.disk.begin(), 0)) > 1)
    assert looked == [True, True, True]
    checkpoint = world.disk.begin()
    world.clock.now = 10 * LOOK_US
    looked = []
    for after in (0, 1, LOOK_US - 1, LOOK_US):
        world.clock.now = 10 * LOOK_US + after
        looked.append(len(take(keeper, checkpoint, 0)) > 1)
    assert looked == [True, False, False, True]


def test_a_stage_without_messages_is_let_go_and_read_again():
    world = World()
    keeper = world.keeper()
    checkpoint = world.disk.begin()
    take(keeper, checkpoint, 1)
    written(keeper, checkpoint)
    world.clock.now = IDLE_US + 1
    keeper.store()
    assert keeper.count == 0
    assert take(keeper, world.disk.begin(), 1)[0] == b"2"


class Text:
    """Keeps the last message as it is."""

    def __init__(self, entries):
        self.text = entries.get("a/text", b"")

    def take(self, message):
        self.text = message
        return []

    def look(self, now):
        return []

    def snapshot(self):
        return {"a/text": self.text, "other": b"x"}


class Texts(World):
    def open(self, lane, partition, entries):
        assert all(name in ("a/text", "other") for name in entries)
        return Text(entries)


@pytest.mark.parametrize("again", [False, True])
def test_a_long_entry_is_written_in_parts_and_read_whole(again):
    world, keeper = Texts(), None
    for size in (0, 5, 2.5, 1, 3, 1.5, 0, 2):
        if keeper is None or again:
            keeper = world.keeper()
        text = random.Random(size).randbytes(int(size * PART_BYTES_MAX))
        checkpoint = world.disk.begin()
        keeper.take("hits", 0, checkpoint, text)
        written(keeper, checkpoint)
        stored = world.disk.stored
        assert max(map(len, stored.values())) <= PART_BYTES_MAX
        assert sum(map(len, stored.values())) == len(text) + len(stored[LEASE]) + 1
        other = world.keeper()
        opened = other._valid("hits", 0, world.disk.begin())
        assert opened.stage.text == text
