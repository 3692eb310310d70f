"""``fengsui rules test``, ``lint`` and ``convert``: what the authors of rules work with.

They need no data folder and change nothing.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from schema.errors import FengsuiError

if TYPE_CHECKING:
    from analytics.authoring.casework import Report

Places = Annotated[
    list[Path] | None,
    typer.Argument(
        help="规则文件或目录，默认随产品规则 · rule files or folders, the shipped ones by default",
        metavar="[PATH]…",
        exists=True,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="输出一行 JSON · print one JSON line")]
_FAILED = 1
"""Exit code of a check that failed."""


def register(app: typer.Typer) -> None:
    """Add the authors' commands to ``fengsui rules``."""
    app.command("test")(rules_test)
    app.command("lint")(rules_lint)
    app.command("convert")(rules_convert)


def _places(given: list[Path] | None) -> list[Path]:
    from analytics.ruleset import SHIPPED

    return given or [SHIPPED]


def rules_test(
    places: Places = None,
    mutate: Annotated[
        bool,
        typer.Option("--mutate", help="逐一放宽条件，查实例能否察觉 · weaken each condition"),
    ] = False,
    as_json: Json = False,
) -> None:
    """运行规则的实例 · run the cases of rules: what must fire and what must not.

    有实例不符或放宽未被察觉时退出码为 1 · exits with 1 where one fails or a weakening passes.
    """
    from analytics.authoring import casework
    from fengsui.training import ChildTrainer

    train = functools.cache(ChildTrainer().train)
    reports = []
    for tried in casework.found(_places(places)):
        reports.append(casework.check(tried, train=train, mutate=mutate))
        if not as_json:
            _tell(reports[-1])
    if as_json:
        typer.echo(msgspec.json.encode({"rules": reports}).decode())
    else:
        failed = sum(not report.passed for report in reports)
        told = sum(report.cases for report in reports)
        typer.echo(
            f"{len(reports)} 条规则 rules, {told} 个实例 cases, "
            f"{failed} 条规则待改 rules to be mended"
        )
    if not all(report.passed for report in reports):
        raise typer.Exit(_FAILED)


def _tell(report: Report) -> None:
    mark = "通过 ok  " if report.passed else "不符 FAIL"
    tried = "" if report.mutants is None else f", {report.mutants} 种放宽 mutants"
    typer.echo(f"{mark} {report.rule_id:40} {report.cases} 个实例 cases{tried}")
    if report.history[0]:
        typer.echo(f"    最小日志集不单独验证：{report.history[0]} · {report.history[1]}")
    for failure in report.failures:
        typer.echo(f"    实例不符 case: {failure.case}: {failure.why}")
    for failure in report.unexplained:
        typer.echo(f"    未能解释 unexplained: {failure.case}: {failure.why}")
    for name in report.survivors:
        typer.echo(f"    无实例察觉 no case notices: {name}")
    for name in report.stale:
        typer.echo(f"    所列等价放宽不存在 named as equivalent, but is not: {name}")


def rules_lint(
    places: Places = None,
    against: Annotated[
        Path | None,
        typer.Option(help="改动前的规则目录 · the rules as they were", metavar="DIR", exists=True),
    ] = None,
    as_json: Json = False,
) -> None:
    """检查规则：矛盾、重复、耗时、缺少说明 · what to mend in rules before they are used.

    有错误 error 时退出码为 1 · exits with 1 where there is an error.
    """
    from analytics.authoring.linting import SEVERITIES, lint

    findings = lint(_places(places), against=against)
    if as_json:
        typer.echo(msgspec.json.encode({"findings": findings}).decode())
    else:
        for one in findings:
            typer.echo(f"{one.path}:{one.line}: {one.severity} [{one.check}] {one.zh} · {one.en}")
        counts = dict.fromkeys(SEVERITIES, 0)
        for one in findings:
            counts[one.severity] += 1
        told = ", ".join(
            f"{zh} {counts[name]} {name}"
            for name, zh in zip(SEVERITIES, ("错误", "警告", "提示"), strict=True)
        )
        typer.echo(told)
    if any(one.severity == "error" for one in findings):
        raise typer.Exit(_FAILED)


def rules_convert(
    rule: Annotated[
        str, typer.Argument(help="规则编号或文件 · rule id or file", metavar="RULE|FILE")
    ],
    to: Annotated[
        str, typer.Option(help="目标：elasticsearch · what to write", metavar="SYSTEM")
    ] = "elasticsearch",
) -> None:
    """把随产品规则或规则文件写成 Elasticsearch 查询 · a shipped rule or a file as a search.

    一条查询表达不了的，说明原因后拒绝 · what one search cannot express is refused by name.
    """
    from analytics.authoring.conversion import elasticsearch
    from analytics.ruleset import SHIPPED, load
    from fengsui.trials import read_rule

    if to != "elasticsearch":
        raise FengsuiError("analytics.convert.unknown", f"{to[:40]!r}: only elasticsearch is known")
    if Path(rule).suffix in (".yml", ".yaml"):
        found = read_rule(Path(rule))
    else:
        (found,) = load([SHIPPED]).only({rule}).rules
    typer.echo(msgspec.json.format(msgspec.json.encode(elasticsearch.search(found)), indent=2))
