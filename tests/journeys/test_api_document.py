"""The whole API against its own document, by requests nobody wrote: no 5xx, nothing undeclared."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from conftest import RunningPlatform, started

from dashboard_api.access.access import FIRST_USERS
from dashboard_api.access.roles import permissions_of
from dashboard_api.applications.model import Operation

HERE = Path(__file__).parent
NEVER_ENDING = ("/v1/stream",)
ENDS_THE_SESSION = ("/v1/logout", "/v1/me/password")
NOT_OF_THE_SCHEMA = "positive_data_acceptance,negative_data_rejection,ignored_auth"
"""A request may be right by form and refused by what it names; who may call is tested by role in
tests/dashboard_api/test_app.py."""

pytestmark = pytest.mark.service


def fengsui(*words: str, data: Path) -> str:
    command = [sys.executable, "-m", "fengsui", *words, "--data", str(data)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def cookie(platform: RunningPlatform, name: str) -> str:
    """A session of a user, by a one-time link as the operator makes it."""
    token = re.search(r"token=(\S+)", fengsui("user", "link", name, data=platform.data))
    assert token is not None
    asked = urllib.request.Request(
        f"{platform.base}v1/login/link",
        data=json.dumps({"token": token[1]}).encode(),
        headers={"Content-Type": "application/json", "Origin": platform.base.rstrip("/")},
    )
    with urllib.request.urlopen(asked) as answer:
        return answer.headers["set-cookie"].split(";")[0]


def cookies(platform: RunningPlatform) -> dict[str, str]:
    """One person's cookie for each permission, and under ``""`` anybody's."""
    found: dict[str, str] = {}
    for name, role, _ in FIRST_USERS:
        session = cookie(platform, name)
        found.setdefault("", session)
        found |= {str(permission): session for permission in permissions_of([role])}
    return found


def token(platform: RunningPlatform) -> str:
    """The bearer token of an application that may do everything with its own keys."""
    data = platform.data
    fengsui("application", "add", "tried", "--name", "tried", "--unit", "local", data=data)
    operations = [word for one in Operation for word in ("--operation", one.value)]
    for key in ("*", "-"):
        fengsui("application", "grant", "tried", "--key", key, *operations, data=data)
    return fengsui("application", "token", "tried", data=data).split()[0]


def gateway(platform: RunningPlatform) -> str:
    """The bearer token of a gateway that may ask about everything."""
    words = ("gateway", "add", "tried", "--unit", "local", "--service", "*")
    return fengsui(*words, data=platform.data).strip()


@pytest.fixture
def platform(tmp_path):
    (tmp_path / "log").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/settings.toml").write_text(
        "[sensor]\ninventory = false\n"
        f'watch = [{{ name = "idle", path = "{tmp_path / "log"}", format = "nginx_access" }}]\n'
    )
    with started("up", data=tmp_path / "data") as running:
        yield running


def test_no_request_by_the_document_meets_a_failure_or_an_undeclared_answer(platform, tmp_path):
    credentials = {
        "origin": platform.base.rstrip("/"),
        "cookies": cookies(platform),
        "application": f"Bearer {token(platform)}",
        "gateway": f"Bearer {gateway(platform)}",
    }
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("st")), "--no-color",
            "run", f"{platform.base}openapi.json",
            "--checks", "all", "--exclude-checks", NOT_OF_THE_SCHEMA,
            "--phases", "examples,coverage,fuzzing", "--max-examples", "8",
            "--generation-deterministic", "--continue-on-failure", "--warnings", "off",
            *(f"--exclude-path={path}" for path in (*NEVER_ENDING, *ENDS_THE_SESSION)),
        ],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(HERE),
            "SCHEMATHESIS_HOOKS": "document_hooks",
            "FENGSUI_TEST_CREDENTIALS": json.dumps(credentials),
        },
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert "passed" in run.stdout
