"""Every command has help; wrong input is one clear line and exit code 2, never a traceback."""

import json
from pathlib import Path

import pytest
import typer
from journey import fengsui
from typer.testing import CliRunner

from fengsui.cli import COULD_NOT_RUN, WRONG_INPUT, app, exit_code


def _commands() -> list[list[str]]:
    found: list[list[str]] = [[]]

    def walk(group: typer.Typer, path: list[str]) -> None:
        for command in group.registered_commands:
            assert command.callback is not None
            found.append([*path, command.name or command.callback.__name__.replace("_", "-")])
        for inner in group.registered_groups:
            assert inner.typer_instance is not None
            name = str(inner.name)
            found.append([*path, name])
            walk(inner.typer_instance, [*path, name])

    walk(app, [])
    return found


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output
    # Chinese first, English beside it.
    assert any(ord(character) > 0x3000 for character in shown.output)


def test_a_command_without_its_group_shows_what_there_is() -> None:
    assert {"run", "up", "demo", "verify", "backup"} <= {path[0] for path in _commands() if path}


WRONG = {
    "an event id and --all": ["verify", "0" * 32, "--all"],
    "neither an event id nor --all": ["verify"],
    "an event id that is none": ["verify", "xyz"],
    "a folder without segments": ["verify", "--all"],
    "an anchor of an empty folder": ["anchor", "export", "anchor.json"],
    "a backup of an empty folder": ["backup", "b.tar.gz"],
    "a file that is no backup": ["restore", "pyproject.toml"],
    "a version of no data folder": ["version"],
    "a benchmark nobody knows": ["bench", "nothing"],
    "an option a benchmark does not take": ["bench", "seal", "--seed", "3"],
    "an option nobody knows": ["verify", "--everything"],
    "a command nobody knows": ["destroy"],
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_clear_line_and_exit_code_2(
    arguments: list[str], tmp_path: Path
) -> None:
    takes_data = arguments[0] not in {"destroy"}
    done = fengsui(*arguments, data=tmp_path / "none" if takes_data else None)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith(("fengsui:", "Error"))]
    assert len(errors) == 1, done.stderr
    assert len(errors[0]) > 20


def test_version_is_one_json_line() -> None:
    done = fengsui("version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout)["version"]


def test_version_tells_the_realm_of_a_folder(evening_folder: Path) -> None:
    done = fengsui("version", data=evening_folder)
    assert json.loads(done.stdout)["data"]["realm"] == "demonstration"


def test_verify_as_json_is_one_line(evening_folder: Path) -> None:
    done = fengsui("verify", "--all", "--json", data=evening_folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout)["findings"] == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("fengsui.folder.in_use", COULD_NOT_RUN),
        ("schema.segment.damaged", COULD_NOT_RUN),
        ("crypto.library.absent", COULD_NOT_RUN),
        ("fengsui.verify.usage", WRONG_INPUT),
        ("fengsui.event.unknown", WRONG_INPUT),
        ("fengsui.folder.absent", WRONG_INPUT),
    ],
)
def test_an_error_code_has_its_exit_code(code: str, expected: int) -> None:
    assert exit_code(code) == expected


@pytest.mark.parametrize("command", [["rules", "list"], ["rules", "missed"], ["register", "list"]])
def test_a_damaged_state_is_one_clear_line_and_exit_code_3(
    command: list[str], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (data / "segments").mkdir(parents=True, mode=0o700)
    (data / "realm").write_text("duty")
    (data / "state.db").write_bytes(b"no database" * 1000)
    done = fengsui(*command, data=data)
    assert done.returncode == COULD_NOT_RUN
    assert "Traceback" not in done.stderr
    assert "restore it from a backup [fengsui.folder.state_damaged]" in done.stderr
