"""Alerts: lists, one with its reasons and evidence, and people's verdicts."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api import examples, persons, scoped
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.services import AlertQuery, Decision, Judged, Services, Visible
from dashboard_api.views import (
    AlertDetail,
    AlertPage,
    AlertReasons,
    AlertRow,
    AlertSummary,
    EvidenceView,
    State,
    Verdict,
)
from schema import filter as filters
from schema.errors import FengsuiError
from schema.event import TIME, Fields

router = APIRouter(tags=["alerts"])

NOTE_NEEDED: frozenset[Verdict] = frozenset({"false_positive", "accepted"})
NOTE_CHARS_MAX = 4000

Reader = Annotated[Principal, Depends(require(Permission.ALERTS_READ))]
Decider = Annotated[Principal, Depends(require(Permission.ALERTS_DECIDE))]
AlertId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=[examples.ALERT["id"]])]
Filter = Annotated[
    str,
    Query(
        max_length=4096,
        description="field:value, field:a..b, field:*part*, a word; joined by AND, - denies",
    ),
]
Cursor = Annotated[str, Query(max_length=512, description="next_cursor of the page before")]


class Acknowledge(BaseModel):
    """A verdict; the note is obligatory for false_positive and accepted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"verdict": "true_positive", "note": "已电话核实"}},
    )
    verdict: Verdict
    note: str = Field(default="", max_length=NOTE_CHARS_MAX)


@router.get("/v1/alerts", responses=examples.answer(examples.ALERTS))
def alerts(
    services: Site,
    reader: Reader,
    filter: Filter = "",  # noqa: A002 - the query's public name
    state: State | None = None,
    verdict: Judged = "all",
    hidden: Annotated[bool, Query(description="also those an exception hides")] = False,
    cursor: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AlertPage:
    """Alerts newest first, of the units you may see; those an exception hides where asked for."""
    visible = scoped.visible_to(services, reader)
    terms = filters.parse(filter)
    persons.check_terms(terms, reader)
    query = AlertQuery(
        terms=terms,
        state=state,
        verdict=verdict,
        hidden=hidden,
        cursor=cursor,
        limit=limit,
    )
    page = services.alerts.page(query, visible)
    items = [persons.shown(row, reader) for row in page.items if scoped.sees_alert(row, visible)]
    return dataclasses.replace(page, items=items)


@router.get("/v1/alerts/summary", responses=examples.answer(examples.SUMMARY))
def summary(services: Site, reader: Reader) -> AlertSummary:
    """How many alerts nobody has judged, by severity (0 to 4) and by rule; how many are hidden."""
    return services.alerts.summary(scoped.visible_to(services, reader))


@router.get("/v1/alerts/{alert_id}", responses=examples.answer(examples.ALERT_DETAIL))
def alert(services: Site, reader: Reader, alert_id: AlertId) -> AlertDetail:
    """One alert: values against thresholds, what would have kept it from firing, evidence.

    Evidence stands in time order, without fields for those who may not read events.
    """
    visible = scoped.visible_to(services, reader)
    seen, known = _seen(services, alert_id, visible)
    row, reasons = persons.shown(seen, reader), persons.explained(known, seen, reader)
    may_read = persons.in_charge(reader)
    events = [
        EvidenceView(id=event_id, fields=_fields(services, event_id, visible) if may_read else None)
        for event_id in reasons.events
    ]
    events.sort(key=lambda one: (one.fields is None, str((one.fields or {}).get(TIME, ""))))
    parts = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    more = {field.name: getattr(reasons, field.name) for field in dataclasses.fields(reasons)}
    return AlertDetail(**parts, **{**more, "events": events})


@router.post("/v1/alerts/{alert_id}/acknowledge", responses=examples.answer(examples.ACKNOWLEDGED))
def acknowledge(services: Site, decider: Decider, alert_id: AlertId, body: Acknowledge) -> AlertRow:
    """Give a verdict. It stands beside the alert and changes nothing the rules decided."""
    with services.audit.around(Act(decider.name, "alert.acknowledge", alert_id)):
        _seen(services, alert_id, scoped.visible_to(services, decider))
        if body.verdict in NOTE_NEEDED and not body.note.strip():
            raise FengsuiError(
                "dashboard_api.verdict.note_missing",
                f"the verdict {body.verdict} needs a note that says why",
                verdict=body.verdict,
            )
        decision = Decision(
            by=decider.name, at=services.clock.now(), verdict=body.verdict, note=body.note.strip()
        )
        row = services.alerts.acknowledge(alert_id, decision)
    services.stream.notify()
    return row


def _seen(services: Services, alert_id: str, visible: Visible) -> tuple[AlertRow, AlertReasons]:
    found = services.alerts.get(alert_id)
    if found is None or not scoped.sees_alert(found[0], visible):
        raise FengsuiError(
            "dashboard_api.alert.unknown", f"there is no alert {alert_id}", id=alert_id
        )
    return found


def _fields(services: Services, event_id: str, visible: Visible) -> Fields | None:
    hit = services.events.get(event_id)
    return hit.fields if hit and scoped.sees_sensor(hit.sensor, visible) else None
