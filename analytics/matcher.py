"""Matcher: holds events against the rules and says whose hits they are, as rows by bucket.

What a matcher decides of a batch depends on the batch, the rules of its time and what its sensor
had promised before, so any number of them may share the sensors. Final alerts are matched as
events of the dataset ``fengsui.alert``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from analytics.coverage import Coverage
from analytics.generation import Generation, as_event
from analytics.guards import Facts, NoFacts, allowed_by
from analytics.keys.keying import Keying
from analytics.keys.state import Evaluator
from analytics.keys.waiting import Row
from analytics.memory import NEVER, Carried
from analytics.models.features import Order
from analytics.rule import ALERTS
from analytics.succession import Succession
from schema import ids
from schema.alert import Alert
from schema.event import DATASET, AcceptedBatch, Fields
from schema.times import MINUTE

_At: TypeAlias = Order
"""(event time, sensor, sequence, event id)"""

_Matched: TypeAlias = tuple[int, int, Fields, _At, tuple[Carried, ...]]
"""(rule, bits of the steps, event, its place, what is carried beside the rule's values)"""

Counted: TypeAlias = tuple[int, str, Fields, Order]
"""(model rule by its evaluator, entity, event, its place)"""


def _at(batch: AcceptedBatch, place: int) -> _At:
    sequence = batch.first_sequence + batch.indexes[place]
    return batch.times[place], batch.sensor, sequence, batch.ids[place]


@dataclass(slots=True)
class Found:
    """What events were matched to."""

    rows: dict[tuple[int, int], list[Row]] = field(default_factory=lambda: defaultdict(list))
    """Hits by (level, division of the buckets)."""
    hours: list[Counted] = field(default_factory=list)
    """What model rules count."""


class Matcher:
    """Asks the rules of a succession; ``divisions`` says how the 256 buckets are shared."""

    def __init__(self, succession: Succession, *, divisions: int, coverage: Coverage) -> None:
        self.facts: Facts = NoFacts()
        """Registers and indicators: whoever owns the matcher sets them."""
        self._succession = succession
        self._divisions = divisions
        self._coverage = coverage
        self._confined: Mapping[str, Set[str]] | None = None
        """Where only some entities of each rule are looked at: they, by rule."""
        self._keyings: list[Keying] = []
        """By the place of the evaluator."""

    def confine(self, entities: Mapping[str, Set[str]]) -> None:
        """Look at these entities only, by rule; before anything is taken."""
        self._confined = entities

    def admits(self, rule_id: str, entity: str) -> bool:
        """Whether the entity is looked at."""
        return self._confined is None or entity in self._confined.get(rule_id, ())

    def take(self, batch: AcceptedBatch, *, floor: int, late_before: int) -> Found:
        """Match the batch's events.

        One before ``floor`` changes nothing any more: it is counted, and named as missed for each
        rule and entity it would have mattered to. Those before ``late_before`` count as late.
        """
        found = Found()
        succession = self._succession
        earliest = min(batch.times, default=NEVER)
        for name, chosen in self._count(batch, floor, late_before).items():
            if earliest < succession.began.get(name, NEVER):
                times = map(batch.times.__getitem__, chosen)
                succession.begin(
                    name, min((time for time in times if time >= floor), default=NEVER)
                )
            for generation, places in succession.by_time(chosen, batch.times):
                if places and (name in generation.plans or name in generation.counting):
                    self._ask(generation, name, batch, places, floor, found)
        return found

    def _count(self, batch: AcceptedBatch, floor: int, late_before: int) -> dict[str, list[int]]:
        """The events' places by dataset; all of them are in the coverage."""
        dataset: object = None
        lowest, end, counts = 0, 0, [0]
        places: list[int] = []
        groups: dict[str, list[int]] = {}
        for place, (time, signed) in enumerate(zip(batch.times, batch.events, strict=True)):
            named = signed.get(DATASET)
            if named != dataset or not lowest <= time < end:
                # The earliest event of a minute has the greatest lag: it is noted on the way.
                dataset, lowest, end = named, time, time - time % MINUTE + MINUTE
                counts = self._coverage.source(time, batch.sensor, str(named), batch.received_at)
                places = groups.setdefault(str(named), [])
            counts[0] += 1
            if time < late_before:
                counts[1] += 1
                if time < floor:
                    counts[2] += 1
            places.append(place)
        return groups

    def _ask(
        self,
        generation: Generation,
        dataset: str,
        batch: AcceptedBatch,
        places: list[int],
        floor: int,
        found: Found,
    ) -> None:
        """Match events of one dataset, and count them where a model scores their hours."""
        events = [batch.events[place] for place in places]
        if dataset in generation.reads_added:
            events = [
                {**batch.enrichment[place], **event} if batch.enrichment[place] else event
                for place, event in zip(places, events, strict=True)
            ]
        plan = generation.plans.get(dataset)
        if plan is not None:
            self._hold(
                [
                    (rule, steps, events[number], _at(batch, places[number]), ())
                    for number, rule, steps in plan.match(events)
                ],
                floor,
                found,
            )
        for index in generation.counting.get(dataset, ()):
            one = self._succession.evaluators[index]
            named = one.rule.entity[0]
            for place, event in zip(places, events, strict=True):
                value = event.get(named)
                if value is not None:
                    self._count_hour(one, str(value), event, _at(batch, place), floor, found)

    def _count_hour(
        self, one: Evaluator, entity: str, event: Fields, at: _At, floor: int, found: Found
    ) -> None:
        if not self.admits(one.rule.id, entity):
            return
        if at[0] < floor:
            self._coverage.missed(one.rule.id, entity, sensor=at[1], time=at[0])
        else:
            found.hours.append((one.index, entity, event, at))

    def risen(self, ripe: Sequence[tuple[int, Alert]]) -> Found:
        """Match alerts nothing can change any more, each with its level, by the rules above it."""
        found = Found()
        # An alert is read by the rules in force when it was decided, as an event is.
        times = [alert.decided_at for _, alert in ripe]
        for generation, places in self._succession.by_time(list(range(len(ripe))), times):
            plan = generation.plans.get(ALERTS)
            if plan is None or not places:
                continue
            rules = {rule.id: rule for rule in generation.ruleset.rules}
            events = [as_event(ripe[at][1], rules.get(ripe[at][1].rule_id)) for at in places]
            risen: list[_Matched] = []
            for number, rule, steps in plan.match(events):
                below, alert = ripe[places[number]]
                if self._succession.evaluators[rule].level > below:
                    at = (alert.decided_at, "", 0, bytes.fromhex(alert.id))
                    risen.append((rule, steps, events[number], at, (alert.events,)))
            self._hold(risen, -NEVER, found)
        return found

    def _hold(self, matched: Iterable[_Matched], floor: int, found: Found) -> None:
        """Find the keys events' hits belong to."""
        confined, divisions, coverage = self._confined, self._divisions, self._coverage
        evaluators, keyings = self._succession.evaluators, self._keyings
        while len(keyings) < len(evaluators):
            keyings.append(Keying(evaluators[len(keyings)].rule))
        keyed: list[tuple[Evaluator, _At, str, int, tuple[Carried, ...]]] = []
        for index, steps, event, at, added in matched:
            one = evaluators[index]
            if one.guards is not None:
                steps, lacking = one.guards.keep(steps, event, at[0], self.facts)  # fewer
                if lacking:
                    coverage.unkeyed(at[0], one.rule.id)
                if not steps:
                    continue
            if one.rule.allowance is not None:
                allowed, lacking = allowed_by(one.rule.allowance, event, at[0], self.facts)
                if allowed is None:
                    if lacking:
                        coverage.unkeyed(at[0], one.rule.id)
                    continue
                added = (allowed, *added)
            keys = keyings[index].keys(event, steps, at[3])
            if keys is None:
                coverage.unkeyed(at[0], one.rule.id)
                continue
            for entity, bits, values in keys:
                if confined is not None and entity not in confined.get(one.rule.id, ()):
                    continue
                if at[0] < floor:
                    coverage.missed(one.rule.id, entity, sensor=at[1], time=at[0])
                else:
                    keyed.append((one, at, entity, bits, values + added))
        entities = list({row[2] for row in keyed})
        buckets = dict(zip(entities, ids.buckets(entities), strict=True))
        rows = found.rows
        for one, at, entity, bits, values in keyed:
            bucket = buckets[entity]
            row: Row = (at[0], at[1], at[2], at[3], one.name, entity, bucket, bits, *values)
            rows[one.level, bucket % divisions].append(row)

    def forget(self) -> None:
        """The succession was restored: rules may stand in other places."""
        self._keyings.clear()
