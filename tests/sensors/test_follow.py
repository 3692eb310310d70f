"""Whatever is done to a log in whatever order, each line reaches the segment log once."""

import gzip
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from watched import Site, line


class RotatedLog(RuleBasedStateMachine):
    """Writers, logrotate in all its manners, and a sensor that is killed at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.site = Site(self.folder)
        self.site.batch_events_max = 8
        self.half = ""
        self.ticks = 1_790_000_000_000_000_000
        # Files from before the first start are history, so the sensor has seen one line.
        self.write(1, long=False)
        self.site.seal()

    def _touched(self, path: Path) -> None:
        """Give the file a later time of change: true clocks tick too slowly for a test."""
        self.ticks += 1_000_000
        os.utime(path, ns=(self.ticks, self.ticks))

    def _shift(self) -> None:
        for number in range(20, 0, -1):
            for suffix in ("", ".gz"):
                old = self.site.logs / f"app.log.{number}{suffix}"
                if old.exists():
                    old.rename(self.site.logs / f"app.log.{number + 1}{suffix}")

    @rule(count=st.integers(1, 30), long=st.booleans())
    def write(self, count: int, long: bool) -> None:
        self._finish_half()
        self.site.write(count, text="y" * 700 if long else "ok")
        self._touched(self.site.path)

    @rule()
    def write_half(self) -> None:
        self._finish_half()
        # Up to behind its number: two halves alike in every byte could not be told apart.
        whole = line(len(self.site.written))
        self.site.written.append(whole)
        self.half = whole[55:] + "\n"
        with self.site.path.open("a") as file:
            file.write(whole[:55])
        self._touched(self.site.path)

    def _finish_half(self) -> None:
        if self.half:
            with self.site.path.open("a") as file:
                file.write(self.half)
            self._touched(self.site.path)
            self.half = ""

    @rule()
    def rename(self) -> None:
        self._finish_half()
        if self.site.path.exists():
            self._shift()
            self.site.path.rename(self.site.logs / "app.log.1")

    @rule()
    def copytruncate(self) -> None:
        self._finish_half()
        if self.site.path.exists() and self.site.path.stat().st_size:
            self._shift()
            copy = self.site.logs / "app.log.1"
            shutil.copyfile(self.site.path, copy)
            self._touched(copy)
            os.truncate(self.site.path, 0)
            self._touched(self.site.path)

    @rule()
    def compress(self) -> None:
        rotated = self.site.logs / "app.log.1"
        if rotated.exists():
            packed = self.site.logs / "app.log.1.gz"
            changed = rotated.stat().st_mtime_ns
            with gzip.open(packed, "wb") as file:
                file.write(rotated.read_bytes())
            os.utime(packed, ns=(changed, changed))
            rotated.unlink()

    @rule(steps=st.integers(1, 6))
    def seal(self, steps: int) -> None:
        self.site.seal(steps)

    @rule()
    def kill(self) -> None:
        self.site.kill()

    @rule(seconds=st.integers(-100, 100))
    def let_time_pass(self, seconds: int) -> None:
        self.site.clock.pass_seconds(seconds)

    @rule()
    def read_all_and_replace(self) -> None:
        self._finish_half()
        self.site.seal()
        if self.site.path.exists():
            self.site.path.unlink()

    @invariant()
    def nothing_is_stored_twice(self) -> None:
        originals = [fields["event.original"] for fields in self.site.events()]
        assert len(originals) == len(set(originals))

    def teardown(self) -> None:
        try:
            self._finish_half()
            self.site.clock.pass_seconds(1)
            self.site.seal()
            self.site.check_complete()
        finally:
            self.site.kill()
            shutil.rmtree(self.folder)


def _rounds(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


def test_any_order_of_writing_rotating_and_killing() -> None:
    run_state_machine_as_test(RotatedLog, settings=_rounds(25))


@pytest.mark.long
def test_any_order_of_writing_rotating_and_killing_many_times() -> None:
    run_state_machine_as_test(RotatedLog, settings=_rounds(1000))
