"""A running platform, started the way its user starts it."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import journey

if TYPE_CHECKING:
    from playwright.sync_api import Browser

START_SECONDS_MAX = 60
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class RunningPlatform:
    """``url`` carries the one-time login link, ``base`` is the page's folder."""

    url: str
    base: str
    data: Path
    process: subprocess.Popen[str]


@contextlib.contextmanager
def started(*arguments: str, data: Path) -> Iterator[RunningPlatform]:
    """Start a platform, wait for its URL, and stop it with Ctrl-C in the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fengsui", *arguments, "--data", str(data), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        url = _url(process)
        yield RunningPlatform(url, url.split("#")[0], data, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def _url(process: subprocess.Popen[str]) -> str:
    """The URL among the lines the platform prints; fails when none comes in time."""
    assert process.stdout is not None
    # Only a timer can end a blocked readline: the platform is ended where it says nothing.
    timer = threading.Timer(START_SECONDS_MAX, process.kill)
    timer.start()
    seen: list[str] = []
    try:
        for line in process.stdout:
            seen.append(line)
            found = re.search(r"https?://\S+#token=\S+", line)
            if found:
                return found[0]
    finally:
        timer.cancel()
    pytest.fail("the platform printed no URL:\n" + "".join(seen))


@pytest.fixture
def start_platform() -> Callable[..., contextlib.AbstractContextManager[RunningPlatform]]:
    """Starts a platform of the test's own."""
    return started


@pytest.fixture(scope="session")
def running_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """``fengsui run --no-host``: the short demonstration and an empty site beside it."""
    arguments = ("run", "--no-host", "--recording", "district-day")
    with started(*arguments, data=tmp_path_factory.mktemp("platform")) as platform:
        yield platform


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """The browser of this machine; skips where there is none, but not in CI."""
    program = shutil.which("chromium")
    if program is None:
        message = "chromium is not installed: apt-get install -y chromium fonts-noto-cjk"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short recording: three and a half hours of the shipped one."""
    return journey.evening(tmp_path_factory)


@pytest.fixture(scope="session")
def evening_folder(evening: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished data folder of the short recording; copy it before you change it."""
    return journey.evening_folder(evening, tmp_path_factory)


@pytest.fixture(scope="session")
def evening_alerts(evening_folder: Path) -> list[bytes]:
    """Final alerts of the short recording, run once in the usual sizes."""
    return journey.final(evening_folder)


@pytest.fixture(scope="session")
def day_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished data folder of the whole shipped recording, run by the command."""

    def make(target: Path) -> None:
        done = journey.fengsui("demo", "--json", data=target)
        (target / "demo.json").write_text(done.stdout, "utf-8")
        assert done.returncode == 0, done.stderr

    return journey.once(tmp_path_factory, "day-folder", make)
