"""Rule desk: the loaded rules as people read them, and what keeps one from judging now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analytics.engine import Engine
from analytics.judge import Judge
from analytics.readiness import Hindrance, Known, hindrances
from analytics.rule import Rule
from collector.registers.store import RegisterStore
from dashboard_api import views
from schema.alert import UseCase


@dataclass(frozen=True, slots=True)
class RuleDesk:
    """The loaded rules."""

    loaded: Callable[[], Sequence[Rule]]
    known: Callable[[], Known | None]
    """What the site has to judge with; None where rules run past this process."""

    def rows(self) -> Sequence[views.RuleRow]:
        known = self.known()
        return [_row(rule, known) for rule in self.loaded()]


def known_of(judge: Judge, registers: RegisterStore, *, geo: bool) -> Known | None:
    """What a site has now to judge with; None where its rules run past this process.

    From any thread: the engine's maps are copied, and grow only.
    """
    if not isinstance(judge, Engine):
        return None
    tables = registers.view().tables
    return Known(
        now=judge.watermark,
        began=dict(judge.began),
        since=judge.in_force,
        register=tables.__contains__,
        geo=geo,
    )


def _row(rule: Rule, known: Known | None) -> views.RuleRow:
    one = rule.listing()
    return views.RuleRow(
        id=one.id,
        version=one.version,
        severity=one.severity,
        system=one.system,
        kind=one.kind,
        techniques=one.techniques,
        false_positives=tuple(views.TextPair(zh=f.zh, en=f.en) for f in one.false_positives),
        text=views.RuleTexts(
            title_zh=one.text.title_zh,
            title_en=one.text.title_en,
            triage_zh=one.text.triage_zh,
            triage_en=one.text.triage_en,
        ),
        use_case=_use_case(one.use_case),
        hindrances=tuple(map(_hindrance, hindrances(rule, known))) if known else (),
    )


def _use_case(case: UseCase | None) -> views.RuleUseCase | None:
    if case is None:
        return None
    limits = case.limits
    return views.RuleUseCase(
        id=case.id,
        seen_in=case.seen_in,
        owasp=case.owasp,
        limits=views.TextPair(zh=limits.zh, en=limits.en) if limits else None,
    )


def _hindrance(why: Hindrance) -> views.RuleHindrance:
    return views.RuleHindrance(code=why.code, names=why.names, until=why.until or None)
