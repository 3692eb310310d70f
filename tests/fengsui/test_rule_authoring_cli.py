"""The commands of rule authors: what they print, and how they exit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from typer.testing import CliRunner, Result

from analytics.ruleset import SHIPPED
from fengsui.cli import app

RULE = SHIPPED / "host" / "host-account-created"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["rules", *arguments])


def test_the_cases_of_a_shipped_rule_pass_and_notice_each_weakening() -> None:
    result = run("test", str(RULE), "--mutate")
    assert result.exit_code == 0, result.output
    assert "通过 ok   host-account-created" in result.output
    assert "mutants" in result.output


def test_a_weakening_nobody_notices_exits_with_one(tmp_path: Path) -> None:
    folder = tmp_path / "host" / RULE.name
    shutil.copytree(RULE, folder)
    lines = (folder / "cases.jsonl").read_text("utf-8").splitlines(keepends=True)
    fires = [line for line in lines if json.loads(line)["kind"] == "fires"]
    (folder / "cases.jsonl").write_text("".join(fires), "utf-8")
    assert run("test", str(folder)).exit_code == 0
    result = run("test", str(folder), "--mutate", "--json")
    assert result.exit_code == 1
    (rule,) = json.loads(result.output)["rules"]
    assert rule["survivors"]
    assert not rule["failures"]


def test_a_case_that_fails_is_printed_and_exits_with_one(tmp_path: Path) -> None:
    folder = tmp_path / "host" / RULE.name
    shutil.copytree(RULE, folder)
    lines = (folder / "cases.jsonl").read_text("utf-8").splitlines()
    case = json.loads(lines[0])
    case["alerts"][0]["count"] += 1
    (folder / "cases.jsonl").write_text(json.dumps(case), "utf-8")
    result = run("test", str(folder))
    assert result.exit_code == 1
    assert f"实例不符 case: {case['name']}" in result.output
