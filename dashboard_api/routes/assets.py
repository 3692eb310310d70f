"""Assets: what events show held against what is declared, as a list of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

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
class AssetWork:
    """One thing to be done about one asset."""

    finding: Finding
    asset: str
    first_at: Time | None
    last_at: Time | None
    ports: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetWorkView:
    """What is to be done, with how much there is in all."""

    items: list[AssetWork]
    total: int


class AcceptAsset(BaseModel):
    """The asset whose entry is right."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"asset": "web-1"}})
    asset: str = Field(min_length=1, max_length=255)


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
            )
            for one in found[:limit]
        ],
        total=len(found),
    )


@router.post(
    "/v1/assets/work:accept", status_code=201, responses=examples.answer(shown.PROPOSED, 201)
)
def accept(
    services: Site, proposer: Proposer, desk: Desk, body: AcceptAsset
) -> RegisterVersionView:
    """Propose what the list found of an asset; somebody else approves it."""
    with services.audit.around(Act(proposer.name, "register.propose", "assets")):
        proposer.must_hold(EVERY_UNIT)
        return version_view(desk.accept(body.asset, by=proposer.name))
