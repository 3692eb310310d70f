"""Centre: the parts a site has beside the others where its rules run past this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from analytics import facts
from analytics.guards import Facts
from analytics.memory import NEVER
from analytics.ruleset import RuleSet
from analytics.streaming import artefacts
from analytics.streaming.messages import Trained
from collector.bus.reading import Group
from collector.control import ControlLog
from collector.indicators.store import IndicatorStore
from collector.intake import Intake
from collector.registers.store import RegisterStore
from collector.state.outbox import Outbox
from dashboard_api.services import Measure
from fengsui.bus import Bus
from fengsui.centre.arrivals import Arrivals
from fengsui.centre.decided import Decided
from fengsui.centre.distant import DistantJudge
from fengsui.centre.feeder import Codecs, Feeder
from fengsui.centre.hops import Hops
from fengsui.centre.layout import Layout
from fengsui.pipeline import Pipeline
from schema.times import SECOND

GROUP: Final = "collector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """The judge on the bus, and who takes in what arrives there."""

    judge: DistantJudge
    arrivals: Arrivals
    hops: Hops

    def start(self) -> None:
        """Take in what arrives."""
        self.arrivals.start()

    def stop(self) -> None:
        """Take in nothing more."""
        self.arrivals.stop()

    def measures(self) -> Iterator[Measure]:
        """What passed each stage, what waits, and how far the workers are behind."""
        for (what, stage), count in self.hops.counted().items():
            yield Measure(f"fengsui_collector_bus_{what}_total", count, {"stage": stage})
        for stage, records in self.hops.lags().items():
            yield Measure("fengsui_collector_bus_lag_records", records, {"stage": stage})
        fed = self.judge.watermark
        for stage, decided in self.judge.decided_by.items():
            # The others tell now and then how far they read; what waits for nobody is no lag.
            if not stage.startswith("hits/"):
                continue
            if abs(fed) < NEVER and abs(decided) < NEVER:
                behind = max(0, fed - decided) // SECOND
                yield Measure("fengsui_analytics_lag_seconds", behind, {"stage": stage})


def codecs_of(registers: RegisterStore, indicators: IndicatorStore) -> Codecs:
    """How this site's rules, registers and facts travel."""

    def all_facts(_: Facts) -> bytes:
        states = reversed(indicators.states(facts.LISTS_MAX))
        lists = [(one.effective_at, indicators.as_of(one.effective_at)) for one in states]
        return facts.to_bytes(registers.view(), lists)

    return Codecs(ruleset=artefacts.rules_to_bytes, rows=artefacts.rows_to_bytes, facts=all_facts)


def open_judge(
    bus: Bus,
    layout: Layout,
    *,
    outbox: Outbox,
    snapshot: Mapping[str, bytes],
    rules: RuleSet,
    since: int,
    codecs: Codecs,
    control: ControlLog,
    hops: Hops,
) -> DistantJudge:
    """The judge as a snapshot left it; nobody is asked on the bus before the first round."""
    feeder = Feeder(
        bus.writer(), layout, outbox, codecs=codecs, rules=rules, since=since, snapshot=snapshot,
        hops=hops,
    )  # fmt: skip

    def trained(one: Trained) -> None:
        control.add(
            "model_trained",
            digest=one.digest,
            reason=one.model,
            events=one.rows,
            at=one.effective_at,
        )

    decided = Decided(bus.reader, layout, snapshot=snapshot, hops=hops)
    return DistantJudge(feeder, decided, trained=trained)


def open_centre(
    bus: Bus,
    layout: Layout,
    judge: DistantJudge,
    pipeline: Pipeline,
    *,
    intake: Intake,
    control: ControlLog,
    hops: Hops,
    check_room: Callable[[], None],
) -> Centre:
    """What stands around the judge, not yet started; ``check_room`` raises on a full disk."""
    group = Group(
        name=f"{layout.prefix}.{GROUP}",
        topics=(layout.topic("batches"), layout.topic("heartbeats")),
    )
    arrivals = Arrivals(
        bus.reader(group), bus.writer(), layout, door=intake, heard=pipeline.heard,
        control=control, hops=hops, check_room=check_room, far_ahead=lambda: intake.vouched.full,
    )  # fmt: skip

    return Centre(judge=judge, arrivals=arrivals, hops=hops)
