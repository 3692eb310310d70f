"""Sequences: steps in order, within a time; the last may be one that must not come.

A sequence of n units needs n chains, so no memory grows with the load. Where the last step is
absent, a chain that is complete waits for it: the alert falls at the deadline.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analytics.guards import Given
from analytics.kinds.port import Draft, Explanation, Form
from analytics.memory import NEVER, Finding, Hit
from analytics.patterns import Sequence
from analytics.reading import check_count, duration_us, refused
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


class SequenceStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a sequence; with ``absent`` the last, which must not come."""

    name: str
    detection: dict[str, object]
    count: int = 1
    zh: str = ""
    logsource: dict[str, str] | None = None
    entity: str | tuple[str, ...] = ()
    absent: bool = False
    where: tuple[Given, ...] = ()


class SequencePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps in order, within a time."""

    within: str
    steps: tuple[SequenceStep, ...]

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        draft.no_detection("sequence")
        self._check()
        within_us = duration_us(self.within, "sequence.within")
        return Form(
            steps=tuple(
                draft.step(
                    step.name,
                    step.detection,
                    logsource=step.logsource,
                    count=step.count,
                    entity=(step.entity,) if isinstance(step.entity, str) else step.entity,
                    zh=step.zh,
                    where=step.where,
                )
                for step in self.steps
            ),
            pattern=Sequence(
                retention_us=within_us, within_us=within_us, absent=self.steps[-1].absent
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
        *before, last = self.steps
        if any(step.absent for step in before) or (last.absent and last.count != 1):
            raise refused("only the last step can be absent, and it has count 1")


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

    __slots__ = ("absent", "cell_us", "counts", "units", "within_us")

    def __init__(self, rule: Rule) -> None:
        pattern = rule.pattern
        assert isinstance(pattern, Sequence)
        self.within_us = pattern.within_us
        self.cell_us = rule.suppression_us
        self.absent = 1 << len(rule.steps) - 1 if pattern.absent else 0
        wanted = rule.steps[:-1] if pattern.absent else rule.steps
        self.units = tuple(
            1 << number for number, step in enumerate(wanted) for _ in range(step.count)
        )
        counts = [
            Condition(name=step.name, value=step.count, threshold=step.count, comparison="gte")
            for step in wanted
        ]
        if pattern.absent:
            last = rule.steps[-1].name
            counts.append(Condition(name=last, value=0, threshold=1, comparison="lt"))
        self.counts = tuple(counts)


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """Chains as they lie in a snapshot."""

    hits: tuple[Hit, ...]
    links: tuple[tuple[int, int], ...]
    """(link before or -1, hit) for each link of the chains."""
    heads: tuple[int, ...]
    """The newest link of each unit or -1."""
    waiting: tuple[int, ...]
    """Complete chains that wait for the absent step, oldest first."""


class Chains:
    """For each unit of a sequence the chain up to it that began last.

    A newer chain began no earlier than the one it replaces, so whatever the older one could still
    complete inside the window, the newer one can too.
    """

    __slots__ = ("_found", "_heads", "_plan", "_waiting")

    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._heads: list[_Link | None] = [None] * len(plan.units)
        self._waiting: tuple[_Link, ...] = ()
        """Complete chains without their absent step. Of those whose deadlines fall in one cell
        the first is enough: a cell has one alert."""
        self._found: tuple[int, _Link] | None = None

    def push(self, hit: Hit) -> bool:
        time, steps, heads, plan = hit[0], hit[4], self._heads, self._plan
        units = plan.units
        last = len(heads) - 1
        complete = False
        if steps & plan.absent:
            # It came: no chain before it waits any longer.
            self._waiting = ()
        # From the last unit down, so that one event never serves two units of a chain.
        for unit in range(last, -1, -1):
            if not steps & units[unit]:
                continue
            if unit == 0:
                heads[0] = _Link(None, hit)
                complete = complete or last == 0
                continue
            before = heads[unit - 1]
            if before is not None and time - before.start < plan.within_us:
                heads[unit] = _Link(before, hit)
                complete = complete or unit == last
        if complete:
            end = heads[-1]
            assert end is not None
            if plan.absent:
                self._wait(end)
                return False
            self._found = (time, end)
        return complete

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

    def copy(self) -> Chains:
        other = Chains(self._plan)
        other._heads = list(self._heads)
        other._waiting = self._waiting
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
            Remembered(hits=tuple(hits), links=tuple(links), heads=heads, waiting=waiting),
            builtin_types=(bytes,),
        )

    def restore(self, remembered: Remembered) -> None:
        """Take over a snapshot's chains."""
        links: list[_Link] = []
        for before, hit in remembered.links:
            links.append(_Link(links[before] if before >= 0 else None, remembered.hits[hit]))
        self._heads = [links[head] if head >= 0 else None for head in remembered.heads]
        self._waiting = tuple(links[end] for end in remembered.waiting)


class SequenceKind:
    """Rules on the order of events."""

    def memory(self, rule: Rule, dump: object = None) -> Chains:
        chains = Chains(_Plan(rule))
        if dump:
            chains.restore(msgspec.convert(dump, Remembered))
        return chains

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Sequence)
        zh, en = duration(pattern.within_us)
        wanted = rule.steps[:-1] if pattern.absent else rule.steps
        steps = "，".join(f"{step.name} ≥ {step.count}" for step in wanted)
        if pattern.absent:
            last = rule.steps[-1].name
            return f"{steps} 后 {zh}内没有 {last}", f"and then no {last} within {en}"
        return f"{zh}内先后 {steps}", f"in order within {en}"

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        *counts, within = alert.conditions
        said = {step.name: step.zh or _STEPS.get(step.name, step.name) for step in rule.steps}
        (who_zh, who_en), (span_zh, span_en) = who(alert), took(within)
        within_zh, within_en = duration(within.threshold * SECOND)
        seen = [one for one in counts if one.comparison == "gte"]
        absent = [one for one in counts if one.comparison == "lt"]
        order_zh = "，随后 ".join(f"{said.get(one.name, one.name)} {one.value} 次" for one in seen)
        order_en = ", then ".join(f"{one.value} x {one.name}" for one in seen)
        missing_zh = "".join(
            f"，其后 {within_zh}内没有“{said.get(one.name, one.name)}”" for one in absent
        )
        missing_en = "".join(f', and no "{one.name}" within {within_en}' for one in absent)
        return Explanation(
            reason_zh=f"{who_zh}在 {span_zh}内依次出现：{order_zh}{missing_zh}。",
            reason_en=f"{begin(who_en)} showed in {span_en}, in order: {order_en}{missing_en}.",
            counterfactual_zh=(
                *(
                    f"若此前“{said.get(one.name, one.name)}”少于 {one.threshold} 次，则不触发"
                    for one in seen
                ),
                *(
                    f"若其后 {within_zh}内出现“{said.get(one.name, one.name)}”，则不触发"
                    for one in absent
                ),
                *(() if absent else (f"若各步相隔超过 {within_zh}，则不触发",)),
            ),
            counterfactual_en=(
                *(
                    f'With fewer than {one.threshold} of "{one.name}" it would not fire'
                    for one in seen
                ),
                *(f'Had "{one.name}" come within {within_en}, it would not fire' for one in absent),
                *(
                    ()
                    if absent
                    else (
                        f"Had the steps been spread over more than {within_en}, it would not fire",
                    )
                ),
            ),
        )
