"""Aggregates: a figure over the events within a time, as Sigma's correlations have it.

The rules of the figures are those of the Sigma correlation rules specification (event_count,
value_count, value_sum, value_avg, value_percentile, value_median). Where every comparison is ``gt``
or ``gte`` the figure is judged at each event, over the time that ends with it. With any of ``lt``,
``lte``, ``eq`` and ``neq`` the answer is only known when the time is over: it begins with an event
and is judged at its end, and the next begins with the next event. So "fewer than n" means an entity
that was seen, and seen fewer than n times; one that is never seen is a matter of absence rules.
Exact up to ``HITS_MAX`` events within the time; of more the newest so many are judged.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.layered import Layered
from analytics.measure import EVENTS_MAX, counted, last_number, least_sum
from analytics.memory import NEVER, Finding, Hit
from analytics.patterns import Aggregate, Comparison
from analytics.reading import COUNT_MAX, check_count, duration_us, refused
from analytics.recent import HITS_MAX, Recent
from analytics.rule import Rule
from analytics.words import begin, duration, field, who
from schema.alert import Alert, Condition
from schema.times import SECOND

Function: TypeAlias = Literal[
    "event_count", "value_count", "value_sum", "value_avg", "value_percentile", "value_median"
]

NUMBER_MAX: Final = 10**18
"""Greatest number a figure is compared with: it fits 64 bits."""

COMPARISONS_MAX: Final = 3
"""Comparisons of one rule: a range has two, and one value of it may be left out."""

_RISING: Final = {"gt", "gte"}
_SIGNS: Final = {"gt": ">", "gte": "≥", "lt": "<", "lte": "≤", "eq": "=", "neq": "≠"}
_TESTS: Final[dict[str, Callable[[int, int], bool]]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "eq": lambda left, right: left == right,
    "neq": lambda left, right: left != right,
}
_WORDS: Final = {
    "event_count": ("日志条数", "a number of events"),
    "value_count": ("不同{}数", "different values of {}"),
    "value_sum": ("{}合计", "a sum of {}"),
    "value_avg": ("{}平均值", "an average of {}"),
    "value_percentile": ("{}百分位数", "a percentile of {}"),
    "value_median": ("{}中位数", "a median of {}"),
}


class AggregatePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure over the events within a time, and what it is compared with."""

    within: str
    function: Function
    field: str | tuple[str, ...] = ()
    percentile: int = 0
    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None
    eq: int | None = None
    neq: int | None = None

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        fields = (self.field,) if isinstance(self.field, str) else self.field
        pattern = aggregate(
            self.function,
            within_us=duration_us(self.within, "aggregate.within"),
            fields=fields,
            percentile=self.percentile,
            compared={op: value for op in _TESTS if (value := getattr(self, op)) is not None},
        )
        return Form(steps=(draft.step(self.function, values=fields),), pattern=pattern)


def aggregate(
    function: Function,
    *,
    within_us: int,
    fields: tuple[str, ...] = (),
    percentile: int = 0,
    compared: dict[str, int],
) -> Aggregate:
    """The pattern; its steps carry ``fields``. Raises ``analytics.rule.refused``."""
    if not fields and function != "event_count":
        raise refused(f"{function} needs a field")
    if len(fields) > 1 and function != "value_count":
        raise refused(f"{function} is made of one field")
    if function == "event_count" and fields:
        raise refused("event_count has no field")
    if (function == "value_percentile") != bool(percentile) or not 0 <= percentile <= 100:
        raise refused("percentile is 1 to 100, and for value_percentile only")
    if not 1 <= len(compared) <= COMPARISONS_MAX:
        raise refused(f"an aggregate has 1 to {COMPARISONS_MAX} comparisons")
    for op, value in compared.items():
        if function in ("event_count", "value_count"):
            check_count(value + 1, f"{op} of {function}", at_most=COUNT_MAX + 1)
        elif not -NUMBER_MAX <= value <= NUMBER_MAX:
            raise refused(f"{op} is {value}: at most {NUMBER_MAX}")
    return Aggregate(
        retention_us=within_us,
        within_us=within_us,
        function=function,
        field="+".join(fields),
        percentile=percentile,
        comparisons=tuple(
            Comparison(op=op, value=value)  # type: ignore[arg-type] # one of _TESTS
            for op, value in compared.items()
        ),
    )


class Figures:
    """The hits of the time and what the figure needs of them."""

    __slots__ = ("_counts", "_ordered", "_pattern", "_total", "hits")

    def __init__(self, pattern: Aggregate) -> None:
        self._pattern = pattern
        self.hits = Recent()
        self._counts: Layered[str, int] = Layered()
        """Hits of each value, for value_count."""
        self._total = 0
        """The sum of the values, for value_sum and value_avg."""
        self._ordered: list[int] = []
        """The values in order, for value_percentile and value_median."""

    def add(self, hit: Hit) -> bool:
        """Take a hit; whether it has what the figure is made of."""
        function = self._pattern.function
        if function == "value_count":
            value = counted(hit)
            self._counts.put(value, (self._counts.get(value) or 0) + 1)
        elif function != "event_count":
            number = last_number(hit)
            if number is None:
                return False
            self._total += number
            if function not in ("value_sum", "value_avg"):
                insort(self._ordered, number)
        self.hits.append(hit)
        return True

    def expire(self, until: int) -> None:
        """Let go of what came at that time or before, and of what is too much."""
        function = self._pattern.function
        for hit in self.hits.expire(until):
            if function == "value_count":
                value = counted(hit)
                self._counts.put(value, (self._counts.get(value) or 0) - 1 or None)
            elif function != "event_count":
                number = last_number(hit) or 0
                self._total -= number
                if self._ordered:
                    del self._ordered[bisect_left(self._ordered, number)]

    def figure(self) -> tuple[int, int]:
        """The figure as a fraction."""
        pattern = self._pattern
        match pattern.function:
            case "event_count":
                return len(self.hits), 1
            case "value_count":
                return len(self._counts), 1
            case "value_sum":
                return self._total, 1
            case "value_avg":
                return self._total, len(self.hits)
            case "value_percentile":
                place = -(-len(self._ordered) * pattern.percentile // 100) - 1
                return self._ordered[place], 1
            case "value_median":
                many = len(self._ordered)
                return self._ordered[many // 2] + self._ordered[(many - 1) // 2], 2

    def holds(self) -> bool:
        """Whether all comparisons hold; there is at least one hit."""
        over, under = self.figure()
        return all(_TESTS[one.op](over, one.value * under) for one in self._pattern.comparisons)

    def least(self) -> tuple[Hit, ...]:
        """Of counts and sums that rise, the fewest events that reach them; else the newest."""
        pattern = self._pattern
        if not is_rising(pattern) or pattern.function not in _LEAST:
            return tuple(self.hits.newest(EVENTS_MAX))
        wanted = max(one.value + (one.op == "gt") for one in pattern.comparisons)
        if pattern.function == "value_sum":
            return least_sum(list(self.hits), wanted)
        if pattern.function == "event_count":
            return tuple(self.hits.newest(max(1, wanted)))
        chosen: dict[str, Hit] = {}
        for hit in reversed(list(self.hits)):
            if len(chosen) < max(1, wanted):
                chosen.setdefault(counted(hit), hit)
        return tuple(sorted(chosen.values()))

    def finding(self, at: int) -> Finding:
        """Why the comparisons hold."""
        pattern = self._pattern
        name = f"{pattern.function} {pattern.field}".strip()
        if pattern.percentile:
            name = f"{name} {pattern.percentile}"
        conditions = [_condition(name, self.figure(), one) for one in pattern.comparisons]
        hits = self.least()
        within = Condition(
            name="span_seconds",
            value=(hits[-1][0] - hits[0][0]) // SECOND,
            threshold=pattern.within_us // SECOND,
            comparison="lt",
        )
        return Finding(at=at, hits=hits, conditions=(*conditions, within))

    def clear(self) -> None:
        """Take all hits away."""
        self.hits.clear()
        self._counts.clear()
        self._total, self._ordered = 0, []

    def copy(self) -> Figures:
        """A copy that shares nothing that changes."""
        other = Figures(self._pattern)
        other.hits, other._counts = self.hits.copy(), self._counts.copy()
        other._total, other._ordered = self._total, self._ordered.copy()
        return other


_LEAST: Final = {"event_count", "value_count", "value_sum"}


def is_rising(pattern: Aggregate) -> bool:
    """Whether it is judged at each event."""
    return all(one.op in _RISING for one in pattern.comparisons)


def _condition(name: str, figure: tuple[int, int], one: Comparison) -> Condition:
    """A fraction is rounded towards where the comparison shows; what differs is above or below."""
    over, under = figure
    up = one.op == "gt" or (one.op == "neq" and over > one.value * under)
    value = -(-over // under) if up else over // under
    op = one.op if one.op != "neq" else "gt" if over > one.value * under else "lt"
    return Condition(name=name, value=value, threshold=one.value, comparison=op)


class Window:
    """Judged at each event, or at the end of a time that began with one."""

    __slots__ = ("_at", "_ending", "_figures", "_pattern", "_rising")

    def __init__(self, pattern: Aggregate, figures: Figures | None = None) -> None:
        self._pattern = pattern
        self._figures = figures or Figures(pattern)
        self._rising = is_rising(pattern)
        self._at = 0
        self._ending: Finding | None = None

    def push(self, hit: Hit) -> bool:
        figures = self._figures
        if self._rising:
            figures.expire(hit[0] - self._pattern.within_us)
        if not figures.add(hit):
            return False
        if not self._rising and len(figures.hits) == 1:
            self._at = hit[0] + self._pattern.within_us
        if len(figures.hits) > HITS_MAX:
            figures.expire(-NEVER)
        return self._rising and figures.holds()

    def due(self) -> int:
        return NEVER if self._rising or not len(self._figures.hits) else self._at

    def elapse(self, now: int) -> bool:
        held = self._figures.holds()
        self._ending = self._figures.finding(now) if held else None
        self._figures.clear()
        return held

    def findings(self) -> tuple[Finding, ...]:
        if self._rising:
            return (self._figures.finding(self._figures.hits.newest(1)[0][0]),)
        return (self._ending,) if self._ending else ()

    def clear(self) -> None:
        self._figures.clear()

    def copy(self) -> Window:
        other = Window(self._pattern, self._figures.copy())
        other._at = self._at
        return other

    def dump(self) -> object:
        return [self._at, list(self._figures.hits)]

    def restore(self, at: int, hits: tuple[Hit, ...]) -> None:
        """Take over a snapshot's window."""
        self._at = at
        for hit in hits:
            self._figures.add(hit)


class AggregateKind:
    """Rules on a figure."""

    def memory(self, rule: Rule, dump: object = None) -> Window:
        pattern = rule.pattern
        assert isinstance(pattern, Aggregate)
        window = Window(pattern)
        if dump:
            window.restore(*msgspec.convert(dump, tuple[int, tuple[Hit, ...]]))
        return window

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Aggregate)
        zh, en = duration(pattern.within_us)
        signs = [f"{_SIGNS[one.op]} {one.value}" for one in pattern.comparisons]
        name = pattern.function + (f" {pattern.percentile}" if pattern.percentile else "")
        of = f" `{pattern.field}`" if pattern.field else ""
        return f"{zh}内 {name}{of} {'，'.join(signs)}", f"within {en}"

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        del rule
        *figures, within = alert.conditions
        (who_zh, who_en), (within_zh, within_en) = (
            who(alert),
            duration(within.threshold * SECOND),
        )
        function, _, of = figures[0].name.partition(" ")
        of_zh, of_en = field(of.partition(" ")[0]) if of else ("", "")
        zh, en = (
            form.format(name) for form, name in zip(_WORDS[function], (of_zh, of_en), strict=True)
        )
        stands = [f"{_SIGNS[one.comparison]} {one.threshold}" for one in figures]
        return Explanation(
            reason_zh=f"{who_zh}在 {within_zh}内的{zh}为 {figures[0].value}，"
            f"符合 {'，'.join(stands)}。",
            reason_en=f"{begin(who_en)} had {en} of {figures[0].value} within {within_en}: "
            f"{' and '.join(stands)}.",
            counterfactual_zh=tuple(f"若不是 {one}，则不触发" for one in stands),
            counterfactual_en=tuple(f"Were it not {one}, it would not fire" for one in stands),
        )
