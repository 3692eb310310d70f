"""Evaluation: matches the events of a batch and carries each hit to the key it belongs to."""

from __future__ import annotations

from collections.abc import Iterator

from analytics.coverage import Coverage
from analytics.expression import ANY_FIELD, atoms
from analytics.keyed import Changes, Key
from analytics.matching.port import Plan
from analytics.matching.values import RELATED
from analytics.memory import Hit
from analytics.models import hours, run
from analytics.models.artefact import TrainingRequest
from analytics.models.hours import HourBook
from analytics.models.run import ModelRun
from analytics.partition import PREFIX, Partition
from analytics.rule import NO_ENTITY, Rule
from analytics.ruleset import RuleSet
from analytics.state import Evaluator
from schema import ids
from schema.errors import FengsuiError
from schema.event import ADDED, DATASET, AcceptedBatch, Fields
from schema.times import MINUTE


class Evaluation:
    """The rules of a rule set over partitions of the 256 buckets."""

    def __init__(
        self, ruleset: RuleSet, *, partitions: int, lateness_us: int, coverage: Coverage
    ) -> None:
        self._rules = ruleset.rules
        self._plans = ruleset.matcher().plans
        self._reads_added = {
            dataset
            for rule in ruleset.rules
            if any(map(_is_added, _fields_read(rule)))
            for dataset in rule.datasets
        }
        """Datasets with a rule that reads what the collector added: only they pay for it."""
        self._coverage = coverage
        evaluators = [Evaluator(index, rule) for index, rule in enumerate(self._rules)]
        self._partitions = [Partition(evaluators, lateness_us) for _ in range(partitions)]
        self._gone: list[str] = []
        """Entries of model rules that are no more, or another version, to be deleted."""
        self._parts: dict[str, str] = {}
        """Ids of the model rules by their name in the snapshot."""
        self._runs: dict[str, ModelRun] = {}
        self._books: dict[str, list[HourBook]] = {}
        """Books of each model rule, one for each partition."""
        self._counting: dict[str, list[tuple[str, list[HourBook]]]] = {}
        """(entity field, books) of the model rules of a dataset."""
        for rule in self._rules:
            if rule.model:
                books = [HourBook(run.part_of(rule), rule.model.dataset) for _ in range(partitions)]
                self._books[rule.id] = books
                self._parts[run.part_of(rule)] = rule.id
                self._runs[rule.id] = ModelRun(rule, rule.model, books)
                self._counting.setdefault(rule.model.dataset, []).append((rule.entity, books))

    def run_of(self, rule_id: str) -> ModelRun:
        """The model rule; raises ``analytics.model.refused`` for an unknown one."""
        found = self._runs.get(rule_id)
        if found is None:
            raise FengsuiError(
                "analytics.model.refused", f"there is no model rule {rule_id}", model=rule_id
            )
        return found

    def take(self, batch: AcceptedBatch, *, floor: int, watermark: int) -> None:
        """Match the batch's events; those before ``floor`` are counted only."""
        sensor, first = batch.sensor, batch.first_sequence
        late_before = max(floor, watermark)
        dataset: object = None
        plan: Plan | None = None
        counting = None
        lowest, end, counts = 0, 0, [0]
        added = False
        asked: list[tuple[int, Fields]] = []
        """Events of one dataset in a row, by their place in the batch."""
        for place, (time, signed) in enumerate(zip(batch.times, batch.events, strict=True)):
            named = signed.get(DATASET)
            if named != dataset or not lowest <= time < end:
                # The earliest event of a minute has the greatest lag: it is noted on the way.
                if named != dataset:
                    self._match(plan, asked, batch)
                    asked = []
                dataset, lowest, end = named, time, time - time % MINUTE + MINUTE
                plan, counting = self._plans.get(str(named)), self._counting.get(str(named))
                added = named in self._reads_added
                counts = self._coverage.source(time, sensor, str(named), batch.received_at)
            counts[0] += 1
            if time < late_before:
                counts[1] += 1
                if time < floor:
                    counts[2] += 1
                    continue
            event = {**batch.enrichment[place], **signed} if added else signed
            if plan is not None:
                asked.append((place, event))
            if counting is not None:
                sequence = first + batch.indexes[place]
                for field, books in counting:
                    value = event.get(field)
                    if value is not None:
                        entity = str(value)
                        book = books[ids.bucket(entity) % len(books)]
                        book.add(entity, event, (time, sensor, sequence, batch.ids[place]))
        self._match(plan, asked, batch)

    def _match(
        self, plan: Plan | None, asked: list[tuple[int, Fields]], batch: AcceptedBatch
    ) -> None:
        """Ask the plan of these events, and hold what it finds."""
        if plan is None:
            return
        for number, index, steps in plan.match([event for _, event in asked]):
            place, event = asked[number]
            sequence = batch.first_sequence + batch.indexes[place]
            at = (batch.times[place], batch.sensor, sequence, batch.ids[place], steps, "")
            self._hold(index, event, at)

    def _hold(self, index: int, event: Fields, at: Hit) -> None:
        """Give an event's hit to the keys of the rule it matches."""
        time, sensor, sequence, event_id, steps, _ = at
        rule = self._rules[index]
        value = ""
        if rule.distinct:
            seen = event.get(rule.distinct)
            if seen is None or seen == "":
                self._coverage.unkeyed(time, rule.id)
                return
            value = str(seen)
        for entity in _entities(rule.entity, event, event_id):
            bucket = ids.bucket(entity)
            self._partitions[bucket % len(self._partitions)].add(
                index, entity, bucket, (time, sensor, sequence, event_id, steps, value)
            )
        if rule.entity != NO_ENTITY and rule.entity not in event:
            self._coverage.unkeyed(time, rule.id)

    def step(self, watermark: int, settled: int, changes: Changes) -> list[TrainingRequest]:
        """Step all partitions up to the watermark and close the hours that are settled."""
        for part in self._partitions:
            part.advance(watermark, settled, changes)
            for (index, minute), count in part.evicted.items():
                self._coverage.evicted(minute, self._rules[index].id, count)
            part.evicted.clear()
        requests = [model.close(settled, changes.alerts) for model in self._runs.values()]
        for rule_id, books in self._books.items():
            for book in books:
                for begin, count in book.evicted.items():
                    self._coverage.evicted(begin, rule_id, count)
                book.evicted.clear()
        return [request for request in requests if request is not None]

    def waiting(self) -> Iterator[Key]:
        """Keys with hits the watermark has not passed."""
        for part in self._partitions:
            yield from part.waiting()

    def pending(self) -> int:
        """Hits the watermark has not passed."""
        return sum(len(key.pending) for key in self.waiting())

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Entries changed since last asked."""
        yield from ((name, b"") for name in self._gone)
        self._gone.clear()
        for part in self._partitions:
            yield from part.snapshot()
        for books in self._books.values():
            for book in books:
                yield from book.snapshot()
        for model in self._runs.values():
            yield from model.snapshot().items()

    def restore(self, name: str, raw: bytes) -> None:
        """Take over one entry; raises ``analytics.engine.snapshot_malformed``."""
        kind, _, rest = name.partition("/")
        if kind == PREFIX:
            _, _, entity = rest.split("/", 2)
            self._partitions[ids.bucket(entity) % len(self._partitions)].restore(name, raw)
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


def _fields_read(rule: Rule) -> Iterator[str]:
    """Every field the rule looks at."""
    if rule.entity != NO_ENTITY:
        yield rule.entity
    if rule.distinct:
        yield rule.distinct
    for step in rule.steps:
        for atom in atoms(step.condition):
            yield atom.field
            if atom.op in RELATED:
                yield str(atom.value)


def _is_added(field: str) -> bool:
    return field in ADDED or field == ANY_FIELD or field.startswith("labels.")


def _entities(field: str, event: Fields, event_id: bytes) -> tuple[str, ...]:
    """The entities an event belongs to; of a list, each of its items once."""
    if field == NO_ENTITY:
        return (event_id.hex(),)
    value = event.get(field)
    if value is None:
        return ()
    return tuple(dict.fromkeys(value)) if isinstance(value, list) else (str(value),)
