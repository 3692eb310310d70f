"""The command line. Exit codes: 0 done, 1 a check failed, 2 wrong use or input, 3 could not run.

Each command imports what it needs when it runs, so that help and small commands start at once.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Final, NoReturn

import msgspec
import typer

from crypto.errors import CryptoError
from fengsui.application_cli import app as application_app
from fengsui.bundle_cli import bundle_app
from fengsui.cluster_cli import app as cluster_app
from fengsui.crypto_cli import app as crypto_app
from fengsui.exceptions_cli import app as rules_app
from fengsui.folder import DataFolder
from fengsui.gateway_cli import app as gateway_app
from fengsui.memory import keep_arenas_few
from fengsui.probe_cli import app as probe_app
from fengsui.registers_cli import indicator_app, register_app
from fengsui.retention_cli import hold_app, retention_app
from fengsui.search_cli import app as search_app
from fengsui.signing_cli import app as signing_app
from fengsui.source_cli import app as source_app
from fengsui.upload_cli import upload_check
from fengsui.worker_cli import app as worker_app
from schema.errors import FengsuiError

CHECK_FAILED: Final = 1
WRONG_INPUT: Final = 2
COULD_NOT_RUN: Final = 3
_COULD_NOT_RUN_CODES: Final = (
    "fengsui.bundle.busy",
    "fengsui.bundle.space",
    "fengsui.bundle.step_failed",
    "fengsui.command.failed",
    "fengsui.command.unanswered",
    "fengsui.folder.in_use",
    "fengsui.folder.state_damaged",
    "fengsui.replay.",
    "fengsui.retention.",
    "fengsui.server.",
    "analytics.stream.",
    "dashboard_api.server.",
    "schema.bus.",
    "schema.segment.",
    "sensors.",
    "crypto.library.",
    "crypto.sdf.",
    "crypto.selftest.",
)

_WRONG_INPUT_CODES: Final = ("sensors.mapping.",)
"""Of those above, what people wrote themselves."""

app = typer.Typer(
    name="fengsui",
    help="烽燧：网络安全态势感知与通报预警平台 · network-security monitoring for governments",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
sensor_app = typer.Typer(help="探针：登记、运行、吊销 · sensors", no_args_is_help=True)
client_app = typer.Typer(help="推送事件的业务系统 · systems that push events", no_args_is_help=True)
user_app = typer.Typer(help="用户与一次性登录链接 · users and one-time links", no_args_is_help=True)
anchor_app = typer.Typer(help="链头锚定 · heads kept outside", no_args_is_help=True)
app.add_typer(sensor_app, name="sensor")
app.add_typer(client_app, name="client")
app.add_typer(gateway_app, name="gateway")
app.add_typer(application_app, name="application")
app.add_typer(user_app, name="user")
app.add_typer(anchor_app, name="anchor")
app.add_typer(bundle_app, name="bundle")
app.add_typer(cluster_app, name="cluster")
app.add_typer(worker_app, name="worker")
app.add_typer(crypto_app, name="crypto")
app.add_typer(rules_app, name="rules")
app.add_typer(register_app, name="register")
app.add_typer(probe_app, name="probe")
app.add_typer(indicator_app, name="indicator")
app.add_typer(retention_app, name="retention")
app.add_typer(hold_app, name="hold")
app.add_typer(search_app, name="search")
app.add_typer(signing_app, name="signing")
app.add_typer(source_app, name="source")

Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="端口，0 为任意 · port, 0 for any")
]
Json = Annotated[bool, typer.Option("--json", help="输出一行 JSON · print one JSON line")]


def main() -> NoReturn:
    """Run the command line; errors become one line on stderr and an exit code."""
    keep_arenas_few()
    try:
        app(standalone_mode=True)
    except (FengsuiError, CryptoError) as error:
        typer.echo(f"fengsui: {error}", err=True)
        sys.exit(exit_code(error.code))
    except sqlite3.DatabaseError as error:
        typer.echo(
            f"fengsui: the state of record cannot be used: {error}; restore it from a backup "
            "[fengsui.folder.state_damaged]",
            err=True,
        )
        sys.exit(COULD_NOT_RUN)
    except OSError as error:
        typer.echo(f"fengsui: {error} [fengsui.system.refused]", err=True)
        sys.exit(COULD_NOT_RUN)
    sys.exit(0)


def exit_code(code: str) -> int:
    """The exit code of an error code."""
    could_not = code.startswith(_COULD_NOT_RUN_CODES) and not code.startswith(_WRONG_INPUT_CODES)
    return COULD_NOT_RUN if could_not else WRONG_INPUT


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.encode(value).decode())


@app.command()
def run(
    data: Data = Path("data"),
    host: Annotated[
        bool, typer.Option("--host/--no-host", help="读取本机日志 · watch this machine")
    ] = True,
    port: Port = None,
    recording: Annotated[
        str, typer.Option(help="演示所用录制 · recording to show", metavar="NAME")
    ] = "district-week",
) -> None:
    """演示与本机监测一起启动 · start the platform with a recording and this machine's logs."""
    from fengsui.serve import run_both

    run_both(data, watch_host=host, port=port, recording=recording, environment=os.environ)


@app.command()
def up(
    data: Data = Path("data/site"),
    port: Port = None,
) -> None:
    """启动真实站点，不含演示 · start a real site, without recordings."""
    from fengsui.serve import run_site

    run_site(data, port=port, environment=os.environ)


@app.command()
def demo(
    data: Annotated[
        Path | None, typer.Option("--data", help="保留在此目录 · keep it in DIR", metavar="DIR")
    ] = None,
    recording: Annotated[
        str, typer.Option(help="录制名 · recording", metavar="NAME")
    ] = "district-day",
    as_json: Json = False,
) -> None:
    """把随附录制跑完整条链路并打分 · run a recording through the whole way and score it."""
    from fengsui.demo import run_demo

    result = run_demo(data, recording)
    if as_json:
        _print_json(result)
    else:
        for name, value in msgspec.to_builtins(result).items():
            typer.echo(f"{name:22} {value}")


@app.command()
def verify(
    event_id: Annotated[str | None, typer.Argument(help="事件号 · event id")] = None,
    data: Data = Path("data/site"),
    everything: Annotated[bool, typer.Option("--all", help="核验全部 · check everything")] = False,
    anchor: Annotated[
        Path | None, typer.Option(help="锚定文件 · anchor file kept outside", metavar="FILE")
    ] = None,
    as_json: Json = False,
) -> None:
    """从事件核验到探针签名，或核验全部证据 · prove one event, or check all evidence."""
    from fengsui import evidence

    if everything == (event_id is not None):
        raise FengsuiError("fengsui.verify.usage", "give an event id, or --all")
    folder = DataFolder(data)
    if event_id is not None:
        proof = evidence.prove_event(folder, event_id)
        _print_json(proof) if as_json else typer.echo(evidence.proof_text(proof))
        if not all(step.ok for step in proof.steps):
            raise typer.Exit(CHECK_FAILED)
        return
    report = evidence.verify_folder(folder, anchor)
    _print_json(report) if as_json else typer.echo(evidence.report_text(report))
    if report.findings:
        raise typer.Exit(CHECK_FAILED)


@anchor_app.command("export")
def anchor_export(
    target: Annotated[Path, typer.Argument(help="写到此文件 · write here", metavar="FILE")],
    data: Data = Path("data/site"),
) -> None:
    """导出签名的链头，存到平台之外 · write signed heads, to be kept outside the platform."""
    from fengsui import evidence

    anchor = evidence.export_anchor(DataFolder(data), target)
    typer.echo(f"{target}: {len(anchor.heads)} heads, receipt key {anchor.key_id}")


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="备份文件 · backup file", metavar="FILE")],
    data: Data = Path("data/site"),
    segments: Annotated[
        bool, typer.Option("--segments", help="连同全部证据 · all evidence too")
    ] = False,
) -> None:
    """备份状态、控制日志与设置，不含密钥 · back up state, control log, settings; never keys."""
    from fengsui.backup import backup as write
    from fengsui.clock import SystemClock

    manifest = write(DataFolder(data), target, SystemClock().now(), segments=segments)
    typer.echo(f"{target}: {len(manifest.members)} members, made at {manifest.made_at}")


@app.command()
def migrate(
    to: Annotated[str, typer.Option(help="embedded | distributed", metavar="FORM")],
    data: Data = Path("data/site"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只说明，不改动 · only say what it would do")
    ] = False,
    as_json: Json = False,
) -> None:
    """规则在本进程与多机之间迁移 · move the rules from this process to workers, or back."""
    from fengsui.migrate import migrate as move
    from fengsui.settings import load as load_settings

    if to not in ("embedded", "distributed"):
        raise FengsuiError("fengsui.migrate.usage", "--to is embedded or distributed")
    folder = DataFolder(data)
    settings = load_settings(folder.settings, os.environ)
    plan = move(
        folder, settings, "embedded" if to == "embedded" else "distributed", dry_run=dry_run
    )
    _print_json(plan) if as_json else typer.echo(plan.told())


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="备份文件 · backup file", metavar="FILE")],
    data: Data = Path("data/site"),
) -> None:
    """从备份恢复到空目录 · restore a backup into an empty folder."""
    from fengsui.backup import restore as put_back

    manifest = put_back(source, DataFolder(data))
    typer.echo(
        f"{data}: restored {len(manifest.members)} members of {manifest.made_at}; now put back "
        "keys/ (and segments/ and signing/, where the backup was made without them) from their "
        "own copies, "
        "then run `fengsui verify --all`"
    )


@sensor_app.command("token")
def sensor_token(
    name: Annotated[str, typer.Argument(help="探针名 · sensor name")],
    unit: Annotated[str, typer.Option(help="所属单位 · unit")],
    data: Data = Path("data/site"),
) -> None:
    """发放一次性登记令牌 · issue a one-time enrolment token."""
    from fengsui.local import call

    typer.echo(call(DataFolder(data), "sensor-token", name=name, unit=unit))


@sensor_app.command("revoke")
def sensor_revoke(
    name: Annotated[str, typer.Argument(help="探针名 · sensor name")],
    data: Data = Path("data/site"),
) -> None:
    """吊销探针 · revoke a sensor."""
    from fengsui.local import call

    typer.echo(call(DataFolder(data), "sensor-revoke", name=name))


@sensor_app.command("list")
def sensor_list(data: Data = Path("data/site")) -> None:
    """列出探针 · list the sensors."""
    from fengsui.local import call

    typer.echo(call(DataFolder(data), "sensor-list"))


@sensor_app.command("enrol")
def sensor_enrol(
    to: Annotated[str, typer.Option(help="平台地址 · platform, https://…")],
    token: Annotated[str, typer.Option(help="一次性令牌 · one-time token")],
    name: Annotated[str, typer.Option(help="探针名 · sensor name")],
    unit: Annotated[str, typer.Option(help="所属单位 · unit")],
    certificate: Annotated[
        Path | None, typer.Option(help="平台证书，本机可省 · platform certificate", metavar="FILE")
    ] = None,
    data: Data = Path("data/sensor"),
) -> None:
    """在被监测机器上登记探针 · enrol the sensor of this machine."""
    from fengsui.remote import enrol_here

    typer.echo(enrol_here(data, to=to, token=token, name=name, unit=unit, certificate=certificate))


@sensor_app.command("run")
def sensor_run(
    to: Annotated[str, typer.Option(help="平台地址 · platform, https://…")] = "",
    certificate: Annotated[
        Path | None, typer.Option(help="平台证书，本机可省 · platform certificate", metavar="FILE")
    ] = None,
    bus: Annotated[
        Path | None,
        typer.Option(help="直接写总线，设置文件含 [bus] · straight to the brokers", metavar="FILE"),
    ] = None,
    data: Data = Path("data/sensor"),
) -> None:
    """读取本机日志，密封后送往平台或总线 · read, seal and ship this machine's logs."""
    from fengsui.remote import run_here

    if to and bus is not None:
        raise FengsuiError("fengsui.sensor.usage", "give --to or --bus, not both")
    run_here(data, to=to, certificate=certificate, bus=bus, environment=os.environ)


sensor_app.command("upload-check")(upload_check)


@client_app.command("add")
def client_add(
    name: Annotated[str, typer.Argument(help="业务系统 · system")],
    unit: Annotated[str, typer.Option(help="所属单位 · unit")],
    data: Data = Path("data/site"),
) -> None:
    """登记业务系统，打印其令牌 · register a business system and print its token."""
    from fengsui.local import call

    typer.echo(call(DataFolder(data), "client-add", name=name, unit=unit))


@user_app.command("link")
def user_link(
    name: Annotated[str, typer.Argument(help="用户名 · user name")],
    data: Data = Path("data/site"),
) -> None:
    """发放十分钟有效的一次性登录链接 · a one-time login link, good for ten minutes."""
    from fengsui.local import call

    typer.echo(call(DataFolder(data), "user-link", name=name))


@user_app.command("list")
def user_list(data: Data = Path("data/site")) -> None:
    """列出用户与角色 · list users and roles."""
    from fengsui.local import call

    typer.echo(call(DataFolder(data), "user-list"))


class View(Enum):
    """Whose logs ``bench district`` reads."""

    ALL = "all"
    CALLER = "caller"


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="seal, tail, pipeline, query, start")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="临时数据放在此目录下 · scratch data below DIR", metavar="DIR"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="district：随机种子 · seed")] = None,
    volume: Annotated[
        float | None,
        typer.Option(min=0.05, max=10, help="district：业务量倍数 · factor of honest traffic"),
    ] = None,
    view: Annotated[
        View | None,
        typer.Option(help="district：caller 不含提供方日志 · without the providers' own logs"),
    ] = None,
    as_json: Json = False,
) -> None:
    """测量并与同类比较 · measure, beside a named peer where there is one."""
    from fengsui.benchmarks import run_bench

    given = {"seed": seed, "volume": volume, "view": view.value if view else None}
    options = {name: value for name, value in given.items() if value is not None}
    result = run_bench(name, scratch=data, options=options)
    if as_json:
        _print_json(result)
    else:
        for row in result.results:
            typer.echo(
                f"{row.what:32} {_shown(row.ours):>14} {row.unit}  peer {row.peer} {row.peer_name}"
            )


def _shown(figure: float | str) -> str:
    return figure if isinstance(figure, str) else f"{figure:,.2f}"


@app.command()
def version(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="并说明此数据目录 · and tell of this folder", metavar="DIR"),
    ] = None,
) -> None:
    """版本、密码后端与自检 · version, cipher backend and self-test."""
    from importlib.metadata import version as installed

    from crypto.status import self_test

    told: dict[str, object] = {"version": installed("fengsui"), "crypto": self_test()}
    if data is not None:
        told["data"] = {"path": str(data), "realm": DataFolder(data).realm()}
    _print_json(told)
