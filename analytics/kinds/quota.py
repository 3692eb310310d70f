"""Quotas: more in the running hour or day than a register allows the entity.

What is allowed stands in the register's row, as known at each event's time, so that a grant that
is raised at noon allows more from noon on. Exact over any number of events; the rule fires at the
event at which the running value first passes what is allowed, once a period.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from analytics.guards import number
from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import check_count, duration_us, refused
from analytics.measures.measure import EVENTS_MAX, LOCAL_US, carried
from analytics.measures.recent import Recent
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.patterns import Allowance, Quota
from analytics.rule import Rule
from analytics.words import begin, field, who
from schema.alert import Alert, Condition
from schema.times import HOUR

TIMES_MAX: Final = 1_000_000
"""A thousandfold of what is allowed: nothing is asked of more."""

_PERIODS: Final = {"hour": "1h", "day": "1d"}
_UNITS: Final = {"hour": ("小时", "hour"), "day": ("天", "day")}


class QuotaPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A count or sum of the running hour or day against a column of a register's row."""

    period: Literal["hour", "day"]
    register: str
    key: tuple[str, ...]
    column: str
    metric: Literal["count", "sum"] = "count"
    field: str = ""
    times: int = 1000

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        if bool(self.field) != (self.metric == "sum"):
            raise refused("quota.field is what a sum is made of; a count has none")
        if not (self.register and self.key and self.column):
            raise refused("a quota names its register, the fields of the key and the column")
        period_us = duration_us(_PERIODS[self.period], "quota.period")
        return Form(
            steps=(
                draft.step(
                    _name(self.metric, self.field), values=(self.field,) if self.field else ()
                ),
            ),
            pattern=Quota(
                retention_us=period_us,
                period_us=period_us,
                metric=self.metric,
                field=self.field,
                times=check_count(self.times, "quota.times", at_most=TIMES_MAX),
                allowance=Allowance(register=self.register, key=self.key, column=self.column),
            ),
        )


def _name(metric: str, field: str) -> str:
    return f"sum {field}" if metric == "sum" else "event_count"


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """A period as it lies in a snapshot."""

    period: int
    value: int
    passed: bool
    hits: tuple[Hit, ...]


class Used(NoDeadlines):
    """What the entity has used in the open period."""

    __slots__ = ("_allowed", "_hits", "_passed", "_pattern", "_period", "_value")

    def __init__(self, pattern: Quota) -> None:
        self._pattern = pattern
        self._period = -1
        self._value = 0
        self._allowed = 0
        """As the newest hit found it."""
        self._passed = False
        self._hits = Recent()
        """Hits of the open period, the newest ``EVENTS_MAX``."""

    def push(self, hit: Hit) -> bool:
        pattern = self._pattern
        *amounts, allowed = carried(hit)
        amount = number(amounts[0]) if amounts else 1
        if amount is None:
            return False
        period = (hit[0] + LOCAL_US) // pattern.period_us
        if period != self._period:
            self.clear()
            self._period = period
        self._hits.append(hit)
        for _ in self._hits.expire(hit[0] - pattern.period_us, keep=EVENTS_MAX):
            pass
        self._value += amount
        assert isinstance(allowed, int), "the matcher carries a number, or no hit"
        self._allowed = allowed * pattern.times // 1000
        if self._passed or self._value <= self._allowed:
            return False
        self._passed = True
        return True

    def findings(self) -> tuple[Finding, ...]:
        pattern, hits = self._pattern, tuple(self._hits)
        unit = "hour" if pattern.period_us == HOUR else "day"
        condition = Condition(
            name=f"{_name(pattern.metric, pattern.field)} of the {unit}",
            value=self._value,
            threshold=self._allowed,
            comparison="gt",
        )
        return (Finding(at=hits[-1][0], hits=hits, conditions=(condition,)),)

    def clear(self) -> None:
        self._period, self._value, self._passed = -1, 0, False
        self._hits.clear()

    def copy(self) -> Used:
        other = Used(self._pattern)
        other._period, other._value = self._period, self._value
        other._allowed, other._passed = self._allowed, self._passed
        other._hits = self._hits.copy()
        return other

    def dump(self) -> object:
        return [self._period, self._value, self._passed, list(self._hits)]

    def restore(self, one: Remembered) -> None:
        """Take over a snapshot's period."""
        self._period, self._value, self._passed = one.period, one.value, one.passed
        self._hits = Recent(one.hits)


class QuotaKind:
    """Rules on what a register allows."""

    def memory(self, rule: Rule, dump: object = None) -> Used:
        pattern = rule.pattern
        assert isinstance(pattern, Quota)
        used = Used(pattern)
        if dump:
            used.restore(msgspec.convert(dump, Remembered))
        return used

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Quota)
        zh, en = _UNITS["hour" if pattern.period_us == HOUR else "day"]
        name, allowance = _name(pattern.metric, pattern.field), pattern.allowance
        column = f"`{allowance.register}.{allowance.column}`"
        factor = f" × {pattern.times}‰" if pattern.times != 1000 else ""
        return (
            f"一{zh}内 {name} 超过台账 {column}{factor}",
            f"{name} of one {en} over {column} of the register{factor}",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        pattern = rule.pattern
        assert isinstance(pattern, Quota)
        (used,) = alert.conditions
        (who_zh, who_en), (unit_zh, unit_en) = who(alert), _UNITS[used.name.rpartition(" ")[2]]
        zh, en = ("调用次数", "events")
        if pattern.field:
            zh, en = field(pattern.field)
        register = pattern.allowance.register
        return Explanation(
            reason_zh=f"{who_zh}在这一{unit_zh}内{zh}已达 {used.value}，"
            f"超过台账 {register} 允许的 {used.threshold}。",
            reason_en=f"{begin(who_en)} reached {used.value} {en} in this {unit_en}, over the "
            f"{used.threshold} that register {register} allows.",
            counterfactual_zh=(
                f"若这一{unit_zh}内不超过 {used.threshold}，则不触发",
                f"若台账当时允许 {used.value}，则不触发",
            ),
            counterfactual_en=(
                f"With {used.threshold} or less in this {unit_en} it would not fire",
                f"Had the register allowed {used.value} at the time, it would not fire",
            ),
        )
