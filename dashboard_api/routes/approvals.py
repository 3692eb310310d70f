"""Approvals: what waits for a second person, and that person's word.

Asking is part of destroying and exporting a key; what was asked for is carried out when somebody
else approves. An exported key is given once, to who asked.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query

from dashboard_api import examples, paths
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.applications.approval import (
    Approval,
    ApprovalQuery,
    Asker,
    Kind,
    State,
    unknown,
)
from dashboard_api.applications.approvals import Approvals
from dashboard_api.applications.model import Operation
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.services import present
from dashboard_api.signing.asking import Asker as Asking
from dashboard_api.signing.asking import Asking as AskingFor
from dashboard_api.wire import Time

router = paths.router("approvals")


def approvals_of(services: Site) -> Approvals:
    """The approvals of the site that was asked."""
    return present(services.approvals)


Reader = Annotated[Principal, Depends(require(Permission.KEYS_READ))]
Approver = Annotated[Principal, Depends(require(Permission.KEYS_APPROVE))]
Looking = Annotated[
    Asking, Depends(AskingFor(Permission.KEYS_READ, Operation.KEYS_READ, key="key"))
]
Taking = Annotated[
    Asking, Depends(AskingFor(Permission.KEYS_MANAGE, Operation.KEYS_MANAGE, key="key"))
]
Key = Annotated[
    str,
    Query(
        max_length=63,
        description="the key it is of; an application must name it, a person need not",
        examples=[examples.APPROVAL["key"]],
    ),
]
Desk = Annotated[Approvals, Depends(approvals_of)]
ApprovalId = Annotated[str, Path(pattern="^[0-9a-f-]{36}$", examples=[examples.APPROVAL["id"]])]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """What was asked for, by whom, and what became of it."""

    id: str
    kind: Kind
    key: str
    asked_by: str
    asked_at: Time
    expires_at: Time
    params: dict[str, str]
    """To whom a key is to go, or which version to destroy."""
    state: State
    decided_by: str | None
    decided_at: Time | None
    ended_at: Time | None
    failure: str | None
    """Code of what kept it from being carried out."""
    material_waits: bool
    given_at: Time | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsView:
    """Newest first."""

    items: list[ApprovalView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """An exported key in base64, encrypted to the public key that was named when asking."""

    approval: str
    material: str


@router.get("/v1/crypto/approvals", responses=examples.answer(examples.APPROVALS))
def approvals(
    reader: Reader,
    desk: Desk,
    state: Annotated[State | None, Query()] = None,
    kind: Annotated[Kind | None, Query()] = None,
    key: Annotated[str, Query(max_length=63, description="a key's whole id")] = "",
    cursor: Annotated[str, Query(pattern="^[0-9a-f-]{0,36}$")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ApprovalsView:
    """What was asked for keys of your units, newest first; the site's own with every unit."""
    query = ApprovalQuery(state=state, kind=kind, key=key, before=cursor, limit=limit + 1)
    found = desk.page(query, reader.scope.units)
    return ApprovalsView(
        items=[view_of(one) for one in found[:limit]],
        next_cursor=found[limit - 1].id if len(found) > limit else None,
    )


@router.get(
    "/v1/crypto/approvals/{approval_id:plain}", responses=examples.answer(examples.APPROVAL)
)
def approval(asking: Looking, desk: Desk, approval_id: ApprovalId, key: Key = "") -> ApprovalView:
    """One of them; for an application one that it asked for."""
    _ = key
    return view_of(_seen(desk, approval_id, asking))


@router.post(
    "/v1/crypto/approvals/{approval_id:plain}:approve",
    responses=examples.answer(examples.APPROVAL_DONE),
)
def approve(
    services: Site, approver: Approver, desk: Desk, approval_id: ApprovalId
) -> ApprovalView:
    """Be the second person: it is carried out at once. `failed` says why it could not be.

    Not for who asked, nor for anybody who ever held a credential of the application that asked.
    """
    with services.audit.refusals(Act(approver.name, "approval.approve", approval_id)):
        return view_of(desk.approve(approval_id, approver))


@router.post(
    "/v1/crypto/approvals/{approval_id:plain}:refuse",
    responses=examples.answer(examples.APPROVAL_REFUSED),
)
def refuse(services: Site, approver: Approver, desk: Desk, approval_id: ApprovalId) -> ApprovalView:
    """Say no."""
    with services.audit.refusals(Act(approver.name, "approval.refuse", approval_id)):
        return view_of(desk.refuse(approval_id, approver))


@router.post(
    "/v1/crypto/approvals/{approval_id:plain}:take", responses=examples.answer(examples.MATERIAL)
)
def take(
    services: Site, asking: Taking, desk: Desk, approval_id: ApprovalId, key: Key = ""
) -> Material:
    """Take the exported key you asked for: once, within seven days of its approval."""
    _ = key
    with services.audit.refusals(Act(asking.actor, "approval.take", approval_id)):
        # Also for a person who asked: they may be in charge of other units by now.
        _seen(desk, approval_id, asking)
        material = desk.take(approval_id, Asker.of(asking))
    return Material(approval=approval_id, material=base64.b64encode(material).decode())


def _seen(desk: Approvals, approval_id: str, asking: Asking) -> Approval:
    """The approval: a person's by its unit, an application's where it asked, of the key named."""
    if asking.person is not None:
        return desk.get(approval_id, asking.person)
    found = desk.of(approval_id, Asker.of(asking))
    if asking.application is None or found.key != asking.application.key:
        raise unknown(approval_id)
    return found


def view_of(one: Approval) -> ApprovalView:
    """An approval as people see it."""
    return ApprovalView(
        id=one.id,
        kind=one.kind,
        key=one.key,
        asked_by=one.asker.name,
        asked_at=one.asked_at,
        expires_at=one.expires_at,
        params=dict(one.params),
        state=one.state,
        decided_by=one.decided_by,
        decided_at=one.decided_at,
        ended_at=one.ended_at,
        failure=one.failure,
        material_waits=one.material_waits,
        given_at=one.given_at,
    )
