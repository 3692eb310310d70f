"""Event rules: one event that meets the condition is enough."""

from __future__ import annotations

from analytics.kinds.port import Explanation
from analytics.memory import Finding, Hit, NoDeadlines
from analytics.rule import Rule
from analytics.words import who
from schema.alert import Alert, Condition

_SEEN = (Condition(name="event", value=1, threshold=1, comparison="gte"),)


class Newest(NoDeadlines):
    """The newest hit."""

    __slots__ = ("_hit",)

    def __init__(self, hit: Hit | None = None) -> None:
        self._hit = hit

    def push(self, hit: Hit) -> bool:
        self._hit = hit
        return True

    def findings(self) -> tuple[Finding, ...]:
        if self._hit is None:
            return ()
        return (Finding(at=self._hit[0], hits=(self._hit,), conditions=_SEEN),)

    def clear(self) -> None:
        self._hit = None

    def copy(self) -> Newest:
        return Newest(self._hit)

    def dump(self) -> object:
        return None


class EventKind:
    """Rules without a pattern over time."""

    def memory(self, rule: Rule, dump: object = None) -> Newest:
        del rule, dump  # nothing is remembered from one event to the next
        return Newest()

    def describe(self, rule: Rule) -> tuple[str, str]:
        del rule
        return "出现一次", "seen once"

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        zh, en = who(alert)
        return Explanation(
            reason_zh=f"{zh}有一条日志符合规则“{rule.text.title_zh}”的全部条件。",
            reason_en=f'One event of {en} meets every condition of "{rule.text.title_en}".',
            counterfactual_zh=("若这条日志不符合规则条件，则不触发",),
            counterfactual_en=("Had this event not met the rule's conditions, it would not fire",),
        )
