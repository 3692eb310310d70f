"""``fengsui cluster``: sets up the brokers and tells where they differ from what we need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from fengsui.folder import DataFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.bus.access import Access
    from fengsui.cluster import Line
    from fengsui.settings import BusSettings

CHECK_FAILED: Final = 1
_WORDS: Final = {
    "address": "地址",
    "broker": "节点",
    "brokers": "节点",
    "topic": "主题",
    "right": "权限",
    "rights": "权限",
    "partitions": "分区",
    "replication": "副本",
    "sync": "同步",
    "clock": "时钟",
    "cleanup.policy": "清理方式",
    "max.message.bytes": "消息大小",
    "message.timestamp.type": "时间戳",
    "min.insync.replicas": "最少同步副本",
    "retention.bytes": "保留大小",
    "retention.ms": "保留时间",
    "segment.ms": "分段时间",
    "unclean.leader.election.enable": "不洁选举",
    "auto.create.topics.enable": "自动建主题",
}
_MARKS: Final = {True: "✓", False: "✗", None: "·"}

app = typer.Typer(help="消息总线：建立、检查 · the brokers", no_args_is_help=True)

Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="输出一行 JSON · print one JSON line")]
Sensors = Annotated[
    list[str] | None,
    typer.Option("--sensor", help="直接写总线的探针，可重复 · a sensor that ships straight"),
]
Centre = Annotated[str, typer.Option(help="中心进程的用户 · the centre's user")]
Worker = Annotated[str, typer.Option(help="分析进程的用户 · the workers' user")]
_SITE: Final = Path("data/site")


@app.command("init")
def cluster_init(
    sensor: Sensors = None,
    centre: Centre = "centre",
    worker: Worker = "worker",
    replication: Annotated[
        int | None, typer.Option(help="副本数，默认至多三份 · copies; at most three if not given")
    ] = None,
    data: Data = _SITE,
    as_json: Json = False,
) -> None:
    """建立缺少的主题与权限，不改动已有的 · make missing topics and rights, change nothing."""
    from fengsui import cluster

    access, settings = _bus(data)
    users = cluster.Users(centre=centre, worker=worker, sensors=tuple(sensor or ()))
    made = cluster.init(access, settings, users, replication=replication)
    if as_json:
        typer.echo(msgspec.json.encode(made).decode())
    else:
        for name in made.topics:
            typer.echo(f"已建立主题 made topic {name}")
        for right in made.rights:
            typer.echo(f"已授权 granted {right}")
        typer.echo(f"已有主题，未改动 topics there before, left as they are: {len(made.kept)}")
        if not made.authorizer:
            typer.echo("总线不管权限，未授权 the brokers keep no rights: none were granted")
        _tell(made.differences)
    if made.differences:
        raise typer.Exit(CHECK_FAILED)


@app.command("check")
def cluster_check(
    sensor: Sensors = None,
    centre: Centre = "centre",
    worker: Worker = "worker",
    data: Data = _SITE,
    as_json: Json = False,
) -> None:
    """对照要求检查总线，有差异则退出码为 1 · compare the brokers with the layout."""
    from fengsui import cluster
    from fengsui.clock import SystemClock

    access, settings = _bus(data)
    users = cluster.Users(centre=centre, worker=worker, sensors=tuple(sensor or ()))
    checked = cluster.check(access, settings, users, SystemClock())
    if as_json:
        whole = {**msgspec.to_builtins(checked), "ok": checked.ok}
        typer.echo(msgspec.json.encode(whole).decode())
    else:
        _tell(checked.lines)
        wrong = sum(line.ok is False for line in checked.lines)
        typer.echo(
            f"{wrong} 处与要求不同 · {wrong} things differ"
            if wrong
            else "全部符合要求 · everything is as it must be"
        )
    if not checked.ok:
        raise typer.Exit(CHECK_FAILED)


@app.command("key")
def cluster_key(
    target: Annotated[Path, typer.Argument(help="写到此文件 · write here", metavar="FILE")],
) -> None:
    """新建一把封装密钥 · make a key that seals what goes over the brokers."""
    from collector.bus.sealed import create_key
    from fengsui.clock import SystemEntropy

    key = create_key(target, SystemEntropy())
    typer.echo(f"{target}: SM4 {key.id.hex()}; 先分发，再列入 give it to all, then list it")


def _bus(data: Path) -> tuple[Access, BusSettings]:
    from fengsui import bus
    from fengsui.settings import load

    settings = load(DataFolder(data).settings, os.environ).bus
    return bus.access_of(settings), settings


def _tell(lines: Sequence[Line]) -> None:
    for line in lines:
        words = line.what.split()
        chinese = "".join(dict.fromkeys(_WORDS[one] for one in words if one in _WORDS))
        typer.echo(f"{_MARKS[line.ok]} {chinese} {line.what}: {line.found}")
        if line.todo:
            typer.echo(f"    → 处理 to do: {line.todo}")
