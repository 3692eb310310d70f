"""Together: named steps in any order within a time, joined by a condition; Sigma's ``temporal``.

A step that must come n times needs its n newest hits, so no memory grows with the load. It is
asked at each hit whether the condition holds over the time before it; ``not d`` says that d did not
come in that time, and says nothing of what comes after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.kinds.sequence import UNITS_MAX
from analytics.kinds.steps import CountedPart, check_names, said
from analytics.language import truth
from analytics.language.reading import check_count, duration_us, refused
from analytics.language.truth import Term
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.patterns import Together
from analytics.rule import STEPS_MAX, Rule, Step
from analytics.words import begin, duration, span, took, who
from schema.alert import Alert, Condition
from schema.times import SECOND

_Run: TypeAlias = tuple[tuple[Hit, ...], tuple[int, ...]]
"""Hits, and the places of the steps they are"""


class TogetherPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps within a time, in any order; all of them unless a condition or a number is given."""

    within: str
    steps: tuple[CountedPart, ...]
    condition: str = ""
    at_least: int = 0
    """So many of the steps, whichever."""
    ordered: bool = False
    """The steps that are wanted come in the order in which they are written."""

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        draft.no_detection("together")
        check_names(self.steps, "together", at_least=1, at_most=STEPS_MAX)
        check_count(self.at_least or len(self.steps), "together.at_least", at_most=len(self.steps))
        for step in self.steps:
            check_count(step.count, f"count of step {step.name}")
        names = tuple(step.name for step in self.steps)
        return Form(
            steps=tuple(step.step(draft, count=step.count) for step in self.steps),
            pattern=pattern_of(
                names,
                within_us=duration_us(self.within, "together.within"),
                condition=truth.parse(self.condition) if self.condition else None,
                counts=range(self.at_least, len(names) + 1) if self.at_least else (),
                ordered=self.ordered,
                units=sum(step.count for step in self.steps),
            ),
        )


def pattern_of(
    names: Sequence[str],
    *,
    within_us: int,
    condition: truth.Truth | None = None,
    counts: Sequence[int] = (),
    ordered: bool = False,
    units: int = 0,
) -> Together:
    """The pattern over steps of these names; raises ``analytics.rule.refused``.

    ``counts`` are the numbers of different steps that may come, in rising order: without a
    condition all of them must.
    """
    if units > UNITS_MAX or (ordered and units > len(names)):
        raise refused(f"counts of together are at most {UNITS_MAX} in sum, and 1 where in order")
    if condition is not None and counts:
        raise refused("together has a condition or a number of steps, not both")
    wanted = () if condition is not None else tuple(counts or (len(names),))
    if condition is None and (not wanted or not 1 <= wanted[0] <= wanted[-1] <= len(names)):
        raise refused(f"together asks for 1 to {len(names)} of its steps")
    bits = {name: 1 << place for place, name in enumerate(names)}
    found: tuple[Term, ...] = ()
    if condition is not None:
        odd = sorted(set(truth.rules(condition)) ^ bits.keys())
        if odd:
            raise refused(f"steps and condition differ in {', '.join(odd)}")
        found = truth.terms(condition, bits)
    return Together(
        retention_us=within_us,
        within_us=within_us,
        terms=found,
        counts=wanted,
        ordered=ordered,
    )


class Seen(NoDeadlines):
    """Of each step the newest hits it needs."""

    __slots__ = ("_found", "_pattern", "_recent", "_rule")

    def __init__(self, rule: Rule, pattern: Together) -> None:
        self._rule = rule
        self._pattern = pattern
        self._recent: list[tuple[Hit, ...]] = [()] * len(rule.steps)
        self._found: tuple[int, ...] = ()

    def push(self, hit: Hit) -> bool:
        holding, since = 0, hit[0] - self._pattern.within_us
        for place, step in enumerate(self._rule.steps):
            recent = self._recent[place]
            if hit[4] >> place & 1:
                recent = self._recent[place] = (*recent, hit)[-step.count :]
            if len(recent) == step.count and recent[0][0] > since:
                holding |= 1 << place
        chosen = self._choose(holding, hit[4] & holding)
        self._found = tuple(place for place in range(len(self._recent)) if chosen >> place & 1)
        return chosen != 0

    def _choose(self, holding: int, own: int) -> int:
        """Steps that suffice, one of the hit's own among them; 0 where none do."""
        for wanted, absent in self._pattern.terms:
            if wanted & own and wanted & holding == wanted and not absent & holding:
                return wanted
        wanted = _enough(self._pattern, len(self._recent), holding.bit_count())
        if not own or not wanted:
            return 0
        chosen = 0
        for among in (own, holding):
            while among and chosen.bit_count() < wanted:
                chosen |= among & -among
                among &= among - 1
        return chosen

    def findings(self) -> tuple[Finding, ...]:
        hits = sorted({hit for place in self._found for hit in self._recent[place]})
        steps = [self._rule.steps[place] for place in self._found]
        return (_finding(tuple(hits), steps, self._pattern),)

    def clear(self) -> None:
        self._recent = [()] * len(self._rule.steps)

    def copy(self) -> Seen:
        other = Seen(self._rule, self._pattern)
        other._recent = self._recent.copy()
        return other

    def dump(self) -> object:
        return list(self._recent)

    def restore(self, dump: object) -> Seen:
        """Take over a snapshot's hits."""
        self._recent = msgspec.convert(dump, list[tuple[Hit, ...]])
        return self


class Orders(NoDeadlines):
    """For each alternative, and each step of it, the hits up to that step that began last.

    A newer beginning can do whatever an older one could: see :class:`analytics.kinds.sequence`.
    """

    __slots__ = ("_found", "_newest", "_pattern", "_rule", "_runs")

    def __init__(self, rule: Rule, pattern: Together) -> None:
        self._rule = rule
        self._pattern = pattern
        self._runs: dict[tuple[int, int], tuple[Hit, ...]] = {}
        """By (alternative, place of the step)."""
        self._newest: dict[int, int] = {}
        """When each step last came, by its place."""
        self._found: tuple[tuple[Hit, ...], int] = ((), 0)

    def push(self, hit: Hit) -> bool:
        self._newest.update((place, hit[0]) for place in _places(hit[4]))
        found = False
        for number, (wanted, absent) in enumerate(self._pattern.terms):
            run = self._lead(number, _places(wanted), hit)
            if run and not found and not self._came(absent, hit[0]):
                found, self._found = True, (run, wanted)
        return found

    def _lead(self, number: int, places: tuple[int, ...], hit: Hit) -> tuple[Hit, ...]:
        """Lead the alternative's runs on; the whole run where the hit ends it."""
        whole: tuple[Hit, ...] = ()
        # From the last step down, so that one event never serves two of them.
        for at in range(len(places) - 1, -1, -1):
            if not hit[4] >> places[at] & 1:
                continue
            before = self._runs.get((number, places[at - 1])) if at else ()
            if before is None or (before and hit[0] - before[0][0] >= self._pattern.within_us):
                continue
            run = self._runs[number, places[at]] = (*before, hit)
            if at == len(places) - 1:
                whole = run
        return whole

    def _came(self, steps: int, now: int) -> bool:
        since = now - self._pattern.within_us
        return any(self._newest.get(place, since) > since for place in _places(steps))

    def findings(self) -> tuple[Finding, ...]:
        hits, wanted = self._found
        return (_finding(hits, [self._rule.steps[at] for at in _places(wanted)], self._pattern),)

    def clear(self) -> None:
        self._runs.clear()
        self._newest.clear()

    def copy(self) -> Orders:
        other = Orders(self._rule, self._pattern)
        other._runs, other._newest = self._runs.copy(), self._newest.copy()
        return other

    def dump(self) -> object:
        return [[[*key, hits] for key, hits in self._runs.items()], list(self._newest.items())]

    def restore(self, dump: object) -> Orders:
        """Take over a snapshot's runs."""
        runs, newest = msgspec.convert(
            dump, tuple[list[tuple[int, int, tuple[Hit, ...]]], list[tuple[int, int]]]
        )
        self._runs = {(number, place): hits for number, place, hits in runs}
        self._newest = dict(newest)
        return self


class Lengths(NoDeadlines):
    """For each number of steps in order, and each step they end with, those that began last."""

    __slots__ = ("_found", "_pattern", "_rule", "_runs")

    def __init__(self, rule: Rule, pattern: Together) -> None:
        self._rule = rule
        self._pattern = pattern
        self._runs: dict[tuple[int, int], _Run] = {}
        """By (number of steps, place of the last)."""
        self._found: _Run = ((), ())

    def push(self, hit: Hit) -> bool:
        best: dict[int, _Run] = {}
        since = hit[0] - self._pattern.within_us
        # From the last step down, so that one event never serves two of them.
        for place in reversed(_places(hit[4])):
            for length in range(1, place + 2):
                before = self._before(length - 1, place, since)
                if before is None:
                    break
                run = (*before[0], hit), (*before[1], place)
                self._runs[length, place] = run
                best[length] = max(best.get(length, run), run)
        wanted = _enough(self._pattern, len(self._rule.steps), max(best, default=0))
        if wanted:
            self._found = best[wanted]
        return wanted > 0

    def _before(self, length: int, place: int, since: int) -> _Run | None:
        """Of the runs of that many steps, all before this one, that which began last."""
        if not length:
            return ((), ())
        runs = (self._runs.get((length, at)) for at in range(length - 1, place))
        return max((run for run in runs if run and run[0][0][0] > since), default=None)

    def findings(self) -> tuple[Finding, ...]:
        hits, places = self._found
        return (_finding(hits, [self._rule.steps[at] for at in places], self._pattern),)

    def clear(self) -> None:
        self._runs.clear()

    def copy(self) -> Lengths:
        other = Lengths(self._rule, self._pattern)
        other._runs = self._runs.copy()
        return other

    def dump(self) -> object:
        return [[*key, *run] for key, run in self._runs.items()]

    def restore(self, dump: object) -> Lengths:
        """Take over a snapshot's runs."""
        found = msgspec.convert(dump, list[tuple[int, int, tuple[Hit, ...], tuple[int, ...]]])
        self._runs = {(length, place): (hits, places) for length, place, hits, places in found}
        return self


def _enough(pattern: Together, steps: int, count: int) -> int:
    """How many of ``count`` steps that came suffice; 0 where they do not."""
    counts = pattern.counts
    if count not in counts:
        return 0
    more_would_do = len(counts) == steps - counts[0] + 1
    return counts[0] if more_would_do else count


def _places(bits: int) -> tuple[int, ...]:
    return tuple(place for place in range(bits.bit_length()) if bits >> place & 1)


def _finding(hits: tuple[Hit, ...], steps: Sequence[Step], pattern: Together) -> Finding:
    counts = tuple(
        Condition(name=step.name, value=step.count, threshold=step.count, comparison="gte")
        for step in steps
    )
    conditions = (*counts, span(hits, pattern.within_us))
    return Finding(at=hits[-1][0], hits=hits, conditions=conditions)


class TogetherKind:
    """Rules on what comes together."""

    def memory(self, rule: Rule, dump: object = None) -> Seen | Orders | Lengths:
        pattern = rule.pattern
        assert isinstance(pattern, Together)
        fresh: Seen | Orders | Lengths
        if not pattern.ordered:
            fresh = Seen(rule, pattern)
        else:
            fresh = Orders(rule, pattern) if pattern.terms else Lengths(rule, pattern)
        return fresh.restore(dump) if dump else fresh

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Together)
        zh, en = duration(pattern.within_us)
        names = ", ".join(step.name for step in rule.steps)
        order_zh, order_en = ("依次", " in order") if pattern.ordered else ("", "")
        if pattern.terms:
            wanted = " | ".join(_term(term, rule.steps) for term in pattern.terms)
            return f"{zh}内{order_zh}出现 {wanted}", f"{wanted}{order_en} within {en}"
        if pattern.counts == (len(rule.steps),):
            return f"{zh}内{order_zh}都出现：{names}", f"all of {names}{order_en} within {en}"
        counts = ", ".join(map(str, pattern.counts))
        return (
            f"{zh}内{order_zh}出现其中 {counts} 种：{names}",
            f"{counts} of {names}{order_en} within {en}",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        *counts, within = alert.conditions
        (who_zh, who_en), (span_zh, span_en) = who(alert), took(within)
        within_zh, within_en = duration(within.threshold * SECOND)
        zh, en = said([one.name for one in counts], rule.steps)
        single = [said([one.name], rule.steps) for one in counts]
        return Explanation(
            reason_zh=f"{who_zh}在 {span_zh}内先后或同时出现：{zh}，都在 {within_zh}之内。",
            reason_en=f"{begin(who_en)} showed in {span_en}: {en}, all within {within_en}.",
            counterfactual_zh=(
                *(
                    f"若{name}少于 {one.threshold} 次，则不触发"
                    for one, (name, _) in zip(counts, single, strict=True)
                ),
                *((f"若相隔超过 {within_zh}，则不触发",) if len(counts) > 1 else ()),
            ),
            counterfactual_en=(
                *(
                    f"With fewer than {one.threshold} of {name} it would not fire"
                    for one, (_, name) in zip(counts, single, strict=True)
                ),
                *(
                    (f"Had they been more than {within_en} apart, it would not fire",)
                    if len(counts) > 1
                    else ()
                ),
            ),
        )


def _term(term: Term, steps: Sequence[Step]) -> str:
    wanted, absent = term
    return " + ".join(
        (
            *(steps[at].name for at in _places(wanted)),
            *(f"!{steps[at].name}" for at in _places(absent)),
        )
    )
