"""Watch: raises alerts of the platform about itself where it lags, loses, or runs out of room.

Each kind of trouble of each part is one alert an hour, however often it comes back, and each stage
of a key or certificate that expires is one; while it
lasts, its closing record says until when. They stand outside the compared set.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from analytics.memory import NEVER
from collector.state.alerts import Alerts
from dashboard_api.custody.expiry import Expiring
from fengsui import platform_rules
from fengsui.centre.hops import Hops
from schema import ids
from schema.alert import Alert, Closing, Condition
from schema.ports import Clock
from schema.times import HOUR, MINUTE, SECOND

_logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 5.0
LASTS_US: Final = MINUTE
"""A trouble of less is a broker that elects another leader, or a worker that starts again."""

BEHIND_US: Final = 2 * MINUTE
"""Event time decisions may be behind what was taken in: far over the five seconds of a good day,
and under what makes a warning useless."""

LAG_US: Final = 10 * MINUTE
"""Event time the rules may be behind now: less is a sensor that reads what gathered meanwhile."""

AT_ONCE: Final = frozenset(
    {
        platform_rules.RECORDS_LOST,
        platform_rules.SENSOR_LOSES,
        platform_rules.KEY_EXPIRING,
        platform_rules.CERTIFICATE_EXPIRING,
        platform_rules.GRANT_EXPIRING,
    }
)
"""What is lost does not pass, and the calendar goes on: no minute is waited."""

_EXPIRING: Final[Mapping[str, str]] = {
    "key": platform_rules.KEY_EXPIRING,
    "certificate": platform_rules.CERTIFICATE_EXPIRING,
    "grant": platform_rules.GRANT_EXPIRING,
}

VERSION: Final = 1

Disk: TypeAlias = Literal["ample", "low", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the site, and where there is one the way over the bus, stands now."""

    pipeline: str
    """Why the pipeline stands still, empty while it runs."""
    arrivals: str
    """Why nothing arrives, empty while it may."""
    fed: int
    """Watermark of what was handed on, microseconds UTC."""
    decided: int
    """Watermark of what was decided."""
    refused: Mapping[str, str]
    """Sensors whose next batch is refused, and why."""
    lag_us: int = 0
    """How far the time up to which rules may judge is behind now."""
    losses: Mapping[str, int] = field(default_factory=dict)
    """How often each sensor has told of something it lost or could not read."""
    disk: Disk = "ample"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    rule: str
    part: str
    measure: str
    """What the value counts: a name the page has words for."""
    value: int
    threshold: int
    comparison: Literal["gte", "lte"] = "gte"
    begun_at: int = 0
    """Where that is known, so that a platform that starts again raises no second alert."""


def _nothing() -> Sequence[Expiring]:
    return ()


class Watch:
    """Looks every few seconds, in a thread of its own or by :meth:`look`."""

    def __init__(
        self,
        standing: Callable[[], Standing],
        hops: Hops,
        alerts: Alerts,
        *,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        """``changed`` is called after an alert was stored."""
        self._standing = standing
        self._hops = hops
        self._alerts = alerts
        self._clock = clock
        self._changed = changed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._since: dict[tuple[str, str], int] = {}
        """When each trouble that lasts began."""
        self._heard = (0, clock.now())
        """How many decisions had come, and when that was last another number."""
        self._lost = 0
        self._told: dict[str, int] = {}
        """How often each sensor had told of a loss when we last looked."""
        self._raised: dict[str, Alert] = {}
        self.expiring: Callable[[], Sequence[Expiring]] = _nothing
        """Keys and certificates that are over soon; set before :meth:`start`."""
        self.troubles: tuple[str, ...] = ()
        """Ids of the rules whose trouble lasts, for /readyz."""

    def start(self) -> None:
        """Look until :meth:`stop`."""
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the look that is under way, and take no other."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self.look()
            except Exception:
                # The outermost loop of the thread: named in the log; the next look may do.
                _logger.exception("the platform could not look at itself")

    def look(self) -> None:
        """Raise what has lasted long enough; raises ``OSError`` while the disk refuses."""
        now = self._clock.now()
        found = {(one.rule, one.part): one for one in self._found(now)}
        self._since = {key: self._since.get(key, now) for key in found}
        lasting = [
            one
            for key, one in found.items()
            if one.rule in AT_ONCE or now - self._since[key] >= LASTS_US
        ]
        self.troubles = tuple(sorted({one.rule for one in lasting}))
        if not lasting:
            return
        raised = [
            self._alert(one, one.begun_at or self._since[one.rule, one.part]) for one in lasting
        ]
        fresh = [one for one in raised if one.id not in self._raised]
        closings = [Closing(alert_id=one.id, count=1, last_at=now) for one in raised]
        self._alerts.commit(fresh, closings, snapshot={}, received_at=now)
        self._raised = {one.id: one for one in raised}
        if fresh:
            self._changed()

    def _found(self, now: int) -> Iterator[_Trouble]:
        standing = self._standing()
        yield from self._of_bus(standing, now)
        yield from self._of_sensors(standing, now)
        for one in self.expiring():
            yield _Trouble(
                rule=_EXPIRING[one.what],
                part=one.name,
                measure="days_left",
                value=one.days,
                threshold=one.days,
                comparison="lte",
                begun_at=one.begun_at,
            )
        if standing.lag_us >= LAG_US:
            yield _Trouble(
                rule=platform_rules.EVENTS_BEHIND,
                part="watermark",
                measure="behind_seconds",
                value=standing.lag_us // SECOND,
                threshold=LAG_US // SECOND,
            )
        if standing.disk != "ample":
            full = standing.disk == "full"
            rule = platform_rules.DISK_FULL if full else platform_rules.DISK_LOW
            yield self._lasting(rule, "disk", now)

    def _of_sensors(self, standing: Standing, now: int) -> Iterator[_Trouble]:
        for sensor in standing.refused:
            yield self._lasting(platform_rules.SENSOR_STOPPED, sensor, now)
        for sensor, count in standing.losses.items():
            if count > self._told.get(sensor, 0):
                yield _Trouble(
                    rule=platform_rules.SENSOR_LOSES,
                    part=sensor,
                    measure="records",
                    value=count,
                    threshold=1,
                )
            self._told[sensor] = count

    def _of_bus(self, standing: Standing, now: int) -> Iterator[_Trouble]:
        counted = self._hops.counted()
        for part, why in (("pipeline", standing.pipeline), ("arrivals", standing.arrivals)):
            if why.startswith("schema.bus."):
                yield self._lasting(platform_rules.BUS_UNREACHABLE, part, now)
        decisions = counted.get(("received", "decided"), 0)
        if decisions != self._heard[0]:
            self._heard = decisions, now
        behind = standing.fed - standing.decided
        if behind > 0 and standing.fed < NEVER:
            silent = now - self._heard[1]
            if silent >= LASTS_US:
                yield _Trouble(
                    rule=platform_rules.WORKERS_SILENT,
                    part="workers",
                    measure="silence_seconds",
                    value=silent // SECOND,
                    threshold=LASTS_US // SECOND,
                )
            elif behind >= BEHIND_US and standing.decided > 0:
                yield _Trouble(
                    rule=platform_rules.RULES_BEHIND,
                    part="workers",
                    measure="behind_seconds",
                    value=behind // SECOND,
                    threshold=BEHIND_US // SECOND,
                )
        lost = sum(count for (what, _), count in counted.items() if what == "quarantined")
        if lost > self._lost:
            yield _Trouble(
                rule=platform_rules.RECORDS_LOST,
                part="batches",
                measure="records",
                value=lost,
                threshold=1,
            )
            self._lost = lost

    def _lasting(self, rule: str, part: str, now: int) -> _Trouble:
        return _Trouble(
            rule=rule,
            part=part,
            measure="lasting_seconds",
            value=(now - self._since.get((rule, part), now)) // SECOND,
            threshold=LASTS_US // SECOND,
        )

    def _alert(self, trouble: _Trouble, since: int) -> Alert:
        cell = since - since % HOUR
        name = ids.alert_id(trouble.rule, VERSION, trouble.part, cell).hex()
        known = self._raised.get(name)
        return known or Alert(
            id=name,
            rule_id=trouble.rule,
            rule_version=VERSION,
            entity_field="platform.part",
            entity=trouble.part,
            cell=cell,
            decided_at=since,
            severity=platform_rules.RULES[trouble.rule].severity,
            score=100,
            conditions=(
                Condition(
                    name=trouble.measure,
                    value=trouble.value,
                    threshold=trouble.threshold,
                    comparison=trouble.comparison,
                ),
            ),
            events=(),
            count=1,
            state="final",
        )
