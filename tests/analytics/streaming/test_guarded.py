"""Guards ask the same registers and indicators in the stages as in the engine."""

from __future__ import annotations

import pytest
import test_simulation
from analytics_world import FAILURE, START, World, detection, kind_rule, ruleset, threshold_rule
from stream_world import check, fed, play

from analytics.facts import KnownFacts
from analytics.memory import NEVER
from schema.indicators import Allowed, Indicator, IndicatorSet
from schema.registers import FOREVER, RegisterView, Statement, Table, pack_fields, pack_key
from schema.times import MINUTE

ALERTS = {"product": "fengsui", "service": "alert"}
RULES = ruleset(
    threshold_rule(
        2, "90s", id="granted", suppression="5m",
        where=[{"lookup": {"register": "grants", "key": ["user.name"], "column": "level",
                           "op": "gte", "value": 3}}],
    ),
    threshold_rule(
        1, "90s", id="unknown", suppression="5m",
        where=[{"lookup": {"register": "grants", "key": ["user.name"], "expect": "missing"}}],
    ),
    threshold_rule(
        1, "90s", id="listed", suppression="5m",
        where=[{"indicator": {"fields": ["source.ip"], "confidence": 50}}],
    ),
    kind_rule(
        "quota",
        {"period": "hour", "register": "grants", "key": ["user.name"], "column": "level"},
        id="allowed", entity="user.name", suppression="5m", detection=detection(**FAILURE),
    ),
    kind_rule(
        "threshold", {"within": "10m", "count": 1}, id="above", logsource=ALERTS,
        suppression="10m", detection=detection(**{"rule.id": "granted"}),
        where=[{"lookup": {"register": "hosts", "key": ["source.ip"]}}],
    ),
)  # fmt: skip


def statement(key: str, known: int, **fields: object) -> Statement:
    packed = pack_fields(fields) if fields else b""
    return Statement(pack_key((key,)), packed, START - MINUTE, FOREVER, known)


def bad(address: str) -> Indicator:
    return Indicator(
        kind="address", value=address, source="list", confidence=80,
        valid_from=START - MINUTE, valid_until=NEVER,
    )  # fmt: skip


def learn(since: int) -> KnownFacts:
    """What is known at the start, and what of it changes from an event time on."""
    grants = [statement("li.na", START, level=4), statement("wu.qiang", START, level=1)]
    hosts = [statement("10.0.0.1", START, kind="server")]
    lists = [(START, IndicatorSet([bad("10.0.0.1"), bad("10.0.0.2")]))]
    if since > START:
        grants += [statement("li.na", since), statement("root", since, level=5)]
        hosts.append(statement("10.0.0.3", since, kind="server"))
        allowed = Allowed(kind="address", value="10.0.0.1", reason="r", owner="o")
        lists.append((since, IndicatorSet([bad("10.0.0.1"), bad("10.0.0.4")], [allowed])))
    return KnownFacts(RegisterView({"grants": Table(grants), "hosts": Table(hosts)}), lists)


@pytest.mark.parametrize("seed", range(4))
def test_registers_and_indicators_that_change(seed: int) -> None:
    end = START + 90 * MINUTE
    world = World(test_simulation.EVENTS, seed=seed, batch_max=40, end=end)
    one = fed(world, RULES, accepted=4, learn=learn)
    told = {alert.rule_id for alert in one.expected.alerts.values()}
    assert told == {"granted", "unknown", "listed", "allowed", "above"}
    check(one, play(one, hits=4, seed=seed, crash=0.05, repeat=0.1))
