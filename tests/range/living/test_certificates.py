"""The certificates of the town, living: the same deeds leave the same events as generated ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent / "_certificates_twice.py"
UNSHARE = (
    "unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--mount-proc",
    "--kill-child", "--propagation", "private",
)  # fmt: skip
MADE_BY_CHANCE = {
    "certificate-platform": {"@timestamp", "event.original", "gov.cert.use_code"},
    "certificate-ca": {"@timestamp", "event.original"},
    "step-ca": {
        "@timestamp", "event.original", "gov.ca.serial", "gov.ca.request_id",
        "http.response.body.bytes",
    },
    "certificate-links": set(),
}  # fmt: skip
"""Times a few milliseconds later, and what a real CA and codes with a time in them make anew."""
LATE_US_MAX = 2_000_000


@pytest.fixture(scope="module")
def twice() -> dict[str, Any]:
    """Both days; see ``_certificates_twice.py``."""
    pytest.importorskip("pg8000", reason="pg8000 is not installed (range/README.md)")
    step_ca = os.environ.get("STEP_CA") or shutil.which("step-ca")
    if not step_ca:
        pytest.skip("needs step-ca (range/living/README.md): in PATH, or named by STEP_CA")
    if os.geteuid() != 0 or not Path("/usr/lib/postgresql/15/bin").is_dir():
        pytest.skip("needs root, for namespaces, and PostgreSQL 15")
    done = subprocess.run(
        (*UNSHARE, sys.executable, str(SCRIPT), step_ca),
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.service
def test_every_deed_is_done_and_leaves_its_line(twice: dict[str, Any]) -> None:
    generated, living = twice["deeds"]
    assert generated == living > 300
    for stream in MADE_BY_CHANCE:
        generated, living = twice[stream]["lines"]
        assert generated == living > 0, stream
        assert twice[stream]["episodes"], stream


@pytest.mark.service
def test_events_of_the_same_deed_differ_in_times_and_chance_only(twice: dict[str, Any]) -> None:
    for stream, allowed in MADE_BY_CHANCE.items():
        differ = twice[stream]["differ"]
        assert set(differ) <= allowed, (stream, twice[stream]["examples"])
        early, late = twice[stream]["late_us"]
        assert 0 <= early <= late < LATE_US_MAX, stream
