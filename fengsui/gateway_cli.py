"""``fengsui gateway``: who may ask whether a call may pass, and about which services."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from fengsui.folder import DataFolder

app = typer.Typer(
    help="网关：可查询共享授权的网关 · gateways that may ask about grants", no_args_is_help=True
)

Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
Name = Annotated[str, typer.Argument(help="网关标识 · id of the gateway", metavar="NAME")]
Services = Annotated[
    list[str] | None,
    typer.Option(
        "--service",
        help="可查询的服务，可多次给出，* 为全部 · a service it may ask about; * for every one",
        metavar="SERVICE",
    ),
]
_SITE: Final = Path("data/site")


def _call(data: Path, command: str, **arguments: str) -> None:
    from fengsui.local import call

    typer.echo(call(DataFolder(data), command, **arguments))


@app.command("add")
def add(
    name: Name,
    unit: Annotated[str, typer.Option(help="所属单位 · unit")],
    service: Services = None,
    data: Data = _SITE,
) -> None:
    """登记网关，打印其令牌，只显示一次 · register a gateway and print its token, once."""
    _call(data, "gateway-add", name=name, unit=unit, services=_packed(service))


@app.command("list")
def list_(data: Data = _SITE) -> None:
    """列出网关 · list gateways."""
    _call(data, "gateway-list")


@app.command("rotate")
def rotate(
    name: Name,
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="旧令牌即刻失效，而非一小时后 · end the old token now"),
    ] = False,
    data: Data = _SITE,
) -> None:
    """换发令牌，旧令牌再有效一小时 · a new token; the old one holds for an hour."""
    _call(data, "gateway-rotate", name=name, at_once="yes" if at_once else "")


@app.command("services")
def services(name: Name, service: Services = None, data: Data = _SITE) -> None:
    """设定可查询的全部服务 · say which services it may ask about, all of them."""
    _call(data, "gateway-services", name=name, services=_packed(service))


@app.command("revoke")
def revoke(name: Name, data: Data = _SITE) -> None:
    """吊销网关，即刻生效 · refuse it from now on."""
    _call(data, "gateway-revoke", name=name)


def _packed(names: list[str] | None) -> str:
    return msgspec.json.encode(names or []).decode()
