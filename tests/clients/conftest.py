"""A running service with an application on it, started as its operator starts it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from client_ground import SigningService, base_of, registered


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "signing_service" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.service)


@pytest.fixture(scope="session")
def signing_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningService]:
    """``fengsui up`` with nothing to watch, an application by the operator's commands, two keys."""
    folder = tmp_path_factory.mktemp("signing-service")
    data = folder / "data"
    data.mkdir()
    (folder / "log").touch()
    (data / "settings.toml").write_text(
        "[sensor]\ninventory = false\n"
        f'watch = [{{ name = "idle", path = "{folder / "log"}", format = "nginx_access" }}]\n'
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "fengsui", "up", "--data", str(data), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield registered(SigningService(base_of(process), "", folder / "key.pem", data))
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
