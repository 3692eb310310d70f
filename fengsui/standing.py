"""Standing: how a site stands now, as the watch over it asks. The same in both forms."""

from __future__ import annotations

from analytics.judge import Judge
from collector.intake import Intake
from collector.state.alerts import Alerts
from fengsui.centre.centre import Centre
from fengsui.centre.hops import Hops
from fengsui.centre.watch import Disk, Standing, Watch
from fengsui.clock import SystemClock
from fengsui.pipeline import Pipeline
from fengsui.retention import Retention
from schema.ports import Clock


def open_watch(
    pipeline: Pipeline,
    judge: Judge,
    *,
    intake: Intake,
    retention: Retention,
    alerts: Alerts,
    hops: Hops,
    centre: Centre | None,
    clock: Clock,
) -> Watch:
    """The watch over a site, not yet started; ``clock`` is the one events are judged by."""

    def standing() -> Standing:
        return Standing(
            pipeline=getattr(pipeline.failure, "code", ""),
            arrivals="" if centre is None else getattr(centre.arrivals.failure, "code", ""),
            # In one process what is taken is decided at once.
            fed=0 if centre is None else centre.judge.watermark,
            decided=0 if centre is None else centre.judge.decided,
            refused={one.name: one.refused for one in intake.status() if one.refused},
            lag_us=_lag(judge, clock.now()),
            losses=dict(intake.troubles),
            disk=_disk(retention),
        )

    return Watch(standing, hops, alerts, clock=SystemClock(), changed=lambda: pipeline.on_change())


def _lag(judge: Judge, now: int) -> int:
    """How far the watermark is behind now; 0 where the rules wait for nobody, or heard nothing."""
    waited_for = judge.required - judge.excluded
    return max(0, now - judge.watermark) if waited_for and judge.watermark > 0 else 0


def _disk(retention: Retention) -> Disk:
    return "full" if retention.failures() else retention.room.level
