"""Succession: the rule sets in force one after another, and the evaluators of all their rules.

A rule set may be followed by another from an event time on; both are asked until nothing of before
that time can come any more. A rule that is the same in both keeps its evaluator, and so its state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Final

import msgspec

from analytics.generation import Generation, GenerationDump
from analytics.keys.state import Evaluator
from analytics.memory import NEVER
from analytics.rule import ALERTS
from analytics.ruleset import RuleSet
from schema.errors import FengsuiError

RULES: Final = "rules"
BEGAN: Final = "began"


class Succession:
    """Rule sets from the first on that still judges.

    ``datasets`` are those whose events are asked here, None for all: matchers of others are not
    made. ``known`` finds a rule set by its digest, where snapshots hold digests only.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        *,
        lateness_us: int,
        datasets: Set[str] | None = None,
        known: Callable[[str], RuleSet] | None = None,
    ) -> None:
        self.evaluators: list[Evaluator] = []
        """Of all rules there ever were; rules are named by their place here."""
        self.generations: list[Generation] = []
        self._lateness = lateness_us
        self._datasets = datasets
        self._known = known
        self._began: dict[str, int] = {}
        self._begun: dict[str, int] = {}
        """Beginnings that changed since last asked."""
        self._began_changed = False
        self._rules_changed = True
        self.top = 0
        """The highest level of the rules in force."""
        self._append(ruleset, -NEVER)

    @property
    def ruleset(self) -> RuleSet:
        """The newest rule set."""
        return self.generations[-1].ruleset

    @property
    def since(self) -> int:
        """When the newest rule set takes effect."""
        return self.generations[-1].since

    def reads_alerts(self) -> bool:
        """Whether any rule of those in force reads alerts."""
        return any(ALERTS in one.plans for one in self.generations)

    def _append(self, ruleset: RuleSet, since: int, begun: Sequence[int] = ()) -> list[Evaluator]:
        """The rule set from ``since`` on; a rule that stands in the one before goes on.

        One that was gone in between begins anew. ``begun`` says so of rules of a snapshot. Gives
        the evaluators of rules that begin.
        """
        before = self.generations[-1] if self.generations else None
        standing = (
            {self.evaluators[place].rule.stamp: place for place in before.places} if before else {}
        )
        fresh: list[Evaluator] = []
        places: list[int] = []
        for number, rule in enumerate(ruleset.rules):
            place = standing.get(rule.stamp)
            if place is None:
                place = len(self.evaluators)
                fresh.append(Evaluator(place, rule, begun[number] if begun else since))
                self.evaluators.append(fresh[-1])
            places.append(place)
        for place in set(standing.values()).difference(places):
            self.evaluators[place].until = since
        self.generations.append(Generation(ruleset, since, places, before, datasets=self._datasets))
        self._find_top()
        return fresh

    def _find_top(self) -> None:
        levels = (self.evaluators[at].level for one in self.generations for at in one.places)
        self.top = max(levels, default=0)

    def adopt(self, ruleset: RuleSet, since: int) -> list[Evaluator]:
        """Judge events from that time on by another rule set; gives the rules that begin.

        Raises ``analytics.engine.rules_late`` where it does not follow the one before.
        """
        newest = self.generations[-1]
        if since == -NEVER and len(self.generations) == 1 and not newest.ruleset.rules:
            # Nothing was judged by no rules: these are the first.
            self.generations.clear()
        elif since <= newest.since:
            raise FengsuiError(
                "analytics.engine.rules_late",
                "a rule set takes effect after the one before it",
                since=since,
            )
        fresh = self._append(ruleset, since)
        self._warm_up()
        self._rules_changed = True
        return fresh

    def may_retire(self, settled: int) -> bool:
        """Whether there are rule sets that nothing can be judged by any more."""
        return len(self.generations) > 1 and self.generations[1].since <= settled

    def retire(self, settled: int) -> list[Evaluator]:
        """Let go of rule sets that nothing can be judged by any more; gives rules that end."""
        gone: list[Evaluator] = []
        while self.may_retire(settled):
            before = self.generations.pop(0)
            kept = {place for one in self.generations for place in one.places}
            gone += [self.evaluators[place] for place in sorted(set(before.places) - kept)]
            self._rules_changed = True
            self._find_top()
        return gone

    def by_time(
        self, places: list[int], times: Sequence[int]
    ) -> Iterable[tuple[Generation, list[int]]]:
        """Which of these places each rule set judges, by their times."""
        if len(self.generations) == 1:
            return ((self.generations[0], places),)
        # What comes too late for rules that were let go of is judged by those after them.
        bounds = [-NEVER, *(one.since for one in self.generations[1:]), NEVER]
        return [
            (
                one,
                [place for place in places if bounds[number] <= times[place] < bounds[number + 1]],
            )
            for number, one in enumerate(self.generations)
        ]

    @property
    def began(self) -> Mapping[str, int]:
        """Time of the earliest event of each dataset."""
        return self._began

    def has_watched(self, began: Mapping[str, int]) -> None:
        """Take it that events of these datasets were seen since then."""
        for dataset, time in began.items():
            self.begin(dataset, time)

    def begin(self, dataset: str, time: int) -> None:
        """Remember since when events of the dataset are seen."""
        if time < self._began.get(dataset, NEVER):
            self._began[dataset] = self._begun[dataset] = time
            self._began_changed = True
            self._warm_up()

    def take_begun(self) -> dict[str, int]:
        """Beginnings that changed since last asked."""
        begun, self._begun = self._begun, {}
        return begun

    def _warm_up(self) -> None:
        """Say how long each rule has watched what it must have watched."""
        for one in self.evaluators:
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

    def snapshot(self) -> dict[str, bytes]:
        """Entries changed since last asked."""
        entries: dict[str, bytes] = {}
        if self._rules_changed:
            entries[RULES] = msgspec.msgpack.encode(
                [
                    GenerationDump(
                        one.since,
                        one.ruleset.digest,
                        () if self._known else one.ruleset.rules,
                        tuple(self.evaluators[place].since for place in one.places),
                    )
                    for one in self.generations
                ]
            )
            self._rules_changed = False
        if self._began_changed:
            entries[BEGAN] = msgspec.msgpack.encode(self._began)
            self._began_changed = False
        return entries

    def restore(self, parts: Mapping[str, bytes]) -> None:
        """Take over the rule sets and beginnings of a snapshot in place of the present one.

        Raises ``msgspec.DecodeError``. Where the newest rule set of the snapshot is another, the
        caller adopts the present one behind it.
        """
        if parts.get(BEGAN):
            self._began = msgspec.msgpack.decode(parts[BEGAN], type=dict[str, int])
        if parts.get(RULES):
            self._restore_rules(parts[RULES])
        self._warm_up()

    def _restore_rules(self, raw: bytes) -> None:
        present = self.generations[0]
        dumps = msgspec.msgpack.decode(raw, type=list[GenerationDump])
        if not dumps:
            raise ValueError("no rule set")
        if not self._known and [dump.digest for dump in dumps] == [present.ruleset.digest]:
            present.since = dumps[0].since
            stamps = (rule.stamp for rule in dumps[0].rules)
            begun = dict(zip(stamps, dumps[0].begun, strict=False))
            for place in present.places:
                rule = self.evaluators[place].rule
                self.evaluators[place] = Evaluator(place, rule, begun.get(rule.stamp, -NEVER))
            return
        # From the beginning, as they came: what stands already was made for the present rules.
        self.evaluators.clear()
        self.generations.clear()
        for dump in dumps:
            rules = RuleSet(rules=dump.rules, refused=(), digest=dump.digest)
            if self._known:
                rules = self._known(dump.digest)
            elif dump.digest == present.ruleset.digest:
                rules = present.ruleset
            self._append(rules, dump.since, dump.begun)
        self._rules_changed = True
