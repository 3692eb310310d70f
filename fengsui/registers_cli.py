"""``fengsui register`` and ``fengsui indicator``: what a site knows, imported, shown and hunted.

Each command works in the platform that runs on the data folder, or in the folder itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from fengsui.folder import DataFolder

_IMPORT_SECONDS: Final = 600.0
"""A million rows take about a minute; a machine under load ten times as long."""

register_app = typer.Typer(help="台账：导入、比较、查看 · registers", no_args_is_help=True)
indicator_app = typer.Typer(
    help="威胁情报：导入、允许、回查 · threat indicators", no_args_is_help=True
)

Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
Name = Annotated[str, typer.Argument(help="台账名 · register")]
File = Annotated[
    Path,
    typer.Argument(
        help="CSV、XLSX 或 JSON 行文件 · CSV, XLSX or JSON lines", exists=True, dir_okay=False
    ),
]
KeyParts = Annotated[
    list[str], typer.Option("--key", help="键，依次给出各部分 · a part of the key; repeat it")
]
OnlyThese = Annotated[
    bool,
    typer.Option("--only-these", help="只更新文件中的行，不终止其他行 · rows left out do not end"),
]
Value = Annotated[str, typer.Argument(help="地址、网段、域名、网址或杂凑 · value")]
_SITE: Final = Path("data/site")


def _call(data: Path, command: str, **arguments: str) -> str:
    from fengsui.local import call_within

    return call_within(DataFolder(data), command, arguments, seconds=_IMPORT_SECONDS)


def _flag(given: bool) -> str:
    return "yes" if given else ""


By = Annotated[str, typer.Option("--by", help="提出人 · who proposes", metavar="PERSON")]
ApprovedBy = Annotated[
    str,
    typer.Option(
        "--approved-by", metavar="PERSON",
        help="批准人，须为另一人；不写则只提出 · who approves, somebody else; else proposed only",
    ),
]  # fmt: skip
Number = Annotated[int, typer.Argument(help="版本号 · version")]


@register_app.command("import")
def register_import(
    name: Name,
    file: File,
    by: By,
    approved_by: ApprovedBy = "",
    only_these: OnlyThese = False,
    valid_from: Annotated[
        str, typer.Option(help="未写生效时间的行自此有效 · since when rows without a date hold")
    ] = "",
    reason: Annotated[str, typer.Option(help="提出的理由 · why it changes")] = "",
    data: Data = _SITE,
) -> None:
    """导入整份台账为新版本，一行有误则全不导入 · import a register, all of it or nothing.

    由一人提出、另一人批准 · one person proposes, another approves.
    """
    typer.echo(
        _call(
            data, "register-import", name=name, file=str(file.resolve()), valid_from=valid_from,
            only_these=_flag(only_these), by=by, approved_by=approved_by, reason=reason,
        )
    )  # fmt: skip


@register_app.command("apply")
def register_apply(
    name: Name,
    number: Number,
    by: Annotated[
        str, typer.Option("--by", help="批准人，非提出人 · who approves", metavar="PERSON")
    ],
    data: Data = _SITE,
) -> None:
    """批准已提出的版本 · approve a proposed version; it is effective from now."""
    typer.echo(_call(data, "register-apply", name=name, number=str(number), by=by))


@register_app.command("refuse")
def register_refuse(
    name: Name,
    number: Number,
    by: Annotated[str, typer.Option("--by", help="否决人 · who refuses", metavar="PERSON")],
    data: Data = _SITE,
) -> None:
    """否决已提出的版本 · refuse a proposed version."""
    typer.echo(_call(data, "register-refuse", name=name, number=str(number), by=by))


@register_app.command("end")
def register_end(
    name: Name, key: KeyParts, by: By, approved_by: ApprovedBy = "", data: Data = _SITE
) -> None:
    """终止一行 · end one row from now on; what held before stays."""
    typer.echo(
        _call(data, "register-end", name=name, key=_json(key), by=by, approved_by=approved_by)
    )


@register_app.command("export")
def register_export(
    name: Name,
    at: Annotated[str, typer.Option(help="事件时间，默认现在 · valid at this time")] = "",
    data: Data = _SITE,
) -> None:
    """导出为可再导入的 CSV · write a register as CSV that can be imported again."""
    typer.echo(_call(data, "register-export", name=name, at=at), nl=False)


@register_app.command("assets")
def register_assets(
    accept: Annotated[
        str, typer.Option(help="将此资产的发现提为台账版本 · propose what was found of an asset")
    ] = "",
    by: Annotated[str, typer.Option("--by", help="提出人 · who proposes", metavar="PERSON")] = "",
    unit: Annotated[str, typer.Option(help="责任单位 · unit of the accepted row")] = "",
    owner: Annotated[str, typer.Option(help="责任人 · owner of the accepted row")] = "",
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="从全部日志重新学习 · learn from all that is stored")
    ] = False,
    data: Data = _SITE,
) -> None:
    """资产待办：未登记、已消失、无主、新开放 · what is to be done about assets."""
    typer.echo(
        _call(
            data, "register-assets", accept=accept, by=by, unit=unit, owner=owner,
            rebuild=_flag(rebuild),
        )
    )  # fmt: skip


@register_app.command("list")
def register_list(data: Data = _SITE) -> None:
    """列出台账及其版本 · list the registers and their newest versions."""
    typer.echo(_call(data, "register-list"))


@register_app.command("show")
def register_show(
    name: Name,
    at: Annotated[str, typer.Option(help="事件时间，默认现在 · valid at this time")] = "",
    known: Annotated[str, typer.Option(help="按当时所知 · as known at this time")] = "",
    key: KeyParts = [],  # noqa: B006 - typer reads the default, nothing writes it
    data: Data = _SITE,
) -> None:
    """查看某时有效的行 · show the rows valid at a time, or the one of a key."""
    typer.echo(
        _call(data, "register-show", name=name, at=at, known=known, key=_json(key) if key else "")
    )


@register_app.command("diff")
def register_diff(
    name: Name, file: File, only_these: OnlyThese = False, data: Data = _SITE
) -> None:
    """文件与现行台账的差异，不作改动 · what a file would change; changes nothing."""
    typer.echo(
        _call(
            data, "register-diff", name=name, file=str(file.resolve()),
            only_these=_flag(only_these),
        )
    )  # fmt: skip


@indicator_app.command("import")
def indicator_import(
    file: Annotated[
        Path, typer.Argument(help="CSV、STIX 2.1 或 MISP JSON · file", exists=True, dir_okay=False)
    ],
    source: Annotated[str, typer.Option(help="来源名 · source")],
    confidence: Annotated[
        int | None, typer.Option(min=0, max=100, help="未写明时的可信度 · where the file has none")
    ] = None,
    expires: Annotated[
        str, typer.Option(help="未写明时的失效日期 · end where the file has none", metavar="DATE")
    ] = "",
    data: Data = _SITE,
) -> None:
    """导入一个来源的情报，替换其先前的清单 · import a source's list in place of its list before."""
    typer.echo(
        _call(
            data, "indicator-import", file=str(file.resolve()), source=source, expires=expires,
            confidence="" if confidence is None else str(confidence),
        )
    )  # fmt: skip


@indicator_app.command("list")
def indicator_list(data: Data = _SITE) -> None:
    """列出来源与允许清单 · list sources and the allow-list."""
    typer.echo(_call(data, "indicator-list"))


@indicator_app.command("allow")
def indicator_allow(
    value: Value,
    reason: Annotated[str, typer.Option(help="理由 · reason")],
    owner: Annotated[str, typer.Option(help="负责人 · owner")],
    data: Data = _SITE,
) -> None:
    """永不命中此值、此网段或此域名及其子域 · never match this value, network, or domain."""
    typer.echo(_call(data, "indicator-allow", value=value, reason=reason, owner=owner))


@indicator_app.command("disallow")
def indicator_disallow(value: Value, data: Data = _SITE) -> None:
    """从允许清单移除 · take a value off the allow-list."""
    typer.echo(_call(data, "indicator-disallow", value=value))


@indicator_app.command("find")
def indicator_find(
    value: Value,
    at: Annotated[str, typer.Option(help="事件时间，默认现在 · at this event time")] = "",
    data: Data = _SITE,
) -> None:
    """查询一个值是否命中 · ask whether a value is listed, and by whom."""
    typer.echo(_call(data, "indicator-find", value=value, at=at))


@indicator_app.command("hunt")
def indicator_hunt(
    since: Annotated[
        str, typer.Option(help="从此时起，默认三十天前 · since, thirty days ago by default")
    ] = "",
    data: Data = _SITE,
) -> None:
    """用现有情报回查已存事件 · ask today's indicators of the events stored."""
    from fengsui.knowledge import Hunted

    before, days, found = "", 0, 0
    while True:
        answer = _call(data, "indicator-hunt", since=since, before=before)
        part = msgspec.json.decode(answer, type=Hunted)
        for line in part.lines:
            typer.echo(line)
        days, found = days + part.days, found + part.found
        if not part.before:
            break
        before = str(part.before)
    typer.echo(f"{days} 天 days, {found} 处命中 matches")


def _json(key: list[str]) -> str:
    return msgspec.json.encode(key).decode()
