"""Balances: two or three sums over a period that must be equal, such as orders and settlements.

Sums are exact, in the field's own unit (money in fen). A side whose events come later names its
delay; a period is judged once all delays and the wait are over, and only where any side had an
event.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from analytics.guards import Given
from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import duration_us, refused
from analytics.measures.measure import LOCAL_US, last_number
from analytics.memory import NEVER, Finding, Hit
from analytics.patterns import Balance
from analytics.rule import Rule
from analytics.words import begin, duration, who
from schema.alert import Alert, Condition
from schema.times import DAY, HOUR

SIDES_MAX: Final = 3
"""Sums of one rule: orders, bank settlement, treasury receipt."""

WAIT_MAX_US: Final = 31 * DAY
"""Longest delay and longest wait: it bounds the periods that are open at once."""

_PERIODS: Final = {"hour": HOUR, "day": DAY}


class BalanceStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side: whose events, and the field that is summed."""

    name: str
    detection: dict[str, object]
    field: str
    delay: str = ""
    zh: str = ""
    logsource: dict[str, str] | None = None
    entity: str | tuple[str, ...] = ()
    where: tuple[Given, ...] = ()


class BalancePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sums over a period that must be equal."""

    period: Literal["hour", "day"]
    wait: str
    steps: tuple[BalanceStep, ...]

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        draft.no_detection("balance")
        if not 2 <= len(self.steps) <= SIDES_MAX:
            raise refused(f"a balance has 2 to {SIDES_MAX} steps")
        if len({step.name for step in self.steps}) != len(self.steps):
            raise refused("two steps of the balance have the same name")
        delays = tuple(
            duration_us(step.delay, f"delay of step {step.name}", at_most=WAIT_MAX_US)
            if step.delay
            else 0
            for step in self.steps
        )
        period_us = _PERIODS[self.period]
        wait_us = duration_us(self.wait, "balance.wait", at_most=WAIT_MAX_US)
        return Form(
            steps=tuple(
                draft.step(
                    step.name,
                    step.detection,
                    logsource=step.logsource,
                    values=(step.field,),
                    entity=(step.entity,) if isinstance(step.entity, str) else step.entity,
                    zh=step.zh,
                    where=step.where,
                )
                for step in self.steps
            ),
            pattern=Balance(
                retention_us=period_us + max(delays) + wait_us,
                period_us=period_us,
                wait_us=wait_us,
                delays_us=delays,
            ),
        )


class Side(msgspec.Struct, frozen=True, array_like=True):
    """What one side of a period comes to, and its newest hit."""

    total: int = 0
    newest: Hit | None = None


_NONE: Final = Side()
Sides = tuple[Side, ...]


class Books:
    """The sides of the periods that are still open."""

    __slots__ = ("_found", "_open", "_rule")

    def __init__(self, rule: Rule, open_: dict[int, Sides]) -> None:
        self._rule = rule
        self._open = open_
        self._found: Finding | None = None

    @property
    def _pattern(self) -> Balance:
        pattern = self._rule.pattern
        assert isinstance(pattern, Balance)
        return pattern

    def push(self, hit: Hit) -> bool:
        value = last_number(hit)
        if value is None:
            return False
        pattern = self._pattern
        for place, delay in enumerate(pattern.delays_us):
            if hit[4] >> place & 1:
                period = (hit[0] - delay + LOCAL_US) // pattern.period_us
                sides = list(self._open.get(period) or (_NONE,) * len(pattern.delays_us))
                sides[place] = Side(sides[place].total + value, hit)
                self._open[period] = tuple(sides)
        return False

    def due(self) -> int:
        if not self._open:
            return NEVER
        pattern = self._pattern
        end = (min(self._open) + 1) * pattern.period_us - LOCAL_US
        return end + max(pattern.delays_us) + pattern.wait_us

    def elapse(self, now: int) -> bool:
        sides = self._open.pop(min(self._open))
        first = sides[0].total
        if all(side.total == first for side in sides):
            return False
        conditions = tuple(
            Condition(
                name=step.name,
                value=side.total,
                threshold=first,
                comparison="eq" if side.total == first else "gt" if side.total > first else "lt",
            )
            for step, side in zip(self._rule.steps, sides, strict=True)
        )
        hits = sorted({side.newest for side in sides if side.newest})
        self._found = Finding(at=now, hits=tuple(hits), conditions=conditions)
        return True

    def findings(self) -> tuple[Finding, ...]:
        return (self._found,) if self._found else ()

    def clear(self) -> None:
        self._open.clear()

    def copy(self) -> Books:
        return Books(self._rule, self._open.copy())

    def dump(self) -> object:
        return msgspec.to_builtins(list(self._open.items()), builtin_types=(bytes,))


class BalanceKind:
    """Rules on sums that must be equal."""

    def memory(self, rule: Rule, dump: object = None) -> Books:
        return Books(rule, dict(msgspec.convert(dump or (), tuple[tuple[int, Sides], ...])))

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Balance)
        (zh, en), (wait_zh, wait_en) = duration(pattern.period_us), duration(pattern.wait_us)
        sides_zh = "、".join(step.zh or step.name for step in rule.steps)
        sides_en = ", ".join(step.name for step in rule.steps)
        return (
            f"每 {zh}的{sides_zh}合计不相等（等候 {wait_zh}后判断）",
            f"sums of {sides_en} over {en} that differ, judged {wait_en} later",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        said = {step.name: step.zh or step.name for step in rule.steps}
        who_zh, who_en = who(alert)
        first, *others = alert.conditions
        against_zh = "、".join(f"{said.get(one.name, one.name)} {one.value}" for one in others)
        against_en = ", ".join(f"{one.name} {one.value}" for one in others)
        differ = [one for one in others if one.comparison != "eq"]
        return Explanation(
            reason_zh=f"{who_zh}同一周期内的合计不一致："
            f"{said.get(first.name, first.name)} {first.value}，{against_zh}。",
            reason_en=f"{begin(who_en)} has sums of one period that differ: {first.name} "
            f"{first.value}, {against_en}.",
            counterfactual_zh=(
                (
                    f"若{'、'.join(said.get(one.name, one.name) for one in differ)}合计为 "
                    f"{first.value}，则不触发"
                ),
            ),
            counterfactual_en=(
                (
                    f"With {' and '.join(one.name for one in differ)} at {first.value} "
                    "it would not fire"
                ),
            ),
        )
