"""Graphs: an event between two nodes that no short path of earlier events joins.

Edges come from steps, each from the value of one field to that of another; a node is a field and
its value, so that a user and a case of the same number are two. An edge lasts for the rule's time
after its newest event. Past :data:`EDGES_MAX` the oldest eighth is forgotten; as a path may have
run over them, nothing is told until they would have ended anyway.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.kinds.steps import StepPart, check_names, said
from analytics.language.reading import check_count, duration_us
from analytics.memory import NEVER, Finding, Hit, NoDeadlines
from analytics.patterns import Graph
from analytics.rule import STEPS_MAX, Rule
from analytics.words import begin, duration, who
from schema.alert import Alert, Condition
from schema.times import SECOND

EDGES_MAX: Final = 10_000
"""Edges kept of one key, about 3 MB: the matters of one office in a month."""

HOPS_MAX: Final = 4
"""Edges of a path: user, matter, case, subject need three."""

ITEMS_MAX: Final = 64
"""Nodes one end of an event may have by a list in its field, the first so many: two lists without
end would make as many edges as both are long, multiplied."""

_Node: TypeAlias = tuple[str, str]


class EdgePart(StepPart, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step whose events join the value of one field with that of another."""

    from_: str = msgspec.field(name="from")
    to: str


class GraphPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Edges, and the event whose two nodes they should join; ``hops`` is the longest path."""

    within: str
    edges: tuple[EdgePart, ...]
    alert: EdgePart
    hops: int = HOPS_MAX - 1
    warm_up: bool = True
    """Whether to wait until the rule has watched all its edges for ``within``."""

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        draft.no_detection("graph")
        parts = (*self.edges, self.alert)
        check_names(parts, "graph", at_least=2, at_most=STEPS_MAX)
        check_count(self.hops, "graph.hops", at_most=HOPS_MAX)
        within_us = duration_us(self.within, "graph.within")
        return Form(
            steps=tuple(part.step(draft, values=(part.from_, part.to)) for part in parts),
            pattern=Graph(
                retention_us=within_us,
                within_us=within_us,
                hops=self.hops,
                warm_up_us=within_us if self.warm_up else 0,
                watched=tuple(range(len(self.edges))) if self.warm_up else (),
            ),
        )


class Edges(NoDeadlines):
    """When each edge last came, by the node it leads from."""

    __slots__ = ("_blind_until", "_count", "_edges", "_hit", "_pattern", "_rule")

    def __init__(self, rule: Rule) -> None:
        pattern = rule.pattern
        assert isinstance(pattern, Graph)
        self._rule = rule
        self._pattern = pattern
        self._edges: dict[_Node, dict[_Node, int]] = {}
        """The inner maps are shared between copies: one is replaced, never changed."""
        self._count = 0
        self._blind_until = -NEVER
        self._hit: Hit | None = None

    def push(self, hit: Hit) -> bool:
        steps, last = self._rule.steps, len(self._rule.steps) - 1
        self._hit = hit
        holds = bool(hit[4] >> last & 1) and not self._joins(hit, last)
        for place in range(last):
            if hit[4] >> place & 1:
                fields = steps[place].values
                for one in _texts(hit, 0):
                    for other in _texts(hit, 1):
                        self._add((fields[0], one), (fields[1], other), hit[0])
        return holds

    def _add(self, one: _Node, other: _Node, time: int) -> None:
        there = self._edges.get(one, {})
        self._count += other not in there
        self._edges[one] = {**there, other: time}
        if self._count > EDGES_MAX:
            self._evict(time)

    def _evict(self, now: int) -> None:
        """Forget the edges that have ended and, where they are too few, the oldest."""
        since = now - self._pattern.within_us
        times = sorted(time for there in self._edges.values() for time in there.values())
        bound = times[EDGES_MAX // 8]
        if bound > since:
            self._blind_until = max(self._blind_until, bound + self._pattern.within_us)
        kept = {
            one: {other: time for other, time in there.items() if time > max(bound, since)}
            for one, there in self._edges.items()
        }
        self._edges = {one: there for one, there in kept.items() if there}
        self._count = sum(map(len, self._edges.values()))

    def _joins(self, hit: Hit, place: int) -> bool:
        """Whether a path leads between the event's nodes, or one may have been forgotten."""
        if hit[0] < self._blind_until:
            return True
        fields, since = self._rule.steps[place].values, hit[0] - self._pattern.within_us
        ends = {(fields[1], text) for text in _texts(hit, 1)}
        reached = {(fields[0], text) for text in _texts(hit, 0)}
        frontier = set(reached)
        if reached & ends:
            return True
        for _ in range(self._pattern.hops):
            frontier = {
                other
                for one in frontier
                for other, time in self._edges.get(one, {}).items()
                if time > since and other not in reached
            }
            if frontier & ends:
                return True
            reached |= frontier
        return False

    def findings(self) -> tuple[Finding, ...]:
        hit, pattern = self._hit, self._pattern
        assert hit is not None
        conditions = (
            Condition(name="paths", value=0, threshold=1, comparison="lt"),
            Condition(name="hops", value=pattern.hops, threshold=pattern.hops, comparison="lte"),
            Condition(
                name="within_seconds",
                value=pattern.within_us // SECOND,
                threshold=pattern.within_us // SECOND,
                comparison="lte",
            ),
        )
        return (Finding(at=hit[0], hits=(hit,), conditions=conditions),)

    def clear(self) -> None:
        self._edges.clear()
        self._count = 0

    def copy(self) -> Edges:
        other = Edges(self._rule)
        other._edges = self._edges.copy()
        other._count, other._blind_until = self._count, self._blind_until
        return other

    def dump(self) -> object:
        edges = [[one, list(there.items())] for one, there in self._edges.items()]
        return [self._blind_until, edges]

    def restore(self, dump: object) -> Edges:
        """Take over a snapshot's edges."""
        self._blind_until, edges = msgspec.convert(
            dump, tuple[int, list[tuple[_Node, list[tuple[_Node, int]]]]]
        )
        self._edges = {one: dict(there) for one, there in edges}
        self._count = sum(map(len, self._edges.values()))
        return self


def _texts(hit: Hit, place: int) -> tuple[str, ...]:
    value = hit[5][place]
    return value[:ITEMS_MAX] if isinstance(value, tuple) else (str(value),)


class GraphKind:
    """Rules on events that nothing earlier accounts for."""

    def memory(self, rule: Rule, dump: object = None) -> Edges:
        edges = Edges(rule)
        return edges.restore(dump) if dump else edges

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Graph)
        zh, en = duration(pattern.within_us)
        last = rule.steps[-1]
        one, other = last.values
        return (
            f"{last.name} 的 `{one}` 与 `{other}` 之间，{zh}内没有不超过 {pattern.hops} 步的关联",
            f"{last.name} without a path of at most {pattern.hops} steps within {en}",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        _, hops, within = alert.conditions
        zh, en = who(alert)
        within_zh, within_en = duration(within.threshold * SECOND)
        name_zh, name_en = said([rule.steps[-1].name], rule.steps)
        edges_zh, edges_en = said([step.name for step in rule.steps[:-1]], rule.steps)
        most = hops.threshold
        return Explanation(
            reason_zh=f"{zh}有一条{name_zh}，"
            f"其两端在此前 {within_zh}内没有不超过 {most} 步的关联。",
            reason_en=f"{begin(en)} had {name_en} between two that no path of at most {most} steps "
            f"joined in the {within_en} before.",
            counterfactual_zh=(f"若此前 {within_zh}内有 {edges_zh} 把两端连起来，则不触发",),
            counterfactual_en=(
                f"Had {edges_en} joined the two in the {within_en} before, it would not fire",
            ),
        )
