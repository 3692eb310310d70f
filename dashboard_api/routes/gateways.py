"""Gateways: registered by one administrator, given their services by another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api import examples, paths
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.grants import examples as shown
from dashboard_api.grants.gateways import SERVICES_MAX, Gateway, Gateways
from dashboard_api.wire import Time
from schema.errors import FengsuiError

router = paths.router("gateways")


def gateways_of(services: Site) -> Gateways:
    """The gateways of the site that was asked."""
    if services.gateways is None:
        raise FengsuiError("dashboard_api.grants.absent", "this site keeps no grants")
    return services.gateways


Reader = Annotated[Principal, Depends(require(Permission.APPLICATIONS_READ))]
Admin = Annotated[Principal, Depends(require(Permission.APPLICATIONS_MANAGE))]
Granter = Annotated[Principal, Depends(require(Permission.APPLICATIONS_GRANT))]
All = Annotated[Gateways, Depends(gateways_of)]
GatewayId = Annotated[
    str, Path(pattern="^[a-z0-9][a-z0-9._-]{0,62}$", examples=[shown.GATEWAY["id"]])
]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class NewGateway(BaseModel):
    """A gateway to be registered; it may ask about nothing yet."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"id": "apisix-1", "unit": "data-bureau"}},
    )
    id: str = Field(max_length=63)
    unit: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class GatewayServices(BaseModel):
    """All services a gateway may ask about; ``*`` alone for every one."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"services": ["marriage-registration"]}}
    )
    services: Annotated[list[Word], Field(max_length=SERVICES_MAX)]


class Rotation(BaseModel):
    """Whether the token before ends now, and not in an hour: where it is in wrong hands."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"at_once": False}})
    at_once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayView:
    """A gateway, never its token."""

    id: str
    unit: str
    services: list[str]
    created_at: Time
    rotated_at: Time | None
    earlier_token_until: Time | None
    """Until when the token before the last holds."""
    revoked_at: Time | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaysView:
    """Gateways by id."""

    items: list[GatewayView]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayToken:
    """A gateway's token, shown once."""

    id: str
    token: str
    earlier_token_until: Time | None


@router.get("/v1/gateways", responses=examples.answer(shown.GATEWAYS))
def gateways(services: Site, reader: Reader, known: All) -> GatewaysView:
    """Every gateway, revoked ones too."""
    _ = reader
    now = services.clock.now()
    return GatewaysView(items=[view_of(one, now) for one in known.all()])


@router.post("/v1/gateways", status_code=201, responses=examples.answer(shown.GATEWAY_TOKEN, 201))
def add(services: Site, admin: Admin, known: All, body: NewGateway) -> GatewayToken:
    """Register a gateway. Who may say what it asks about is another person."""
    with services.audit.around(Act(admin.name, "gateway.add", body.id)):
        token = known.add(body.id, body.unit)
    return GatewayToken(id=body.id, token=token, earlier_token_until=None)


@router.post(
    "/v1/gateways/{gateway_id:plain}:rotate", responses=examples.answer(shown.GATEWAY_TOKEN)
)
def rotate(
    services: Site, admin: Admin, known: All, gateway_id: GatewayId, body: Rotation
) -> GatewayToken:
    """Give it a new token; the one before holds for an hour yet."""
    with services.audit.around(Act(admin.name, "gateway.rotate", gateway_id)):
        token = known.rotate(gateway_id, at_once=body.at_once)
    until = known.get(gateway_id).earlier_until
    return GatewayToken(id=gateway_id, token=token, earlier_token_until=until or None)


@router.put("/v1/gateways/{gateway_id:plain}/services", responses=examples.answer(shown.GATEWAY))
def set_services(
    services: Site, granter: Granter, known: All, gateway_id: GatewayId, body: GatewayServices
) -> GatewayView:
    """Say which services it may ask about, all of them."""
    with services.audit.around(Act(granter.name, "gateway.services", gateway_id)):
        return view_of(known.set_services(gateway_id, body.services), services.clock.now())


@router.delete("/v1/gateways/{gateway_id:plain}", responses=examples.answer(shown.GATEWAY_REVOKED))
def revoke(services: Site, admin: Admin, known: All, gateway_id: GatewayId) -> GatewayView:
    """Believe its tokens no longer, at once and for good. Its id stays taken."""
    with services.audit.around(Act(admin.name, "gateway.revoke", gateway_id)):
        return view_of(known.revoke(gateway_id), services.clock.now())


def view_of(one: Gateway, now: int) -> GatewayView:
    """A gateway as people see it."""
    return GatewayView(
        id=one.id,
        unit=one.unit,
        services=list(one.services),
        created_at=one.created_at,
        rotated_at=one.rotated_at or None,
        earlier_token_until=one.earlier_until if one.earlier_until > now else None,
        revoked_at=one.revoked_at or None,
    )
