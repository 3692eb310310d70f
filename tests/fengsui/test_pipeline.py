"""The pipeline carries events on, survives a disk that refuses, and names what ends it."""

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from machine import SENSOR, Machine, access, now, sshd, until

from collector.index.elastic_nodes import unavailable
from collector.state.alerts import Alerts
from fengsui.pipeline import Pipeline
from fengsui.wiring import Site
from schema.alert import Alert, Closing
from schema.coverage import CoverageRow, Missed

WAIT_SECONDS = 10.0


class TroubledStore:
    """The alert store behind a disk that refuses until it is healed."""

    def __init__(self, inner: Alerts, error: Exception) -> None:
        self._inner = inner
        self.error: Exception | None = error
        self.snapshot = inner.snapshot
        self.final = inner.final

    def commit(
        self,
        alerts: Sequence[Alert],
        closings: Sequence[Closing],
        *,
        snapshot: dict[str, bytes],
        coverage: Sequence[CoverageRow] = (),
        missed: Sequence[Missed] = (),
        received_at: int,
        reason: str = "",
    ) -> None:
        if self.error is not None:
            raise self.error
        self._inner.commit(
            alerts,
            closings,
            snapshot=snapshot,
            coverage=coverage,
            missed=missed,
            received_at=received_at,
            reason=reason,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def site(machine: Machine) -> Iterator[Site]:
    opened = machine.open()
    yield opened
    opened.close()


def _wait(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _with_store(site: Site, store: TroubledStore) -> Pipeline:
    return Pipeline(replace(site.pipeline._stages, alerts=store))


def test_without_events_the_pipeline_comes_to_rest(site: Site) -> None:
    until(site, lambda: not any(site.pipeline.round() for _ in range(3)))


def test_events_counted_are_those_rules_saw(site: Site, machine: Machine) -> None:
    machine.write("nginx-access", *(access(f"/{number}", at=now(9)) for number in range(100)))
    until(site, lambda: site.pipeline.progress.events == 100)


def test_a_thread_reads_on_as_logs_grow_until_it_is_stopped(site: Site, machine: Machine) -> None:
    site.pipeline.start()
    for number in range(3):
        machine.write("nginx-access", access(f"/{number}", at=now(9)))
        _wait(lambda number=number: site.status_of(SENSOR).events == number + 1)
    site.pipeline.stop()
    machine.write("nginx-access", access("/later", at=now(9)))
    time.sleep(0.5)
    assert site.status_of(SENSOR).events == 3


def test_an_idle_sensors_watermark_moves_on(site: Site, machine: Machine) -> None:
    machine.write("nginx-access", access("/1", at=now(9)))
    until(site, lambda: site.pipeline.progress.events == 1)
    before = site.pipeline.progress.watermark
    until(site, lambda: site.pipeline.progress.watermark > before)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        unavailable("Connection refused"),
    ],
    ids=["full disk", "search nodes away"],
)
def test_what_refuses_for_a_while_is_a_failure_that_passes(
    site: Site, machine: Machine, error: Exception
) -> None:
    store = TroubledStore(site.alerts, error)
    pipeline = _with_store(site, store)
    machine.write("nginx-access", *(access(f"/{number}", at=now(9)) for number in range(100)))
    pipeline.start()
    _wait(lambda: pipeline.failure)
    store.error = None
    _wait(lambda: pipeline.failure is None)
    pipeline.stop()
    assert site.status_of(SENSOR).events == 100
    assert site.alerts.snapshot()


def test_what_a_failed_commit_held_is_in_the_next_one(site: Site, machine: Machine) -> None:
    """The engine gives only what changed since it was last asked: nothing may be forgotten."""
    store = TroubledStore(site.alerts, OSError(errno.ENOSPC, "No space left on device"))
    pipeline = _with_store(site, store)
    guess = "Failed password for li.na from 192.0.2.9 port 50000 ssh2"
    machine.write("auth", *(sshd(guess, at=now(9)) for _ in range(4)))
    with pytest.raises(OSError, match="No space"):
        pipeline.round()
    assert pipeline.progress.events == 4
    assert not site.alerts.snapshot()
    store.error = None
    pipeline.stop()
    assert any(name.startswith("key/") for name in site.alerts.snapshot())


def test_a_fault_of_the_program_stops_the_thread_and_is_named(site: Site) -> None:
    store = TroubledStore(site.alerts, ValueError("a mistake"))
    pipeline = _with_store(site, store)
    pipeline.start()
    _wait(lambda: pipeline.failure)
    pipeline.stop()
    assert isinstance(pipeline.failure, ValueError)
