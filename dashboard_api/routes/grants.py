"""Grants of data sharing: asked for by a requester, decided by the data's owner, asked by gateways.

Bound to a purpose, to named fields, to a quota and to a time; looked at again each year. Gateways
ask by a short way of their own (``dashboard_api.grants.door``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api import examples, paths
from dashboard_api.access.principal import EVERY_UNIT, Principal
from dashboard_api.access.roles import Permission
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.grants import examples as shown
from dashboard_api.grants.check import GrantCheck, Mode, Question, Reason, Verdict
from dashboard_api.grants.desk import LISTED_MAX, GrantDesk
from dashboard_api.grants.door import FIELDS_MAX
from dashboard_api.grants.model import Asked, Grant, Standing
from dashboard_api.wire import TIME_MAX, TIME_MIN, Time, time_of
from schema.errors import FengsuiError

router = paths.router("grants")


def desk_of(services: Site) -> GrantDesk:
    """The grants of the site that was asked."""
    if services.grants is None:
        raise FengsuiError("dashboard_api.grants.absent", "this site keeps no grants")
    return services.grants


def check_of(services: Site) -> GrantCheck:
    """What answers gateways."""
    if services.grant_check is None:
        raise FengsuiError("dashboard_api.grants.absent", "this site keeps no grants")
    return services.grant_check


Reader = Annotated[Principal, Depends(require(Permission.REGISTERS_READ))]
Requester = Annotated[Principal, Depends(require(Permission.REGISTERS_PROPOSE))]
Owner = Annotated[Principal, Depends(require(Permission.REGISTERS_APPROVE))]
Desk = Annotated[GrantDesk, Depends(desk_of)]
Check = Annotated[GrantCheck, Depends(check_of)]
GrantId = Annotated[str, Path(pattern="^[0-9a-f-]{36}$", examples=[shown.GRANT["id"]])]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class NewGrant(BaseModel):
    """What is asked for: nothing without a purpose, fields, a quota and an end."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": shown.NEW})
    requester: Word
    service: Word
    purpose: Word
    fields: Annotated[list[Word], Field(min_length=1, max_length=FIELDS_MAX)]
    quota_per_day: int = Field(ge=1, le=10**12)
    until: str = Field(max_length=40, description="RFC 3339, at most five years from now")
    owner_unit: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class PersonQuestion(BaseModel):
    """A call somebody wants to know the answer for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": shown.QUESTION})
    requester: Word
    service: Word
    fields: Annotated[list[Word], Field(max_length=FIELDS_MAX)] = []
    purpose: str = Field(default="", max_length=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantView:
    """A grant and what became of it."""

    id: str
    requester: str
    service: str
    purpose: str
    fields: list[str]
    quota_per_day: int
    until: Time
    owner_unit: str
    state: Standing
    holds_until: Time | None
    """Its end, or a year after it was last certified."""
    asked_by: str
    asked_at: Time
    decided_by: str | None
    decided_at: Time | None
    certified_by: str | None
    certified_at: Time | None
    revoked_by: str | None
    revoked_at: Time | None
    register_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantsView:
    """Newest first."""

    items: list[GrantView]
    next_cursor: str | None
    on_failure: Mode
    """What gateways are answered where nothing can be looked up, as the site set it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictView:
    """What the gateway does, and by what."""

    allowed: bool
    reason: Reason
    failed: bool
    """Nothing could be looked up: the answer is the mode's, not the register's."""
    mode: Mode
    grant: str | None
    fields: list[str]
    refused_fields: list[str]
    quota_left: int | None
    valid_to: Time | None
    register_version: int | None


@router.get("/v1/grants", responses=examples.answer(shown.GRANTS))
def grants(
    services: Site,
    reader: Reader,
    desk: Desk,
    checking: Check,
    cursor: Annotated[str, Query(pattern="^[0-9a-f-]{0,36}$")] = "",
    limit: Annotated[int, Query(ge=1, le=LISTED_MAX)] = 100,
) -> GrantsView:
    """Grants, newest first; of the data of your units."""
    found = desk.page(before=cursor, limit=limit + 1)
    now = services.clock.now()
    return GrantsView(
        items=[
            view_of(one, now)
            for one in found[:limit]
            if reader.scope.holds(one.asked.owner_unit) or one.asked_by == reader.name
        ],
        next_cursor=found[limit - 1].id if len(found) > limit else None,
        on_failure=checking.mode,
    )


@router.post("/v1/grants", status_code=201, responses=examples.answer(shown.ASKED, 201))
def ask(services: Site, requester: Requester, desk: Desk, body: NewGrant) -> GrantView:
    """Ask for a grant. It gives no access before somebody of the owning unit approves it."""
    with services.audit.around(Act(requester.name, "grant.ask", body.service)):
        asked = Asked(
            requester=body.requester,
            service=body.service,
            purpose=body.purpose,
            fields=tuple(dict.fromkeys(body.fields)),
            quota_per_day=body.quota_per_day,
            until=time_of(body.until, absent=0),
            owner_unit=body.owner_unit,
        )
        if asked.owner_unit == EVERY_UNIT:
            raise FengsuiError(
                "dashboard_api.share_grant.unit", "data belongs to one unit: name it"
            )
        return view_of(desk.ask(asked, by=requester.name), services.clock.now())


@router.post("/v1/grants/{grant_id:plain}:approve", responses=examples.answer(shown.GRANT))
def approve(services: Site, owner: Owner, desk: Desk, grant_id: GrantId) -> GrantView:
    """Approve it as the data's owner: another person than asked, in charge of the owning unit."""
    with services.audit.around(Act(owner.name, "grant.approve", grant_id)):
        owner.must_hold(desk.get(grant_id).asked.owner_unit)
        return view_of(desk.approve(grant_id, by=owner.name), services.clock.now())


@router.post("/v1/grants/{grant_id:plain}:refuse", responses=examples.answer(shown.REFUSED))
def refuse(services: Site, owner: Owner, desk: Desk, grant_id: GrantId) -> GrantView:
    """Say no as the data's owner."""
    with services.audit.around(Act(owner.name, "grant.refuse", grant_id)):
        owner.must_hold(desk.get(grant_id).asked.owner_unit)
        return view_of(desk.refuse(grant_id, by=owner.name), services.clock.now())


@router.post("/v1/grants/{grant_id:plain}:certify", responses=examples.answer(shown.GRANT))
def certify(services: Site, owner: Owner, desk: Desk, grant_id: GrantId) -> GrantView:
    """Confirm that it is still needed: for one more year, within its end."""
    with services.audit.around(Act(owner.name, "grant.certify", grant_id)):
        owner.must_hold(desk.get(grant_id).asked.owner_unit)
        return view_of(desk.certify(grant_id, by=owner.name), services.clock.now())


@router.post("/v1/grants/{grant_id:plain}:revoke", responses=examples.answer(shown.REVOKED))
def revoke(services: Site, owner: Owner, desk: Desk, grant_id: GrantId) -> GrantView:
    """End the access at once; one person of the owning unit is enough."""
    with services.audit.around(Act(owner.name, "grant.revoke", grant_id)):
        owner.must_hold(desk.get(grant_id).asked.owner_unit)
        return view_of(desk.revoke(grant_id, by=owner.name), services.clock.now())


@router.post("/v1/grants:preview", responses=examples.answer(shown.VERDICT))
def preview(reader: Reader, desk: Desk, checking: Check, body: PersonQuestion) -> VerdictView:
    """What a gateway would be answered now, for a person to see; counts for no quota.

    Of a grant of other units' data than one's own nothing is told.
    """
    told = checking.check(
        Question(
            requester=body.requester,
            service=body.service,
            fields=body.fields,
            purpose=body.purpose,
            count=False,
        )
    )
    if told.grant is not None and not reader.scope.everything:
        # What was imported has no life here: only who is in charge of every unit sees it.
        found = desk.find(told.grant)
        if found is None or found.asked_by != reader.name:
            reader.must_hold(EVERY_UNIT if found is None else found.asked.owner_unit)
    return _verdict(told)


def _verdict(told: Verdict) -> VerdictView:
    return VerdictView(
        allowed=told.allowed,
        reason=told.reason,
        failed=told.failed,
        mode=told.mode,
        grant=told.grant,
        fields=list(told.fields),
        refused_fields=list(told.refused_fields),
        quota_left=told.quota_left,
        valid_to=_moment(told.valid_to),
        register_version=told.version,
    )


def view_of(one: Grant, now: int) -> GrantView:
    """A grant as people see it."""
    asked = one.asked
    return GrantView(
        id=one.id,
        requester=asked.requester,
        service=asked.service,
        purpose=asked.purpose,
        fields=list(asked.fields),
        quota_per_day=asked.quota_per_day,
        until=asked.until,
        owner_unit=asked.owner_unit,
        state=one.standing(now),
        holds_until=one.holds_until if one.certified_at else None,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        decided_by=one.decided_by or None,
        decided_at=one.decided_at or None,
        certified_by=one.certified_by or None,
        certified_at=one.certified_at or None,
        revoked_by=one.revoked_by or None,
        revoked_at=one.revoked_at or None,
        register_version=one.version or None,
    )


def _moment(at: int | None) -> int | None:
    return at if at is not None and TIME_MIN <= at <= TIME_MAX else None
