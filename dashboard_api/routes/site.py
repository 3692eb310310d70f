"""What this site is, and whether it is well: the only answers that need no session."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from starlette.responses import PlainTextResponse

from dashboard_api import examples
from dashboard_api.access.principal import EVERY_UNIT
from dashboard_api.access.roles import Permission
from dashboard_api.context import Site, context_of, signed_in_of
from dashboard_api.guard import client_is_loopback
from dashboard_api.metrics import Metrics
from dashboard_api.services import Services
from dashboard_api.views import SiteInfo
from schema.alert import SEVERITIES
from schema.times import SECOND

router = APIRouter(tags=["site"])
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """``ok``, or ``failing`` with the codes of what stands still; beside it what needs a person."""

    status: str
    failures: list[str]
    warnings: list[str]


@router.get("/v1/site", responses=examples.answer(examples.SITE))
def site(services: Site) -> SiteInfo:
    """Name, realm and version of this site, and what it reads. Needs no session."""
    return services.site


@router.get("/healthz", responses=examples.answer(examples.HEALTH))
def healthz() -> Health:
    """Whether the process answers."""
    return Health(status="ok", failures=[], warnings=[])


@router.get("/readyz", responses=examples.answer(examples.HEALTH))
def readyz(services: Site, response: Response) -> Health:
    """Whether the site can do its work; 503 with the codes of what stands still."""
    failures = list(services.failures())
    if failures:
        response.status_code = 503
    return Health(
        status="failing" if failures else "ok",
        failures=failures,
        warnings=list(services.warnings()),
    )


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=examples.text_answer(examples.METRICS, "text/plain", "Prometheus text"),
)
def metrics(request: Request) -> Response:
    """Counters in Prometheus text form.

    From other machines it needs the session of a reader of sensors of every unit.
    """
    context = context_of(request)
    if not client_is_loopback(request):
        reader = signed_in_of(request).principal
        reader.must_have(Permission.SENSORS_READ)
        reader.must_hold(EVERY_UNIT)
    _fill(context.services, context.metrics)
    return Response(context.metrics.text(), media_type=_TEXT)


def _fill(services: Services, into: Metrics) -> None:
    for row in services.sensors.rows():
        into.set("fengsui_collector_events_total", row.events, sensor=row.name)
        into.set("fengsui_collector_quarantined_total", row.quarantined, sensor=row.name)
        into.set("fengsui_collector_lag_seconds", row.lag_seconds, sensor=row.name)
    into.set("fengsui_collector_storage_free_bytes", services.free_bytes())
    watermark = services.sensors.watermark() // SECOND
    into.set("fengsui_analytics_watermark_seconds", watermark)
    for name, count in zip(SEVERITIES, services.alerts.summary(None).by_severity, strict=True):
        into.set("fengsui_analytics_alerts_open", count, severity=name)
    for one in services.measures():
        into.set(one.name, one.value, **one.labels)
