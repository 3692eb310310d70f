"""The same alerts from every form of the engine: embedded, one worker, three, three with faults.

All forms are given one feed (see ``_equality_feed``): the shipped recording and a made-up town,
sealed, let in by a real collector, with rules rolled out and sensors given up and readmitted on
the way. ``ours`` of an ``alert_set_…`` is the SM3 of the canonical set of final alerts. With
faults, two of three workers and the broker that keeps their places, one of three, are killed
(SIGKILL) while they decide.

Fails where the sets differ, ``verify --all`` finds anything, or too little was compared.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from analytics import canonical, kinds
from bench import _equality_embedded as embedded
from bench._equality_embedded import Standing
from bench._equality_feed import Feed, make
from bench._equality_workers import Workers
from deploy.services import Kafka
from fengsui.evidence import verify_folder
from fengsui.folder import DataFolder

ALERTS_MIN: Final = 500
RULES_MIN: Final = 60
"""Fewer would prove too little."""
FAULTS: Final = (0.2, 0.4, 0.6)
"""After which share of the alerts a worker, a broker and another worker are killed."""


def run() -> list[dict[str, object]]:
    """One row for each form, then what was compared."""
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as scratch:
        return compare(Path(scratch))


def compare(scratch: Path, *, days: int | None = None) -> list[dict[str, object]]:
    """The benchmark with another length of the town's time."""
    given = make(scratch / "site") if days is None else make(scratch / "site", days=days)
    findings = verify_folder(DataFolder(given.folder)).findings
    assert not findings, f"verify --all: {findings[:3]}"
    began = time.monotonic()
    expected = embedded.run(given)
    rows = [_row("alert_set_embedded", expected, time.monotonic() - began, given)]
    count = len(expected.alerts)
    rules = Counter(alert.rule_id for alert in expected.alerts.values())
    assert count >= ALERTS_MIN, f"only {count} alerts"
    assert len(rules) >= RULES_MIN, f"only {len(rules)} rules have alerts"
    silent = kinds.PATTERNS - {type(one.pattern) for one in given.rules if one.id in rules}
    assert not silent, f"no alert of {sorted(one.__name__ for one in silent)}"
    with Kafka(scratch / "kafka", nodes=3) as kafka:
        kafka.start()
        forms: dict[str, tuple[str, ...]] = {"one_worker": ("a",), "three_workers": tuple("abc")}
        for form, names in forms.items():
            workers = _started(kafka, form, scratch, given, names)
            rows.append(_decided(form, workers, {}, given))
        workers = _started(kafka, "with_faults", scratch, given, tuple("abc"))
        kills: list[Callable[[], None]] = [
            lambda: workers.kill("a"),
            lambda: kafka.kill(workers.keeper()),
            lambda: workers.kill("b"),
        ]
        at = {int(count * share): kill for share, kill in zip(FAULTS, kills, strict=True)}
        rows.append(_decided("with_faults", workers, at, given))
    sets = {row["ours"] for row in rows}
    assert len(sets) == 1, f"the sets of final alerts differ: {rows}"
    rows.append(_figure("alerts", count, f"none; of {len(rules)} rules", "final alerts"))
    rows.append(
        _figure(
            "rules_with_alerts",
            len(rules),
            f"none; of {len(given.rules)}, every kind among them",
            "rules",
        )
    )
    late = f"none; {expected.revised} alerts revised, {expected.withdrawn} withdrawn"
    rows.append(_figure("missed_events", expected.missed, late, "rule and entity, too late"))
    return rows


def _started(
    kafka: Kafka, form: str, scratch: Path, given: Feed, names: tuple[str, ...]
) -> Workers:
    workers = Workers(kafka, form.replace("_", "-"), scratch / form)
    workers.write(given)
    for name in names:
        workers.start(name)
    return workers


def _decided(
    form: str, workers: Workers, at: dict[int, Callable[[], None]], given: Feed
) -> dict[str, object]:
    try:
        seconds = workers.decided(at)
    finally:
        workers.stop()
    assert not workers.doubled, f"{form}: {workers.doubled} messages were told twice"
    return _row(f"alert_set_{form}", workers.standing, seconds, given)


def _row(what: str, standing: Standing, seconds: float, given: Feed) -> dict[str, object]:
    said = f"none; {len(standing.alerts)} alerts of {given.events} events in {seconds:.0f} s"
    return _figure(what, canonical.digest(standing.alerts.values()), said, "SM3 of the set")


def _figure(what: str, ours: int | str, peer_name: str, unit: str) -> dict[str, object]:
    return {
        "what": what,
        "ours": ours,
        "peer": None,
        "peer_name": peer_name,
        "ratio": None,
        "unit": unit,
    }
