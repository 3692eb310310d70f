"""The ``bundle`` commands: make, verify and install the one file for sites without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fengsui.folder import DataFolder
from schema.errors import FengsuiError

bundle_app = typer.Typer(help="离线安装包 · one signed file for sites without a network")

Root = Annotated[Path, typer.Option(help="安装目录 · where versions are installed", metavar="DIR")]
Same = Annotated[bool, typer.Option("--allow-same", help="同版本也可 · the same version too")]
Key = Annotated[
    Path | None, typer.Option(help="发布者公钥文件 · the publisher's public key", metavar="PEM")
]
Fingerprint = Annotated[
    str | None, typer.Option(help="纸面上的公钥指纹 · the key's fingerprint on paper")
]
Bundle = Annotated[Path, typer.Argument(help="离线包 · the bundle", metavar="FILE")]
Given = Annotated[
    Path,
    typer.Argument(help="离线包 · the bundle", metavar="FILE", exists=True, dir_okay=False),
]
_ROOT = Path("/opt/fengsui")


def _tell(step: str) -> None:
    typer.echo(f"{step} …", err=True)


@bundle_app.command("make")
def bundle_make(
    target: Bundle,
    key: Annotated[Path, typer.Option(help="发布者私钥 · the publisher's key", metavar="PEM")],
    updates_from: Annotated[str, typer.Option(help="最旧可升级版本 · oldest it may follow")],
    source: Annotated[Path, typer.Option(help="源代码目录 · checkout", metavar="DIR")] = Path(),
    arch: Annotated[list[str] | None, typer.Option(help="x86_64, aarch64")] = None,
    native: Annotated[
        list[Path] | None, typer.Option(help="原生轮子 · our native wheel", metavar="WHL")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="geo|indicators|rules|translations=DIR", metavar="KIND=DIR"),
    ] = None,
    pool: Annotated[
        Path | None, typer.Option(help="只用此目录的轮子 · wheels from here only", metavar="DIR")
    ] = None,
) -> None:
    """制作离线安装包并签名 · make and sign a bundle."""
    from crypto import keys
    from fengsui.bundle_file import ARCHITECTURES
    from fengsui.bundle_make import Order, make
    from fengsui.clock import SystemClock

    machines = tuple(arch or ARCHITECTURES)
    if not set(machines) <= set(ARCHITECTURES):
        raise FengsuiError("fengsui.bundle.usage", f"--arch is one of {', '.join(ARCHITECTURES)}")
    order = Order(
        source=source, updates_from=updates_from, architectures=machines,
        native=tuple(native or ()), data=dict(_pair(one) for one in data or ()), pool=pool,
    )  # fmt: skip
    made = make(order, target, keys.load(key), now=SystemClock().now(), tell=_tell)
    typer.echo(
        f"{target}: {made.manifest.version}, {len(made.manifest.members)} members, "
        f"{made.size} bytes\n"
        f"SHA-256 {made.sha256}\nSM3 {made.sm3}\n"
        f"公钥指纹 fingerprint {made.fingerprint}\n"
        "请把摘要和指纹写在纸上，另路送达 · send digest and fingerprint on paper, by another way"
    )
    _print_carries(made.manifest.carries)


def _pair(text: str) -> tuple[str, Path]:
    kind, equals, folder = text.partition("=")
    if not equals:
        raise FengsuiError("fengsui.bundle.usage", f"--data {text}: give KIND=DIR")
    return kind, Path(folder)


def _print_carries(carries: dict[str, str]) -> None:
    for what, where in sorted(carries.items()):
        typer.echo(f"{what:24} {where}")


@bundle_app.command("verify")
def bundle_verify(
    bundle: Given,
    root: Root = _ROOT,
    key: Key = None,
    fingerprint: Fingerprint = None,
    allow_same: Same = False,
    pin: Annotated[
        Path | None, typer.Option(help="把公钥写到 · write the key here", metavar="FILE")
    ] = None,
) -> None:
    """核验签名、版本与每个成员 · check signature, version and every member."""
    from fengsui.bundle import Trust, verify
    from fengsui.bundle import fingerprint as fingerprint_of
    from fengsui.bundle_install import Place

    trust = Trust(place=Place(root=root), key=key, fingerprint=fingerprint)
    signed, publisher = verify(bundle, trust, allow_same=allow_same)
    if pin is not None:
        pin.write_bytes(publisher.to_pem())
    manifest = signed.manifest
    typer.echo(
        f"{bundle}: {manifest.version} of {manifest.made_at}, {len(manifest.members)} members, "
        f"for {', '.join(manifest.architectures)}, after {manifest.updates_from}\n"
        f"公钥指纹 fingerprint {fingerprint_of(publisher)}"
    )
    _print_carries(manifest.carries)


@bundle_app.command("install")
def bundle_install(
    bundle: Given,
    root: Root = _ROOT,
    data: Annotated[
        Path | None, typer.Option(help="数据目录，先备份 · data folder, kept aside first")
    ] = None,
    key: Key = None,
    fingerprint: Fingerprint = None,
    allow_same: Same = False,
) -> None:
    """核验、并排安装、自检、备份、切换 · verify, install beside, test, back up, switch."""
    from fengsui.bundle import Trust, install
    from fengsui.bundle_install import Place
    from fengsui.clock import SystemClock

    folder = install(
        bundle.resolve(),
        Trust(place=Place(root=root.resolve()), key=key, fingerprint=fingerprint),
        data=DataFolder(data.resolve()) if data else None,
        now=SystemClock().now(), tell=_tell, allow_same=allow_same,
    )  # fmt: skip
    typer.echo(f"{folder}: 已切换，请重启服务 · switched to; now restart the services")


@bundle_app.command("key")
def bundle_key(
    path: Annotated[Path, typer.Argument(help="私钥文件 · private key file", metavar="PEM")],
    public: Annotated[Path, typer.Option(help="公钥写到 · public key to", metavar="PEM")],
) -> None:
    """生成或读取发布者密钥，打印指纹 · make or read the publisher's key, print its fingerprint."""
    from crypto import keys
    from fengsui.bundle import fingerprint

    key = keys.load_or_create(path)
    public.write_bytes(key.public.to_pem())
    typer.echo(fingerprint(key.public))


@bundle_app.command("rehearse", hidden=True)
def bundle_rehearse(state: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """迁移状态副本 · bring a copy of a state up to date; the installer asks this of a version."""
    from fengsui.bundle import rehearse

    typer.echo(rehearse(state))
