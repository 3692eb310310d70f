"""Faults of a whole platform: each is counted, named and refused or survived; the rest goes on."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from journey import control_records, fengsui, final_alerts, stored
from machine import (
    SENSOR,
    HandClock,
    Machine,
    RemoteSensor,
    access,
    framed,
    now,
    postgresql,
    sshd,
    until,
)

from fengsui.wiring import Site
from schema.times import DAY, HOUR, SECOND

GUESSING = "host-ssh-password-guessing"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _guesses(machine: Machine, *, ago_seconds: float, ip: str = "192.0.2.66") -> None:
    """Enough wrong passwords of one address to be an attack."""
    for number in range(30):
        at = now(ago_seconds) + timedelta(seconds=number)
        text = f"Failed password for li.na from {ip} port {50000 + number} ssh2"
        machine.write("auth", sshd(text, at=at))


def _events(site: Site, sensor: str = SENSOR) -> int:
    return sum(one.events for one in site.intake.status() if one.name == sensor)


def _found(machine: Machine, rule: str, entity: str) -> bool:
    return (rule, entity) in {(one.rule_id, one.entity) for one in final_alerts(machine.data)}


def _is_final(site: Site, rule: str, entity: str) -> bool:
    return (rule, entity) in {(one.rule_id, one.entity) for one in site.alerts.final()}


def test_a_backlog_of_a_week_is_read_in_event_time_and_its_attack_found(machine: Machine) -> None:
    week = 7 * 24 * 3600
    for number in range(5000):
        at = now(week - number * week / 5000 + 60)
        machine.write("nginx-access", access(f"/page/{number}", at=at))
        if number % 10 == 0:
            machine.write("postgresql", postgresql("execute <unnamed>: SELECT 1", at=at))
    _guesses(machine, ago_seconds=4 * 24 * 3600)
    site = machine.open(batch_events=256)
    try:
        until(site, lambda: _events(site) == 5530)
        until(site, lambda: _is_final(site, GUESSING, "192.0.2.66"))
        status = site.status_of(SENSOR)
    finally:
        site.close()
    assert status.late == 0
    assert status.lag_us < 10 * SECOND
    assert control_records(machine.data, "clock_capped") == []
    alert = next(one for one in final_alerts(machine.data) if one.rule_id == GUESSING)
    assert abs(alert.decided_at - (time.time() - 4 * 24 * 3600) * SECOND) < HOUR


def test_a_sensor_a_day_ahead_is_capped_and_named_and_hastens_nobody(machine: Machine) -> None:
    site = machine.open()
    try:
        ahead = RemoteSensor(site)
        clock = site.clock
        site.intake.accept(framed(ahead.seal(["/tomorrow"], at=clock.now() + DAY)))
        until(site, lambda: _events(site, "gateway") == 1)
        _guesses(machine, ago_seconds=40)
        until(site, lambda: _is_final(site, GUESSING, "192.0.2.66"))
    finally:
        site.close()
    capped = control_records(machine.data, "clock_capped")
    assert [fields["gov.batch.sensor"] for fields in capped] == ["gateway"]


def test_a_platform_whose_clock_is_set_back_an_hour_goes_on_and_comes_to_rest(
    machine: Machine,
) -> None:
    clock = HandClock()
    site = machine.open(clock=clock)
    try:
        machine.write("nginx-access", access("/before", at=now()))
        until(site, lambda: _events(site) == 1)
        clock.ahead_us = -HOUR
        machine.write("nginx-access", access("/after", at=now(3600)))
        until(site, lambda: _events(site) == 2)
        busy = sum(site.pipeline.round() for _ in range(40))
        assert busy < 20
    finally:
        site.close()
    paths = [one.fields["url.path"] for one in stored(machine.data, SENSOR)]
    assert paths == ["/before", "/after"]
    assert fengsui("verify", "--all", data=machine.data).returncode == 0
