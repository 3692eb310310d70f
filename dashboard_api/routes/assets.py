"""Assets: what events show held against what is declared, as a list of work."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from collector.assets.dismissals import Dismissal
from collector.assets.worklist import Finding
from dashboard_api import examples, paths
from dashboard_api.access.principal import EVERY_UNIT, Principal
from dashboard_api.access.roles import Permission
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.registers import examples as shown
from dashboard_api.registers.assets import AssetDesk
from dashboard_api.registers.desk import REASON_CHARS_MAX, version_view
from dashboard_api.registers.views import RegisterVersionView
from dashboard_api.wire import Time
from schema.errors import FengsuiError

router = paths.router("registers")

PAGE_MAX: Final = 500
"""Entries of one answer; the counts tell of all."""


def desk_of(services: Site) -> AssetDesk:
    """The assets of the site that was asked."""
    if services.assets is None:
        raise FengsuiError("dashboard_api.assets.absent", "this site keeps no assets")
    return services.assets


Reader = Annotated[Principal, Depends(require(Permission.REGISTERS_READ))]
Proposer = Annotated[Principal, Depends(require(Permission.REGISTERS_PROPOSE))]
Approver = Annotated[Principal, Depends(require(Permission.REGISTERS_APPROVE))]
Desk = Annotated[AssetDesk, Depends(desk_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetWork:
    """One thing to be done about one asset."""

    finding: Finding
    asset: str
    first_at: Time | None
    last_at: Time | None
    ports: list[str]
    proposed_in: int | None
    """Version of the register `assets` that says something of it and waits for approval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetWorkView:
    """What is to be done, with how much there is in all."""

    items: list[AssetWork]
    total: int
    counts: dict[str, int]
    """Of each finding, whichever is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DismissalView:
    """One entry somebody set aside, as it was then."""

    asset: str
    finding: Finding
    ports: list[str]
    reason: str
    dismissed_by: str
    dismissed_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class DismissalsView:
    """Newest first."""

    items: list[DismissalView]


Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
AssetName = Annotated[str, Field(min_length=1, max_length=255)]


class AcceptAsset(BaseModel):
    """The asset whose entry is right, and whose it is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"asset": "web-1", "unit": "tax", "owner": "王工"}},
    )
    asset: AssetName
    finding: Finding | None = None
    unit: Words = ""
    owner: Words = ""
    reason: str = Field(default="", max_length=REASON_CHARS_MAX)


class NamedEntry(BaseModel):
    """One entry of the list."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"asset": "web-1", "finding": "newly_exposed"}},
    )
    asset: AssetName
    finding: Finding


class DismissAsset(BaseModel):
    """An entry that needs nothing, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "asset": "web-1",
                "finding": "newly_exposed",
                "reason": shown.DISMISSAL["reason"],
            }
        },
    )
    asset: AssetName
    finding: Finding
    reason: str = Field(min_length=1, max_length=REASON_CHARS_MAX, pattern=r"\S")


@router.get("/v1/assets/work", responses=examples.answer(shown.ASSET_WORK))
def work(
    reader: Reader,
    desk: Desk,
    finding: Annotated[Finding | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> AssetWorkView:
    """Assets nobody declared, that fell silent, that belong to nobody, or that opened a port."""
    reader.must_hold(EVERY_UNIT)
    everything = desk.work()
    found = [one for one in everything if finding in (None, one.finding)]
    number, about = desk.proposed()
    return AssetWorkView(
        items=[
            AssetWork(
                finding=one.finding,
                asset=one.asset,
                first_at=one.first_at or None,
                last_at=one.last_at or None,
                ports=list(one.ports),
                proposed_in=number if one.asset in about else None,
            )
            for one in found[:limit]
        ],
        total=len(found),
        counts=dict(Counter(one.finding for one in everything)),
    )


@router.post(
    "/v1/assets/work:accept", status_code=201, responses=examples.answer(shown.PROPOSED, 201)
)
def accept(
    services: Site, proposer: Proposer, desk: Desk, body: AcceptAsset
) -> RegisterVersionView:
    """Propose what the list found of an asset; somebody else approves it.

    What one person accepts before that is one proposal. An unknown host or an orphan is given its
    unit and owner; of a vanished one the row ends.
    """
    with services.audit.around(Act(proposer.name, "register.propose", "assets")):
        proposer.must_hold(EVERY_UNIT)
        version = desk.accept(
            body.asset, by=proposer.name, finding=body.finding, unit=body.unit.strip(),
            owner=body.owner.strip(), reason=body.reason.strip(),
        )  # fmt: skip
        return version_view(version)


@router.get("/v1/assets/dismissed", responses=examples.answer(shown.DISMISSALS))
def dismissed(reader: Reader, desk: Desk) -> DismissalsView:
    """What was set aside, by whom and why."""
    reader.must_hold(EVERY_UNIT)
    return DismissalsView(items=[_dismissal(one) for one in desk.dismissals.all()])


@router.post("/v1/assets/work:dismiss", responses=examples.answer(shown.DISMISSAL))
def dismiss(services: Site, approver: Approver, desk: Desk, body: DismissAsset) -> DismissalView:
    """Set an entry aside with a reason; it comes back when it shows more than now."""
    with services.audit.around(Act(approver.name, "asset.dismiss", f"{body.finding} {body.asset}")):
        approver.must_hold(EVERY_UNIT)
        found = desk.dismiss(body.asset, body.finding, reason=body.reason.strip(), by=approver.name)
        return _dismissal(found)


@router.post("/v1/assets/work:restore", status_code=204)
def restore(services: Site, approver: Approver, desk: Desk, body: NamedEntry) -> None:
    """List again what was set aside."""
    with services.audit.around(Act(approver.name, "asset.restore", f"{body.finding} {body.asset}")):
        approver.must_hold(EVERY_UNIT)
        desk.dismissals.take_back(body.asset, body.finding)


def _dismissal(one: Dismissal) -> DismissalView:
    return DismissalView(
        asset=one.asset,
        finding=one.finding,
        ports=list(one.ports),
        reason=one.reason,
        dismissed_by=one.by,
        dismissed_at=one.at,
    )
