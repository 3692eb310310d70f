"""``fengsui probe``: how long registered pages were away, or not as released."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from fengsui.folder import DataFolder

_REPORT_SECONDS: Final = 300.0
"""The most events it reads take about a minute."""

app = typer.Typer(help="页面探测 · probed pages", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """页面探测 · probed pages."""


@app.command("report")
def report(
    since: Annotated[
        str,
        typer.Option(
            help="起始，默认前一天 · from when; the last day if not given", metavar="TIME"
        ),
    ] = "",
    data: Annotated[
        Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")
    ] = Path("data/site"),
) -> None:
    """各网址中断和被改的分钟数 · minutes of outage and defacement of each page."""
    from fengsui.local import call_within

    arguments = {"since": since}
    typer.echo(call_within(DataFolder(data), "probe-report", arguments, seconds=_REPORT_SECONDS))
