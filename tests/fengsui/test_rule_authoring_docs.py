"""The page for rule authors works as it stands: its rule, its cases, its commands, its checks."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import analytics.authoring.linting
from fengsui.cli import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "officer" / "rule-authoring.md"
TEXT = PAGE.read_text("utf-8")


def block(language: str) -> str:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)[0]


COMMANDS = [
    line.removeprefix("$ fengsui ")
    for part in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for line in part.splitlines()
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rule = tmp_path / "site-ssh-guessing"
    rule.mkdir()
    (rule / "rule.yml").write_text(block("yaml"), "utf-8")
    (rule / "cases.jsonl").write_text(block("json"), "utf-8")
    monkeypatch.chdir(tmp_path)
    return rule


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_page_works(command: str) -> None:
    result = CliRunner().invoke(app, shlex.split(command))
    assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "command", re.findall(r"^fengsui rules (\w+)", block("text"), re.MULTILINE)
)
def test_each_command_that_needs_a_site_is_there(command: str) -> None:
    assert CliRunner().invoke(app, ["rules", command, "--help"]).exit_code == 0


def test_every_check_of_lint_has_its_line_on_the_page() -> None:
    assert analytics.authoring.linting.__file__ is not None
    sources = Path(analytics.authoring.linting.__file__).parent.glob("*.py")
    written = "\n".join(path.read_text("utf-8") for path in sources)
    checks = {
        *re.findall(r'finding\(\s*"([a-z-]+)"', written),
        *re.findall(r'"(malformed-case|refused)"', written),
        "no-title",
        "no-triage",
    }
    assert len(checks) >= 14
    assert [check for check in checks if f"`{check}`" not in TEXT] == []
