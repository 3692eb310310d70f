"""Assets: what events show held against what is declared, as a list of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from collector.assets.sightings import Asset
from collector.assets.worklist import Finding
from dashboard_api import examples, paths
from dashboard_api.access.principal import EVERY_UNIT, Principal
from dashboard_api.access.roles import Permission
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.registers import examples as shown
from dashboard_api.registers.assets import AssetDesk
from dashboard_api.registers.desk import version_view
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetWorkView:
    """What is to be done, with how much there is in all."""

    items: list[AssetWork]
    total: int


class AcceptAsset(BaseModel):
    """The asset whose entry is right."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"asset": "web-1", "unit": "data-bureau", "owner": "zhang"}},
    )
    asset: str = Field(min_length=1, max_length=255)
    unit: str = Field(default="", max_length=200)
    owner: str = Field(default="", max_length=200)


@router.get("/v1/assets/work", responses=examples.answer(shown.ASSET_WORK))
def work(
    reader: Reader,
    desk: Desk,
    finding: Annotated[Finding | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> AssetWorkView:
    """Assets nobody declared, that fell silent, that belong to nobody, or that opened a port."""
    reader.must_hold(EVERY_UNIT)
    found = [one for one in desk.work() if finding in (None, one.finding)]
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
            )
            for one in found[:limit]
        ],
        total=len(found),
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
    """Propose what the list found of an asset, with its unit and owner; somebody else approves it.

    Without a word the unit is the suggested one; an orphan is accepted with either named.
    """
    with services.audit.around(Act(proposer.name, "register.propose", "assets")):
        proposer.must_hold(EVERY_UNIT)
        return version_view(
            desk.accept(body.asset, by=proposer.name, unit=body.unit, owner=body.owner)
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
