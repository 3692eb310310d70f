"""States: an entity's state over time, and the changes of it that may not be.

The state is a field's value, or which of the steps came. Only the newest hit is kept. A state is
forgotten when nothing came for the rule's time. Staying in a state is always allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from analytics.kinds.port import Draft, Explanation, Form
from analytics.kinds.shared import shared
from analytics.kinds.steps import StepPart, check_names
from analytics.language.reading import check_count, duration_us, refused
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.patterns import States
from analytics.rule import STEPS_MAX, Rule
from analytics.words import begin, duration, who
from schema.alert import Alert, Condition

STATES_MAX: Final = 64
"""States a rule names: the life of an order or a certificate has a tenth of it."""

ANY: Final = "*"
"""Any state, in a list of changes."""

SHOWN_CHARS: Final = 64
"""Of a state's name in an alert: a hash is as long."""

_ARROW: Final = " → "


class StatesPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which changes may be, or may not be; with neither, no change at all."""

    within: str
    field: str = ""
    steps: tuple[StepPart, ...] = ()
    initial: str = ""
    allowed: dict[str, tuple[str, ...]] | None = None
    forbidden: dict[str, tuple[str, ...]] | None = None
    warm_up: bool = True
    """With ``initial``: whether to wait until the rule has watched for ``within``."""

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        self._check()
        within_us = duration_us(self.within, "states.within")
        if self.steps:
            draft.no_detection("states")
            steps = tuple(step.step(draft) for step in self.steps)
        else:
            steps = (draft.step("event", values=(self.field,)),)
        listed = self.forbidden if self.allowed is None else self.allowed
        waits = self.initial and self.warm_up
        return Form(
            steps=steps,
            pattern=States(
                retention_us=within_us,
                within_us=within_us,
                field=self.field,
                initial=self.initial,
                listed=tuple((one, tuple(to)) for one, to in sorted((listed or {}).items())),
                forbidden=self.forbidden is not None,
                warm_up_us=within_us if waits else 0,
                watched=tuple(range(len(steps))) if waits else (),
            ),
        )

    def _check(self) -> None:
        if bool(self.field) == bool(self.steps):
            raise refused("states are of a field or of steps")
        if self.steps:
            check_names(self.steps, "states", at_least=2, at_most=STEPS_MAX)
        if self.allowed is not None and self.forbidden is not None:
            raise refused("states has allowed or forbidden, not both")
        listed = self.allowed or self.forbidden or {}
        named = {one for pair in listed.items() for one in (pair[0], *pair[1])}
        if listed or self.allowed is not None or self.forbidden is not None:
            check_count(len(named), "states named", at_most=STATES_MAX)
        if self.steps:
            odd = sorted(named - {ANY} - {step.name for step in self.steps})
            if odd:
                raise refused(f"no step is called {odd[0]!r}")
        if self.initial and not listed:
            raise refused("an initial state needs a list of changes")


class Current(NoDeadlines):
    """The newest hit, and the change that came with it."""

    __slots__ = ("_change", "_hit", "_plan")

    def __init__(self, plan: _Plan, hit: Hit | None = None) -> None:
        self._plan = plan
        self._hit = hit
        self._change: tuple[str, tuple[Hit, ...]] = ("", ())

    def push(self, hit: Hit) -> bool:
        plan, before = self._plan, self._hit
        self._hit = hit
        state = plan.state(hit)
        hits: tuple[Hit, ...]
        if before is not None and hit[0] - before[0] < plan.pattern.within_us:
            earlier, hits = plan.state(before), (before, hit)
        elif plan.pattern.initial:
            earlier, hits = plan.pattern.initial, (hit,)
        else:
            return False
        if not plan.is_wrong(earlier, state):
            return False
        self._change = f"{earlier[:SHOWN_CHARS]}{_ARROW}{state[:SHOWN_CHARS]}", hits
        return True

    def findings(self) -> tuple[Finding, ...]:
        name, hits = self._change
        conditions = (Condition(name=name, value=1, threshold=1, comparison="gte"),)
        return (Finding(at=hits[-1][0], hits=hits, conditions=conditions),)

    def clear(self) -> None:
        self._hit = None

    def copy(self) -> Current:
        return Current(self._plan, self._hit)

    def dump(self) -> object:
        return self._hit


class _Plan:
    """What all states of one rule share."""

    __slots__ = ("_listed", "_names", "pattern")

    def __init__(self, rule: Rule) -> None:
        pattern = rule.pattern
        assert isinstance(pattern, States)
        self.pattern = pattern
        self._listed: Mapping[str, frozenset[str]] = {
            one: frozenset(to) for one, to in pattern.listed
        }
        self._names = tuple(step.name for step in rule.steps)

    def state(self, hit: Hit) -> str:
        """The state a hit says: its value, or the first of the steps it matches."""
        if self.pattern.field:
            return str(hit[5][0])
        return self._names[(hit[4] & -hit[4]).bit_length() - 1]

    def is_wrong(self, earlier: str, state: str) -> bool:
        """Whether this change may not be."""
        if earlier == state:
            return False
        listed = any(
            state in to or ANY in to
            for to in (self._listed.get(earlier, ()), self._listed.get(ANY, ()))
        )
        return listed is self.pattern.forbidden


class StatesKind:
    """Rules on changes of state."""

    def memory(self, rule: Rule, dump: object = None) -> Current:
        return Current(shared(rule, _Plan), msgspec.convert(dump, Hit) if dump else None)

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, States)
        zh, en = duration(pattern.within_us)
        what = f"`{pattern.field}`" if pattern.field else ", ".join(s.name for s in rule.steps)
        if not pattern.listed:
            return f"{zh}内 {what} 有变化", f"a change of {what} within {en}"
        listed = "; ".join(f"{one}{_ARROW}{', '.join(to)}" for one, to in pattern.listed)
        if pattern.forbidden:
            return f"{zh}内 {what} 变化为 {listed}", f"{what} goes {listed} within {en}"
        return f"{zh}内 {what} 变化不属于 {listed}", f"{what} goes other than {listed} within {en}"

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        del rule
        (change,) = alert.conditions
        earlier, _, state = change.name.partition(_ARROW)
        zh, en = who(alert)
        return Explanation(
            reason_zh=f"{zh}的状态由“{earlier}”变为“{state}”，这一变化不被允许。",
            reason_en=f'{begin(en)} went from "{earlier}" to "{state}", which is not allowed.',
            counterfactual_zh=(f"若仍为“{earlier}”，则不触发",),
            counterfactual_en=(f'Had it stayed "{earlier}", it would not fire',),
        )
