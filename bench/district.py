"""The 74 use cases and the 30 rules of daily work over a made-up district of 128 days.

A hundred ordinary days warm the baselines up, 28 are measured. Each use case is carried out twice
at one to three times its threshold and once below it; each has honest look-alikes at ten times its
rate. The lines are those of the town's own platforms and, for products, of templates true to what
these write; the product's formats read them, its mask hides in them, its shipped rules judge them.
With ``view`` ``caller`` what is left without the logs of the systems' own providers.

Fails where a line is not understood or look-alikes are too few: then nothing was proven.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from typing import Final

from bench._district_feed import NAMES, Label, Wanted
from bench._district_judge import Verdict, judge, seconds_to_detect, system_of

USE_CASES: Final = 74
DAILY_RULES: Final = 30
WARM_UP_DAYS: Final = 100
DAYS: Final = 28
LOOKALIKES_MIN: Final = 10
"""For each attack of a use case, at least so many honest episodes that look like it."""
EVENTS_A_DAY_MAX: Final = 20_000
"""At volume 1."""


def run(*, seed: int = 1, volume: float = 1.0, view: str = "all") -> list[dict[str, object]]:
    """The whole run; one result a use case behind the figures of all."""
    began = time.monotonic()
    verdict = judge(
        Wanted(
            systems=NAMES,
            seed=seed,
            volume=volume,
            warm_up=WARM_UP_DAYS,
            measured=DAYS,
            scenario="",
            view=view,
        )
    )
    assert not verdict.unparsed, f"{verdict.unparsed} lines were not understood"
    _check_lookalikes(verdict)
    assert volume > 1 or verdict.events_per_day <= EVENTS_A_DAY_MAX
    return [
        *_figures(verdict, time.monotonic() - began),
        *_systems(verdict),
        *_use_cases(verdict),
    ]


def _check_lookalikes(verdict: Verdict) -> None:
    attacks = Counter(label.use_case for label in verdict.labels)
    few = {
        case: verdict.lookalikes[case]
        for case, count in sorted(attacks.items())
        if verdict.lookalikes[case] < LOOKALIKES_MIN * count
    }
    assert not few, f"too few honest look-alikes: {few}"


def _figures(verdict: Verdict, seconds: float) -> list[dict[str, object]]:
    attacks = [label for label in verdict.labels if label.kind == "attack"]
    below = [label for label in verdict.labels if label.kind == "below"]
    missed = [label for label in attacks if label.id not in verdict.found]
    cases = {label.use_case for label in attacks} - {label.use_case for label in missed}
    daily = {case for case in cases if case.startswith("D") and not case.startswith("DX")}
    claimed = [label.id for label in below if label.id in verdict.found]
    rules = Counter(alert.rule_id for alert in verdict.false)
    return [
        _row("use_cases_found", len(cases - daily), f"of {USE_CASES}"),
        _row("daily_rules_found", len(daily), f"of {DAILY_RULES}"),
        _row("false_alerts_per_day", round(len(verdict.false) / verdict.days, 2), "alerts"),
        _row("median_seconds_to_detect", round(seconds_to_detect(verdict), 1), "s of event time"),
        _row("missed", " ".join(label.id for label in missed) or "none", "attacks"),
        _row("false_by_rule", _told(rules) or "none", "alerts in all"),
        _row(
            "below_threshold",
            f"{len(below)} carried out, alerts on {' '.join(claimed) or 'none'}",
            "neither missed nor false",
        ),
        _row("attacks", len(attacks), "at or above their threshold"),
        _row("alerts", len(verdict.alerts), f"final, of {len(verdict.rules)} rules"),
        _row("events", verdict.events, f"of {WARM_UP_DAYS + verdict.days} days"),
        _row("events_on_the_busiest_day", verdict.events_per_day, "events"),
        _row("seconds", round(seconds), "s for the whole run"),
    ]


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _systems(verdict: Verdict) -> list[dict[str, object]]:
    """Precision (of alerts) and recall (of attacks) by system."""
    rows: list[dict[str, object]] = []
    false = {alert.id for alert in verdict.false}
    systems = sorted({system_of(label.use_case) for label in verdict.labels})
    for system in systems:
        attacks = [
            label
            for label in verdict.labels
            if label.kind == "attack" and system_of(label.use_case) == system
        ]
        own = [
            alert
            for alert in verdict.alerts
            if (case := verdict.rules[alert.rule_id].use_case) and system_of(case.id) == system
        ]
        found = sum(label.id in verdict.found for label in attacks)
        right = sum(alert.id not in false for alert in own)
        rows += [
            _row(f"recall_{system}", round(found / max(1, len(attacks)), 3), "of attacks"),
            _row(f"precision_{system}", round(right / max(1, len(own)), 3), "of alerts"),
        ]
    return rows


def _use_cases(verdict: Verdict) -> list[dict[str, object]]:
    cases: dict[str, list[Label]] = {}
    for label in verdict.labels:
        if label.kind == "attack":
            cases.setdefault(label.use_case, []).append(label)
    rows: list[dict[str, object]] = []
    for case, labels in sorted(cases.items()):
        found = [label for label in labels if label.id in verdict.found]
        took = [(verdict.found[label.id].decided_at - label.start) / 1e6 for label in found]
        said = f"found after {statistics.median(took):,.0f} s" if took else "not found"
        rows.append(_row(case, len(found), f"of {len(labels)}, {said}"))
    return rows


def _row(what: str, ours: float | str, unit: str) -> dict[str, object]:
    return {
        "what": what,
        "ours": ours,
        "peer": None,
        "peer_name": "none",
        "ratio": None,
        "unit": unit,
    }
