"""``fengsui worker``: the analytics tier past one process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="分析进程 · workers of the analytics tier", no_args_is_help=True)

Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]


@app.callback()
def _worker() -> None:
    """A group of commands, also while it has one."""


@app.command("run")
def worker_run(data: Data = Path("data/worker")) -> None:
    """启动一个分析进程，直至收到 SIGTERM 或 Ctrl-C · run a worker; each needs its own folder.

    需要 [bus] 设置 · needs the settings of [bus].

    退出码 0 已停止，3 须重新启动 · exits with 0 when stopped, 3 when to be started again.
    """
    from fengsui.folder import DataFolder
    from fengsui.settings import load
    from fengsui.worker import run_worker

    run_worker(data, load(DataFolder(data).settings, os.environ))
