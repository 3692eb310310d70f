"""The demonstration runs a recording once, scores it, and goes on where it stood."""

from pathlib import Path

import msgspec
import pytest
from journey import EVENING_NAME, records, replayed

from fengsui import demo
from fengsui.folder import DataFolder
from fengsui.wiring import open_demonstration
from sensors.replay import Recording


def test_the_shipped_recording_is_there_with_its_attacks() -> None:
    attacks = demo.attacks(Recording(demo.recording_folder()))
    assert len(attacks) >= 10
    assert all(attack.start <= attack.end and attack.entities for attack in attacks)


def test_a_recording_that_is_through_is_not_run_again(evening: Path, tmp_path: Path) -> None:
    first = replayed(tmp_path, evening)
    site = open_demonstration(DataFolder(tmp_path), evening)
    try:
        demo.replay(site, site.pipeline.round)
        assert site.pipeline.progress.events == 0
        assert site.status_of(EVENING_NAME).events == records(evening)
    finally:
        site.close()
    assert len(first) == len(site.alerts.final())


def test_a_replay_that_is_told_to_stop_ends_before_its_recording(
    evening: Path, tmp_path: Path
) -> None:
    site = open_demonstration(DataFolder(tmp_path), evening)
    site.pipeline.start(lambda: demo.replay(site, site.pipeline.round))
    site.close()
    assert site.recording is not None
    assert not site.recording.finished


def test_what_demo_prints_has_the_names_others_read() -> None:
    names = {field.name for field in msgspec.structs.fields(demo.DemoResult)}
    assert names >= {
        "events",
        "verified",
        "quarantined",
        "alerts",
        "labelled",
        "found",
        "missed",
        "false",
        "first_alert_seconds",
        "events_per_second",
        "peak_rss_mb",
    }


@pytest.mark.parametrize("existing", [True, False])
def test_a_folder_that_is_named_is_kept(tmp_path: Path, existing: bool) -> None:
    target = tmp_path if existing else tmp_path / "new"
    with demo._folder(target) as root:
        assert root == target
    assert target.is_dir()


def test_without_a_folder_nothing_is_left_behind() -> None:
    with demo._folder(None) as root:
        (root / "x").write_text("x")
    assert not root.exists()


def test_the_figures_are_of_the_rules_they_name(evening: Path, tmp_path: Path) -> None:
    assert len(demo.RULE_IDS) == 25
    site = open_demonstration(DataFolder(tmp_path), evening, only=demo.RULE_IDS)
    site.close()
    assert {rule.id for rule in site.rulebook.current.rules} == demo.RULE_IDS
