"""Sequences: steps in order, within a time; some of them may be ones that must not come.

A sequence of n units needs n chains, so no memory grows with the load. Where the last step is
absent, a chain that is complete waits for it: the alert falls at the deadline. Where the first is,
a chain begins only where none of it came for the time before; one between two others breaks the
chains that wait for what follows it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.kinds.shared import shared
from analytics.kinds.steps import CountedPart
from analytics.language.reading import check_count, duration_us, refused
from analytics.memory import NEVER, Finding, Hit
from analytics.patterns import Sequence
from analytics.rule import STEPS_MAX, Rule
from analytics.words import begin, duration, span, took, who
from schema.alert import Alert, Condition
from schema.times import SECOND

UNITS_MAX: Final = 64
"""Sum of the counts of a sequence's steps: each needs a chain of its own."""


_STEPS: Final[dict[str, str]] = {
    "failures": "失败",
    "success": "成功",
    "injections": "注入请求",
    "server_errors": "服务器错误",
}
"""Chinese names of steps that rule files name in English only."""


class SequenceStep(CountedPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a sequence; with ``absent`` one that must not come there."""

    absent: bool = False
    after: str = ""
    """It comes no sooner than this after the newest event of the step before."""
    distinct: str = ""
    """On the first step: its count is of different values of this field."""


class SequencePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps in order, within a time."""

    within: str
    steps: tuple[SequenceStep, ...]
    warm_up: bool = True
    """Where the first step is absent: whether to wait until the rule has watched for ``within``.
    Say false only where what came before the first event is known to be none."""

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        draft.no_detection("sequence")
        self._check()
        within_us = duration_us(self.within, "sequence.within")
        if self.steps[-1].absent:
            draft.check_waiting(within_us)
        wanted = [place for place, step in enumerate(self.steps) if not step.absent]
        before = tuple(range(wanted[0]))
        after = tuple(
            duration_us(step.after, f"after of step {step.name}") if step.after else 0
            for step in self.steps
        )
        return Form(
            steps=tuple(
                step.step(draft, count=step.count, values=(step.distinct,) if step.distinct else ())
                for step in self.steps
            ),
            pattern=Sequence(
                retention_us=within_us,
                within_us=within_us,
                absent=tuple(place for place, step in enumerate(self.steps) if step.absent),
                warm_up_us=within_us if before and self.warm_up else 0,
                watched=before if self.warm_up else (),
                after_us=after if any(after) else (),
                distinct=self.steps[0].distinct,
            ),
        )

    def _check(self) -> None:
        units = sum(check_count(step.count, f"count of step {step.name}") for step in self.steps)
        if not 2 <= len(self.steps) <= STEPS_MAX or units > UNITS_MAX:
            raise refused(
                f"a sequence has 2 to {STEPS_MAX} steps with counts of at most {UNITS_MAX} together"
            )
        if len({step.name for step in self.steps}) != len(self.steps):
            raise refused("two steps of the sequence have the same name")
        if any(step.absent and step.count != 1 for step in self.steps):
            raise refused("a step that is absent has count 1")
        if any(step.distinct for step in self.steps[1:]) or (
            self.steps[0].distinct and (self.steps[0].absent or self.steps[0].count == 1)
        ):
            raise refused("only a first step that must come more than once counts distinct values")
        if all(step.absent for step in self.steps):
            raise refused("some step of the sequence must come")
        wanted = [step for step in self.steps if not step.absent]
        if wanted[0].after or any(step.after for step in self.steps if step.absent):
            raise refused("after is said of a step that comes behind another")


class _Link:
    """The end of a chain: a hit, the chain before it, and when the chain began."""

    __slots__ = ("before", "hit", "start")

    def __init__(self, before: _Link | None, hit: Hit) -> None:
        self.before = before
        self.hit = hit
        self.start: int = before.start if before else hit[0]

    def hits(self) -> tuple[Hit, ...]:
        """The hits of the chain, in order."""
        found: list[Hit] = []
        link: _Link | None = self
        while link is not None:
            found.append(link.hit)
            link = link.before
        return tuple(reversed(found))


class _Plan:
    """What all chains of one rule share."""

    __slots__ = (
        "after",
        "before",
        "breaks",
        "cell_us",
        "counts",
        "distinct",
        "gaps",
        "units",
        "within_us",
    )

    def __init__(self, rule: Rule) -> None:
        pattern = rule.pattern
        assert isinstance(pattern, Sequence)
        self.within_us = pattern.within_us
        self.cell_us = rule.suppression_us
        self.distinct = rule.steps[0].count if pattern.distinct else 0
        """Units of the first step where they are of different values, else none."""
        self.units: list[int] = []
        self.breaks: dict[int, int] = {}
        """Bits of the steps that must not come between a unit and the one before it."""
        self.gaps: dict[int, int] = {}
        """How long a unit must come behind the one before it, where that matters."""
        absent = 0
        for place, step in enumerate(rule.steps):
            if pattern.after_us and pattern.after_us[place]:
                self.gaps[len(self.units)] = pattern.after_us[place]
            if place in pattern.absent:
                absent |= 1 << place
                continue
            if absent:
                self.breaks[len(self.units)] = absent
                absent = 0
            self.units.extend(1 << place for _ in range(step.count))
        self.before = self.breaks.pop(0, 0)
        """Bits of the steps that must not have come before."""
        self.after = absent
        """Bits of the steps that must not come behind."""
        self.counts = tuple(
            Condition(name=step.name, value=0, threshold=1, comparison="lt")
            if place in pattern.absent
            else Condition(name=step.name, value=step.count, threshold=step.count, comparison="gte")
            for place, step in enumerate(rule.steps)
        )


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """Chains as they lie in a snapshot."""

    hits: tuple[Hit, ...]
    links: tuple[tuple[int, int], ...]
    """(link before or -1, hit) for each link of the chains."""
    heads: tuple[int, ...]
    """The newest link of each unit or -1."""
    waiting: tuple[int, ...]
    """Complete chains that wait for the absent step, oldest first."""
    barred: int = -NEVER
    values: tuple[Hit, ...] = ()
    """The newest hit of each of the newest values of a first step that counts values."""


class Chains:
    """For each unit of a sequence the chain up to it that began last.

    A newer chain began no earlier than the one it replaces, so whatever the older one could still
    complete inside the window, the newer one can too.
    """

    __slots__ = ("_barred", "_found", "_heads", "_plan", "_values", "_waiting")

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._heads: list[_Link | None] = [None] * len(plan.units)
        self._waiting: tuple[_Link, ...] = ()
        """Complete chains without their absent step. Of those whose deadlines fall in one cell
        the first is enough: a cell has one alert."""
        self._barred = -NEVER
        """When a step last came that must not come before the others."""
        self._values: dict[str, Hit] = {}
        """Of a first step that counts values: the newest hit of each of the newest so many."""
        self._found: tuple[int, _Link] | None = None

    def push(self, hit: Hit) -> bool:
        time, steps, heads, plan = hit[0], hit[4], self._heads, self._plan
        if steps & plan.after:
            # It came: no chain before it waits any longer.
            self._waiting = ()
        complete = False
        # From the last unit down, so that one event never serves two units of a chain.
        for unit in range(len(heads) - 1, -1, -1):
            if steps & plan.units[unit] and self._link(unit, hit):
                complete = complete or unit == len(heads) - 1
            if steps & plan.breaks.get(unit, 0):
                heads[unit - 1] = None
        if steps & plan.before:
            self._barred = time
        if not complete:
            return False
        end = heads[-1]
        assert end is not None
        if plan.after:
            self._wait(end)
            return False
        self._found = (time, end)
        return True

    def _gather(self, hit: Hit) -> bool:
        """Make the chain of the first step anew of the newest hit of each of its newest values."""
        values, wanted = self._values, self._plan.distinct
        value = str(hit[5][0])
        values.pop(value, None)
        values[value] = hit
        if len(values) > wanted:
            del values[next(iter(values))]
        hits = tuple(values.values())
        if len(hits) < wanted or hit[0] - hits[0][0] >= self._plan.within_us:
            return False
        link: _Link | None = None
        for one in hits:
            link = _Link(link, one)
        self._heads[wanted - 1] = link
        return True

    def _link(self, unit: int, hit: Hit) -> bool:
        """Lead the chain before on to this hit, where it may."""
        if unit < self._plan.distinct:
            return unit == self._plan.distinct - 1 and self._gather(hit)
        if unit == 0:
            if hit[0] - self._barred < self._plan.within_us:
                return False
            self._heads[0] = _Link(None, hit)
            return True
        before = self._heads[unit - 1]
        if before is None or hit[0] - before.start >= self._plan.within_us:
            return False
        if hit[0] - before.hit[0] < self._plan.gaps.get(unit, 0):
            return False
        self._heads[unit] = _Link(before, hit)
        return True

    def _wait(self, end: _Link) -> None:
        cell = self._deadline(end) // self._plan.cell_us
        if not self._waiting or self._deadline(self._waiting[-1]) // self._plan.cell_us != cell:
            self._waiting = (*self._waiting, end)

    def _deadline(self, end: _Link) -> int:
        return end.hit[0] + self._plan.within_us

    def due(self) -> int:
        return self._deadline(self._waiting[0]) if self._waiting else NEVER

    def elapse(self, now: int) -> bool:
        self._found = (now, self._waiting[0])
        self._waiting = self._waiting[1:]
        return True

    def findings(self) -> tuple[Finding, ...]:
        if self._found is None:
            return ()
        at, end = self._found
        hits, plan = end.hits(), self._plan
        return (Finding(at=at, hits=hits, conditions=(*plan.counts, span(hits, plan.within_us))),)

    def clear(self) -> None:
        self._heads = [None] * len(self._plan.units)
        self._barred = -NEVER
        self._values.clear()

    def copy(self) -> Chains:
        other = Chains(self._plan)
        other._heads = list(self._heads)
        other._waiting, other._barred = self._waiting, self._barred
        other._values = self._values.copy()
        return other

    def dump(self) -> object:
        numbers: dict[int, int] = {}
        hits: dict[Hit, int] = {}
        links: list[tuple[int, int]] = []
        for head in (*self._heads, *self._waiting):
            chain: list[_Link] = []
            link = head
            while link is not None and id(link) not in numbers:
                chain.append(link)
                link = link.before
            for link in reversed(chain):
                before = numbers[id(link.before)] if link.before else -1
                numbers[id(link)] = len(links)
                links.append((before, hits.setdefault(link.hit, len(hits))))
        heads = tuple(numbers[id(head)] if head else -1 for head in self._heads)
        waiting = tuple(numbers[id(end)] for end in self._waiting)
        return msgspec.to_builtins(
            Remembered(
                hits=tuple(hits),
                links=tuple(links),
                heads=heads,
                waiting=waiting,
                barred=self._barred,
                values=tuple(self._values.values()),
            ),
            builtin_types=(bytes,),
        )

    def restore(self, remembered: Remembered) -> None:
        """Take over a snapshot's chains."""
        links: list[_Link] = []
        for before, hit in remembered.links:
            links.append(_Link(links[before] if before >= 0 else None, remembered.hits[hit]))
        self._heads = [links[head] if head >= 0 else None for head in remembered.heads]
        self._waiting = tuple(links[end] for end in remembered.waiting)
        self._barred = remembered.barred
        self._values = {str(hit[5][0]): hit for hit in remembered.values}


class SequenceKind:
    """Rules on the order of events."""

    def memory(self, rule: Rule, dump: object = None) -> Chains:
        chains = Chains(shared(rule, _Plan))
        if dump:
            chains.restore(msgspec.convert(dump, Remembered))
        return chains

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Sequence)
        zh, en = duration(pattern.within_us)
        gaps = pattern.after_us or (0,) * len(rule.steps)
        steps = "，".join(
            f"没有 {step.name}"
            if place in pattern.absent
            else f"{f'{duration(gaps[place])[0]}之后 ' if gaps[place] else ''}"
            f"{step.name} ≥ {step.count}"
            for place, step in enumerate(rule.steps)
        )
        if not pattern.absent and not any(gaps):
            return f"{zh}内先后 {steps}", f"in order within {en}"
        names = ", then ".join(
            f"no {step.name}"
            if place in pattern.absent
            else f"{step.name}{f' after {duration(gaps[place])[1]}' if gaps[place] else ''}"
            for place, step in enumerate(rule.steps)
        )
        return f"{zh}内先后 {steps}", f"{names}, within {en}"

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        *counts, within = alert.conditions
        said = {step.name: step.zh or _STEPS.get(step.name, step.name) for step in rule.steps}
        (who_zh, who_en), (span_zh, span_en) = who(alert), took(within)
        within_zh, within_en = duration(within.threshold * SECOND)
        zh, en, would_zh, would_en = [], [], [], []
        waits = counts[-1].comparison == "lt"
        assert isinstance(rule.pattern, Sequence)
        gaps = rule.pattern.after_us or (0,) * len(counts)
        for place, one in enumerate(counts):
            name = said.get(one.name, one.name)
            if one.comparison == "gte":
                gap_zh, gap_en = duration(gaps[place])
                late = bool(gaps[place])
                zh.append(f"{f'隔 {gap_zh}以上 ' if late else ''}{name} {one.value} 次")
                en.append(f"{one.value} x {one.name}{f' {gap_en} or more later' if late else ''}")
                if late:
                    would_zh.append(f"若“{name}”在其前一步之后不到 {gap_zh}出现，则不触发")
                    would_en.append(
                        f'Had "{one.name}" come less than {gap_en} after the step before, '
                        "it would not fire"
                    )
                would_zh.append(f"若此前“{name}”少于 {one.threshold} 次，则不触发")
                would_en.append(
                    f'With fewer than {one.threshold} of "{one.name}" it would not fire'
                )
                continue
            at_zh, at_en = _where(counts, place, within_zh, within_en)
            zh.append(f"{at_zh}没有“{name}”")
            en.append(f'no "{one.name}"{at_en}')
            would_zh.append(f"若{at_zh}出现“{name}”，则不触发")
            would_en.append(f'Had "{one.name}" come{at_en}, it would not fire')
        if not waits:
            would_zh.append(f"若各步相隔超过 {within_zh}，则不触发")
            would_en.append(
                f"Had the steps been spread over more than {within_en}, it would not fire"
            )
        return Explanation(
            reason_zh=f"{who_zh}在 {span_zh}内依次出现：{'，随后 '.join(zh)}。",
            reason_en=f"{begin(who_en)} showed in {span_en}, in order: {', then '.join(en)}.",
            counterfactual_zh=tuple(would_zh),
            counterfactual_en=tuple(would_en),
        )


def _where(counts: list[Condition], place: int, zh: str, en: str) -> tuple[str, str]:
    """Where in the sequence a step did not come."""
    if all(one.comparison == "lt" for one in counts[:place]):
        return f"此前 {zh}内", f" in the {en} before"
    if all(one.comparison == "lt" for one in counts[place:]):
        return f"其后 {zh}内", f" within {en}"
    return "其间", " in between"
