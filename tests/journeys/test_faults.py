"""Faults of a whole platform: each is counted, named and refused or survived; the rest goes on."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
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

from fengsui.folder import DataFolder
from fengsui.wiring import Site
from schema import log
from schema.batch import Batch
from schema.errors import FengsuiError
from schema.event import DATASET, TROUBLE
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


FULL_DISK = """
import resource, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from machine import Machine, access, now

machine = Machine(Path(sys.argv[1]))
machine.write("nginx-access", *(access(f"/before/{n}", at=now()) for n in range(1000)))
site = machine.open()
site.pipeline.start()

def wait(holds):
    deadline = time.monotonic() + 20
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()

def stored():
    return sum(one.events for one in site.intake.status() if one.name == "host")

assert wait(lambda: stored() == 1000)
more = "".join(access(f"/during/{n}", at=now()) + chr(10) for n in range(1000))
# No file of this process may grow past this: the system refuses each write, as on a full disk.
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
free = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
append = ["sh", "-c", 'cat >> "$0"', str(machine.path("nginx-access"))]
subprocess.run(append, input=more, text=True, check=True, preexec_fn=free)
assert wait(lambda: site.pipeline.failure or site.sensors[0].counters.disk_errors), "unnoticed"
assert stored() == 1000
free()
# With the lines, perhaps, what the sensor tells of its refused writes.
assert wait(lambda: stored() >= 2000), site.pipeline.failure
assert wait(lambda: site.pipeline.failure is None)
site.close()
"""


@pytest.mark.parametrize("bytes_max", [4096, 150_000])
def test_a_full_disk_is_named_and_once_there_is_room_nothing_is_missing(
    machine: Machine, tmp_path: Path, bytes_max: int
) -> None:
    """Segments, index and state of record all refuse, each at its own size."""
    script = [sys.executable, "-c", FULL_DISK, str(tmp_path / "full"), str(Path(__file__).parent)]
    (tmp_path / "full").mkdir()
    done = subprocess.run(
        [*script, str(bytes_max)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    data = tmp_path / "full" / "data"
    lines = [one for one in stored(data, SENSOR) if one.fields[DATASET] != TROUBLE]
    paths = [one.fields["url.path"] for one in lines]
    expected = [f"/before/{number}" for number in range(1000)]
    assert paths == expected + [f"/during/{number}" for number in range(1000)]
    assert fengsui("verify", "--all", data=data).returncode == 0


def test_strange_bytes_go_the_whole_way(machine: Machine) -> None:
    """A line of a mebibyte, NUL, invalid UTF-8 and GBK: each one event, found and provable."""
    at = now(5)
    machine.write("nginx-access", access("/long/" + "a" * 1024 * 1024, at=at))
    machine.write("nginx-access", access("/nul/\0/x", at=at))
    machine.write(
        "nginx-access", access("/utf8/", at=at).encode().replace(b"/utf8/", b"/\xff\xfe/")
    )
    machine.write("postgresql", postgresql("statement: SELECT '政务'", at=at).encode("gbk"))
    machine.write("nginx-access", access("/last", at=at))
    site = machine.open()
    try:
        until(site, lambda: _events(site) == 5)
        assert site.status_of(SENSOR).quarantined == 0
        found = site.index.search([], start=0, end=site.clock.now(), limit=100, sensors=[SENSOR])
    finally:
        site.close()
    assert len(found.hits) == 5
    statements = [str(hit.fields.get("gov.db.statement", "")) for hit in found.hits]
    assert any("政务" in text for text in statements)
    for hit in found.hits:
        assert fengsui("verify", hit.id, data=machine.data).returncode == 0


def test_forged_batches_in_the_log_stop_only_their_own_sensor(machine: Machine) -> None:
    """A stranger's chain, a forged signature and a revoked sensor's batch, put into segments/."""
    site = machine.open()
    try:
        now_us = site.clock.now()
        stranger = RemoteSensor(site, "stranger", enrolled=False)
        forger, revoked = RemoteSensor(site, "forger"), RemoteSensor(site, "leaver")
        forger.key = stranger.key
        site.enrolments.revoke("leaver")
        for sensor in (stranger, forger, revoked):
            writer = log.Writer(machine.data / "segments" / sensor.name)
            writer.append(sensor.seal(["/forged"], at=now_us))
            writer.close_segment()
        _guesses(machine, ago_seconds=40)
        until(site, lambda: _is_final(site, GUESSING, "192.0.2.66"))
        refused = {one.name: one.refused for one in site.intake.status() if one.refused}
        pages = site.index.search([], start=0, end=now_us + DAY, limit=100)
    finally:
        site.close()
    assert refused == {
        "stranger": "collector.batch.unenrolled",
        "forger": "schema.batch.signature_invalid",
        "leaver": "collector.batch.revoked",
    }
    assert not [hit for hit in pages.hits if hit.fields.get("url.path") == "/forged"]
    named = {
        fields["gov.batch.sensor"] for fields in control_records(machine.data, "batch_refused")
    }
    assert named == {"stranger", "forger", "leaver"}
    assert len(list((machine.data / "quarantine").iterdir())) == 3
    checked = fengsui("verify", "--all", data=machine.data)
    assert checked.returncode == 1
    assert "stranger" in checked.stdout
    assert "forger" in checked.stdout


def _refusal(site: Site, batch: Batch) -> str:
    with pytest.raises(FengsuiError) as raised:
        site.intake.accept(framed(batch))
    return raised.value.code


def test_forks_gaps_and_repeats_at_the_door_are_refused_while_a_good_one_goes_on(
    machine: Machine,
) -> None:
    site = machine.open()
    try:
        at = site.clock.now()
        sensor = RemoteSensor(site)
        first = sensor.seal(["/1"], at=at)
        before = sensor.chain
        second, third = sensor.seal(["/2"], at=at), sensor.seal(["/3"], at=at)
        sensor.chain = before
        fork = sensor.seal(["/2", "/other"], at=at)
        site.intake.accept(framed(first))
        assert _refusal(site, third) == "schema.batch.out_of_order"
        site.intake.accept(framed(second))
        assert _refusal(site, fork) == "schema.batch.forked"
        again = site.intake.accept(framed(second))
        site.intake.accept(framed(third))
        until(site, lambda: _events(site, "gateway") == 3)
    finally:
        site.close()
    assert again[0].head.number == 2
    assert [one.fields["url.path"] for one in stored(machine.data, "gateway")] == ["/1", "/2", "/3"]
    alarms = control_records(machine.data, "batch_quarantined")
    assert [(one["gov.batch.sensor"], one["gov.batch.number"]) for one in alarms] == [
        ("gateway", 2)
    ]
    assert fengsui("verify", "--all", data=machine.data).returncode == 0


def _heard(site: Site, gateway: RemoteSensor, path: str, clock: HandClock) -> None:
    """The platform takes a batch of that sensor in."""
    before = _events(site, gateway.name)
    site.intake.accept(framed(gateway.seal([path], at=clock.now())))
    until(site, lambda: _events(site, gateway.name) > before)


def test_a_sensor_given_up_before_a_restart_is_waited_for_again_once_heard(
    machine: Machine,
) -> None:
    clock = HandClock()
    with closing(machine.open(clock=clock)) as site:
        gateway = RemoteSensor(site)
        _heard(site, gateway, "/1", clock)
        site.pipeline._started_at -= HOUR
        clock.ahead_us = HOUR
        until(site, lambda: control_records(machine.data, "source_excluded"))
    with closing(machine.open(clock=clock)) as site:
        _heard(site, gateway, "/2", clock)
        until(site, lambda: control_records(machine.data, "source_readmitted"))


def test_nobody_is_given_up_for_what_was_not_heard_while_the_platform_stood_still(
    machine: Machine,
) -> None:
    clock = HandClock()
    with closing(machine.open(clock=clock)) as site:
        _heard(site, RemoteSensor(site), "/1", clock)
    clock.ahead_us = HOUR
    with closing(machine.open(clock=clock)) as site:
        site.pipeline.round()
    assert control_records(machine.data, "source_excluded") == []


def test_alerts_made_anew_from_the_log_are_those_of_all_sensors(machine: Machine) -> None:
    """Read to its end first, the gateway's chain would make the host's attack too late."""
    clock = HandClock()
    _guesses(machine, ago_seconds=3600)
    with closing(machine.open(clock=clock)) as site:
        until(site, lambda: _is_final(site, GUESSING, "192.0.2.66"))
        _heard(site, RemoteSensor(site), "/1", clock)
    before = final_alerts(machine.data)
    with closing(sqlite3.connect(DataFolder(machine.data).state)) as state, state:
        for table in ("alert_sensors", "alert_revisions", "closings", "alerts", "engine_snapshot"):
            state.execute(f"DELETE FROM {table}")
    with closing(machine.open(clock=clock)) as site:
        site.pipeline.round()
    assert final_alerts(machine.data) == before
