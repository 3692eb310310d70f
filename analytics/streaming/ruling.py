"""Ruling: the rule sets, registers and facts a stage has been told of, by artefact."""

from __future__ import annotations

from collections.abc import Mapping, Set

import msgspec

from analytics.guards import Facts, NoFacts
from analytics.keys.state import Evaluator
from analytics.ruleset import RuleSet
from analytics.streaming.artefacts import NO_RULES, Library
from analytics.succession import Succession
from schema.errors import FengsuiError
from schema.feed import Adopt


class RulingDump(msgspec.Struct, frozen=True, array_like=True):
    """Names of artefacts as they lie in a snapshot."""

    rules: dict[str, str]
    facts: str


class Ruling:
    """A succession of rule sets that come as artefacts; ``datasets`` are those asked here."""

    def __init__(
        self, library: Library, *, lateness_us: int, datasets: Set[str] | None = None
    ) -> None:
        self._library = library
        self._names: dict[str, str] = {"": ""}
        """Artefacts of rule sets by the digest of the set."""
        self._facts = ""
        self.succession = Succession(
            NO_RULES, lateness_us=lateness_us, datasets=datasets, known=self._known
        )
        self.levels: dict[str, int] = {}
        """Levels of all evaluators by name."""

    def _known(self, digest: str) -> RuleSet:
        return self._library.rules(self._names[digest])

    def adopt(self, control: Adopt) -> list[Evaluator]:
        """Judge by another rule set; gives the rules that begin.

        Raises ``analytics.stream.artefact_refused`` and ``analytics.engine.rules_late``.
        """
        ruleset = self._library.rules(control.artefact)
        if ruleset.digest != control.digest:
            raise FengsuiError(
                "analytics.stream.artefact_refused",
                f"the artefact holds rule set {ruleset.digest}, not {control.digest}",
            )
        self._names[control.digest] = control.artefact
        fresh = self.succession.adopt(ruleset, control.since)
        self.levels.update((one.name, one.level) for one in fresh)
        return fresh

    def know(self, artefact: str) -> Facts:
        """The registers and indicators of an artefact."""
        found = self._library.facts(artefact) if artefact else NoFacts()
        self._facts = artefact
        return found

    def dump(self) -> RulingDump:
        """The snapshot form of what is not the succession's own."""
        used = {one.ruleset.digest for one in self.succession.generations}
        self._names = {digest: name for digest, name in self._names.items() if digest in used}
        return RulingDump(dict(self._names), self._facts)

    def restore(self, dump: RulingDump, entries: Mapping[str, bytes]) -> Facts:
        """Take over a snapshot and the succession's entries; gives the facts."""
        self._names = dict(dump.rules)
        self.succession.restore(entries)
        self.levels = {one.name: one.level for one in self.succession.evaluators}
        return self.know(dump.facts)
