"""The canonical set says which alerts stand, and nothing of how they came to."""

from __future__ import annotations

import msgspec
from analytics_world import at, event_rule, ruleset, run

from analytics.canonical import canonical_set, digest

ALERTS = list(
    run(ruleset(event_rule()), [at(1, offset=1), at(2, offset=2), at(3, offset=3)]).alerts.values()
)


def test_the_order_of_alerts_does_not_show() -> None:
    assert len(ALERTS) == 3
    assert canonical_set(ALERTS) == canonical_set(ALERTS[::-1])
    assert digest(ALERTS) == digest(ALERTS[::-1])
    assert canonical_set(ALERTS).count(b"\n") == 3


def test_one_alert_more_or_another_count_shows() -> None:
    assert digest(ALERTS) != digest(ALERTS[1:])
    changed = msgspec.structs.replace(ALERTS[0], count=9)
    assert digest([changed, *ALERTS[1:]]) != digest(ALERTS)


def test_only_final_alerts_of_rules_on_events_are_in_it() -> None:
    for state in ("provisional", "withdrawn"):
        other = msgspec.structs.replace(ALERTS[0], state=state)
        assert canonical_set([other, *ALERTS[1:]]) == canonical_set(ALERTS[1:])
    own = msgspec.structs.replace(ALERTS[0], rule_id="platform.lag")
    assert canonical_set([own, *ALERTS[1:]]) == canonical_set(ALERTS[1:])


def test_no_alerts_are_no_bytes() -> None:
    assert canonical_set([]) == b""
