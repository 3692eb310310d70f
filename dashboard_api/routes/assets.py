"""Assets: what events show held against what is declared, as a list of work."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from collector.assets.dismissals import Dismissal
from collector.assets.sightings import Asset
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
class SeenAsset:
    """A host as events show it, each distinct value once."""

    host: str
    first_at: Time
    last_at: Time
    ids: list[str]
    addresses: list[str]
    operating_systems: list[str]
    ports: list[str]
    """Listening for others than the host itself: `tcp/443`."""
    services: list[str]
    """Who listens, `nginx tcp/443`, and names of services that wrote logs."""
    names: list[str]
    """Names its addresses answered TLS handshakes for."""
    certificates: list[str]
    """Of those names: the name and the end of the certificate's validity."""
    applications: list[str]
    accounts: list[str]
    """Accounts that were active on it, at most fifty a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAssetsView:
    """Hosts by name."""

    items: list[SeenAsset]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetWork:
    """One thing to be done about one asset."""

    finding: Finding
    asset: str
    first_at: Time | None
    last_at: Time | None
    ports: list[str]
    """Of a newly exposed asset: those nobody approved."""
    unit: str | None
    """As declared."""
    owner: str | None
    suggested_unit: str | None
    """By the register of address ranges, where no unit is declared."""
    seen: SeenAsset | None
    """All that events show of it."""
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
                unit=one.unit or None,
                owner=one.owner or None,
                suggested_unit=one.suggested_unit or None,
                seen=seen_view(one.seen) if one.seen else None,
                proposed_in=number if one.asset in about else None,
            )
            for one in found[:limit]
        ],
        total=len(found),
        counts=dict(Counter(one.finding for one in everything)),
    )


@router.get("/v1/assets", responses=examples.answer(shown.ASSETS))
def seen(
    reader: Reader,
    desk: Desk,
    cursor: Annotated[str, Query(max_length=255)] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> SeenAssetsView:
    """Every host that events show, with what belongs to it, declared or not."""
    reader.must_hold(EVERY_UNIT)
    found = [one for one in desk.seen() if one.host > cursor]
    return SeenAssetsView(
        items=[seen_view(one) for one in found[:limit]],
        next_cursor=found[limit - 1].host if len(found) > limit else None,
    )


@router.post(
    "/v1/assets/work:accept", status_code=201, responses=examples.answer(shown.PROPOSED, 201)
)
def accept(
    services: Site, proposer: Proposer, desk: Desk, body: AcceptAsset
) -> RegisterVersionView:
    """Propose what the list found of an asset; somebody else approves it.

    What one person accepts before that is one proposal. An unknown host or an orphan is given its
    unit and owner, without a word the suggested unit; of a vanished one the row ends.
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


def seen_view(one: Asset) -> SeenAsset:
    """A host as people see it."""
    return SeenAsset(
        host=one.host,
        first_at=one.first_at,
        last_at=one.last_at,
        ids=list(one.values("id")),
        addresses=list(one.values("address")),
        operating_systems=list(one.values("os")),
        ports=sorted(one.ports),
        services=list(one.values("service")),
        names=list(one.values("name")),
        certificates=list(one.values("certificate")),
        applications=list(one.values("application")),
        accounts=list(one.values("account")),
    )
