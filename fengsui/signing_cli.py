"""``fengsui signing``: the journals of the signing processes, checked and read offline.

Exit codes as everywhere: 0 done, 1 a journal is not as it was written or nothing was found, 2 wrong
use or input, 3 could not run. The platform may run meanwhile; nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from fengsui.folder import DataFolder

if TYPE_CHECKING:
    from dashboard_api.signing.journal_file import Entry
    from dashboard_api.signing.journal_verify import Checked

CHECK_FAILED: Final = 1

app = typer.Typer(
    help="签名服务的审计链：核验、查阅 · the audit chains of the signing service",
    no_args_is_help=True,
)

_SITE: Final = Path("data/site")
Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON · print JSON")]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One slot's journal as ``verify --json`` tells it."""

    slot: int
    files: int
    groups: int
    entries: int
    digest: str
    heads: int
    signed: int
    torn_bytes: int
    error: str
    """Code; empty where the journal is sound."""
    message: str


@app.command("verify")
def signing_verify(
    data: Data = _SITE,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            help="审计公钥，缺省取自数据目录 · audit key, from the folder if not given",
            metavar="FILE",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """核验每条审计链：校验、衔接与签名的链头 · check every group, link and signed head."""
    from dashboard_api.signing import journal_verify
    from fengsui.crypto_files import public_key

    folder = DataFolder(data)
    audit_key = public_key(key or folder.keys / "audit.pem", None)
    checked = [
        journal_verify.verify(slot, place, audit_key) for slot, place in _slots(folder)
    ]  # fmt: skip
    if as_json:
        typer.echo(msgspec.json.encode([_report(one) for one in checked]).decode())
    else:
        for one in checked:
            typer.echo(told(one))
        typer.echo(
            "链头之后的条目与整个目录的回滚，须与存于平台之外的链头比对 · compare with heads kept "
            "outside: what follows the newest head, or a folder put back whole, shows no other way"
        )
    if any(one.error is not None for one in checked):
        raise typer.Exit(CHECK_FAILED)


@app.command("entries")
def signing_entries(
    data: Data = _SITE,
    application: Annotated[
        str | None, typer.Option(help="仅此应用 · of this application only", metavar="ID")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="自此时起，北京时间 · since then, Beijing time", metavar="TIME"),
    ] = None,
    as_json: Json = False,
) -> None:
    """逐条列出调用 · list the calls, one a line."""
    start = _since(since)
    for slot, one in _entries(DataFolder(data)):
        if (application is None or one.application == application) and one.at >= start:
            typer.echo(_line(slot, one, as_json=as_json))


@app.command("find")
def signing_find(
    message: Annotated[
        Path, typer.Option("--message", help="原文，- 为标准输入 · the message, - is stdin")
    ],
    data: Data = _SITE,
    key: Annotated[
        str | None, typer.Option("--key", help="仅此密钥 · with this key only", metavar="ID")
    ] = None,
    as_json: Json = False,
) -> None:
    """查出哪些调用签过或验过这份原文 · which calls signed, verified or sealed this very message."""
    from crypto import sm3
    from dashboard_api.signing.call import BODY_BYTES_MAX
    from fengsui.crypto_files import read
    from fengsui.keyring import read_journal_key

    folder = DataFolder(data)
    content = read(message, bytes_max=BODY_BYTES_MAX, what="message of one call")
    wanted = sm3.hmac(read_journal_key(folder), content)
    found = 0
    for slot, one in _entries(folder):
        if wanted in one.payload_macs and (key is None or one.key == key):
            found += 1
            typer.echo(_line(slot, one, as_json=as_json))
    if not found:
        typer.echo("没有这样的调用 · no call with this message", err=True)
        raise typer.Exit(CHECK_FAILED)


@app.command("begin-anew")
def signing_begin_anew(
    slot: Annotated[int, typer.Argument(min=0, help="审计链号 · number of the journal")],
    data: Data = _SITE,
) -> None:
    """平台停止时，把损坏或遗失的审计链移开，另起一条 · set a damaged or lost journal aside."""
    from fengsui.clock import SystemClock
    from fengsui.signing_evidence import set_aside

    kept = set_aside(DataFolder(data), slot, SystemClock())
    for path in kept:
        typer.echo(f"{path} 已保留 kept")
    typer.echo(
        f"审计链 {slot} 将从第 1 条重新开始，此事已记入平台审计 · journal {slot} begins anew with "
        "entry 1; the platform's audit chain says so"
    )


def told(checked: Checked) -> str:
    """The outcome of one slot's check for people."""
    if checked.error is not None:
        return f"✗ {checked.error}"
    torn = f", {checked.torn_bytes} bytes never acknowledged" if checked.torn_bytes else ""
    return (
        f"✓ 审计链 journal {checked.slot}: {checked.entries} 条 entries, {checked.groups} groups, "
        f"{checked.files} files, {checked.heads} signed heads, 已签至 signed up to "
        f"{checked.signed}{torn}; SM3 {checked.digest}"
    )


def _report(checked: Checked) -> Report:
    error = checked.error
    return Report(
        slot=checked.slot,
        files=checked.files,
        groups=checked.groups,
        entries=checked.entries,
        digest=checked.digest,
        heads=checked.heads,
        signed=checked.signed,
        torn_bytes=checked.torn_bytes,
        error="" if error is None else error.code,
        message="" if error is None else str(error.args[0]),
    )


def _slots(folder: DataFolder) -> list[tuple[int, Path]]:
    """The folder's journals; raises ``fengsui.signing.absent`` where there is none."""
    from dashboard_api.signing.journal_verify import slots
    from schema.errors import FengsuiError

    found = slots(folder.signing)
    if not found:
        raise FengsuiError(
            "fengsui.signing.absent",
            f"{folder.signing} holds no journal: is this the data folder, and has an application "
            "called yet?",
            path=str(folder.signing),
        )
    return found


def _entries(folder: DataFolder) -> Iterator[tuple[int, Entry]]:
    """Every entry, slot by slot; ends with exit code 1 once it comes to a bad one."""
    from dashboard_api.signing import journal_verify
    from schema.errors import FengsuiError

    for slot, place in _slots(folder):
        try:
            for one in journal_verify.read(place):
                yield slot, one
        except FengsuiError as error:
            typer.echo(f"fengsui: {error}", err=True)
            raise typer.Exit(CHECK_FAILED) from error


def _since(text: str | None) -> str:
    """A time as entries write it, so that texts compare; raises ``fengsui.signing.usage``."""
    from schema import times
    from schema.errors import FengsuiError

    if text is None:
        return ""
    try:
        return times.to_text(times.from_written(text, zone=times.ZONE))
    except ValueError as error:
        raise FengsuiError(
            "fengsui.signing.usage", f"{text[:40]!r} is no time: write 2026-11-25 or a whole one"
        ) from error


def _line(slot: int, one: Entry, *, as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode({"slot": slot, **msgspec.to_builtins(one)}).decode()
    version = f"/{one.version}" if one.version else ""
    words = (
        f"{slot}:{one.n}", one.at, one.application or "-", one.credential or "-",
        one.operation or "-", f"{one.key}{version}" if one.key else "-", one.place or "-",
        one.algorithm or "-", one.mode or "-", one.result, f"{one.items - one.failed}/{one.items}",
    )  # fmt: skip
    return " ".join(words)
