"""Units and the Compose file: hardened, consistent, and of settings and commands that exist."""

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from fengsui.cli import app
from fengsui.settings import load

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
# Of systemd's 0 (all closed) to 10; what is left open is what a sensor must see.
EXPOSURE_MAX = 2.0


def unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(path.read_text("utf-8"))
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_closed_to_what_it_does_not_need(path: Path) -> None:
    service = unit(path)["Service"]
    assert {
        "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
        "PrivateTmp": "yes", "PrivateDevices": "yes", "CapabilityBoundingSet": "",
        "UMask": "0077", "StateDirectoryMode": "0700",
    }.items() <= dict(service).items()  # fmt: skip
    assert service["User"].startswith("fengsui")
    assert service["MemoryMax"]
    assert service["TasksMax"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_has_no_secret_in_it(path: Path) -> None:
    assert not re.search(r"(?i)(password|token|secret)\s*=", path.read_text("utf-8"))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_understands_every_unit_and_finds_it_closed(path: Path, tmp_path: Path) -> None:
    # Of a template one instance is looked at; what is not installed here stands in by `true`.
    copy = tmp_path / path.name.replace("@", "@1")
    text = path.read_text("utf-8").replace("/opt/fengsui/current/bin/fengsui", "/bin/true")
    copy.write_text(text, "utf-8")
    for command in (
        ["verify"],
        ["security", "--offline=yes", f"--threshold={int(EXPOSURE_MAX * 10)}", "--no-pager"],
    ):
        done = subprocess.run(
            ["systemd-analyze", *command, str(copy)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout[-200:]


def _exists(words: list[str]) -> bool:
    command = get_command(app)
    for word in words:
        if word.startswith("-"):
            return True
        if not hasattr(command, "commands"):
            return True
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_a_command_that_exists(path: Path) -> None:
    line = unit(path)["Service"]["ExecStart"]
    words = line.partition("/opt/fengsui/current/bin/fengsui ")[2].replace('"', "").split()
    assert words
    assert _exists(words)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_limited_and_closed(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert "privileged" not in service
    assert "network_mode" not in service
    assert not service["image"].endswith(":latest")
    assert ":" in service["image"]


def test_only_the_centre_is_reached_from_outside_and_only_from_this_machine() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    reached = {name for name, one in SERVICES.items() if one["networks"] != ["inside"]}
    assert reached == {"centre"}
    assert {name for name, one in SERVICES.items() if "ports" in one} == {"centre"}
    assert all(one.startswith("127.0.0.1:") for one in SERVICES["centre"]["ports"])


def test_everything_a_service_names_is_there() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            inside = source.startswith("./") and (DEPLOY / "compose" / source).exists()
            assert inside or source in COMPOSE["volumes"], volume
        command = service.get("command")
        assert command is None or _exists(command)


def test_brokers_keep_what_was_acknowledged_when_one_is_lost() -> None:
    brokers = [one["environment"] for name, one in SERVICES.items() if name.startswith("kafka-")]
    assert sorted(one["KAFKA_NODE_ID"] for one in brokers) == ["1", "2", "3"]
    for one in brokers:
        assert (one["KAFKA_DEFAULT_REPLICATION_FACTOR"], one["KAFKA_MIN_INSYNC_REPLICAS"]) == (
            "3", "2")  # fmt: skip
        assert one["KAFKA_LOG_MESSAGE_TIMESTAMP_TYPE"] == "LogAppendTime"


def test_the_settings_of_the_trial_are_understood() -> None:
    environment = {
        name: str(value)
        for name, value in SERVICES["centre"]["environment"].items()
        if name.startswith("FENGSUI_")
    }
    settings = load(DEPLOY / "compose" / "settings.toml", environment)
    assert len(settings.bus.brokers) == 3
    assert settings.server.certificate == "/run/secrets/server.pem"


@pytest.mark.parametrize("name", ["compose/compose.yaml", "compose/Dockerfile"])
def test_what_was_never_run_says_so_in_its_head(name: str) -> None:
    head = (DEPLOY / name).read_text("utf-8")[:600]
    assert "UNTRIED" in head


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_says_that_it_never_ran(path: Path) -> None:
    head = path.read_text("utf-8").partition("[Unit]")[0].replace("\n# ", " ")
    assert "never run under systemd" in head
