"""Centre: the parts a site has beside the others where its rules run past this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from analytics import facts
from analytics.guards import Facts
from analytics.ruleset import RuleSet
from analytics.streaming import artefacts
from analytics.streaming.messages import Trained
from collector.bus.reading import Group
from collector.control import ControlLog
from collector.indicators.store import IndicatorStore
from collector.intake import Intake
from collector.registers.store import RegisterStore
from collector.state.outbox import Outbox
from fengsui.centre.arrivals import Arrivals
from fengsui.centre.brokers import Bus
from fengsui.centre.decided import Decided
from fengsui.centre.distant import DistantJudge
from fengsui.centre.feeder import Codecs, Feeder
from fengsui.centre.hops import Hops
from fengsui.centre.layout import Layout
from schema.heartbeat import Heartbeat

GROUP: Final = "collector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """The judge on the bus, and who takes in what arrives there."""

    judge: DistantJudge
    arrivals: Arrivals
    hops: Hops


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


def open_arrivals(
    bus: Bus,
    layout: Layout,
    *,
    intake: Intake,
    heard: Callable[[Heartbeat], None],
    control: ControlLog,
    hops: Hops,
) -> Arrivals:
    """What takes in batches and heartbeats, not yet started."""
    group = Group(
        name=f"{layout.prefix}.{GROUP}",
        topics=(layout.topic("batches"), layout.topic("heartbeats")),
    )
    return Arrivals(
        bus.reader(group), bus.writer(), layout, door=intake, heard=heard, control=control,
        hops=hops,
    )  # fmt: skip
