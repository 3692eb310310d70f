"""Aggregates: a figure over the events within a time, as Sigma's correlations have it.

The figures are those of the Sigma correlation rules specification: event_count, value_count,
value_sum, value_avg, value_percentile, value_median; and value_share, the share in percent that the
newest value has of all. A percentile between two numbers is taken in proportion.

Judged at each event, over the time that ends with it. "Fewer than n" so holds at the first event
already; with ``judge: end`` the time begins with an event and is judged when it is over, and the
next begins with the next event. That tells of an entity that was seen, but seen fewer than n times;
one that is never seen is a matter of absence rules.
Exact up to ``HITS_MAX`` events within the time; of more the newest so many are judged.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import islice, product
from typing import Final, Literal, TypeAlias

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import COUNT_MAX, check_count, duration_us, refused
from analytics.measures.layered import Layered
from analytics.measures.measure import EVENTS_MAX, carried, last_number, least_sum, text
from analytics.measures.recent import HITS_MAX, Recent
from analytics.memory import NEVER, Finding, Hit
from analytics.patterns import Aggregate, Comparison
from analytics.rule import Rule
from analytics.words import begin, duration, field, who
from schema.alert import Alert, Condition
from schema.times import SECOND

Function: TypeAlias = Literal[
    "event_count",
    "value_count",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
    "value_share",
]

NUMBER_MAX: Final = 10**18
"""Greatest number a figure is compared with: it fits 64 bits."""

COMPARISONS_MAX: Final = 3
"""Comparisons of one rule: a range has two, and one value of it may be left out."""

VALUES_MAX: Final = 64
"""Values one event counts for by lists in its fields."""

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
    "value_share": ("{}最新值所占百分比", "a share in percent of the newest {}"),
}


class AggregatePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure over the events within a time, and what it is compared with."""

    within: str
    function: Function
    field: str | tuple[str, ...] = ()
    permille: int = 0
    judge: Literal["event", "end"] = "event"
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
            permille=self.permille,
            at_end=self.judge == "end",
            compared={op: value for op in _TESTS if (value := getattr(self, op)) is not None},
        )
        return Form(steps=(draft.step(self.function, values=fields),), pattern=pattern)


def aggregate(
    function: Function,
    *,
    within_us: int,
    fields: tuple[str, ...] = (),
    permille: int = 0,
    at_end: bool = False,
    compared: Mapping[str, int | Fraction],
) -> Aggregate:
    """The pattern; its steps carry ``fields``. Raises ``analytics.rule.refused``."""
    if not fields and function != "event_count":
        raise refused(f"{function} needs a field")
    if len(fields) > 1 and function != "value_count":
        raise refused(f"{function} is made of one field")
    if function == "event_count" and fields:
        raise refused("event_count has no field")
    if (function == "value_percentile") != bool(permille) or not 0 <= permille < 1000:
        raise refused("permille is 1 to 999, and for value_percentile only")
    if not 1 <= len(compared) <= COMPARISONS_MAX:
        raise refused(f"an aggregate has 1 to {COMPARISONS_MAX} comparisons")
    bounds = {op: Fraction(value) for op, value in compared.items()}
    for op, value in bounds.items():
        if function in ("event_count", "value_count"):
            check_count(int(value) + 1, f"{op} of {function}", at_most=COUNT_MAX + 1)
        elif max(abs(value.numerator), value.denominator) > NUMBER_MAX:
            raise refused(f"{op} is {value}: at most {NUMBER_MAX}")
    return Aggregate(
        retention_us=within_us,
        within_us=within_us,
        function=function,
        field="+".join(fields),
        permille=permille,
        at_end=at_end,
        comparisons=tuple(
            Comparison(op=op, value=value.numerator, under=value.denominator)  # type: ignore[arg-type] # one of _TESTS
            for op, value in bounds.items()
        ),
    )


class Figures:
    """The hits of the time and what the figure needs of them."""

    __slots__ = ("_counts", "_ordered", "_pattern", "_total", "hits")

    def __init__(self, pattern: Aggregate) -> None:
        self._pattern = pattern
        self.hits = Recent()
        self._counts: Layered[str, int] = Layered()
        """Hits of each value, for value_count and value_share."""
        self._total = 0
        """The sum of the values, for value_sum and value_avg."""
        self._ordered: list[int] = []
        """The values in order, for value_percentile and value_median."""

    def add(self, hit: Hit) -> bool:
        """Take a hit; whether it has what the figure is made of."""
        function = self._pattern.function
        if function in _COUNTED:
            for value in _values(hit):
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
            if function in _COUNTED:
                for value in _values(hit):
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
                return _percentile(self._ordered, pattern.permille), 1000
            case "value_median":
                return _percentile(self._ordered, 500), 1000
            case "value_share":
                newest = _values(self.hits.last())
                same = max(self._counts.get(value) or 0 for value in newest)
                return 100 * same, len(self.hits)

    def holds(self) -> bool:
        """Whether all comparisons hold; there is at least one hit."""
        over, under = self.figure()
        return all(
            _TESTS[one.op](over * one.under, one.value * under) for one in self._pattern.comparisons
        )

    def least(self) -> tuple[Hit, ...]:
        """Of counts and sums that rise, the fewest events that reach them; else the newest."""
        pattern = self._pattern
        rising = all(one.op in ("gt", "gte") for one in pattern.comparisons)
        if pattern.at_end or not rising or pattern.function not in _LEAST:
            return tuple(self.hits.newest(EVENTS_MAX))
        # The smallest whole number that is greater, or as great.
        wanted = max(
            one.value // one.under + 1 if one.op == "gt" else -(-one.value // one.under)
            for one in pattern.comparisons
        )
        if pattern.function == "value_sum":
            return least_sum(list(self.hits), wanted)
        if pattern.function == "event_count":
            return tuple(self.hits.newest(max(1, wanted)))
        chosen: list[Hit] = []
        seen: set[str] = set()
        for hit in reversed(list(self.hits)):
            values = set(_values(hit))
            if not chosen or (len(seen) < wanted and values - seen):
                chosen.append(hit)
                seen |= values
        return tuple(reversed(chosen))

    def finding(self, at: int) -> Finding:
        """Why the comparisons hold."""
        pattern = self._pattern
        name = f"{pattern.function} {pattern.field}".strip()
        if pattern.permille:
            name = f"{name} {pattern.permille}"
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
_COUNTED: Final = {"value_count", "value_share"}


def _values(hit: Hit) -> list[str]:
    """The values a hit counts for: of lists, each choice of their items, the first so many."""
    items = [one if isinstance(one, tuple) else (one,) for one in carried(hit)]
    choices = [text(chosen) for chosen in islice(product(*items), VALUES_MAX)]
    return list(dict.fromkeys(choices))


def _percentile(ordered: Sequence[int], permille: int) -> int:
    """A thousand times the number at that place between the first and the last."""
    below, part = divmod(permille * (len(ordered) - 1), 1000)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] * 1000 + part * (ordered[above] - ordered[below])


def _condition(name: str, figure: tuple[int, int], one: Comparison) -> Condition:
    """Fractions are rounded so that the comparison shows; what differs is above or below."""
    over, under = figure
    above = over * one.under > one.value * under
    op = one.op if one.op != "neq" else "gt" if above else "lt"
    up = op in ("gt", "gte")
    return Condition(
        name=name,
        value=-(-over // under) if up else over // under,
        threshold=one.value // one.under if up else -(-one.value // one.under),
        comparison=op,
    )


class Window:
    """Judged at each event, or at the end of a time that began with one."""

    __slots__ = ("_at", "_ending", "_figures", "_pattern")

    def __init__(self, pattern: Aggregate, figures: Figures | None = None) -> None:
        self._pattern = pattern
        self._figures = figures or Figures(pattern)
        self._at = 0
        self._ending: Finding | None = None

    def push(self, hit: Hit) -> bool:
        figures = self._figures
        at_end = self._pattern.at_end
        if not at_end:
            figures.expire(hit[0] - self._pattern.within_us)
        if not figures.add(hit):
            return False
        if at_end and len(figures.hits) == 1:
            self._at = hit[0] + self._pattern.within_us
        if len(figures.hits) > HITS_MAX:
            figures.expire(-NEVER)
        return not at_end and figures.holds()

    def due(self) -> int:
        return self._at if self._pattern.at_end and len(self._figures.hits) else NEVER

    def elapse(self, now: int) -> bool:
        held = self._figures.holds()
        self._ending = self._figures.finding(now) if held else None
        self._figures.clear()
        return held

    def findings(self) -> tuple[Finding, ...]:
        if not self._pattern.at_end:
            return (self._figures.finding(self._figures.hits.last()[0]),)
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
        signs = [
            f"{_SIGNS[one.op]} {Fraction(one.value, one.under)}" for one in pattern.comparisons
        ]
        name = pattern.function + (f" {pattern.permille}‰" if pattern.permille else "")
        of = f" `{pattern.field}`" if pattern.field else ""
        end_zh, end_en = ("期满时", ", judged at its end") if pattern.at_end else ("", "")
        return f"{zh}内{end_zh} {name}{of} {'，'.join(signs)}", f"within {en}{end_en}"

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
