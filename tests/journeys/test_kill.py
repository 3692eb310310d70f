"""kill -9 while events flow: what was acknowledged is stored once, and the alerts are the same."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from journey import EVENING_NAME, final, ids_of, indexed, records

from fengsui.evidence import verify_folder
from fengsui.folder import DataFolder
from schema import log

CHILD = """
import sys
from pathlib import Path
from fengsui import demo
from fengsui.folder import DataFolder
from fengsui.settings import SensorSettings, Settings
from fengsui.wiring import open_demonstration

settings = Settings(sensor=SensorSettings(batch_events=128))
site = open_demonstration(DataFolder(Path(sys.argv[1])), Path(sys.argv[2]), settings)
print("open", flush=True)
demo.replay(site, site.pipeline.round)
site.close()
"""
SECONDS_MAX = 60
FLOW_SECONDS = 3.0
"""About how long the short recording flows; a kill falls anywhere in it, and before its start."""


def _child(folder: Path, recording: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(recording)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _killed(folder: Path, recording: Path) -> bool:
    """Run for a random while and kill; False when the child came to its end before."""
    child = _child(folder, recording)
    assert child.stdout is not None
    if random.random() < 0.8:
        # Most kills fall while events flow, some while the platform is still opening.
        child.stdout.readline()
        time.sleep(random.random() * FLOW_SECONDS)
    else:
        time.sleep(random.random())
    child.kill()
    _, errors = child.communicate()
    assert child.returncode in (0, -9), errors
    return child.returncode == -9


def _acknowledged(folder: Path) -> int:
    """Events in whole batches: what the sensor need not send again."""
    reader = log.Reader(folder / "segments" / EVENING_NAME)
    count = 0
    while some := reader.read(64):
        count += sum(one.header.count for one in some)
    return count


def _finish(folder: Path, recording: Path) -> None:
    child = _child(folder, recording)
    try:
        _, errors = child.communicate(timeout=SECONDS_MAX)
    finally:
        child.kill()
    assert child.returncode == 0, errors


def _check_whole(folder: Path, recording: Path, expected: list[bytes]) -> None:
    """Segments, index and recording hold the same events once; alerts are as without kills."""
    found = ids_of(folder, EVENING_NAME)
    assert len(found) == len(set(found)) == records(recording)
    assert indexed(folder, EVENING_NAME) == found
    assert final(folder) == expected
    assert verify_folder(DataFolder(folder)).findings == []


def _rounds(count: int, recording: Path, expected: list[bytes], scratch: Path) -> None:
    """Kill so many times; a folder is used until its recording is through, then checked."""
    folder, acknowledged, kills, finished = scratch / "0", 0, 0, 0
    while kills < count:
        if not _killed(folder, recording):
            _check_whole(folder, recording, expected)
            shutil.rmtree(folder)
            finished += 1
            folder, acknowledged = scratch / str(finished), 0
            continue
        kills += 1
        now = _acknowledged(folder)
        assert now >= acknowledged, f"kill {kills}: {acknowledged - now} events are lost"
        acknowledged = now
        if now:
            assert verify_folder(DataFolder(folder)).findings == []
    _finish(folder, recording)
    _check_whole(folder, recording, expected)


@pytest.mark.parametrize("half", ["first", "second"])
def test_ten_kills_lose_nothing_and_change_no_alert(
    evening: Path, evening_alerts: list[bytes], tmp_path: Path, half: str
) -> None:
    """Five kills each, so that the two halves run side by side."""
    _rounds(5, evening, evening_alerts, tmp_path)


@pytest.mark.long
def test_two_hundred_kills_lose_nothing_and_change_no_alert(
    evening: Path, evening_alerts: list[bytes], tmp_path: Path
) -> None:
    _rounds(200, evening, evening_alerts, tmp_path)
