"""``fengsui rules``: list, try, switch and import the rules of a site.

Whatever changes the rules in force takes effect behind the newest event judged, is sealed in the
control log, and stands in the audit chain.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from fengsui import rule_authoring_cli
from fengsui.folder import DataFolder
from schema.errors import FengsuiError

app = typer.Typer(help="规则：查看、回测、启停、导入、测试 · detection rules", no_args_is_help=True)
rule_authoring_cli.register(app)

Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
RuleId = Annotated[str, typer.Argument(help="规则编号 · rule id", metavar="RULE")]
Reason = Annotated[str, typer.Option(help="理由 · why")]
Json = Annotated[bool, typer.Option("--json", help="输出一行 JSON · print one JSON line")]
Since = Annotated[
    str, typer.Option(help="起点：7d、12h 或 2026-11-01 · from when on", metavar="TIME")
]
_ACTOR: Final = "command line"
_ASK_EVERY_SECONDS: Final = 1.0
_BAR: Final = 40
"""Characters of the longest bar of a day."""


def _print(value: object) -> None:
    typer.echo(msgspec.json.encode(value).decode())


@app.command("list")
def rules_list(data: Data = Path("data/site"), as_json: Json = False) -> None:
    """列出规则及其启停 · list the rules and whether they are on."""
    from fengsui.trials import rulebook

    with rulebook(DataFolder(data)) as book:
        listed, refused, trees = book.everything(), book.refused(), book.trees()
    if as_json:
        rows = [
            {
                "id": one.rule.id,
                "version": one.rule.version,
                "kind": one.rule.kind,
                "enabled": one.enabled,
                "imported": one.imported,
                "title_zh": one.rule.text.title_zh,
                "title_en": one.rule.text.title_en,
                "credit": one.rule.credit,
                "reason": one.switch.reason if one.switch else "",
            }
            for one in listed
        ]
        _print({"rules": rows, "refused": refused})
        return
    for one in listed:
        mark = "启用 on " if one.enabled else "停用 off"
        typer.echo(f"{mark} {one.rule.id:44} {one.rule.kind:10} {one.rule.text.title_zh}")
    for tree in trees:
        typer.echo(f"规则库 tree {tree.name}: {tree.files} files, {tree.licence}, {tree.origin}")
    for refusal in refused[:20]:
        typer.echo(f"拒绝 refused {refusal.path}: {refusal.reason}")
    if len(refused) > 20:
        typer.echo(f"拒绝 refused: {len(refused) - 20} more, see --json")


@app.command("enable")
def rules_enable(rule: RuleId, reason: Reason, data: Data = Path("data/site")) -> None:
    """启用一条规则 · switch a rule on."""
    _switch(rule, reason, data, enabled=True)


@app.command("disable")
def rules_disable(rule: RuleId, reason: Reason, data: Data = Path("data/site")) -> None:
    """停用一条规则 · switch a rule off."""
    _switch(rule, reason, data, enabled=False)


def _switch(rule: str, reason: str, data: Path, *, enabled: bool) -> None:
    from fengsui.local import call

    number = "1" if enabled else "0"
    typer.echo(call(DataFolder(data), "rule-switch", rule=rule, reason=reason, enabled=number))


@app.command("reload")
def rules_reload(data: Data = Path("data/site")) -> None:
    """重新读取规则库 · read the imported trees again."""
    from fengsui.local import call

    typer.echo(call(DataFolder(data), "rule-reload"))


@app.command("import")
def rules_import(
    source: Annotated[Path, typer.Argument(help="规则目录 · folder of rule files", metavar="DIR")],
    name: Annotated[str, typer.Option(help="规则库名 · name of the tree")],
    licence: Annotated[str, typer.Option(help="许可 · licence of the rules")],
    origin: Annotated[str, typer.Option(help="来源与版本 · origin and version")] = "",
    data: Data = Path("data/site"),
) -> None:
    """导入规则库，全部先停用 · import a tree of rules, all of them off."""
    from fengsui.clock import SystemClock
    from fengsui.local import call
    from fengsui.rulebook import prepare

    folder = DataFolder(data)
    folder.must_exist()
    prepared = prepare(
        folder, source, name=name, origin=origin, licence=licence, clock=SystemClock()
    )
    try:
        told = call(folder, "rule-tree", name=name, path=str(prepared.path))
    except FengsuiError:
        # It was not taken: nothing of it is left behind.
        shutil.rmtree(prepared.path, ignore_errors=True)
        raise
    typer.echo(told)
    skipped = f", 未收 left out {prepared.skipped}" if prepared.skipped else ""
    typer.echo(
        f"可用 usable {len(prepared.rules.rules)}, 拒绝 refused {len(prepared.rules.refused)}"
        f"{skipped}（fengsui rules list 列出原因 · lists why）"
    )


@app.command("replay")
def rules_replay(since: Since = "1d", data: Data = Path("data/site")) -> None:
    """按现行规则重判已存日志，修订告警 · judge stored events again and revise alerts."""
    from fengsui.clock import SystemClock
    from fengsui.local import call
    from fengsui.trials import past_us

    folder = DataFolder(data)
    told = call(folder, "rule-replay", since=str(past_us(since, SystemClock().now())))
    waiting = told
    while told == waiting:
        time.sleep(_ASK_EVERY_SECONDS)
        told = call(folder, "rule-replay-told")
    typer.echo(told)


@app.command("missed")
def rules_missed(
    waiting: Annotated[bool, typer.Option(help="只列尚未重判的 · only what waits")] = False,
    data: Data = Path("data/site"),
    as_json: Json = False,
) -> None:
    """列出迟到未判的日志影响的规则与对象 · what came too late, and what a second look changed."""
    from collector.state.database import ReadOnly
    from collector.state.missed import MissedTable
    from schema.times import to_text

    folder = DataFolder(data)
    folder.must_exist()
    state = ReadOnly(folder.state)
    try:
        rows = MissedTable(state).newest(waiting=waiting)
    finally:
        state.close()
    if as_json:
        _print(rows)
        return
    if not rows:
        typer.echo("没有 · none")
    for row in rows:
        one = row.missed
        looked = (
            "待重判 waits"
            if row.looked_at is None
            else f"已重判 judged again, {row.revised} 条 revised"
        )
        typer.echo(
            f"{one.rule_id} {one.entity or '全部 all'} {to_text(one.first_at)} – "
            f"{to_text(one.last_at)} {one.events} 条 events ({one.sensor}) {looked}"
        )


@app.command("backtest")
def rules_backtest(
    rule: Annotated[
        str, typer.Argument(help="规则编号或文件 · rule id or file", metavar="RULE|FILE")
    ],
    since: Since = "7d",
    against: Annotated[
        str, typer.Option(help="与之比较的规则编号或文件 · compare with", metavar="RULE|FILE")
    ] = "",
    data: Data = Path("data/site"),
    as_json: Json = False,
) -> None:
    """用已存日志回测一条规则 · try a rule on stored events, changing nothing."""
    from analytics.authoring.backtest import Result
    from collector.state.switches import Trial
    from fengsui.clock import SystemClock
    from fengsui.local import call
    from fengsui.trials import backtest_rule, history, known, named_rule, past_us
    from schema.times import from_text

    folder, now = DataFolder(data), SystemClock().now()
    begin = past_us(since, now)
    tried, other = named_rule(folder, rule), named_rule(folder, against) if against else None
    with history(folder) as stored, known(folder) as facts:
        result: Result = backtest_rule(stored, tried, begin, against=other, known=facts)
    if result.events:
        trial = Trial(
            tried.id, tried.stamp, begin, from_text(result.until), result.events, result.alerts,
            _ACTOR, now,
        )  # fmt: skip
        call(folder, "rule-tried", trial=msgspec.json.encode(trial).decode())
    if as_json:
        _print(result)
        return
    typer.echo(
        f"{result.rule_id} {result.version}: {result.events} 条日志 events, "
        f"{result.alerts} 条告警 alerts, {result.since} – {result.until}"
    )
    if not result.events:
        typer.echo("这段时间没有日志，不算回测过 · no events in that time: this is no trial")
    most = max((day.alerts for day in result.days), default=1)
    for day in result.days:
        bar = "█" * max(1, day.alerts * _BAR // most) if day.alerts else ""
        compared = "" if day.before is None else f" （原 before {day.before}）"
        typer.echo(f"  {day.day} {day.alerts:>7} {bar}{compared}")
    for busy in result.entities[:10]:
        typer.echo(f"  {busy.alerts:>7} × {busy.entity}")
    if result.gained_count is not None:
        typer.echo(f"新增 gained {result.gained_count}, 减少 lost {result.lost_count}")
        for sign, changes in (("+", result.gained), ("-", result.lost)):
            for change in changes:
                typer.echo(f"  {sign} {change.decided_at} {change.entity}")
