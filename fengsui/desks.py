"""Desks: what the API asks of a site, answered by the real parts of that site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from analytics.explain import explain
from analytics.rule import Rule
from collector import proof as proofs
from collector.clients import Clients
from collector.enrolments import Enrolments, is_own
from collector.health import SensorStatus
from collector.idindex import IdIndex
from collector.intake import Intake
from collector.proof import EventProof
from collector.push import Push
from collector.room import Gate
from collector.state.alertrows import StoredAlert
from collector.state.alerts import Alerts as AlertTable
from collector.state.coverage import CoverageQuery, CoverageTable
from collector.state.exceptions import ExceptionDraft, Exceptions
from collector.state.inforce import ExceptionMark
from collector.state.missed import MissedTable
from crypto import sm2
from dashboard_api import services, views
from dashboard_api.services import AlertQuery, Changes, Decision, PushAnswer, Visible
from fengsui import platform_rules
from fengsui.pipeline import Pipeline
from schema.coverage import CoverageRow
from schema.event import Fields
from schema.heartbeat import Signed
from schema.receipt import Receipt
from schema.times import SECOND
from sensors.replay import Recording


@dataclass(frozen=True, slots=True)
class AlertDesk:
    """Alerts with the texts of their rules."""

    table: AlertTable
    rule: Callable[[str], Rule | None]
    """A rule by its id, None once it is gone."""
    exceptions: Exceptions | None = None

    def page(self, query: AlertQuery, visible: Visible) -> views.AlertPage:
        judged = {"open": False, "done": True, "all": None}[query.verdict]
        page = self.table.page(
            query.terms,
            state=query.state,
            judged=judged,
            visible=visible,
            hidden=query.hidden,
            limit=query.limit,
            cursor=query.cursor,
        )
        return views.AlertPage(
            items=[self._row(stored) for stored in page.items],
            next_cursor=page.next_cursor or None,
            total=page.total,
        )

    def summary(self, visible: Visible) -> views.AlertSummary:
        counts = self.table.open_counts(visible)
        by_rule = [(self._brief(rule_id), number) for rule_id, number in counts.by_rule]
        return views.AlertSummary(
            open=counts.open,
            by_severity=list(counts.by_severity),
            by_rule=[
                views.RuleOpen(
                    rule=brief.id, title_zh=brief.title_zh, title_en=brief.title_en, open=number
                )
                for brief, number in by_rule
            ],
            hidden=counts.hidden,
        )

    def would_hide(
        self, draft: ExceptionDraft, now: int, visible: Visible
    ) -> views.ExceptionPreview:
        found = self.table.would_hide(draft, now, visible)
        by_rule = [(self._brief(rule_id), number) for rule_id, number in found.by_rule]
        return views.ExceptionPreview(
            since=found.since,
            count=found.count,
            judged_true=found.judged_true,
            by_rule=[
                views.RuleHidden(
                    rule=brief.id, title_zh=brief.title_zh, title_en=brief.title_en, count=number
                )
                for brief, number in by_rule
            ],
            items=[self._row(stored) for stored in found.newest],
        )

    def get(self, alert_id: str) -> tuple[views.AlertRow, views.AlertReasons] | None:
        stored = self.table.get(alert_id)
        return None if stored is None else (self._row(stored), self._reasons(stored))

    def since(self, seq: int, limit: int) -> Changes:
        changed_at = self.exceptions.changed_at() if self.exceptions else 0
        rows = [self._row(stored) for stored in self.table.since(seq, limit)]
        return Changes(rows=rows, newest=self.table.last_seq(), exceptions_changed_at=changed_at)

    def acknowledge(self, alert_id: str, decision: Decision) -> views.AlertRow:
        self.table.acknowledge(
            alert_id, by=decision.by, verdict=decision.verdict, note=decision.note, at=decision.at
        )
        stored = self.table.get(alert_id)
        assert stored is not None
        return self._row(stored)

    def _brief(self, rule_id: str) -> views.RuleBrief:
        own = platform_rules.RULES.get(rule_id)
        if own is not None:
            return views.RuleBrief(
                id=own.id,
                version="1",
                kind="platform",
                system="platform",
                title_zh=own.title_zh,
                title_en=own.title_en,
            )
        rule = self.rule(rule_id)
        if rule is None:
            # Its alerts stay when a rule goes.
            return views.RuleBrief(
                id=rule_id,
                version="",
                kind="",
                system="",
                title_zh=f"已移除的规则 {rule_id}",
                title_en=f"removed rule {rule_id}",
            )
        listed = rule.listing()
        return views.RuleBrief(
            id=listed.id,
            version=listed.version,
            kind=listed.kind,
            system=listed.system,
            title_zh=listed.text.title_zh,
            title_en=listed.text.title_en,
        )

    def _row(self, stored: StoredAlert) -> views.AlertRow:
        alert, decision = stored.alert, stored.decision
        acknowledged = None
        if decision is not None:
            acknowledged = views.Acknowledgement(
                by=decision.by, at=decision.at, verdict=decision.verdict, note=decision.note
            )
        return views.AlertRow(
            id=alert.id,
            seq=stored.seq,
            rule=self._brief(alert.rule_id),
            entity_field=alert.entity_field,
            entity=alert.entity,
            severity=alert.severity,
            score=alert.score,
            state=alert.state,
            decided_at=alert.decided_at,
            last_at=stored.last_at,
            count=stored.count,
            acknowledged=acknowledged,
            sensors=stored.sensors,
            exception=_mark(stored.exception),
        )

    def _reasons(self, stored: StoredAlert) -> views.AlertReasons:
        alert = stored.alert
        own = platform_rules.RULES.get(alert.rule_id)
        rule = self.rule(alert.rule_id)
        explained = explain(alert, rule) if rule else None
        listed = rule.listing() if rule else None
        chinese = {step.name: step.zh for step in rule.steps} if rule else {}
        return views.AlertReasons(
            reason_zh=explained.reason_zh if explained else own.reason_zh if own else "",
            reason_en=explained.reason_en if explained else own.reason_en if own else "",
            conditions=tuple(
                views.ConditionView(
                    name=one.name,
                    value=one.value,
                    threshold=one.threshold,
                    comparison=one.comparison,
                    name_zh=chinese.get(one.name, ""),
                )
                for one in alert.conditions
            ),
            counterfactual_zh=explained.counterfactual_zh if explained else (),
            counterfactual_en=explained.counterfactual_en if explained else (),
            triage_zh=listed.text.triage_zh if listed else own.triage_zh if own else "",
            triage_en=listed.text.triage_en if listed else own.triage_en if own else "",
            techniques=listed.techniques if listed else (),
            false_positives=tuple(
                views.TextPair(zh=one.zh, en=one.en)
                for one in (listed.false_positives if listed else ())
            ),
            events=alert.events,
            history=self._history(alert.id),
        )

    def _history(self, alert_id: str) -> tuple[views.HistoryItem, ...]:
        revisions = [
            views.HistoryItem(
                at=one.at, state=one.alert.state, count=one.alert.count, note=one.reason
            )
            for one in self.table.revisions(alert_id)
        ]
        last = revisions[-1]
        decisions = [
            views.HistoryItem(
                at=one.at,
                state=last.state,
                count=last.count,
                by=one.by,
                verdict=one.verdict,
                note=one.note,
            )
            for one in self.table.decisions(alert_id)
        ]
        return tuple(sorted([*revisions, *decisions], key=lambda item: item.at))


def _mark(mark: ExceptionMark | None) -> views.ExceptionMark | None:
    if mark is None:
        return None
    return views.ExceptionMark(
        id=mark.id, reason=mark.reason, owner=mark.owner, expires_at=mark.expires_at
    )


@dataclass(frozen=True, slots=True)
class ProofDesk:
    """Proofs of stored events, from the segments."""

    ids: IdIndex
    enrolments: Enrolments
    intake: Intake
    receipt_key: sm2.PublicKey

    def prove(self, event_id: str) -> EventProof | None:
        found = self.ids.find(bytes.fromhex(event_id))
        if found is None:
            return None
        batch = self.ids.batch(found.sensor, found.segment, found.number)
        if batch is None:
            return None
        enrolment = self.enrolments.of_batch(found.sensor, batch.header.enrolment)
        return proofs.prove(
            event_id,
            batch,
            segment_name=f"{found.sensor}/{found.segment}",
            index=found.index,
            key=enrolment.key,
            receipt=self.intake.receipt(found.sensor),
            receipt_key=self.receipt_key,
        )


@dataclass(frozen=True, slots=True)
class SensorDesk:
    """How the sensors stand."""

    intake: Intake
    enrolments: Enrolments
    pipeline: Pipeline
    covered: CoverageTable
    missed_table: MissedTable
    rules: Callable[[], Sequence[Rule]]
    recording: Recording | None = None

    def rows(self) -> Sequence[views.SensorRow]:
        ended = self._ended()
        return [_sensor_row(one, ended=one.name == ended) for one in self.intake.status()]

    def watermark(self) -> int:
        reached, ended = self.pipeline.progress.watermark, self._ended()
        # Recorded time was let pass beyond the last record, so that all windows close.
        last = (one.last_event_at for one in self.intake.status() if one.name == ended)
        return min([reached, *last])

    def _ended(self) -> str:
        """The sensor of a recording that is through: it is neither silent nor behind."""
        recording = self.recording
        return recording.labels.recording.name if recording and recording.finished else ""

    def missed(self, visible: Visible, *, waiting: bool) -> views.MissedView:
        items = [
            views.MissedItem(
                rule=row.missed.rule_id,
                entity=row.missed.entity,
                sensor=row.missed.sensor,
                first_at=row.missed.first_at,
                last_at=row.missed.last_at,
                events=row.missed.events,
                noted_at=row.noted_at,
                looked_at=row.looked_at,
                revised=row.revised,
            )
            for row in self.missed_table.newest(waiting=waiting, visible=visible)
        ]
        silent = [
            views.SilentSource(
                sensor=one.name,
                since=one.last_seen_at or None,
                rules=self._readers(self.covered.datasets(one.name)),
            )
            for one in self.intake.status()
            if one.status == "silent"
            and not is_own(one.name)
            and one.name != self._ended()
            and (visible is None or one.name in visible)
        ]
        return views.MissedView(items=items, silent=silent)

    def _readers(self, datasets: frozenset[str]) -> list[str]:
        """Rules that judge events of these datasets."""
        return [rule.id for rule in self.rules() if rule.datasets() & datasets]

    def coverage(self, query: CoverageQuery, visible: Visible) -> views.CoverageView:
        page = self.covered.page(query, visible=visible)
        return views.CoverageView(
            start=page.start,
            items=[
                views.CoverageItem(minute=row.minute, dataset=row.dataset, **_counts(row))
                for row in page.items
            ],
            next_cursor=page.next_cursor or None,
            totals=[views.CoverageCounts(**_counts(row)) for row in page.totals],
        )

    def revoke(self, name: str) -> None:
        self.enrolments.revoke(name)


class _Counts(TypedDict):
    sensor: str
    rule: str
    events: int
    late: int
    too_late: int
    unkeyed: int
    evicted: int
    lag_max_seconds: int


def _counts(row: CoverageRow) -> _Counts:
    return _Counts(
        sensor=row.sensor,
        rule=row.rule,
        events=row.events,
        late=row.late,
        too_late=row.too_late,
        unkeyed=row.unkeyed,
        evicted=row.evicted,
        lag_max_seconds=row.lag_max_us // SECOND,
    )


def _sensor_row(one: SensorStatus, *, ended: bool) -> views.SensorRow:
    # The platform's own chains are sealed here: nothing of them is on its way, nor can be missed.
    own = is_own(one.name)
    return views.SensorRow(
        name=one.name,
        unit=one.unit,
        realm=one.realm,
        status="finished" if ended else "active" if own and one.status == "silent" else one.status,
        enrolment=one.enrolment,
        key_id=one.key_id,
        last_batch=one.last_batch,
        last_event_at=one.last_event_at or None,
        last_seen_at=one.last_seen_at or None,
        lag_seconds=0 if own or ended else one.lag_us // SECOND,
        events=one.events,
        quarantined=one.quarantined,
        gaps=tuple(
            views.GapView(from_=gap.from_at, to=gap.to_at, reason=gap.reason) for gap in one.gaps
        ),
    )


@dataclass(frozen=True, slots=True)
class BatchDoor:
    """The collector's door for remote sensors."""

    intake: Intake
    pipeline: Pipeline
    gate: Gate

    def accept(self, raw: bytes) -> Sequence[Receipt]:
        self.gate.check()
        return self.intake.accept(raw)

    def heartbeat(self, signed: Signed) -> None:
        self.pipeline.heard(self.intake.heartbeat(signed))


@dataclass(frozen=True, slots=True)
class PushDoor:
    """The collector's door for business systems."""

    clients: Clients
    door: Push
    gate: Gate

    def client(self, token: str) -> str:
        return self.clients.of_token(token).id

    def push(self, client: str, batch_id: str, events: Sequence[Fields]) -> PushAnswer:
        self.gate.check()
        (found,) = [one for one in self.clients.all() if one.id == client]
        answer = self.door.push(found, batch_id, events)
        return PushAnswer(
            accepted=answer.accepted,
            refused=tuple(
                services.Refused(index=one.index, code=one.code, detail=one.detail)
                for one in answer.refused
            ),
        )


@dataclass(frozen=True, slots=True)
class EnrolmentDoor:
    """Letting sensors in."""

    enrolments: Enrolments

    def issue_token(self, name: str, unit: str) -> str:
        return self.enrolments.issue_token(name, unit)

    def enrol(
        self, token: str, name: str, *, unit: str, public_key: str, proof: str
    ) -> services.Enrolled:
        one = self.enrolments.enrol(token, name, unit=unit, public_key=public_key, proof=proof)
        return services.Enrolled(
            sensor=one.sensor,
            enrolment=one.enrolment,
            realm=one.realm,
            receipt_public_key=one.receipt_public_key,
            last_batch=one.last_batch,
        )
