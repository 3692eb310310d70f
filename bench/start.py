"""From the command to the first page and the first alert, the memory of it, and import costs.

Wall time from process start. Memory is the peak of the sampled sum of PSS over the process tree.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from fengsui.memory import pss_mb_of

WATCHED_SECONDS = 60
MODULES = ("typer", "msgspec", "cryptography.x509", "numpy", "duckdb", "fastapi", "uvicorn")
TRAINER = "sklearn.ensemble"
"""Imported by the training child only."""


def run() -> list[dict[str, object]]:
    """Seconds and MiB of ``fengsui run`` and ``fengsui demo``; ms and MiB of each import."""
    page_seconds, peak = _served()
    demo = json.loads(
        subprocess.run(
            [sys.executable, "-m", "fengsui", "demo", "--json"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    rows = [
        _row("first_page", page_seconds, "s"),
        _row("first_alert", demo["first_alert_seconds"], "s"),
        _row("demo_peak_pss", demo["peak_rss_mb"], "MiB"),
        _row("run_peak_pss", peak, "MiB"),
    ]
    for module in (*MODULES, TRAINER):
        milliseconds, mib = _import(module)
        rows.append(_row(f"import_{module}", milliseconds, f"ms, and {mib:.1f} MiB"))
    return rows


def _row(what: str, ours: float, unit: str) -> dict[str, object]:
    return {
        "what": what,
        "ours": round(float(ours), 2),
        "peer": None,
        "peer_name": "none",
        "ratio": None,
        "unit": unit,
    }


def _served() -> tuple[float, float]:
    """Seconds to the first whole page of ``fengsui run --no-host``, and its peak memory."""
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as scratch:
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "fengsui", "run", "--no-host", "--port", "0", "--data", scratch],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            page = _page_of(process)
            with urllib.request.urlopen(page) as answer:
                answer.read()
            seconds = time.monotonic() - begun
            peak = 0.0
            while time.monotonic() - begun < WATCHED_SECONDS:
                peak = max(peak, pss_mb_of(process.pid))
                time.sleep(0.2)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()
    return seconds, peak


def _page_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"(https?://\S+)#token=", line)
        if found:
            return found[1]
    raise RuntimeError("the platform printed no URL")


def _import(module: str) -> tuple[float, float]:
    """Milliseconds and MiB of importing a module into a fresh interpreter."""
    code = (
        "import os, time, importlib; from fengsui.memory import pss_mb_of; me = os.getpid(); "
        "before = pss_mb_of(me); begun = time.perf_counter(); "
        f"importlib.import_module({module!r}); "
        "print((time.perf_counter() - begun) * 1000, pss_mb_of(me) - before)"
    )
    found = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    ).stdout.split()
    return float(found[0]), float(found[1])
