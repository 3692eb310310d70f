"""The audit chain, for the audit administrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from dashboard_api import examples
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.context import Site, require
from schema.errors import FengsuiError

router = APIRouter(tags=["audit"])
Auditor = Annotated[Principal, Depends(require(Permission.AUDIT_READ))]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditItem:
    """One entry and its SM3; ``at`` is the hashed text."""

    n: int
    at: str
    actor: str
    action: str
    object: str
    result: str
    detail: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Newest first."""

    items: list[AuditItem]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """Whether the chain is whole, and where it breaks if not."""

    entries: int
    ok: bool
    broken_at: int | None


@router.get("/v1/audit", responses=examples.answer(examples.AUDIT))
def audit(
    services: Site,
    auditor: Auditor,
    cursor: Annotated[str, Query(pattern="^[0-9]{0,15}$")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditPage:
    """Who did what, newest first. Reading signs the head of the chain."""
    _ = auditor
    found = services.audit.page(int(cursor or 0), limit)
    items = [
        AuditItem(
            n=entry.n,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            object=entry.object,
            result=entry.result,
            detail=entry.detail,
            previous=entry.previous,
            hash=digest,
        )
        for entry, digest in found
    ]
    more = len(items) == limit and items[-1].n > 1
    return AuditPage(items=items, next_cursor=str(items[-1].n) if more else None)


@router.get("/v1/audit/verify", responses=examples.answer(examples.AUDIT_VERIFIED))
def verify(services: Site, auditor: Auditor) -> AuditReport:
    """Recompute every link and signature of the chain."""
    _ = auditor
    try:
        entries = services.audit.verify()
    except FengsuiError as error:
        broken_at = int(error.params.get("n", 0))
        return AuditReport(entries=max(0, broken_at - 1), ok=False, broken_at=broken_at)
    return AuditReport(entries=entries, ok=True, broken_at=None)
