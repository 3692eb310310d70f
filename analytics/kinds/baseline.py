"""Baselines: the running hour or day of an entity against the periods of its own past.

The past is every closed period since the entity was first seen, the empty ones as 0 and the first
one as it is. A limit is made of it once a period, and the rule fires at the event at which the
running value first passes the limit: nobody waits for the end of the period.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.kinds.ratio import PartStep
from analytics.language.reading import check_count, duration_us, refused
from analytics.measures.measure import (
    EVENTS_MAX,
    LOCAL_US,
    counted,
    deviation,
    last_number,
    median,
    quantile,
)
from analytics.measures.recent import Recent
from analytics.measures.sketch import Distinct
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.patterns import Baseline, Metric
from analytics.rule import Rule
from analytics.words import begin, field, percent, times, who
from schema.alert import Alert, Condition
from schema.times import DAY, HOUR

PERIODS_MAX: Final = 2_400
"""Closed periods kept: a hundred days of hours, and more days than a rule may look back."""

TIMES_MAX: Final = 1_000_000
"""A thousandfold: more is no baseline."""

_WEEK: Final = 7 * 24
_ALL: Final = 1
_PART: Final = 2
_MILLION: Final = 1_000_000
_PERIODS: Final = {"hour": HOUR, "day": DAY}
_UNITS: Final = {"hour": ("小时", "hour"), "day": ("天", "day")}


class BaselinePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric of the running hour or day against the entity's own past."""

    period: Literal["hour", "day"]
    method: Literal["quantile", "mad", "ewma"]
    history: str
    minimum: str
    metric: Metric = "count"
    field: str = ""
    permille: int = 990
    times: int = 1000
    at_least: int = 1
    same_hour: bool = False
    part: PartStep | None = None
    """Only at events of the part it may fire; the past is made of all."""

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        if bool(self.field) != (self.metric != "count"):
            raise refused("baseline.field is what distinct and sum are made of; count has none")
        if self.same_hour and (self.period != "hour" or self.method == "ewma"):
            raise refused("baseline.same_hour goes with period hour and quantile or mad")
        period_us = _PERIODS[self.period]
        history_us = duration_us(self.history, "baseline.history")
        history = check_count(
            history_us // period_us, "periods of baseline.history", at_most=PERIODS_MAX
        )
        values = (self.field,) if self.field else ()
        steps = [draft.step(_name(self.metric, self.field), values=values)]
        if self.part:
            part = self.part
            steps.append(
                draft.step(part.name, part.detection, values=values, zh=part.zh, where=part.where)
            )
        return Form(
            steps=tuple(steps),
            pattern=Baseline(
                retention_us=history_us + period_us,
                period_us=period_us,
                metric=self.metric,
                field=self.field,
                method=self.method,
                permille=check_count(self.permille, "baseline.permille", at_most=1000),
                times=check_count(self.times, "baseline.times", at_most=TIMES_MAX),
                periods=history,
                minimum=check_count(
                    duration_us(self.minimum, "baseline.minimum") // period_us,
                    "periods of baseline.minimum",
                    at_most=history,
                ),
                at_least=check_count(self.at_least, "baseline.at_least", at_most=10**18),
                same_hour=self.same_hour,
                judged=self.part is not None,
            ),
        )


def _name(metric: Metric, field: str) -> str:
    return {"count": "event_count", "distinct": f"distinct {field}", "sum": f"sum {field}"}[metric]


def limit_of(pattern: Baseline, past: list[int]) -> int:
    """What a value must pass; ``past`` holds the values of the closed periods in order."""
    ordered = sorted(past)
    if pattern.method == "quantile":
        return quantile(ordered, pattern.permille) * pattern.times // 1000
    if pattern.method == "mad":
        return median(ordered) + deviation(ordered) * pattern.times // 1000
    # The newest period weighs 2 / (periods + 1), as is usual for an average over so many periods.
    average = past[0] * _MILLION
    for value in past[1:]:
        average += (value * _MILLION - average) * 2 // (pattern.periods + 1)
    return average * pattern.times // (1000 * _MILLION)


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """A past as it lies in a snapshot."""

    first: int
    closed: tuple[tuple[int, int], ...]
    period: int
    value: int
    distinct: object
    passed: bool
    hits: tuple[Hit, ...]


class Past(NoDeadlines):
    """The values of the closed periods that have one, and the open period."""

    __slots__ = (
        "_closed",
        "_distinct",
        "_first",
        "_hits",
        "_limit",
        "_passed",
        "_pattern",
        "_period",
        "_value",
    )

    def __init__(self, pattern: Baseline) -> None:
        self._pattern = pattern
        self._first: int | None = None
        """The period the entity was first seen in."""
        self._closed: tuple[tuple[int, int], ...] = ()
        """(period, value) of the closed periods that are not empty, in order."""
        self._period = 0
        self._value = 0
        self._distinct: Distinct | None = None
        self._passed = False
        self._limit: int | None = None
        self._hits = Recent()
        """Hits of the open period, the newest ``EVENTS_MAX``."""

    def push(self, hit: Hit) -> bool:
        pattern = self._pattern
        amount = last_number(hit) if pattern.metric == "sum" else 1
        if amount is None or not hit[4] & _ALL:
            return False
        period = (hit[0] + LOCAL_US) // pattern.period_us
        if self._first is None or period != self._period:
            self._enter(period)
        self._hits.append(hit)
        for _ in self._hits.expire(hit[0] - pattern.period_us, keep=EVENTS_MAX):
            pass
        if self._distinct is None:
            self._value += amount
        else:
            self._value = self._distinct.add(counted(hit))
        if self._passed or self._value < pattern.at_least or self._length() < pattern.minimum:
            return False
        if pattern.judged and not hit[4] & _PART:
            return False
        if self._limit is None:
            past = self._past()
            if not past:
                return False
            self._limit = limit_of(pattern, past)
        self._passed = self._value > self._limit
        return self._passed

    def _enter(self, period: int) -> None:
        if self._first is None:
            self._first = period
        elif self._value:
            begin = period - self._pattern.periods
            closed = (*self._closed, (self._period, self._value))
            self._closed = tuple(one for one in closed if one[0] >= begin)
        self._period, self._value, self._passed, self._limit = period, 0, False, None
        self._distinct = Distinct() if self._pattern.metric == "distinct" else None
        self._hits.clear()

    def _begin(self) -> int:
        assert self._first is not None
        return max(self._first, self._period - self._pattern.periods)

    def _length(self) -> int:
        return self._period - self._begin()

    def _past(self) -> list[int]:
        values = dict(self._closed)
        step = _WEEK if self._pattern.same_hour else 1
        length = self._length()
        oldest = self._period - length // step * step
        return [values.get(one, 0) for one in range(oldest, self._period, step)]

    def findings(self) -> tuple[Finding, ...]:
        assert self._limit is not None
        pattern, hits = self._pattern, tuple(self._hits)
        unit = "hour" if pattern.period_us == HOUR else "day"
        name = _name(pattern.metric, pattern.field)
        conditions = (
            Condition(
                name=f"{name} of the {unit}",
                value=self._value,
                threshold=self._limit,
                comparison="gt",
            ),
            Condition(
                name=f"past {unit}s",
                value=self._length(),
                threshold=pattern.minimum,
                comparison="gte",
            ),
        )
        return (Finding(at=hits[-1][0], hits=hits, conditions=conditions),)

    def clear(self) -> None:
        self._first, self._closed, self._value = None, (), 0

    def copy(self) -> Past:
        other = Past(self._pattern)
        other._first, other._closed, other._period = self._first, self._closed, self._period
        other._value, other._passed, other._limit = self._value, self._passed, self._limit
        other._distinct = self._distinct.copy() if self._distinct else None
        other._hits = self._hits.copy()
        return other

    def dump(self) -> object:
        if self._first is None:
            return None
        distinct = self._distinct.dump() if self._distinct else None
        closed = [list(one) for one in self._closed]
        hits = list(self._hits)
        return [self._first, closed, self._period, self._value, distinct, self._passed, hits]

    def restore(self, one: Remembered) -> None:
        """Take over a snapshot's past."""
        self._first, self._closed, self._period = one.first, one.closed, one.period
        self._value, self._passed = one.value, one.passed
        if self._pattern.metric == "distinct":
            self._distinct = Distinct(one.distinct)
        self._hits = Recent(one.hits)


class BaselineKind:
    """Rules on an entity against its own past."""

    def memory(self, rule: Rule, dump: object = None) -> Past:
        pattern = rule.pattern
        assert isinstance(pattern, Baseline)
        past = Past(pattern)
        if dump:
            past.restore(msgspec.convert(dump, Remembered))
        return past

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Baseline)
        zh, en = _UNITS["hour" if pattern.period_us == HOUR else "day"]
        name = _name(pattern.metric, pattern.field)
        factor = times(pattern.times)
        share = percent(pattern.permille)
        how_zh, how_en = {
            "quantile": (f"{share} 分位的 {factor} 倍", f"{factor} x the {share} quantile"),
            "mad": (f"中位数加 {factor} 倍 MAD", f"the median + {factor} MAD"),
            "ewma": (f"加权平均的 {factor} 倍", f"{factor} x the weighted average"),
        }[pattern.method]
        same_zh, same_en = (
            ("同一星期时段的", " of the same hour of the week") if pattern.same_hour else ("", "")
        )
        part = rule.steps[1] if pattern.judged else None
        only_zh = f"“{part.zh or part.name}”时，" if part else ""
        only_en = f"at {part.name}, " if part else ""
        return (
            (
                f"{only_zh}一{zh}内 {name} 超过自身过去 {pattern.periods} {zh}{same_zh}{how_zh}，"
                f"至少 {pattern.at_least}，历史至少 {pattern.minimum} {zh}"
            ),
            (
                f"{only_en}of one {en} over {how_en} of its own {pattern.periods} {en}s "
                f"before{same_en}, "
                f"{pattern.at_least} or more, with {pattern.minimum} {en}s known"
            ),
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        value, past = alert.conditions
        part = rule.steps[1] if len(rule.steps) > 1 else None
        but_zh = (f"若不在“{part.zh or part.name}”，则不触发",) if part else ()
        but_en = (f'Were it not "{part.name}", it would not fire',) if part else ()
        (who_zh, who_en), (zh, en) = who(alert), measured(value.name.rpartition(" of the ")[0])
        unit_zh, unit_en = _UNITS[value.name.rpartition(" ")[2]]
        return Explanation(
            reason_zh=f"{who_zh}在这一{unit_zh}内{zh}已达 {value.value}，"
            f"超过由其自身此前 {past.value} {unit_zh}得出的上限 {value.threshold}。",
            reason_en=f"{begin(who_en)} had {en} of {value.value} in this {unit_en} so far, over "
            f"the limit of {value.threshold} made of its own {past.value} {unit_en}s before.",
            counterfactual_zh=(
                f"若这一{unit_zh}内{zh}不超过 {value.threshold}，则不触发",
                f"若历史不足 {past.threshold} {unit_zh}，则不触发",
                *but_zh,
            ),
            counterfactual_en=(
                f"With {value.threshold} or less in this {unit_en} it would not fire",
                f"Known for less than {past.threshold} {unit_en}s, it would not fire",
                *but_en,
            ),
        )


def measured(name: str) -> tuple[str, str]:
    """A metric of a field in words."""
    what, _, of = name.partition(" ")
    if not of:
        return "日志条数", "a number of events"
    zh, en = field(of)
    return (f"不同{zh}数", f"different values of {en}") if what == "distinct" else (f"{zh}合计", en)
