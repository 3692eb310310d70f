"""``fengsui source``: which log formats there are, and what a file becomes under one of them."""

from __future__ import annotations

import socket
import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

if TYPE_CHECKING:
    from fengsui.source_trial import Record, Trial

app = typer.Typer(help="日志来源与映射文件 · log formats and mapping files", no_args_is_help=True)

_SITE: Final = Path("data/site")
_VALUE_CHARS: Final = 100
"""Of one value or line on the screen; ``--json`` has it whole."""
_COLUMN_MAX: Final = 28
_FIELD_MAX: Final = 34
_LABELS_SHOWN: Final = 12
Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="输出一行 JSON · print one JSON line")]


@app.command("list")
def list_formats(data: Data = _SITE, as_json: Json = False) -> None:
    """列出内置格式与映射文件 · the formats built in, and all mapping files."""
    from fengsui.source_trial import formats

    found = formats(data)
    if as_json:
        typer.echo(msgspec.json.encode({"formats": found}).decode())
        return
    kinds = {"built in": "内置 built in", "shipped": "随附 shipped", "own": "本单位 own"}
    for one in found:
        title = f"{one.zh} · {one.en}" if one.zh else ""
        typer.echo(
            f"{_pad(one.name, 34)} {_pad(one.dataset, 24)} {_pad(kinds[one.kind], 14)} {title}"
        )


@app.command("try")
def try_format(
    file: Annotated[
        Path,
        typer.Argument(
            help="日志文件 · log file", metavar="FILE", exists=True, dir_okay=False, readable=True
        ),
    ],
    mapping: Annotated[
        str | None,
        typer.Option(
            "--map",
            help="格式或映射名，或映射文件路径 · name of a format or mapping, or a mapping file",
            metavar="M",
        ),
    ] = None,
    show: Annotated[
        int, typer.Option("--show", min=0, max=1000, help="显示前几条 · records to show")
    ] = 5,
    data: Data = _SITE,
    as_json: Json = False,
) -> None:
    """试读日志：逐条显示各列成为什么字段、什么被脱敏；有未解析的记录时退出码为 1。

    Read a log as a sensor would and show what each column becomes; nothing is stored or sent.
    Exit code 1 where a record does not parse.
    """
    from fengsui.clock import SystemClock, SystemEntropy
    from fengsui.source_trial import attempt, named
    from sensors.sources import Context

    context = Context(
        host=socket.gethostname(),
        utc_offset_minutes=time.localtime().tm_gmtoff // 60,
        now=SystemClock().now,
    )
    if mapping is None and file.suffix.lower() != ".evtx":
        raise typer.BadParameter(
            "请用 --map 指明格式 · say the format by --map (EVTX files need none)"
        )
    form = named(mapping or "evtx", data)
    with file.open("rb") as opened:
        trial = attempt(opened, form, context=context, entropy=SystemEntropy(), show=show)
    if as_json:
        typer.echo(msgspec.json.encode(trial).decode())
    else:
        _print(trial)
    if trial.unparsed or not trial.records:
        raise typer.Exit(1)


def _print(trial: Trial) -> None:
    for record in trial.shown:
        _print_record(record)
    typer.echo(
        f"记录 records {trial.records} · 已解析 parsed {trial.parsed} · 未解析 unparsed "
        f"{trial.unparsed} · 文件头尾 remarks {trial.remarks} · 含脱敏 masked {trial.masked}"
    )
    if trial.cut:
        typer.echo("文件未读完 · the file goes on behind these records")
    actions = "，".join(f"{name or '-'} {count}" for name, count in trial.actions.items())
    typer.echo(f"动作 actions: {_safe(actions)}")
    if trial.labels:
        names = list(trial.labels)
        more = f" … 共 {len(names)} 列 in all" if len(names) > _LABELS_SHOWN else ""
        typer.echo(
            f"未映射的列 columns without a field: {_safe(', '.join(names[:_LABELS_SHOWN]))}{more}"
        )


def _print_record(record: Record) -> None:
    state = {"unparsed": "未解析 unparsed", "remark": "文件头尾 remark"}
    typer.echo(f"── {record.number} · {state.get(record.action, '已解析 parsed')}")
    typer.echo(f"   {_safe(record.line)}")
    for row in record.rows:
        mark = {"hidden": "  [已脱敏 masked]", "added": "  [脱敏所加 added]", "": ""}[row.mask]
        typer.echo(
            f"   {_pad(_safe(row.column or '·'), _COLUMN_MAX)} → "
            f"{_pad(_safe(row.field), _FIELD_MAX)} {_safe(row.value)}{mark}"
        )


def _safe(text: str) -> str:
    """On one line and without control characters: a log may hold orders to a terminal."""
    shown = "".join(char if char.isprintable() else "�" for char in text[: _VALUE_CHARS + 1])
    return shown if len(text) <= _VALUE_CHARS else f"{shown[:_VALUE_CHARS]}…"


def _pad(text: str, width: int) -> str:
    """Blanks up to the width; a Chinese character takes two places."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return text + " " * max(0, width - len(text) - wide)
