"""``fengsui search``: snapshots of the index on the search nodes, and the index built anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from fengsui.folder import DataFolder

if TYPE_CHECKING:
    from fengsui.search_upkeep import Upkeep

app = typer.Typer(help="检索节点上的索引 · the index on the search nodes", no_args_is_help=True)
snapshot_app = typer.Typer(help="索引快照 · snapshots of the index", no_args_is_help=True)
app.add_typer(snapshot_app, name="snapshot")

_SITE: Final = Path("data/site")
Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="输出一行 JSON · print one JSON line")]
Name = Annotated[str, typer.Argument(help="快照名 · name of the snapshot", metavar="NAME")]
Repository = Annotated[
    str, typer.Option(help="快照仓库 · repository on the nodes", metavar="REPOSITORY")
]


def _upkeep(data: Path) -> Upkeep:
    from fengsui.search_upkeep import Upkeep
    from fengsui.settings import load

    folder = DataFolder(data)
    return Upkeep(folder, load(folder.settings, os.environ))


@snapshot_app.command("create")
def snapshot_create(
    name: Name,
    location: Annotated[
        str,
        typer.Option(
            help="首次：各节点共享的目录，须在其 path.repo 之下 · at first: a folder all nodes "
            "share, below their path.repo",
            metavar="DIR",
        ),
    ] = "",
    repository: Repository = "fengsui",
    data: Data = _SITE,
) -> None:
    """创建索引快照，平台可继续运行 · make a snapshot while the platform goes on."""
    _upkeep(data).create(name, repository=repository, location=location)
    typer.echo(f"{name} 已创建 created")


@snapshot_app.command("list")
def snapshot_list(
    repository: Repository = "fengsui", data: Data = _SITE, as_json: Json = False
) -> None:
    """列出快照，最早的在前 · the snapshots there are, oldest first."""
    names = _upkeep(data).names(repository=repository)
    if as_json:
        typer.echo(msgspec.json.encode({"snapshots": names}).decode())
    else:
        typer.echo("\n".join(names) or "没有快照 · no snapshots")


@snapshot_app.command("restore")
def snapshot_restore(name: Name, repository: Repository = "fengsui", data: Data = _SITE) -> None:
    """恢复快照，须先停止平台 · bring a snapshot back; the platform must be stopped."""
    _upkeep(data).restore(name, repository=repository)
    typer.echo(
        f"{name} 已恢复；其后的日志在下次启动时补入 is back; what came since follows at start"
    )


@app.command("rebuild")
def rebuild(data: Data = _SITE) -> None:
    """删除索引，下次启动时重建；须先停止平台 · take the index away, to be built anew."""
    days = _upkeep(data).rebuild()
    typer.echo(f"已删除 {days} 个日索引，下次启动重建 day indices are gone; start the platform")
