"""Exceptions from the command line: made, previewed, listed and ended in a folder at rest."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from machine import Machine
from typer.testing import CliRunner, Result

from fengsui.administration import ACTOR, opened
from fengsui.cli import app
from fengsui.clock import SystemClock
from fengsui.folder import DataFolder
from fengsui.hiding import until_us
from schema.alert import Alert, Condition
from schema.errors import FengsuiError
from schema.times import DAY, from_text

RULE = "gateway-path-probing"


def alert(number: int, entity: str) -> Alert:
    return Alert(
        id=f"{number:032x}",
        rule_id=RULE,
        rule_version=1,
        entity_field="source.ip",
        entity=entity,
        cell=0,
        decided_at=SystemClock().now() - number,
        severity=2,
        score=60,
        conditions=(Condition(name="event_count", value=30, threshold=30, comparison="gte"),),
        events=("a" * 32,),
        count=30,
        state="final",
    )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    with closing(machine.open()) as site:
        site.alerts.commit(
            [alert(1, "10.0.0.1"), alert(2, "10.0.0.2"), alert(3, "11.0.0.1")],
            (),
            snapshot={},
            received_at=1,
        )
        site.alerts.acknowledge(alert(2, "").id, by="li", verdict="true_positive", note="", at=1)
    return machine


def asked(machine: Machine, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["rules", *arguments, "--data", str(machine.data)])


def run(machine: Machine, *arguments: str) -> str:
    result = asked(machine, *arguments)
    assert result.exit_code == 0, result.exception
    return result.output


NETWORK = ("except", RULE, "--entity", "10.0.0.0/24", "--until", "90d")
WORDS = ("--reason", "压测，工单 118", "--owner", "张三")


def test_a_preview_counts_and_warns_and_makes_nothing(machine: Machine) -> None:
    told = run(machine, *NETWORK, "--preview")
    assert "隐藏 would have hidden 2 条" in told
    assert "1 条已研判属实" in told
    assert f"2 × {RULE}" in told
    assert json.loads(run(machine, "exceptions", "--json")) == []


def test_an_exception_is_made_listed_with_its_counter_and_ended(machine: Machine) -> None:
    told = run(machine, *NETWORK, *WORDS)
    exception_id, rest = told.split(": ", 1)
    assert rest.startswith("2 条告警不再显示")
    (listed,) = json.loads(run(machine, "exceptions", "--json"))
    assert (listed["hidden"], listed["in_force"]) == (2, True)
    made = listed["exception"]
    assert (made["units"], made["created_by"], made["owner"]) == (["*"], ACTOR, "张三")
    assert f"{RULE} 10.0.0.0/24" in run(machine, "exceptions")
    assert "已撤销" in run(machine, "unexcept", exception_id)
    (listed,) = json.loads(run(machine, "exceptions", "--json"))
    assert (listed["hidden"], listed["in_force"]) == (0, False)
    with opened(DataFolder(machine.data)) as administration:
        acts = [(one.action, one.object, one.result) for one, _ in administration.audit.page(0, 4)]
    assert acts == [
        ("exception.revoke", exception_id, "done"),
        ("exception.revoke", exception_id, "begun"),
        ("exception.create", exception_id, "done"),
        ("exception.create", exception_id, "begun"),
    ]


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("collector.exception.reason", [*NETWORK, "--owner", "张三"]),
        ("collector.exception.owner", [*NETWORK, "--reason", "why"]),
        ("collector.exception.wide", ["except", "*", "--entity", "*", "--until", "1d", *WORDS]),
        ("collector.exception.expiry", [*NETWORK[:-1], "401d", *WORDS]),
        ("fengsui.rule.unknown", ["except", "nope", "--entity", "*", "--until", "1d", *WORDS]),
        ("fengsui.time.malformed", [*NETWORK[:-1], "tomorrow", *WORDS]),
        ("collector.exception.unknown", ["unexcept", "none"]),
    ],
)
def test_what_is_refused_says_why(machine: Machine, code: str, arguments: list[str]) -> None:
    refused = asked(machine, *arguments).exception
    assert isinstance(refused, FengsuiError)
    assert refused.code == code


def test_an_end_is_the_whole_day_in_the_east_eighth_zone_or_so_many_days_ahead() -> None:
    now = int(datetime(2026, 11, 25, tzinfo=UTC).timestamp()) * 1_000_000
    assert until_us("2027-01-31", now) == from_text("2027-01-31T16:00:00.000000Z")
    assert until_us("90d", now) == now + 90 * DAY
    assert until_us("2027-01-31T08:00:00Z", now) == from_text("2027-01-31T08:00:00.000000Z")
