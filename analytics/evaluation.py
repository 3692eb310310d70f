"""Evaluation: matches the events of a batch and carries each hit to the key it belongs to.

Rules stand on levels: those of level 0 read events, the others the final alerts of the levels
below, which come as events of the dataset ``fengsui.alert``. A rule set may be followed by another
from an event time on; both are asked until nothing of before that time can come any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from analytics.coverage import Coverage
from analytics.generation import Generation, GenerationDump, as_event
from analytics.guards import Facts, NoFacts
from analytics.keys.keyed import Changes, Key
from analytics.keys.keying import Keying
from analytics.keys.partition import Partition
from analytics.keys.shelf import PREFIX
from analytics.keys.state import Evaluator
from analytics.keys.waiting import PREFIX as WAITING
from analytics.keys.waiting import Row, row_of, rows_of
from analytics.memory import NEVER, Carried, Hit
from analytics.models import hours, run
from analytics.models.artefact import TrainingRequest
from analytics.models.hours import HourBook
from analytics.models.run import ModelRun
from analytics.patterns import Absence, EntityHours
from analytics.roll import Roll, changes, hits
from analytics.rule import ALERTS, LEVELS_MAX, Rule
from analytics.ruleset import RuleSet
from schema import ids
from schema.alert import Alert
from schema.errors import FengsuiError
from schema.event import DATASET, AcceptedBatch, Fields
from schema.times import MINUTE

_RULES: Final = "rules"
_RISING: Final = "rising"
_BEGAN: Final = "began"
_ROLLS: Final = "register"


_At: TypeAlias = tuple[int, str, int, bytes]
"""(event time, sensor, sequence, event id)"""

_Matched: TypeAlias = tuple[int, int, Fields, _At, tuple[Carried, ...]]
"""(rule, bits of the steps, event, its place, what is carried beside the rule's values)"""


def _at(batch: AcceptedBatch, place: int) -> _At:
    sequence = batch.first_sequence + batch.indexes[place]
    return batch.times[place], batch.sensor, sequence, batch.ids[place]


@dataclass(frozen=True, slots=True)
class _Counting:
    """A model rule, the field of its entity, and its books, one for each partition."""

    rule_id: str
    field: str
    books: list[HourBook]


class Evaluation:
    """The rules of a rule set over partitions of the 256 buckets."""

    def __init__(
        self, ruleset: RuleSet, *, partitions: int, lateness_us: int, coverage: Coverage
    ) -> None:
        self._coverage = coverage
        self._confined: Mapping[str, Set[str]] | None = None
        """Where only some entities of each rule are looked at: they, by rule."""
        self._lateness = lateness_us
        self.facts: Facts = NoFacts()
        """Registers and indicators: whoever owns the engine sets them."""
        self._evaluators: list[Evaluator] = []
        self._keyings: list[Keying] = []
        self._divisions = partitions
        self._levels = [
            [
                Partition(self._evaluators, lateness_us if level == 0 else 0, f"{level}/{number}")
                for number in range(partitions)
            ]
            for level in range(LEVELS_MAX + 1)
        ]
        self._rising: dict[str, tuple[int, Alert]] = {}
        """Alerts that rules on rules will read once nothing can change them, with their level."""
        self._risen: dict[str, None] = {}
        """Entries of the snapshot to be written or deleted."""
        self._gone: list[str] = []
        """Entries of model rules that are no more, or another version, to be deleted."""
        self._parts: dict[str, str] = {}
        """Ids of the model rules by their name in the snapshot."""
        self._runs: dict[str, ModelRun] = {}
        self._books: dict[str, list[HourBook]] = {}
        """Books of each model rule, one for each partition."""
        self._counting: dict[str, list[_Counting]] = {}
        """The model rules of a dataset."""
        self._rolls: dict[str, list[Roll]] = {}
        """Versions of each watched register: that in force, and those that lie ahead."""
        self._rolls_changed: dict[str, None] = {}
        self._began: dict[str, int] = {}
        """Time of the earliest event of each dataset."""
        self._began_changed = False
        self._generations: list[Generation] = []
        self._generations.append(self._generation(ruleset, -NEVER))
        self._rules_changed = True

    def _generation(self, ruleset: RuleSet, since: int, begun: Sequence[int] = ()) -> Generation:
        """The rule set from ``since`` on; a rule that stands in the one before goes on.

        One that was gone in between begins anew. ``begun`` says so of rules of a snapshot.
        """
        before = self._generations[-1] if self._generations else None
        standing = (
            {self._evaluators[place].rule.stamp: place for place in before.places}
            if (before)
            else {}
        )
        places: list[int] = []
        for number, rule in enumerate(ruleset.rules):
            place = standing.get(rule.stamp)
            if place is None:
                place = len(self._evaluators)
                self._evaluators.append(Evaluator(place, rule, begun[number] if begun else since))
                self._keyings.append(Keying(rule))
                if isinstance(rule.pattern, EntityHours):
                    self._count_hours(rule, rule.pattern)
            places.append(place)
        for place in set(standing.values()).difference(places):
            self._evaluators[place].until = since
        return Generation(ruleset, since, places, before)

    def _count_hours(self, rule: Rule, pattern: EntityHours) -> None:
        part = run.part_of(rule)
        books = [HourBook(part, pattern.dataset) for _ in self._levels[0]]
        self._books[rule.id] = books
        self._parts[part] = rule.id
        self._runs[rule.id] = ModelRun(rule, pattern, books)
        counting = self._counting.setdefault(pattern.dataset, [])
        counting[:] = [one for one in counting if one.rule_id != rule.id]
        counting.append(_Counting(rule.id, rule.entity[0], books))

    @property
    def ruleset(self) -> RuleSet:
        """The newest rule set."""
        return self._generations[-1].ruleset

    def confine(self, entities: Mapping[str, Set[str]]) -> None:
        """Look at these entities only, by rule; before anything is taken."""
        self._confined = entities

    @property
    def spoken_for(self) -> int:
        """When the newest of all rule sets and register versions takes effect."""
        rolls = (one[-1].effective_at for one in self._rolls.values() if one)
        return max(self._generations[-1].since, *rolls, -NEVER)

    def adopt(self, ruleset: RuleSet, since: int) -> None:
        """Judge events from that time on by another rule set; unchanged rules keep their state."""
        newest = self._generations[-1]
        if since <= newest.since:
            raise FengsuiError(
                "analytics.engine.rules_late",
                "a rule set takes effect after the one before it",
                since=since,
            )
        standing = len(self._evaluators)
        self._generations.append(self._generation(ruleset, since))
        for one in self._evaluators[standing:]:
            pattern = one.rule.pattern
            if isinstance(pattern, Absence):
                for entity, found in hits(self._rolls.get(pattern.register, ()), since):
                    self._enter(one, entity, found)
        self._warm_up()
        self._rules_changed = True

    def watched(self, register: str) -> int:
        """From when on the newest version watched is in force; long ago for none."""
        rolls = self._rolls.get(register)
        return rolls[-1].effective_at if rolls else -NEVER

    def watch(self, register: str, roll: Roll) -> None:
        """Judge whom the register holds by this version from its effective time on."""
        rolls = self._rolls.setdefault(register, [])
        before_it = max(rolls[-1].effective_at if rolls else -NEVER, self._generations[-1].since)
        if before_it > -NEVER and roll.effective_at <= before_it:
            raise FengsuiError(
                "analytics.engine.register_late",
                f"a version of register {register} takes effect after the one before it "
                "and after the newest rules",
                register=register,
            )
        before = rolls[-1] if rolls else None
        rolls.append(roll)
        self._rolls_changed[register] = None
        for one in self._evaluators:
            pattern = one.rule.pattern
            if (
                isinstance(pattern, Absence)
                and pattern.register == register
                and one.until > roll.effective_at
            ):
                for entity, gone, found in changes(before, roll, one.since):
                    self._part(one.rule, entity).cancel(one.index, entity, gone)
                    self._enter(one, entity, found)

    def _enter(self, one: Evaluator, entity: str, found: Sequence[Hit]) -> None:
        if self._confined is not None and entity not in self._confined.get(one.rule.id, ()):
            return
        bucket = ids.bucket(entity)
        self._part(one.rule, entity).add(row_of(hit, one.name, entity, bucket) for hit in found)

    def _part(self, rule: Rule, entity: str) -> Partition:
        parts = self._levels[rule.level]
        return parts[ids.bucket(entity) % len(parts)]

    def _retire(self, settled: int) -> None:
        """Let go of rule sets that nothing can be judged by any more."""
        for register, rolls in self._rolls.items():
            while len(rolls) > 1 and rolls[1].effective_at <= settled:
                rolls.pop(0)
                self._rolls_changed[register] = None
        while len(self._generations) > 1 and self._generations[1].since <= settled:
            before = self._generations.pop(0)
            kept = {place for one in self._generations for place in one.places}
            for place in set(before.places) - kept:
                rule = self._evaluators[place].rule
                for part in self._levels[rule.level]:
                    part.retire(place)
            self._rules_changed = True

    def run_of(self, rule_id: str) -> ModelRun:
        """The model rule; raises ``analytics.model.refused`` for an unknown one."""
        found = self._runs.get(rule_id)
        if found is None:
            raise FengsuiError(
                "analytics.model.refused", f"there is no model rule {rule_id}", model=rule_id
            )
        return found

    def take(self, batch: AcceptedBatch, *, floor: int, watermark: int) -> None:
        """Match the batch's events.

        One before ``floor`` changes nothing any more: it is counted, and named as missed for each
        rule and entity it would have mattered to.
        """
        earliest = min(batch.times, default=NEVER)
        for name, chosen in self._count(batch, floor, max(floor, watermark)).items():
            if earliest < self._began.get(name, NEVER):
                times = map(batch.times.__getitem__, chosen)
                self._begin(name, min((time for time in times if time >= floor), default=NEVER))
            for generation, places in self._by_generation(chosen, batch.times):
                if places and (name in generation.plans or name in self._counting):
                    self._ask(generation, name, batch, places, floor)

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
            )
        for counting in self._counting.get(dataset, ()):
            for place, event in zip(places, events, strict=True):
                value = event.get(counting.field)
                if value is not None:
                    self._count_hour(counting, str(value), event, _at(batch, place), floor)

    def _count_hour(
        self, counting: _Counting, entity: str, event: Fields, at: _At, floor: int
    ) -> None:
        if self._confined is not None and entity not in self._confined.get(counting.rule_id, ()):
            return
        if at[0] < floor:
            self._coverage.missed(counting.rule_id, entity, sensor=at[1], time=at[0])
        else:
            books = counting.books
            books[ids.bucket(entity) % len(books)].add(entity, event, at)

    @property
    def began(self) -> Mapping[str, int]:
        """Time of the earliest event of each dataset."""
        return self._began

    def has_watched(self, began: Mapping[str, int]) -> None:
        """Take it that events of these datasets were seen since then."""
        for dataset, time in began.items():
            self._begin(dataset, time)

    def _begin(self, dataset: str, time: int) -> None:
        """Remember since when events of the dataset are seen."""
        if time < self._began.get(dataset, NEVER):
            self._began[dataset] = time
            self._began_changed = True
            self._warm_up()

    def _warm_up(self) -> None:
        """Say how long each rule has watched what it must have watched."""
        for one in self._evaluators:
            pattern = one.rule.pattern
            if not pattern.warm_up_us:
                continue
            watched = {name for place in pattern.watched for name in one.rule.steps[place].datasets}
            everywhere = min(self._began.values(), default=NEVER)
            began = max(
                (
                    everywhere if name == ALERTS else self._began.get(name, NEVER)
                    for name in watched
                ),
                default=everywhere,
            )
            # An event that comes late can only move the beginning by less than the lateness.
            one.silent_before = max(one.since, began) + pattern.warm_up_us + self._lateness

    def _by_generation(
        self, places: list[int], times: Sequence[int]
    ) -> Iterable[tuple[Generation, list[int]]]:
        if len(self._generations) == 1:
            return ((self._generations[0], places),)
        # What comes too late for rules that were let go of is judged by those after them.
        bounds = [-NEVER, *(one.since for one in self._generations[1:]), NEVER]
        return [
            (
                one,
                [place for place in places if bounds[number] <= times[place] < bounds[number + 1]],
            )
            for number, one in enumerate(self._generations)
        ]

    def _hold(self, found: Iterable[_Matched], floor: int = -NEVER) -> None:
        """Give events' hits on rules to the keys they belong to."""
        confined, divisions = self._confined, self._divisions
        keyed: list[tuple[Evaluator, _At, str, int, tuple[Carried, ...]]] = []
        for index, steps, event, at, added in found:
            one = self._evaluators[index]
            if one.guards is not None:
                steps, lacking = one.guards.keep(steps, event, at[0], self.facts)  # fewer
                if lacking:
                    self._coverage.unkeyed(at[0], one.rule.id)
                if not steps:
                    continue
            keys = self._keyings[index].keys(event, steps, at[3])
            if keys is None:
                self._coverage.unkeyed(at[0], one.rule.id)
                continue
            for entity, bits, values in keys:
                if confined is not None and entity not in confined.get(one.rule.id, ()):
                    continue
                if at[0] < floor:
                    self._coverage.missed(one.rule.id, entity, sensor=at[1], time=at[0])
                else:
                    keyed.append((one, at, entity, bits, values + added))
        entities = list({row[2] for row in keyed})
        buckets = dict(zip(entities, ids.buckets(entities), strict=True))
        rows: dict[int, list[Row]] = defaultdict(list)
        for one, at, entity, bits, values in keyed:
            bucket = buckets[entity]
            row: Row = (at[0], at[1], at[2], at[3], one.name, entity, bucket, bits, *values)
            rows[one.level * divisions + bucket % divisions].append(row)
        for place, some in rows.items():
            self._levels[place // divisions][place % divisions].add(some)

    def step(
        self, watermark: int, settled: int, changes: Changes, *, deadlines: int
    ) -> list[TrainingRequest]:
        """Step all partitions up to the watermark and close the hours that are settled.

        Deadlines fall up to theirs: it is the watermark but at the end of a replay.
        """
        for level, parts in enumerate(self._levels):
            found, through = Changes(), watermark if level == 0 else settled
            for part in parts:
                part.advance(through, settled, found, deadlines=min(deadlines, through))
                for (index, minute), count in part.evicted.items():
                    self._coverage.evicted(minute, self._evaluators[index].rule.id, count)
                part.evicted.clear()
            changes.alerts.update(found.alerts)
            changes.closings.update(found.closings)
            self._rise(level, found, settled)
        requests = [model.close(settled, changes.alerts) for model in self._runs.values()]
        for rule_id, books in self._books.items():
            for book in books:
                for begin, count in book.evicted.items():
                    self._coverage.evicted(begin, rule_id, count)
                book.evicted.clear()
        self._retire(settled)
        return [request for request in requests if request is not None]

    def _rise(self, level: int, changes: Changes, settled: int) -> None:
        """Give alerts nothing can change any more to the rules of the levels above."""
        if not any(ALERTS in one.plans for one in self._generations):
            return
        for alert in changes.alerts.values():
            self._risen[alert.id] = None
            if alert.state == "final":
                self._rising[alert.id] = level, alert
            else:
                self._rising.pop(alert.id, None)
        ripe = [one for one in self._rising.values() if one[1].decided_at < settled]
        ripe.sort(key=lambda one: (one[1].decided_at, one[1].id))
        for _, alert in ripe:
            del self._rising[alert.id]
            self._risen[alert.id] = None
        # An alert is read by the rules in force when it was decided, as an event is.
        times = [alert.decided_at for _, alert in ripe]
        for generation, places in self._by_generation(list(range(len(ripe))), times):
            plan = generation.plans.get(ALERTS)
            if plan is None or not places:
                continue
            rules = {rule.id: rule for rule in generation.ruleset.rules}
            events = [as_event(ripe[at][1], rules.get(ripe[at][1].rule_id)) for at in places]
            risen: list[_Matched] = []
            for number, rule, steps in plan.match(events):
                below, alert = ripe[places[number]]
                if self._evaluators[rule].level > below:
                    at = (alert.decided_at, "", 0, bytes.fromhex(alert.id))
                    risen.append((rule, steps, events[number], at, (alert.events,)))
            self._hold(risen)

    def waiting(self) -> Iterator[tuple[Key, list[Hit]]]:
        """Keys that may get an alert by hits the watermark has not passed, with these hits."""
        for parts in self._levels:
            for part in parts:
                yield from part.waiting()

    def pending(self) -> int:
        """Hits the watermark has not passed."""
        return sum(part.pending() for parts in self._levels for part in parts)

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Entries changed since last asked."""
        if self._rules_changed:
            yield (
                _RULES,
                msgspec.msgpack.encode(
                    [
                        GenerationDump(
                            one.since,
                            one.ruleset.digest,
                            one.ruleset.rules,
                            tuple(self._evaluators[place].since for place in one.places),
                        )
                        for one in self._generations
                    ]
                ),
            )
            self._rules_changed = False
        if self._began_changed:
            yield _BEGAN, msgspec.msgpack.encode(self._began)
            self._began_changed = False
        for register in self._rolls_changed:
            yield f"{_ROLLS}/{register}", msgspec.msgpack.encode(self._rolls[register])
        self._rolls_changed.clear()
        for name in self._risen:
            rising = self._rising.get(name)
            yield f"{_RISING}/{name}", msgspec.msgpack.encode(rising) if rising else b""
        self._risen.clear()
        yield from ((name, b"") for name in self._gone)
        self._gone.clear()
        for parts in self._levels:
            for part in parts:
                yield from part.snapshot()
        for books in self._books.values():
            for book in books:
                yield from book.snapshot()
        for model in self._runs.values():
            yield from model.snapshot().items()

    def restore(self, parts: Mapping[str, bytes], since: int) -> None:
        """Take over entries; the present rules follow those of the entries from ``since`` on.

        Raises ``analytics.engine.snapshot_malformed``.
        """
        if parts.get(_BEGAN):
            self._began = msgspec.msgpack.decode(parts[_BEGAN], type=dict[str, int])
        for name, raw in parts.items():
            kind, _, register = name.partition("/")
            if kind == _ROLLS and raw:
                self._rolls[register] = msgspec.msgpack.decode(raw, type=list[Roll])
        if parts.get(_RULES):
            self._restore_rules(parts[_RULES], since)
        self._warm_up()
        for name, raw in parts.items():
            if raw and name not in (_RULES, _BEGAN) and not name.startswith(f"{_ROLLS}/"):
                self._restore(name, raw)

    def _restore_rules(self, raw: bytes, since: int) -> None:
        present = self._generations[0]
        dumps = msgspec.msgpack.decode(raw, type=list[GenerationDump])
        if [dump.digest for dump in dumps] == [present.ruleset.digest]:
            present.since = dumps[0].since
            stamps = (rule.stamp for rule in dumps[0].rules)
            begun = dict(zip(stamps, dumps[0].begun, strict=False))
            for place in present.places:
                rule = self._evaluators[place].rule
                self._evaluators[place] = Evaluator(place, rule, begun.get(rule.stamp, -NEVER))
            return
        # From the beginning, as they came: what stands already was made for the present rules.
        for made in (self._evaluators, self._keyings, self._generations):
            made.clear()
        for known in (self._parts, self._runs, self._books, self._counting):
            known.clear()
        for dump in dumps:
            rules = RuleSet(rules=dump.rules, refused=(), digest=dump.digest)
            if dump.digest == present.ruleset.digest:
                rules = present.ruleset
            self._generations.append(self._generation(rules, dump.since, dump.begun))
        if self.ruleset.digest != present.ruleset.digest:
            self.adopt(present.ruleset, since)
        self._rules_changed = True

    def _restore(self, name: str, raw: bytes) -> None:
        kind, _, rest = name.partition("/")
        if kind == PREFIX:
            _, _, entity = rest.split("/", 2)
            rule = rest.split("/", 2)[1]
            level = next((one.rule.level for one in self._evaluators if one.name == rule), 0)
            parts = self._levels[level]
            parts[ids.bucket(entity) % len(parts)].restore(name, raw)
        elif kind == WAITING:
            self._restore_waiting(name, raw)
        elif kind == _RISING:
            level, alert = msgspec.msgpack.decode(raw, type=tuple[int, Alert])
            self._rising[alert.id] = level, alert
        elif kind == hours.PREFIX:
            _, part, entity = rest.split("/", 2)
            books = self._books.get(self._parts.get(part, ""))
            if books:
                books[ids.bucket(entity) % len(books)].restore(entity, raw)
            else:
                self._gone.append(name)
        elif kind == run.PREFIX:
            part, _, entry = rest.partition("/")
            model = self._runs.get(self._parts.get(part, ""))
            if model:
                model.restore(entry, raw)
            else:
                self._gone.append(name)
        else:
            raise FengsuiError(
                "analytics.engine.snapshot_malformed", f"snapshot entry {name[:80]!r} is unknown"
            )

    def _restore_waiting(self, name: str, raw: bytes) -> None:
        """Take over hits that waited in what may have been another division of the buckets."""
        _, level, number, _ = name.split("/", 3)
        parts = self._levels[int(level)]
        known = {one.name for one in self._evaluators}
        for row in rows_of(raw):
            if row[4] in known:
                parts[row[6] % len(parts)].add((row,))
        # They are written again under the names of those who hold them now.
        parts[int(number) % len(parts)].forget(name)
