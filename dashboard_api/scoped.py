"""Scoped reading: what a person of some units sees of sensors, events and alerts.

An event belongs to its sensor's unit. An alert belongs to the units of all its evidence: it is
seen only by people who may see every event in it, for its counts and entity tell of all of them.
What belongs to no known sensor is seen with every unit only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard_api.access.principal import Principal
from dashboard_api.services import Services, Visible
from dashboard_api.views import AlertRow, SensorRow
from schema.errors import FengsuiError
from schema.filter import Term
from schema.ports import Bucketed, EventHit, EventPage, EventReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which stretch of event time is read (microseconds UTC, end excluded), and how much of it."""

    start: int
    end: int
    limit: int


def visible_of(sensors: Sequence[SensorRow], principal: Principal) -> Visible:
    """Names of the sensors a person may see, None for all."""
    if principal.scope.everything:
        return None
    return frozenset(row.name for row in sensors if principal.scope.holds(row.unit))


def visible_to(services: Services, principal: Principal) -> Visible:
    """Names of the sensors a person may see, None for all."""
    if principal.scope.everything:
        return None
    return visible_of(services.sensors.rows(), principal)


def sees_sensor(sensor: str, visible: Visible) -> bool:
    """Whether data of the sensor may be shown."""
    return visible is None or sensor in visible


def sees_alert(row: AlertRow, visible: Visible) -> bool:
    """Whether the alert may be shown: all of its evidence is visible, and it has some."""
    return visible is None or (bool(row.sensors) and row.sensors <= visible)


def get(index: EventReader, event_id: str, visible: Visible) -> EventHit:
    """One event; raises ``dashboard_api.event.unknown`` also for one that may not be seen."""
    hit = index.get(event_id)
    if hit is None or not sees_sensor(hit.sensor, visible):
        raise FengsuiError(
            "dashboard_api.event.unknown",
            f"there is no event {event_id}: it was never stored here, has expired or was redacted",
            id=event_id,
        )
    return hit


def search(
    services: Services, terms: Sequence[Term], *, principal: Principal, window: Window, after: str
) -> EventPage:
    """Events newest first, without those of other units' sensors."""
    visible = visible_to(services, principal)
    page = services.events.search(
        terms,
        start=window.start,
        end=window.end,
        limit=window.limit,
        after=after,
        sensors=_names(visible),
    )
    hits = [hit for hit in page.hits if sees_sensor(hit.sensor, visible)]
    return EventPage(hits=hits, next_cursor=page.next_cursor)


def count_by(
    services: Services, terms: Sequence[Term], field: str, *, principal: Principal, window: Window
) -> Sequence[Bucketed]:
    """Most frequent values, counted over visible sensors only."""
    return services.events.count_by(
        terms,
        field,
        start=window.start,
        end=window.end,
        limit=window.limit,
        sensors=_names(visible_to(services, principal)),
    )


def _names(visible: Visible) -> list[str] | None:
    return None if visible is None else sorted(visible)
