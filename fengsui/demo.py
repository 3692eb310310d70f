"""Demo: the shipped recordings through the whole way, scored against their labels.

Unless told otherwise it keeps to the first recording and the rules of its day, so that its figures
stay comparable when more of both are added. Every other recording is judged by all rules.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from fengsui.evidence import verify_folder
from fengsui.folder import DataFolder
from fengsui.memory import PeakMemory, settle
from fengsui.score import Attack, score
from fengsui.wiring import Site, open_demonstration
from schema.errors import FengsuiError
from schema.times import SECOND
from sensors.replay import Recording, label_time

RECORDING: Final = "district-day"
RULES: Final = "fengsui-25"
"""The twenty-five rules for the recorded systems, by the name the figures go under."""

RULE_IDS: Final = frozenset(
    {
        "database-catalogue-enumeration",
        "database-destructive-statements",
        "database-guess-then-success",
        "database-password-guessing",
        "database-permission-probing",
        "database-privilege-change",
        "database-server-file-access",
        "database-syntax-error-burst",
        "gateway-bulk-download",
        "gateway-injection-server-errors",
        "gateway-log4shell",
        "gateway-login-guess-then-success",
        "gateway-path-probing",
        "gateway-path-traversal",
        "gateway-scanner-agent",
        "gateway-script-injection",
        "gateway-sql-injection",
        "host-account-created",
        "host-ssh-distributed-guessing",
        "host-ssh-guess-then-success",
        "host-ssh-password-guessing",
        "host-ssh-password-spraying",
        "host-ssh-root-password-login",
        "host-ssh-user-enumeration",
        "host-sudo-takeover",
    }
)
"""What that name means, whatever other rules are added."""

RECORDINGS: Final = Path(__file__).resolve().parent.parent / "range" / "recordings"


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """What ``fengsui demo --json`` prints."""

    recording: str
    rules: str
    events: int
    verified: int
    quarantined: int
    alerts: int
    labelled: int
    found: int
    missed: tuple[str, ...]
    false: int
    first_alert_seconds: float
    events_per_second: int
    peak_rss_mb: int


def recording_folder(name: str = RECORDING) -> Path:
    """A shipped recording; raises ``fengsui.recording.absent`` outside a checkout."""
    folder = RECORDINGS / name
    if not (folder / "labels.json").is_file():
        known = ", ".join(sorted(one.name for one in RECORDINGS.glob("*/"))) or "none"
        raise FengsuiError(
            "fengsui.recording.absent",
            f"no recording at {folder}: run from a checkout, which holds the recordings ({known})",
            path=str(folder),
        )
    return folder


def run_demo(data: Path | None, name: str = RECORDING) -> DemoResult:
    """Run the recording to its end in ``data``, or in a folder that is removed afterwards."""
    begun = _process_start()
    recorded = recording_folder(name)
    with _folder(data) as root, PeakMemory() as memory:
        folder = DataFolder(root)
        site = open_demonstration(folder, recorded, only=RULE_IDS if name == RECORDING else None)
        settle()
        try:
            started = time.monotonic()
            replay(site, site.pipeline.round)
            seconds = time.monotonic() - started
        finally:
            site.close()
        report = verify_folder(folder)
        result = _result(site, report.events_of.get(name, 0), seconds)
    first = site.pipeline.progress.first_alert_at
    return msgspec.structs.replace(
        result,
        first_alert_seconds=round((first / SECOND) - begun, 2) if first else 0.0,
        peak_rss_mb=round(memory.mb),
    )


def replay(site: Site, round_of: Callable[[], bool]) -> None:
    """Carry the recording through to its end, or until the pipeline is told to stop.

    ``round_of`` is the pipeline's ``round``, or its ``steady_round`` where nobody waits for it.
    """
    recording = site.recording
    assert recording is not None
    while not (recording.finished or site.pipeline.stopping):
        round_of()
    if site.pipeline.stopping:
        return
    recording.end()
    while round_of() and not site.pipeline.stopping:
        pass
    site.pipeline.finish()


def _result(site: Site, verified: int, seconds: float) -> DemoResult:
    recording = site.recording
    assert recording is not None
    alerts = site.alerts.final()
    name = recording.labels.recording.name
    judged = score(
        alerts,
        attacks(recording),
        site.fields_of,
        use_case_of=(lambda rule: _use_case(site, rule)) if name != RECORDING else None,
        ends=label_time(recording.labels.recording.end),
    )
    status = site.status_of(name)
    return DemoResult(
        recording=name,
        rules=RULES if name == RECORDING else f"{len(site.rulebook.current.rules)} shipped",
        events=status.events,
        verified=verified,
        quarantined=status.quarantined,
        alerts=len(alerts),
        labelled=judged.labelled,
        found=judged.found,
        missed=judged.missed,
        false=len(judged.false),
        first_alert_seconds=0.0,
        events_per_second=round(site.pipeline.progress.events / max(seconds, 0.001)),
        peak_rss_mb=0,
    )


def _use_case(site: Site, rule_id: str) -> str:
    rule = site.rulebook.rule(rule_id)
    return rule.use_case.id if rule is not None and rule.use_case is not None else ""


def attacks(recording: Recording) -> list[Attack]:
    """The labelled attacks of a recording, those below their threshold among them."""
    labels = recording.labels
    return [
        Attack(
            id=one.id,
            kind=one.kind,
            start=label_time(one.start),
            end=label_time(one.end),
            entities=frozenset(value for values in one.entities.values() for value in values),
            below=below,
        )
        for below, labelled in ((False, labels.attacks), (True, labels.below))
        for one in labelled
    ]


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="fengsui-demo-") as scratch:
        yield Path(scratch)


def _process_start() -> float:
    """When this process began, seconds since the epoch: interpreter start and imports count."""
    ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    since_boot = ticks / _ticks_per_second()
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)


def _ticks_per_second() -> int:
    import os

    return os.sysconf("SC_CLK_TCK")
