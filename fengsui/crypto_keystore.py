"""``fengsui crypto keystore``: the sealed keys of a data folder, their life, backup and recovery.

The master key's source is named, never given: ``file`` (``DIR/keys/master.key``),
``credential:NAME`` (systemd), ``env:NAME``, ``sdf:INDEX:LIBRARY`` (a device; its password stands in
a file).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fengsui.crypto_files import checking, must_be_new, public_key, read, write
from fengsui.folder import DataFolder
from schema.errors import FengsuiError

if TYPE_CHECKING:
    from crypto.keystore.model import Key
    from crypto.keystore.store import KeyStore
    from crypto.sharing import Share

app = typer.Typer(help="密钥库：保管、轮换、备份、恢复 · the key store", no_args_is_help=True)

_DAY_US: Final = 86_400_000_000
_SHARES_BYTES_MAX: Final = 64 * 1024

Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
Master = Annotated[
    str,
    typer.Option(
        "--master",
        help="主密钥来源 · master key: file, credential:NAME, env:NAME, sdf:INDEX:LIBRARY",
    ),
]
DevicePassword = Annotated[
    Path | None,
    typer.Option("--device-password-file", help="密码设备口令文件 · password of the device's key"),
]
KeyId = Annotated[str, typer.Argument(help="密钥名 · key id", metavar="ID")]
_DATA: Final = Path("data/site")


class KeyUse(StrEnum):
    """``crypto.keystore.model.Use``."""

    SIGN = "sign"
    ENCRYPT = "encrypt"
    EXCHANGE = "exchange"
    SEAL = "seal"
    MAC = "mac"


@app.command("list")
def list_keys(
    data: Data = _DATA, master: Master = "file", device_password: DevicePassword = None
) -> None:
    """列出密钥 · list the keys."""
    with _opened(data, master, device_password) as store:
        for key in store.all_keys():
            typer.echo(_line(key))


@app.command()
def create(
    key_id: KeyId,
    use: Annotated[KeyUse, typer.Option("--for", help="用途 · what for")],
    sign_e: Annotated[
        bool, typer.Option("--sign-e", help="允许对外来摘要签名 · may sign foreign digests")
    ] = False,
    no_decrypt: Annotated[
        bool, typer.Option("--no-decrypt", help="不许解密 · may not decrypt or open")
    ] = False,
    export: Annotated[bool, typer.Option("--export", help="允许导出 · may be exported")] = False,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, max=36_500, help="有效天数 · days until it expires"),
    ] = None,
    data: Data = _DATA,
    master: Master = "file",
    device_password: DevicePassword = None,
) -> None:
    """新建密钥，策略此后不可更改 · make a key; its policy is fixed from then on."""
    from crypto.keystore.model import Policy, Use
    from fengsui.clock import SystemClock

    expiry = None if days is None else SystemClock().now() + days * _DAY_US
    policy = Policy(sign_e=sign_e, decrypt=not no_decrypt, export=export, expires_at_us=expiry)
    with _opened(data, master, device_password) as store:
        typer.echo(_line(store.create(key_id, Use(use.value), policy)))


@app.command()
def rotate(
    key_id: KeyId,
    data: Data = _DATA,
    master: Master = "file",
    device_password: DevicePassword = None,
) -> None:
    """换新版本，旧版本只验签与解密 · make a new version; older ones verify and decrypt only."""
    with _opened(data, master, device_password) as store:
        typer.echo(_line(store.rotate(key_id)))


@app.command()
def disable(
    key_id: KeyId,
    data: Data = _DATA,
    master: Master = "file",
    device_password: DevicePassword = None,
) -> None:
    """停用 · refuse every use until it is enabled."""
    with _opened(data, master, device_password) as store:
        typer.echo(_line(store.disable(key_id)))


@app.command()
def enable(
    key_id: KeyId,
    data: Data = _DATA,
    master: Master = "file",
    device_password: DevicePassword = None,
) -> None:
    """启用 · allow the use of a disabled key again."""
    with _opened(data, master, device_password) as store:
        typer.echo(_line(store.enable(key_id)))


@app.command()
def delete(
    key_id: KeyId,
    after_days: Annotated[
        int, typer.Option("--after-days", min=7, max=3650, help="等待天数 · days to wait")
    ] = 30,
    data: Data = _DATA,
    master: Master = "file",
    device_password: DevicePassword = None,
) -> None:
    """停用并定期销毁，可撤销 · disable now, destroy after a wait; ``cancel`` keeps it."""
    with _opened(data, master, device_password) as store:
        typer.echo(_line(store.schedule_deletion(key_id, after_days * _DAY_US)))


@app.command()
def cancel(
    key_id: KeyId,
    data: Data = _DATA,
    master: Master = "file",
    device_password: DevicePassword = None,
) -> None:
    """撤销销毁，密钥仍为停用 · keep a key after all; it stays disabled."""
    with _opened(data, master, device_password) as store:
        typer.echo(_line(store.cancel_deletion(key_id)))


@app.command()
def purge(
    data: Data = _DATA, master: Master = "file", device_password: DevicePassword = None
) -> None:
    """销毁到期的密钥 · destroy the keys whose wait is over."""
    with _opened(data, master, device_password) as store:
        gone = store.destroy_due()
    typer.echo(f"destroyed: {', '.join(gone) or 'none'}")


@app.command("rotate-master")
def rotate_master(
    data: Data = _DATA, master: Master = "file", device_password: DevicePassword = None
) -> None:
    """更换主密钥，全部重新加封 · change the master key and seal every row anew."""
    with _opened(data, master, device_password) as store:
        typer.echo(f"{store.rotate_master()} rows sealed under a new master key")


@app.command("recovery-split")
def recovery_split(
    officer: Annotated[
        list[str], typer.Option("--officer", help="持有人，可重复 · holder of a share, repeat")
    ],
    needed: Annotated[int, typer.Option("--needed", help="恢复所需人数 · how many are needed")],
    public: Annotated[Path, typer.Option("--public", help="恢复公钥 · recovery public key")],
    shares: Annotated[Path, typer.Option("--shares", help="份额目录 · folder for the shares")],
) -> None:
    """生成恢复密钥，私钥只以份额存在 · make a recovery key that exists in shares only."""
    from crypto import keys
    from crypto.sharing import split
    from crypto.sm2 import PrivateKey
    from fengsui.clock import SystemEntropy

    must_be_new(public)
    key = PrivateKey.generate()
    scalar = key.scalar()
    parts = split(scalar, officer, needed=needed, entropy=SystemEntropy())
    scalar[:] = bytes(len(scalar))
    shares.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = [shares / f"share-{part.number}.txt" for part in parts]
    for path in paths:
        must_be_new(path)
    for part, path in zip(parts, paths, strict=True):
        keys.create(path, f"{part}\n".encode())
        typer.echo(f"{path}: for {part.name} alone; move it off this machine, then delete it here")
    write(public, key.public.to_pem())
    typer.echo(f"{public}: recovery key {key.public.key_id}, {needed} of {len(parts)} shares")


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="备份文件 · backup file", metavar="FILE")],
    recovery: Annotated[Path, typer.Option("--recovery", help="恢复公钥 · recovery public key")],
    data: Data = _DATA,
    master: Master = "file",
    device_password: DevicePassword = None,
) -> None:
    """用恢复公钥加封备份 · write a backup sealed to the recovery key."""
    from crypto import keys, sm3
    from crypto.keystore.backup import seal_backup
    from fengsui.clock import SystemClock, SystemEntropy

    public = public_key(recovery, None)
    with _opened(data, master, device_password) as store:
        records = store.dump()
    sealed = seal_backup(records, public, clock=SystemClock(), entropy=SystemEntropy())
    keys.create(target, sealed)
    typer.echo(f"{target}: {len(records)} keys, sealed to recovery key {public.key_id}")
    typer.echo(f"SM3 {sm3.digest(sealed).hex()}: write it down, and give it to restore")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="备份文件 · backup file", metavar="FILE")],
    share: Annotated[
        list[Path] | None,
        typer.Option("--share", help="份额文件，可重复，缺省从标准输入 · shares, else from stdin"),
    ] = None,
    fingerprint: Annotated[
        str | None, typer.Option("--sm3", help="备份的 SM3 · the backup's SM3, to be compared")
    ] = None,
    data: Data = _DATA,
    master: Master = "file",
    device_password: DevicePassword = None,
) -> None:
    """凭份额恢复到空密钥库 · restore into an empty store, with enough officers' shares."""
    from crypto import sm3
    from crypto.keystore.backup import SIZE_MAX, open_backup
    from crypto.sharing import combine
    from crypto.sm2 import PrivateKey

    sealed = read(source, bytes_max=SIZE_MAX, what="backup")
    if fingerprint is not None and sm3.digest(sealed).hex() != fingerprint.strip().lower():
        raise FengsuiError(
            "fengsui.crypto.fingerprint",
            f"{source} is not the backup with this SM3: take the right one",
        )
    with checking("crypto.share.wrong", "crypto.backup.changed", "crypto.backup.recovery"):
        scalar = combine(_shares(share))
        try:
            records = open_backup(sealed, PrivateKey.from_scalar(scalar))
        finally:
            scalar[:] = bytes(len(scalar))
    with _opened(data, master, device_password) as store:
        store.load(records)
    typer.echo(f"{data}: {len(records)} keys restored under a master key of this folder")


def _shares(paths: list[Path] | None) -> list[Share]:
    from crypto.sharing import Share

    if not paths and sys.stdin.isatty():
        typer.echo("type one share a line, and an empty line at the end", err=True)
    texts = [read(one, bytes_max=_SHARES_BYTES_MAX, what="share").decode() for one in paths or ()]
    lines = "\n".join(texts).splitlines() if paths else iter(sys.stdin.readline, "")
    found: list[Share] = []
    for line in lines:
        if line.strip():
            found.append(Share.from_text(line))
        elif not paths:
            break
    return found


@contextmanager
def _opened(data: Path, master: str, device_password: Path | None) -> Iterator[KeyStore]:
    from crypto.keystore.source import MasterReference
    from crypto.keystore.store import KeyStore
    from fengsui.clock import SystemClock, SystemEntropy

    folder = DataFolder(data)
    folder.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    reference = MasterReference(text=master, device_password_file=str(device_password or ""))
    with (
        reference.open(folder.keys, os.environ) as source,
        KeyStore(
            folder.keys / "keystore.db", source, clock=SystemClock(), entropy=SystemEntropy()
        ) as store,
    ):
        yield store


def _line(key: Key) -> str:
    from schema.times import to_text

    words = [key.id, key.use.value, f"v{key.latest.number}", key.state.value, key.policy.to_text()]
    if key.latest.public is not None:
        from crypto.sm2 import PublicKey

        words.append(PublicKey.from_point(key.latest.public).key_id)
    if key.destroy_at_us is not None:
        words.append(f"destroyed at {to_text(key.destroy_at_us)}")
    return " · ".join([*words, key.module])
