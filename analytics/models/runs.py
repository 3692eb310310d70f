"""Runs: the model rules of a site, each with the hours of its entities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from analytics.coverage import Coverage
from analytics.keys.state import Evaluator
from analytics.models import hours, run
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.models.features import Order
from analytics.models.hours import HourBook
from analytics.models.run import ModelRun, part_of
from analytics.patterns import EntityHours
from schema import ids
from schema.alert import Alert
from schema.errors import FengsuiError
from schema.event import Fields


class ModelRuns:
    """Model rules in force, each over so many books of its entities' hours."""

    def __init__(self, divisions: int = 1) -> None:
        self._divisions = divisions
        self._runs: dict[str, ModelRun] = {}
        """By the name of its part in the snapshot."""
        self._until: dict[str, Evaluator] = {}
        self._books: dict[str, list[HourBook]] = {}
        self._gone: list[str] = []
        """Entries of model rules that are no more, or another version, to be deleted."""

    def begin(self, fresh: Iterable[Evaluator]) -> None:
        """Count the hours of those of these rules that are model rules."""
        for one in fresh:
            pattern = one.rule.pattern
            if not isinstance(pattern, EntityHours):
                continue
            part = part_of(one.rule)
            self._until[part] = one
            if part not in self._runs:
                books = [HourBook(part, pattern.dataset) for _ in range(self._divisions)]
                self._books[part] = books
                self._runs[part] = ModelRun(one.rule, pattern, books)

    def forget(self) -> None:
        """The rules begin anew: a snapshot's take their place."""
        self._runs.clear()
        self._until.clear()
        self._books.clear()

    def retire(self, one: Evaluator) -> None:
        """Let go of a rule that is no more, and of what it learnt."""
        part = part_of(one.rule)
        if self._until.get(part) is one:
            books = self._books.pop(part)
            self._gone += [name for book in books for name in book.names()]
            self._gone += self._runs.pop(part).names()
            del self._until[part]

    def run_of(self, rule_id: str) -> ModelRun:
        """The model rule that waits for an artefact, else the newest of that id.

        Raises ``analytics.model.refused`` for an unknown one.
        """
        found = [one for one in self._runs.values() if one.rule.id == rule_id]
        if not found:
            raise FengsuiError(
                "analytics.model.refused", f"there is no model rule {rule_id}", model=rule_id
            )
        return next((one for one in found if one.waits), found[-1])

    def install(self, artefact: Artefact) -> None:
        """Score with this artefact; raises ``analytics.model.refused``."""
        self.run_of(artefact.model).install(artefact)

    def skip(self, request: TrainingRequest) -> None:
        """Go on with the artefact before: this training failed."""
        self.run_of(request.model).skip()

    def add(self, part: str, entity: str, event: Fields, order: Order) -> None:
        """Count an event of an entity; of a rule that is no more nothing is counted."""
        books = self._books.get(part)
        if books is not None:
            books[ids.bucket(entity) % len(books)].add(entity, event, order)

    def close(
        self, settled: int, alerts: dict[str, Alert], coverage: Coverage
    ) -> list[TrainingRequest]:
        """Close the hours that are settled; those that ask for training wait for it."""
        requests = [
            model.close(min(settled, self._until[part].until), alerts)
            for part, model in self._runs.items()
        ]
        for part, books in self._books.items():
            for book in books:
                for begin, count in book.evicted.items():
                    coverage.evicted(begin, self._runs[part].rule.id, count)
                book.evicted.clear()
        return [request for request in requests if request is not None]

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Entries changed since last asked; empty bytes for what is gone."""
        yield from ((name, b"") for name in self._gone)
        self._gone.clear()
        for books in self._books.values():
            for book in books:
                yield from book.snapshot()
        for model in self._runs.values():
            yield from model.snapshot().items()

    def restore(self, name: str, raw: bytes) -> bool:
        """Take over one entry; False where it is none of a model rule.

        Raises ``msgspec.DecodeError`` and ``ValueError``.
        """
        kind, _, rest = name.partition("/")
        if kind == hours.PREFIX:
            _, part, entity = rest.split("/", 2)
            books = self._books.get(part)
            if books is None:
                self._gone.append(name)
            else:
                books[ids.bucket(entity) % len(books)].restore(entity, raw)
        elif kind == run.PREFIX:
            part, _, entry = rest.partition("/")
            model = self._runs.get(part)
            if model is None:
                self._gone.append(name)
            else:
                model.restore(entry, raw)
        else:
            return False
        return True
