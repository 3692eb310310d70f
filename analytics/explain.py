"""Explain: why an alert was raised and what would have kept it from being raised, in two languages.

Made from the alert's own conditions, so it says the same wherever and whenever it is read: a later
version of the rule may ask for other numbers. Only titles are the rule's of today; where the rule
has become another one (its major version tells), the conditions are listed as they stood.
"""

from __future__ import annotations

from analytics import kinds
from analytics.kinds.port import Explanation
from analytics.rule import Rule
from analytics.words import begin, who
from schema.alert import Alert, Condition

__all__ = ["Explanation", "explain"]


def explain(alert: Alert, rule: Rule) -> Explanation:
    """Why the rule raised this alert, and what would have kept it from doing so."""
    if alert.rule_version == rule.major:
        return kinds.of(rule.pattern).explain(alert, rule)
    zh, en = who(alert)
    return Explanation(
        reason_zh=f"{zh}符合规则第 {alert.rule_version} 版的条件："
        f"{'；'.join(map(_plain, alert.conditions))}。",
        reason_en=f"{begin(en)} met the conditions of version {alert.rule_version} of the rule: "
        f"{'; '.join(map(_plain, alert.conditions))}.",
        counterfactual_zh=(),
        counterfactual_en=(),
    )


_SIGNS = {"gte": "≥", "gt": ">", "lte": "≤", "lt": "<", "eq": "="}


def _plain(one: Condition) -> str:
    return f"{one.name} {one.value} {_SIGNS[one.comparison]} {one.threshold}"
