"""``fengsui retention`` and ``fengsui hold``: how long things are kept, and what is kept longer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fengsui.folder import DataFolder

retention_app = typer.Typer(help="留存期限 · how long things are kept", no_args_is_help=True)
hold_app = typer.Typer(help="案件留存 · holds for a case", no_args_is_help=True)

_SITE = Path("data/site")
_SECONDS = 60.0
Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="输出一行 JSON · print one JSON line")]
Reason = Annotated[str, typer.Option(help="理由 · why")]
By = Annotated[str, typer.Option(help="经办人 · who does it")]


def _print(data: Path, command: str, **arguments: str) -> None:
    from fengsui.local import call_within

    typer.echo(call_within(DataFolder(data), command, arguments, seconds=_SECONDS))


@retention_app.command("show")
def retention_show(data: Data = _SITE, as_json: Json = False) -> None:
    """每类每源：最早日志、期限、缺口、留存、下一段 · what is kept, by class and source."""
    _print(data, "retention-show", json="yes" if as_json else "")


@retention_app.command("run")
def retention_run(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只列出会删除的段 · only tell what would go")
    ] = False,
    data: Data = _SITE,
    as_json: Json = False,
) -> None:
    """立即删除到期的段，留下签名的墓碑 · let go now what is past its period."""
    _print(data, "retention-run", dry="yes" if dry_run else "", json="yes" if as_json else "")


@hold_app.command("add")
def hold_add(
    case: Annotated[str, typer.Argument(help="案件编号 · case", metavar="CASE")],
    start: Annotated[str, typer.Option("--from", help="起 · from", metavar="TIME")],
    end: Annotated[str, typer.Option("--to", help="止 · to, the day included", metavar="TIME")],
    reason: Reason,
    by: By,
    sensor: Annotated[str, typer.Option(help="探针，* 为全部 · sensor, * for all")] = "*",
    data: Data = _SITE,
) -> None:
    """为案件留存一段日志，到期也不删除 · keep a stretch for a case, whatever its age."""
    _print(
        data, "hold-add", **{"case": case, "sensor": sensor, "from": start, "to": end,
        "reason": reason, "by": by},
    )  # fmt: skip


@hold_app.command("list")
def hold_list(data: Data = _SITE, as_json: Json = False) -> None:
    """列出留存 · list the holds, released ones too."""
    _print(data, "hold-list", json="yes" if as_json else "")


@hold_app.command("release")
def hold_release(
    hold: Annotated[str, typer.Argument(help="留存编号 · id of the hold", metavar="ID")],
    reason: Reason,
    by: By,
    approved_by: Annotated[str, typer.Option(help="批准人，须另一人 · another person who agrees")],
    data: Data = _SITE,
) -> None:
    """解除留存，须两人 · release a hold, which takes two persons."""
    _print(
        data, "hold-release", id=hold, reason=reason, by=by, approved_by=approved_by
    )  # fmt: skip
