"""Gateways from the command line: made, listed, given services, rotated and revoked."""

from contextlib import closing
from pathlib import Path

import pytest
from machine import Machine
from typer.testing import CliRunner

from collector.state.database import Database
from dashboard_api.grants.gateways import Gateways
from fengsui.cli import app
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder
from schema.errors import FengsuiError


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    with closing(machine.open()):
        pass
    return machine


def said(machine: Machine, *words: str) -> str:
    done = CliRunner().invoke(app, ["gateway", *words, "--data", str(machine.data)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output.strip()


def asks_about(machine: Machine, token: str) -> tuple[str, ...]:
    with closing(Database(DataFolder(machine.data).state)) as database:
        gateways = Gateways(database, clock=SystemClock(), entropy=SystemEntropy())
        return gateways.of_token(token).services


def test_a_gateway_lives_from_its_registration_to_its_end(machine: Machine) -> None:
    token = said(machine, "add", "apisix", "--unit", "data", "--service", "a", "--service", "b")
    assert asks_about(machine, token) == ("a", "b")
    assert "a, b" in said(machine, "list")
    said(machine, "services", "apisix", "--service", "*")
    assert asks_about(machine, token) == ("*",)
    newer = said(machine, "rotate", "apisix")
    assert asks_about(machine, token) == asks_about(machine, newer)
    said(machine, "rotate", "apisix", "--at-once")
    with pytest.raises(FengsuiError, match="not one of a registered gateway"):
        asks_about(machine, newer)
    said(machine, "revoke", "apisix")
    assert "revoked" in said(machine, "list")
    with pytest.raises(FengsuiError, match="was revoked"):
        said(machine, "rotate", "apisix")
