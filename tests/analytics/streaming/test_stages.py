"""What a site's stages keep, send and refuse."""

from __future__ import annotations

import pytest
import test_levels
import test_simulation
from analytics_world import START, World, at, batch, ruleset
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stream_world import Feed, check, fed, no_trainer, play
from test_simulation import RULES, happenings

from analytics.memory import NEVER
from analytics.streaming.artefacts import rules_to_bytes
from analytics.streaming.layout import Layout
from analytics.streaming.messages import Hits, decided_of, hits_of
from analytics.streaming.stages import SiteStages
from analytics.streaming.stepping import PENDING_STEP
from schema import feed
from schema.bus import partition_of
from schema.errors import FengsuiError
from schema.times import MINUTE, SECOND


class _Nobody:
    train = staticmethod(no_trainer)


def site(one: Feed, hits: int = 1) -> SiteStages:
    return SiteStages(one.shelf, _Nobody(), layout=Layout(accepted=len(one.partitions), hits=hits))


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 200),
    st.sampled_from([1, 2, 8]),
    st.sampled_from([0.1, 0.4]),
)
# All sensors were silent at once: one after another in one partition, and in two.
@example(1_000_000, 1, 1, 0.1)
@example(212_239, 1, 2, 0.3)
def test_no_seed_shows(seed: int, batch_max: int, count: int, silences: float) -> None:
    world = World(happenings(seed, 200, 0.3, 3), seed=seed, batch_max=batch_max)
    one = fed(world, RULES, accepted=count, silences=silences)
    check(one, play(one, hits=count, seed=seed, crash=0.1, repeat=0.1))


@pytest.mark.parametrize("count", [0, 3, 512])
def test_partitions_divide_the_buckets(count: int) -> None:
    with pytest.raises(FengsuiError, match="partitions"):
        Layout(accepted=count)
    with pytest.raises(FengsuiError, match="partitions"):
        Layout(hits=count)


@pytest.mark.parametrize(("lane", "number"), [("decided", 0), ("accepted", 16), ("hours", 1)])
def test_a_partition_that_is_not_there_is_refused(lane: str, number: int) -> None:
    with pytest.raises(FengsuiError, match="partitions"):
        SiteStages(Feed(RULES, accepted=1).shelf, _Nobody()).open(lane, number, {})


@pytest.mark.parametrize("lane", ["accepted", "hits", "hours"])
@pytest.mark.parametrize("raw", [b"\xc1", b"\x90", b"\x93\x01\x02\x03"])
def test_a_snapshot_nobody_wrote_is_refused(lane: str, raw: bytes) -> None:
    with pytest.raises(FengsuiError, match="snapshot_malformed"):
        SiteStages(Feed(RULES, accepted=1).shelf, _Nobody()).open(lane, 0, {"head": raw})


def test_a_snapshot_of_other_partitions_is_refused() -> None:
    one = fed(World(test_simulation.EVENTS[:50], seed=1, batch_max=9), RULES, accepted=2)
    stage = site(one).open("hits", 0, {})
    entries = stage.snapshot()
    with pytest.raises(FengsuiError, match="partitions"):
        site(Feed(RULES, accepted=4)).open("hits", 0, entries)


def test_a_snapshot_tells_only_what_changed() -> None:
    one = fed(World(test_simulation.EVENTS, seed=1, batch_max=30), RULES, accepted=1)
    stages = site(one)
    matching, stepping = stages.open("accepted", 0, {}), stages.open("hits", 0, {})
    sent = [sent for raw in one.partitions[0] for sent in matching.take(raw)]
    hits = [each.message for each in sent if each.lane == "hits"]
    for raw in hits[:-3]:
        stepping.take(raw)
    first = stepping.snapshot()
    kinds = {name.split("/")[0] for name in first}
    assert {"head", "rules", "key", "wait"} <= kinds
    assert len([name for name in first if name.startswith("key/")]) > 10
    assert set(stepping.snapshot()) == {"head"}
    stepping.take(hits[-3])
    assert len(stepping.snapshot()) < len(first)
    assert set(matching.snapshot()) >= {"head", "rules", "began", "sensor/a"}
    assert set(matching.snapshot()) == {"head"}


def test_rules_do_not_lie_in_snapshots() -> None:
    one = fed(World(test_simulation.EVENTS[:50], seed=1, batch_max=9), RULES, accepted=1)
    stage = site(one).open("accepted", 0, {})
    for raw in one.partitions[0]:
        stage.take(raw)
    assert sum(map(len, stage.snapshot().values())) < 3000


def test_heartbeats_that_move_little_are_not_sent() -> None:
    one = Feed(RULES, accepted=2)
    name = next(name for name in "abcdefgh" if partition_of(name, 2) == 0)
    one.require(name, START)
    stage = site(one, 4).open("accepted", 0, {})
    for raw in one.partitions[0]:
        stage.take(raw)
    lows = []
    for number in range(100):
        beat = feed.Beat(name, START + number * SECOND // 10)
        sent = stage.take(feed.encode(beat))
        assert len(sent) in (0, 4)
        lows += [hits_of(one.message).low for one in sent[:1]]
    assert len(lows) == 33
    assert lows == sorted(lows)


def test_levels_are_told_of_only_where_rules_read_alerts() -> None:
    for rules, risen in ((RULES, False), (test_levels.RULES, True)):
        world = World(test_levels._events(1), seed=1, batch_max=30, end=test_levels.END)
        one = fed(world, rules, accepted=1)
        stages = site(one)
        matching, stepping = stages.open("accepted", 0, {}), stages.open("hits", 0, {})
        sent = [sent for raw in one.partitions[0] for sent in matching.take(raw)]
        assert all(isinstance(hits_of(each.message), Hits) for each in sent if each.lane == "hits")
        told = [out for each in sent if each.lane == "hits" for out in stepping.take(each.message)]
        assert any(each.lane == "hits" for each in told) is risen


def test_a_replay_is_over_only_when_all_levels_are() -> None:
    world = World(test_levels._events(1), seed=1, batch_max=30, end=test_levels.END)
    one = fed(world, test_levels.RULES, accepted=1)
    stages = site(one)
    matching, stepping = stages.open("accepted", 0, {}), stages.open("hits", 0, {})
    sent = [sent for raw in one.partitions[0] for sent in matching.take(raw)]
    waiting = [each.message for each in sent if each.lane == "hits"]
    told = []
    for round_ in range(6):
        out = [each for raw in waiting for each in stepping.take(raw)]
        waiting = [each.message for each in out if each.lane == "hits"]
        told += [(round_, decided_of(each.message)) for each in out if each.lane == "decided"]
    over = [round_ for round_, one in told if one.watermark == NEVER]
    assert over[0] > 0
    assert {alert.rule_id for round_, one in told for alert in one.alerts} >= {"top"}
    last = max(round_ for round_, one in told if any(a.rule_id == "top" for a in one.alerts))
    assert over[0] >= last


def test_an_adopted_rule_set_that_is_another_is_refused() -> None:
    one = Feed(RULES, accepted=1)
    (artefact,) = one.shelf.held
    stage = site(one).open("accepted", 0, {})
    with pytest.raises(FengsuiError, match="artefact_refused"):
        stage.take(feed.encode(feed.Adopt(1, "other", artefact, 0)))


@pytest.mark.parametrize("lane", ["accepted", "hits", "hours"])
def test_an_artefact_that_is_not_there_yet_is_asked_for_again(lane: str) -> None:
    one = fed(World(test_simulation.EVENTS[:80], seed=1, batch_max=9), RULES, accepted=1)
    stages = site(one)
    matching = stages.open("accepted", 0, {})
    messages = {"accepted": one.partitions[0], "hits": [], "hours": []}
    for raw in one.partitions[0]:
        for sent in matching.take(raw):
            if sent.lane != "decided":
                messages[sent.lane].append(sent.message)
    expected = [stages.open(lane, 0, {}).take(messages[lane][0])]
    held = dict(one.shelf.held)
    one.shelf.held.clear()
    stage = site(one).open(lane, 0, {})
    with pytest.raises(KeyError):
        stage.take(messages[lane][0])
    one.shelf.held.update(held)
    assert [stage.take(messages[lane][0])] == expected


def test_hits_that_wait_for_a_sensor_that_lags_are_told() -> None:
    one = Feed(RULES, accepted=1)
    for name in ("lags", "s"):
        one.require(name, START)
    for number in range(30):
        events = [at(number + n / 1000, offset=1000 * number + n + 1) for n in range(999)]
        one.batch(batch(events, number=number + 1))
    stages = site(one)
    matching, stepping = stages.open("accepted", 0, {}), stages.open("hits", 0, {})
    sent = [sent for raw in one.partitions[0] for sent in matching.take(raw)]
    hits = [each.message for each in sent if each.lane == "hits"]
    told = [decided_of(sent.message) for raw in hits for sent in stepping.take(raw)]
    waits = stepping._stepper.pending()
    assert waits > 2 * PENDING_STEP
    assert [each.pending for each in told] == sorted(each.pending for each in told)
    assert waits - told[-1].pending < PENDING_STEP
    assert len(told) <= 12


def test_a_partition_without_sensors_lets_go_of_rules_too() -> None:
    one = Feed(RULES, accepted=2)
    stage = site(one).open("accepted", 1, {})
    for raw in one.partitions[1]:
        stage.take(raw)
    for number in range(2, 30):
        since = START + number * MINUTE
        rules = ruleset(digest=f"{number:02}")
        name = one.shelf.put(rules_to_bytes(rules))
        stage.take(feed.encode(feed.Adopt(number, rules.digest, name, since, since - SECOND)))
    assert len(stage._ruling.succession.generations) <= 3
