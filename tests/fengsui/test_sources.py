"""The rules wait for every enrolled sensor, and the control log says for whom and since when."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from journey import control_records, final_alerts
from machine import HandClock, Machine, RemoteSensor, framed, until

from fengsui.folder import DataFolder
from fengsui.pipeline import Pipeline
from fengsui.wiring import Site
from schema.times import HOUR, MINUTE, SECOND

ATTACK = "/../../../etc/passwd"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _send(site: Site, sensor: RemoteSensor, path: str, *, at: int) -> None:
    """One request is handed in, taken in and stepped."""
    before = site.status_of(sensor.name).events
    site.intake.accept(framed(sensor.seal([path], at=at)))
    until(site, lambda: site.status_of(sensor.name).events > before)


def _too_late(site: Site) -> int:
    with site.database.read() as state:
        found: int = state.execute("SELECT total(too_late) FROM coverage WHERE rule = ''").fetchone()[0]
    return found


def test_a_sensor_that_comes_late_with_a_backlog_is_waited_for(machine: Machine) -> None:
    with closing(machine.open()) as site:
        first, second = RemoteSensor(site), RemoteSensor(site, "second")
        now = site.clock.now()
        _send(site, first, "/1", at=now)
        _send(site, second, ATTACK, at=now - HOUR)
        _send(site, second, ATTACK, at=now)
        until(site, lambda: site.alerts.final())
        site.pipeline._commit()
        assert _too_late(site) == 0
    (alert,) = final_alerts(machine.data)
    assert (alert.rule_id, alert.decided_at) == ("gateway-path-traversal", now - HOUR)


def test_a_revoked_sensor_is_waited_for_no_longer(machine: Machine) -> None:
    with closing(machine.open()) as site:
        first, second = RemoteSensor(site), RemoteSensor(site, "second")
        now = site.clock.now()
        _send(site, first, ATTACK, at=now - SECOND)
        _send(site, first, "/1", at=now)
        site.enrolments.revoke(second.name)
        until(site, lambda: site.alerts.final())
    assert [one["gov.batch.sensor"] for one in control_records(machine.data, "sensor_revoked")] == [
        "second"
    ]


def test_alerts_made_anew_wait_for_the_same_sensors_from_the_same_times(machine: Machine) -> None:
    """Read in another order, what came too late the first time must not become an alert."""
    clock = HandClock()
    with closing(machine.open(clock=clock)) as site:
        first = RemoteSensor(site)
        _send(site, first, "/1", at=clock.now())
        until(site, lambda: site.pipeline.progress.watermark >= clock.now() - 5 * SECOND)
        joined = RemoteSensor(site, "joined")
        _send(site, joined, ATTACK, at=clock.now() - HOUR)
        _send(site, joined, ATTACK, at=clock.now())
        site.pipeline._started_at -= HOUR
        clock.ahead_us = 2 * HOUR
        until(site, lambda: control_records(machine.data, "source_excluded"))
        _send(site, first, "/2", at=clock.now())
        until(site, lambda: site.pipeline.progress.watermark >= clock.now() - MINUTE)
        _send(site, joined, ATTACK, at=clock.now() - HOUR)
        _send(site, joined, "/3", at=clock.now())
        until(site, lambda: site.alerts.final())
        site.pipeline._commit()
        assert _too_late(site) == 2
    before = final_alerts(machine.data)
    assert len(before) == 1
    with closing(sqlite3.connect(DataFolder(machine.data).state)) as state, state:
        for table in ("alert_sensors", "alert_revisions", "closings", "alerts", "engine_snapshot"):
            state.execute(f"DELETE FROM {table}")
    with closing(machine.open(clock=clock)) as site:
        site.pipeline.round()
    assert final_alerts(machine.data) == before


def test_while_too_many_hits_wait_only_the_sensor_they_wait_for_is_read_on(
    machine: Machine,
) -> None:
    with closing(machine.open()) as site:
        fast, slow = RemoteSensor(site, "fast"), RemoteSensor(site, "slow")
        pipeline = Pipeline(replace(site.pipeline._stages, pending_max=3))
        engine, now = pipeline._stages.engine, site.clock.now()
        for second in range(12):
            at = now - (60 - second) * SECOND
            site.intake.accept(framed(fast.seal([f"{ATTACK}?{second}"], at=at, ip=second)))
            pipeline.round()
        assert site.status_of("fast").events == 12
        assert engine.pending == 4
        for second in range(12):
            site.intake.accept(framed(slow.seal(["/"], at=now - (60 - second * 4) * SECOND)))
            pipeline.round()
        site.intake.accept(framed(fast.seal(["/"], at=now), slow.seal(["/"], at=now)))
        until(replace(site, pipeline=pipeline), lambda: len(site.alerts.final()) == 12)
        pipeline._commit()
        assert _too_late(site) == 0
