"""The starter runs only what is pinned and leaves nothing behind, whoever ends it how."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.services import artefacts, status
from deploy.services.artefacts import JarSet
from deploy.services.errors import ServiceError
from deploy.services.leash import Leash
from deploy.services.places import HERE
from deploy.services.ports import free_ports
from deploy.services.program import Program

PATIENCE_SECONDS = 10
SLEEPER = [sys.executable, "-c", "print('ready', flush=True); import time; time.sleep(600)"]


@pytest.fixture
def sleeper(tmp_path):
    program = Program("sleeper", SLEEPER, folder=tmp_path)
    program.start()
    yield program
    program.kill()


def until(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def jar_set(monkeypatch, tmp_path, pins):
    monkeypatch.setattr(artefacts, "PINS", tmp_path / "pins")
    monkeypatch.setattr(artefacts, "CACHE", tmp_path)
    (tmp_path / "pins").mkdir()
    (tmp_path / "pins" / "set-1.sha256").write_text(pins)
    folder = tmp_path / "jars" / "set-1"
    folder.mkdir(parents=True)
    (folder / "one.jar").write_bytes(b"one")
    return JarSet("set-1", ("group:one:1",))


ONE = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"


def test_jars_that_are_what_they_were_pinned_as_are_run(monkeypatch, tmp_path):
    found = jar_set(monkeypatch, tmp_path, f"{ONE}  one.jar\n").folder()
    assert [path.name for path in found.iterdir()] == ["one.jar"]


@pytest.mark.parametrize(
    ("pins", "named"),
    [
        (f"{'0' * 64}  one.jar\n", "one.jar"),
        (f"{ONE}  one.jar\n{ONE}  two.jar\n", "two.jar"),
        ("", "one.jar"),
    ],
    ids=["changed", "missing", "too many"],
)
def test_jars_that_differ_from_their_pins_are_refused(monkeypatch, tmp_path, pins, named):
    with pytest.raises(ServiceError, match=named):
        jar_set(monkeypatch, tmp_path, pins).folder()


def test_ports_are_different_and_below_those_of_connections():
    ports = free_ports(50)
    first_of_connections = int(
        Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
    )
    assert len(set(ports)) == 50
    assert max(ports) < first_of_connections


def test_a_program_that_ends_before_it_is_ready_shows_the_end_of_its_log(tmp_path):
    program = Program(
        "broken", [sys.executable, "-c", "raise SystemExit('no disk')"], folder=tmp_path
    )
    program.start()
    with pytest.raises(ServiceError, match="no disk"):
        program.wait(lambda: False, seconds_max=PATIENCE_SECONDS)


def test_a_program_that_is_never_ready_is_said_so(sleeper):
    with pytest.raises(ServiceError, match=r"not ready in 0\.2 s"):
        sleeper.wait(lambda: False, seconds_max=0.2)


def test_a_program_started_again_is_judged_by_what_it_says_now(sleeper):
    until(lambda: "ready" in sleeper.said())
    sleeper.kill()
    assert not sleeper.running
    sleeper.start()
    until(lambda: sleeper.said() == "ready\n")
    assert sleeper.log.read_text() == "ready\nready\n"


def test_down_ends_what_the_status_file_names(sleeper, tmp_path):
    status.write(tmp_path, "test", "nowhere", [sleeper])
    assert status.down(tmp_path) == ["sleeper"]
    assert not sleeper.running
    assert status.down(tmp_path) == []


def test_down_spares_a_process_that_only_has_the_same_number(sleeper, tmp_path):
    status.write(tmp_path, "test", "nowhere", [sleeper])
    found = json.loads((tmp_path / status.FILE).read_text())
    found["programs"][0]["made_at"] -= 3600
    (tmp_path / status.FILE).write_text(json.dumps(found))
    assert status.down(tmp_path) == []
    assert sleeper.running


OWNER = """
import sys, time
from pathlib import Path
from deploy.services import status
from deploy.services.leash import Leash
from deploy.services.program import Program
folder = Path(sys.argv[1])
program = Program("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"], folder=folder)
leash = Leash(folder)
program.start()
status.write(folder, "test", "nowhere", [program])
print(program.pid, flush=True)
time.sleep(600)
"""


def test_a_service_ends_with_an_owner_that_is_killed(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=HERE.parents[1],
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert psutil.pid_exists(pid)
        os.kill(owner.pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid))
    until(lambda: not (tmp_path / status.FILE).exists())


def test_a_leash_let_go_ends_what_still_runs(sleeper, tmp_path):
    leash = Leash(tmp_path)
    status.write(tmp_path, "test", "nowhere", [sleeper])
    leash.let_go()
    until(lambda: not sleeper.running)
