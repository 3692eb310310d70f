"""Balances: two or three sums over a period that must be equal, such as orders and settlements.

Sums are exact, in the field's own unit (money in fen). A side whose events come later names its
delay; a period is judged once all delays and the wait are over, and only where any side had an
event. Where events name their day themselves (``by``), as the files of banks do, it is judged the
wait after the last side began to come, so that free days move nothing; where a side does not
come, when it is missing. What comes later for a judged day is judged with it again. There an
entity is judged once each of its sides was seen: a file that is never delivered is no gap.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

import msgspec

from analytics.guards import Given
from analytics.kinds.port import Draft, Explanation, Form
from analytics.language.reading import duration_us, refused
from analytics.measures.measure import LOCAL_US, carried, last_number
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

AHEAD_MAX_US: Final = 4 * DAY
"""How far ahead an event may name its day: behind a cut-off in the evening money counts for the
next working day. It bounds the days that are open at once."""

_PERIODS: Final = {"hour": HOUR, "day": DAY}
_EPOCH: Final = date(1970, 1, 1).toordinal()


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
    by: str = ""
    """Field with the day an event belongs to; the event's own time where none is named."""
    missing: str = ""
    """With ``by``: how long after the day a side that has not come is waited for."""

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        draft.no_detection("balance")
        if not 2 <= len(self.steps) <= SIDES_MAX:
            raise refused(f"a balance has 2 to {SIDES_MAX} steps")
        if len({step.name for step in self.steps}) != len(self.steps):
            raise refused("two steps of the balance have the same name")
        self._check_by()
        delays = tuple(
            duration_us(step.delay, f"delay of step {step.name}", at_most=WAIT_MAX_US)
            if step.delay
            else 0
            for step in self.steps
        )
        period_us = _PERIODS[self.period]
        wait_us = duration_us(self.wait, "balance.wait", at_most=WAIT_MAX_US)
        missing_us = (
            duration_us(self.missing, "balance.missing", at_most=WAIT_MAX_US) if self.by else 0
        )
        return Form(
            steps=tuple(
                draft.step(
                    step.name,
                    step.detection,
                    logsource=step.logsource,
                    values=(self.by, step.field) if self.by else (step.field,),
                    entity=(step.entity,) if isinstance(step.entity, str) else step.entity,
                    zh=step.zh,
                    where=step.where,
                )
                for step in self.steps
            ),
            pattern=Balance(
                retention_us=period_us + max(max(delays) + wait_us, missing_us),
                period_us=period_us,
                wait_us=wait_us,
                delays_us=delays,
                by=self.by,
                missing_us=missing_us,
            ),
        )

    def _check_by(self) -> None:
        if bool(self.by) != bool(self.missing):
            raise refused("a balance by a day of its events says when a side is missing")
        if self.by and self.period != "day":
            raise refused("a balance by a field is one of days")
        if self.by and any(step.delay for step in self.steps):
            raise refused("a balance by a day of its events needs no delay")


class Side(msgspec.Struct, frozen=True, array_like=True):
    """What one side of a period comes to, when it began to come, and its newest hit."""

    total: int = 0
    newest: Hit | None = None
    began: int = NEVER


class Account(msgspec.Struct, frozen=True, array_like=True):
    """The sides of a period, when it is judged, and whether anything came since it last was."""

    sides: tuple[Side, ...]
    due: int
    changed: bool = True


class Books:
    """The periods that are still open."""

    __slots__ = ("_found", "_open", "_rule", "_seen")

    def __init__(self, rule: Rule, open_: dict[int, Account], seen: int = 0) -> None:
        self._rule = rule
        self._open = open_
        self._seen = seen
        """Bits of the sides that ever came, with ``by``."""
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
        for place, delay in enumerate(self._pattern.delays_us):
            if hit[4] >> place & 1:
                period = self._period(hit, delay)
                if period is not None:
                    self._add(period, place, value, hit)
        return False

    def _period(self, hit: Hit, delay: int) -> int | None:
        """The number of the period a hit belongs to; None where it names no day, one so long ago
        that its account is closed, or one too far ahead."""
        pattern = self._pattern
        if not pattern.by:
            return (hit[0] - delay + LOCAL_US) // pattern.period_us
        try:
            day = date.fromisoformat(str(carried(hit)[0])).toordinal() - _EPOCH
        except ValueError:
            return None
        end = self._end(day)
        return day if end - AHEAD_MAX_US <= hit[0] < end + pattern.missing_us else None

    def _add(self, period: int, place: int, value: int, hit: Hit) -> None:
        if self._pattern.by:
            self._seen |= 1 << place
        account = self._open.get(period)
        sides = list(account.sides if account else (Side(),) * len(self._pattern.delays_us))
        before = sides[place]
        sides[place] = Side(before.total + value, hit, min(before.began, hit[0]))
        self._open[period] = Account(tuple(sides), self._due(period, sides, hit[0]))

    def _end(self, period: int) -> int:
        return (period + 1) * self._pattern.period_us - LOCAL_US

    def _due(self, period: int, sides: list[Side], now: int) -> int:
        pattern, end = self._pattern, self._end(period)
        if not pattern.by:
            return end + max(pattern.delays_us) + pattern.wait_us
        last = end + pattern.missing_us
        if not all(side.newest for side in sides):
            return last
        complete = max(end, *(side.began for side in sides)) + pattern.wait_us
        # Of a day that was judged before: give what comes with this one its time as well.
        return min(last, complete if complete > now else now + pattern.wait_us)

    def due(self) -> int:
        return min((account.due for account in self._open.values()), default=NEVER)

    def elapse(self, now: int) -> bool:
        period = min(self._open, key=lambda one: (self._open[one].due, one))
        account = self._open.pop(period)
        last = self._end(period) + self._pattern.missing_us
        if self._pattern.by and now < last:
            self._open[period] = Account(account.sides, last, changed=False)
        first = account.sides[0].total
        if not account.changed or all(side.total == first for side in account.sides):
            return False
        if self._pattern.by and self._seen != (1 << len(account.sides)) - 1:
            return False
        self._found = Finding(
            at=now,
            hits=tuple(sorted({side.newest for side in account.sides if side.newest})),
            conditions=self._conditions(period, account.sides),
        )
        return True

    def _conditions(self, period: int, sides: tuple[Side, ...]) -> tuple[Condition, ...]:
        first = sides[0].total
        sums = tuple(
            Condition(
                name=step.name,
                value=side.total,
                threshold=first,
                comparison="eq" if side.total == first else "gt" if side.total > first else "lt",
            )
            for step, side in zip(self._rule.steps, sides, strict=True)
        )
        if not self._pattern.by:
            return sums
        day = int(date.fromordinal(period + _EPOCH).strftime("%Y%m%d"))
        return (*sums, Condition(name=self._pattern.by, value=day, threshold=day, comparison="eq"))

    def findings(self) -> tuple[Finding, ...]:
        return (self._found,) if self._found else ()

    def clear(self) -> None:
        self._open.clear()
        self._seen = 0

    def copy(self) -> Books:
        return Books(self._rule, self._open.copy(), self._seen)

    def dump(self) -> object:
        if not self._open and not self._seen:
            return []
        return [
            self._seen, msgspec.to_builtins(list(self._open.items()), builtin_types=(bytes,))
        ]  # fmt: skip


class BalanceKind:
    """Rules on sums that must be equal."""

    def memory(self, rule: Rule, dump: object = None) -> Books:
        if not dump:
            return Books(rule, {})
        seen, accounts = msgspec.convert(dump, tuple[int, tuple[tuple[int, Account], ...]])
        return Books(rule, dict(accounts), seen)

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Balance)
        (zh, en), (wait_zh, wait_en) = duration(pattern.period_us), duration(pattern.wait_us)
        sides_zh = "、".join(step.zh or step.name for step in rule.steps)
        sides_en = ", ".join(step.name for step in rule.steps)
        if pattern.by:
            missing_zh, missing_en = duration(pattern.missing_us)
            return (
                (
                    f"同一 `{pattern.by}` 的{sides_zh}合计不相等"
                    f"（各方到齐后 {wait_zh}判断，至多等 {missing_zh}）"
                ),
                (
                    f"sums of {sides_en} over one `{pattern.by}` that differ, judged {wait_en} "
                    f"after all came, or {missing_en} after the day"
                ),
            )
        return (
            f"每 {zh}的{sides_zh}合计不相等（等候 {wait_zh}后判断）",
            f"sums of {sides_en} over {en} that differ, judged {wait_en} later",
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        said = {step.name: step.zh or step.name for step in rule.steps}
        who_zh, who_en = who(alert)
        pattern = rule.pattern
        assert isinstance(pattern, Balance)
        first, *others = alert.conditions
        when_zh, when_en = "同一周期内的", "of one period"
        if pattern.by:
            day = date.fromisoformat(str(others.pop().value)).isoformat()
            when_zh, when_en = f"{day} 的", f"of {day}"
        against_zh = "、".join(f"{said.get(one.name, one.name)} {one.value}" for one in others)
        against_en = ", ".join(f"{one.name} {one.value}" for one in others)
        differ = [one for one in others if one.comparison != "eq"]
        return Explanation(
            reason_zh=f"{who_zh}{when_zh}合计不一致："
            f"{said.get(first.name, first.name)} {first.value}，{against_zh}。",
            reason_en=f"{begin(who_en)} has sums {when_en} that differ: {first.name} "
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
