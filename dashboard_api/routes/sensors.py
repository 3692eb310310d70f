"""Sensors as people see and administer them, and the loaded rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from collector.state.coverage import PAGE_MAX, CoverageQuery
from dashboard_api import examples, scoped
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.retention import RetentionView
from dashboard_api.views import CoverageView, MissedView, RulesView, SensorsView
from dashboard_api.wire import TIME_MAX, Time, time_of
from schema.errors import FengsuiError
from schema.times import HOUR

router = APIRouter(tags=["sensors"])
TOKEN_LIFE_US: Final = HOUR
NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,62}$"

Reader = Annotated[Principal, Depends(require(Permission.SENSORS_READ))]
Enroller = Annotated[Principal, Depends(require(Permission.SENSORS_ENROL))]
RuleReader = Annotated[Principal, Depends(require(Permission.RULES_READ))]


class NewToken(BaseModel):
    """The sensor a token is for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "gateway-1", "unit": "social-security"}},
    )
    name: str = Field(pattern=NAME)
    unit: str = Field(min_length=1, max_length=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentToken:
    """A one-time token, shown once."""

    token: str
    name: str
    unit: str
    expires_at: Time


@router.get("/v1/sensors", responses=examples.answer(examples.SENSORS))
def sensors(services: Site, reader: Reader) -> SensorsView:
    """Health, lag and gaps of the sensors of your units."""
    rows = services.sensors.rows()
    visible = scoped.visible_of(rows, reader)
    return SensorsView(
        items=[row for row in rows if scoped.sees_sensor(row.name, visible)],
        troubles=services.troubles(),
    )


@router.get("/v1/retention", responses=examples.answer(examples.RETENTION))
def retention(services: Site, reader: Reader) -> RetentionView:
    """How long each class is kept, and what is oldest, expired or due of the sensors of your units.

    Reading the oldest segment of a source anew takes up to a second.
    """
    found, visible = services.retention(), scoped.visible_to(services, reader)
    sources = [one for one in found.sources if scoped.sees_sensor(one.sensor, visible)]
    return RetentionView(classes=found.classes, sources=sources)


@router.get("/v1/coverage", responses=examples.answer(examples.COVERAGE))
def coverage(
    services: Site,
    reader: Reader,
    start: Annotated[
        str, Query(max_length=40, description="RFC 3339; the newest 24 hours where absent")
    ] = "",
    end: Annotated[str, Query(max_length=40, description="RFC 3339, not included")] = "",
    sensor: Annotated[str, Query(max_length=63)] = "",
    rule: Annotated[str, Query(max_length=128)] = "",
    missed: Annotated[
        bool, Query(description="only minutes in which something came late or was left out")
    ] = False,
    cursor: Annotated[
        str, Query(max_length=512, description="next_cursor of the page before")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> CoverageView:
    """By minute of event time what was judged and what was not, of the sensors of your units.

    Records of rules are of every sensor: they show to people of every unit only.
    """
    query = CoverageQuery(
        start=time_of(start, absent=0) if start else None,
        end=time_of(end, absent=TIME_MAX),
        sensor=sensor,
        rule=rule,
        missed=missed,
        cursor=cursor,
        limit=limit,
    )
    return services.sensors.coverage(query, scoped.visible_to(services, reader))


@router.get("/v1/coverage/missed", responses=examples.answer(examples.MISSED))
def missed(
    services: Site,
    reader: Reader,
    waiting: Annotated[bool, Query(description="only what nobody has looked at again")] = False,
) -> MissedView:
    """Rules and entities some of whose events came too late, and what a second look changed."""
    return services.sensors.missed(scoped.visible_to(services, reader), waiting=waiting)


@router.post(
    "/v1/enrolment-tokens",
    status_code=201,
    responses=examples.answer(examples.ENROLMENT_TOKEN, 201),
)
def enrolment_token(services: Site, enroller: Enroller, body: NewToken) -> EnrolmentToken:
    """A token that lets one sensor in, once, within an hour."""
    with services.audit.around(Act(enroller.name, "sensor.token", body.name)):
        enroller.must_hold(body.unit)
        # A token for a name in use enrols that sensor anew: it must be one's own before, too.
        for row in services.sensors.rows():
            if row.name == body.name and row.unit:
                enroller.must_hold(row.unit)
        token = services.enrolment.issue_token(body.name, body.unit)
    expires_at = services.clock.now() + TOKEN_LIFE_US
    return EnrolmentToken(token=token, name=body.name, unit=body.unit, expires_at=expires_at)


@router.post("/v1/sensors/{name}/revoke", status_code=204)
def revoke(
    services: Site, enroller: Enroller, name: Annotated[str, Path(pattern=NAME)]
) -> Response:
    """Refuse the sensor's batches from now on; what it sealed before stays and stays provable."""
    with services.audit.around(Act(enroller.name, "sensor.revoke", name)):
        if not scoped.sees_sensor(name, scoped.visible_to(services, enroller)):
            raise FengsuiError("collector.enrolment.unknown", f"no sensor {name} is enrolled")
        services.sensors.revoke(name)
    return Response(status_code=204)


@router.get("/v1/rules", tags=["rules"], responses=examples.answer(examples.RULES))
def rules(services: Site, reader: RuleReader) -> RulesView:
    """The loaded rules with their triage texts."""
    _ = reader
    return RulesView(items=list(services.rules.rows()))
