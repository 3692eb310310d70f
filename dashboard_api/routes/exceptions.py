"""Exceptions: which alerts are not shown, why, by whom and until when; and what one would hide."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from collector.state.exceptions import (
    ENTITY_CHARS_MAX,
    OWNER_CHARS_MAX,
    REASON_CHARS_MAX,
    UNITS_MAX,
    CountedException,
    ExceptionDraft,
)
from collector.state.inforce import EVERY, StoredException
from dashboard_api import examples, persons, scoped
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.services import Services
from dashboard_api.views import ExceptionPreview, ExceptionRow, ExceptionsView
from dashboard_api.wire import time_of
from schema.errors import FengsuiError
from schema.ids import uuid7

router = APIRouter(tags=["alerts"])

Reader = Annotated[Principal, Depends(require(Permission.ALERTS_READ))]
Decider = Annotated[Principal, Depends(require(Permission.ALERTS_DECIDE))]
ExceptionId = Annotated[str, Path(pattern="^[0-9a-f-]{36}$", examples=[examples.EXCEPTION["id"]])]


class Hiding(BaseModel):
    """Which alerts to hide, and until when."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": examples.EXCEPTION_DRAFT}
    )
    rule: str = Field(min_length=1, max_length=128, description="rule id; * for every rule")
    entity: str = Field(
        min_length=1,
        max_length=ENTITY_CHARS_MAX,
        description="a value as alerts show it, a network, or * for every entity of the rule",
    )
    expires_at: str = Field(max_length=40, description="RFC 3339, at most 400 days from now")
    units: list[str] = Field(
        default=[], max_length=UNITS_MAX, description="your own units where left out"
    )


class NewException(Hiding):
    """A hiding with its reason and who answers for it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                **examples.EXCEPTION_DRAFT,
                "reason": examples.EXCEPTION["reason"],
                "owner": examples.EXCEPTION["owner"],
            }
        },
    )
    reason: str = Field(max_length=REASON_CHARS_MAX)
    owner: str = Field(max_length=OWNER_CHARS_MAX)


@router.get("/v1/exceptions", responses=examples.answer(examples.EXCEPTIONS))
def exceptions(services: Site, reader: Reader) -> ExceptionsView:
    """Exceptions that touch your units, those in force first, with the alerts each hides now.

    Whom they are on is withheld from those who may not read events.
    """
    counted = services.exceptions.counted(scoped.visible_to(services, reader))
    rows = [_row(one) for one in counted if _touches(one.exception, reader)]
    return ExceptionsView(items=[persons.exception(row, reader) for row in rows])


@router.post("/v1/exceptions/preview", responses=examples.answer(examples.EXCEPTION_PREVIEW))
def preview(services: Site, decider: Decider, body: Hiding) -> ExceptionPreview:
    """Which alerts of the last thirty days it would hide. Nothing is created."""
    draft = _draft(services, decider, body)
    return services.alerts.would_hide(
        draft, services.clock.now(), scoped.visible_to(services, decider)
    )


@router.post("/v1/exceptions", status_code=201, responses=examples.answer(examples.EXCEPTION, 201))
def create(services: Site, decider: Decider, body: NewException) -> ExceptionRow:
    """Hide such alerts from now on, past ones too. They are raised and kept all the same."""
    exception_id = uuid7(services.clock.now(), services.entropy.take(10))
    with services.audit.around(Act(decider.name, "exception.create", exception_id)):
        draft = _draft(services, decider, body, reason=body.reason, owner=body.owner)
        services.exceptions.create(draft, exception_id=exception_id, by=decider.name)
    services.stream.notify()
    return _found(services, decider, exception_id)


@router.post(
    "/v1/exceptions/{exception_id}/revoke", responses=examples.answer(examples.EXCEPTION_REVOKED)
)
def revoke(services: Site, decider: Decider, exception_id: ExceptionId) -> ExceptionRow:
    """Show again what it hides; only for somebody in charge of all its units."""
    with services.audit.around(Act(decider.name, "exception.revoke", exception_id)):
        found = services.exceptions.get(exception_id)
        if not _touches(found, decider):
            raise FengsuiError(
                "collector.exception.unknown",
                f"there is no exception {exception_id}",
                id=exception_id,
            )
        for unit in found.units:
            decider.must_hold(unit)
        ended = services.exceptions.revoke(exception_id, by=decider.name)
    services.stream.notify()
    # Not looked up again: of past ones only the newest are listed.
    return _row(CountedException(exception=ended, in_force=False, hidden=0))


def _draft(
    services: Services, decider: Principal, body: Hiding, *, reason: str = "", owner: str = ""
) -> ExceptionDraft:
    """The draft of what was sent, of units the person is in charge of, for a rule there is."""
    units = tuple(body.units) or decider.scope.units
    for unit in units:
        decider.must_hold(unit)
    if body.rule != EVERY and all(row.id != body.rule for row in services.rules.rows()):
        raise FengsuiError(
            "dashboard_api.rule.unknown", f"there is no rule {body.rule}", rule=body.rule
        )
    return ExceptionDraft(
        rule_id=body.rule,
        entity=body.entity,
        units=units,
        reason=reason,
        owner=owner,
        expires_at=time_of(body.expires_at, absent=0),
    )


def _touches(one: StoredException, reader: Principal) -> bool:
    """Whether it may hide alerts this person would see."""
    return EVERY in one.units or any(reader.scope.holds(unit) for unit in one.units)


def _found(services: Services, reader: Principal, exception_id: str) -> ExceptionRow:
    counted = services.exceptions.counted(scoped.visible_to(services, reader))
    return next(_row(one) for one in counted if one.exception.id == exception_id)


def _row(counted: CountedException) -> ExceptionRow:
    one = counted.exception
    return ExceptionRow(
        id=one.id,
        rule=one.rule_id,
        entity=one.entity,
        units=list(one.units),
        reason=one.reason,
        owner=one.owner,
        created_by=one.created_by,
        created_at=one.created_at,
        expires_at=one.expires_at,
        revoked_by=one.revoked_by,
        revoked_at=one.revoked_at,
        in_force=counted.in_force,
        hidden=counted.hidden,
    )
