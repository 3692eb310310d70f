"""``fengsui application``: who may call the national-crypto service, by what and for what.

Each command works in the platform that runs on the data folder, or in the folder itself. Nobody
approves the destruction or export of a key from here: that takes a signed-in person.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Final

import typer

from fengsui.folder import DataFolder
from schema.errors import FengsuiError

app = typer.Typer(
    help="应用：可调用国密服务的业务系统 · applications that may call the national-crypto service",
    no_args_is_help=True,
)

Data = Annotated[Path, typer.Option("--data", help="数据目录 · data folder", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="输出一行 JSON · print one JSON line")]
Id = Annotated[str, typer.Argument(help="应用标识 · id of the application", metavar="ID")]
Until = Annotated[
    str,
    typer.Option(
        "--until",
        help="失效时间：2027-01-31 或 365d；缺省为长期 · its end; without it, never",
        metavar="DATE",
    ),
]
_SITE: Final = Path("data/site")
_PROOF_BYTES_MAX: Final = 4096
_RAW_SIZE: Final = 64
_SEQUENCE: Final = b"\x30"
_INTEGER: Final = b"\x02"
"""The first byte of a signature in DER."""


def _call(data: Path, command: str, *, as_json: bool, **arguments: str) -> None:
    from fengsui.local import call

    typer.echo(call(DataFolder(data), command, json="yes" if as_json else "", **arguments))


@app.command("add")
def add(
    application: Id,
    name: Annotated[str, typer.Option(help="名称 · name")],
    unit: Annotated[str, typer.Option(help="所属单位 · unit")],
    data: Data = _SITE,
    as_json: Json = False,
) -> None:
    """登记应用，尚无凭据 · register an application; it has no credential yet."""
    _call(data, "application-add", as_json=as_json, id=application, name=name, unit=unit)


@app.command("list")
def list_all(data: Data = _SITE, as_json: Json = False) -> None:
    """列出应用 · list the applications."""
    _call(data, "application-list", as_json=as_json)


@app.command("show")
def show(application: Id, data: Data = _SITE, as_json: Json = False) -> None:
    """查看凭据、授权与配额 · show an application's credentials, grants and quota."""
    _call(data, "application-show", as_json=as_json, id=application)


@app.command("token")
def token(application: Id, until: Until = "", data: Data = _SITE, as_json: Json = False) -> None:
    """发放令牌，只显示一次 · issue a bearer token; it is shown this once."""
    _call(data, "application-token", as_json=as_json, id=application, until=until)


@app.command("key")
def key(
    application: Id,
    public: Annotated[
        Path, typer.Option("--public", help="公钥或证书 · public key or certificate")
    ],
    proof: Annotated[
        Path | None,
        typer.Option(
            "--proof",
            help="签名文件；缺省时输出待签文本 · the signature; without it the text to be signed "
            "is printed",
        ),
    ] = None,
    until: Until = "",
    data: Data = _SITE,
    as_json: Json = False,
) -> None:
    """登记签名公钥，须证明持有私钥 · enrol an SM2 key whose holder proves to have it.

    先输出待签文本，以标识 fengsui/credential/1 签名 · first have the text printed, sign it with
    `fengsui crypto sign --id fengsui/credential/1`, then give the signature with --proof.
    """
    from dashboard_api.applications.credentials import proof_text
    from fengsui.crypto_files import public_key

    held = public_key(public, None)
    if proof is None:
        typer.echo(proof_text(application, held.key_id), nl=False)
        return
    _call(
        data, "application-key", as_json=as_json, id=application, point=held.point.hex(),
        proof=_proof(proof).hex(), until=until,
    )  # fmt: skip


def _proof(path: Path) -> bytes:
    """A signature as it is, or in base64; raises ``fengsui.application.proof``."""
    from fengsui.crypto_files import read

    content = read(path, bytes_max=_PROOF_BYTES_MAX, what="signature")
    # In DER an INTEGER follows the short head of the SEQUENCE; a text in base64 may begin with "0",
    # which is the byte of a SEQUENCE, and has no INTEGER's byte anywhere.
    if len(content) == _RAW_SIZE or (content[:1], content[2:3]) == (_SEQUENCE, _INTEGER):
        return content
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FengsuiError(
            "fengsui.application.proof",
            f"{path} is no signature: DER, r ‖ s in 64 bytes, or either in base64",
            path=str(path),
        ) from error


@app.command("revoke")
def revoke(
    application: Id,
    credential: Annotated[
        str, typer.Argument(help="凭据编号 · id of the credential", metavar="CREDENTIAL")
    ],
    data: Data = _SITE,
    as_json: Json = False,
) -> None:
    """吊销凭据，立即生效 · revoke a credential, from the next call on."""
    _call(data, "application-revoke", as_json=as_json, id=application, credential=credential)


@app.command("grant")
def grant(
    application: Id,
    key: Annotated[
        str,
        typer.Option(
            help="密钥，* 为全部自有密钥，- 为无需密钥 · a key's whole id, * for all its own, "
            "- for operations without one"
        ),
    ],
    operation: Annotated[
        list[str] | None,
        typer.Option("--operation", help="操作，可重复 · an operation; repeat it"),
    ] = None,
    only: Annotated[
        bool,
        typer.Option("--only", help="仅保留所列操作 · exactly these; without any, none"),
    ] = False,
    data: Data = _SITE,
    as_json: Json = False,
) -> None:
    """授权应用以密钥做某操作 · let an application do something with a key."""
    if not operation and not only:
        raise FengsuiError(
            "fengsui.application.usage", "name an --operation, or take all away with --only"
        )
    _call(
        data, "application-grant", as_json=as_json, id=application, key=key,
        operations="\n".join(operation or ()), only="yes" if only else "",
    )  # fmt: skip


@app.command("quota")
def quota(
    application: Id,
    per_second: Annotated[int | None, typer.Option(help="每秒 · a second")] = None,
    per_day: Annotated[int | None, typer.Option(help="每日，0 为不限 · a day, 0 for any")] = None,
    opens_per_minute: Annotated[
        int | None, typer.Option(help="每分钟解密 · decryptions a minute")
    ] = None,
    data: Data = _SITE,
    as_json: Json = False,
) -> None:
    """设置配额，未给出的不变 · set how much it may ask for; what is not named stays."""
    given = {
        "per_second": per_second,
        "per_day": per_day,
        "opens_per_minute": opens_per_minute,
    }
    named = {name: str(value) for name, value in given.items() if value is not None}
    if not named:
        raise FengsuiError("fengsui.application.usage", "name at least one of the three limits")
    _call(data, "application-quota", as_json=as_json, id=application, **named)


@app.command("disable")
def disable(application: Id, data: Data = _SITE, as_json: Json = False) -> None:
    """停用应用，拒绝其全部调用 · refuse all its calls; nothing else changes."""
    _call(data, "application-disable", as_json=as_json, id=application)


@app.command("enable")
def enable(application: Id, data: Data = _SITE, as_json: Json = False) -> None:
    """重新启用应用 · answer its calls again."""
    _call(data, "application-enable", as_json=as_json, id=application)


@app.command("approvals")
def approvals(
    every: Annotated[
        bool, typer.Option("--all", help="包括已有结果的 · also those that ended")
    ] = False,
    data: Data = _SITE,
    as_json: Json = False,
) -> None:
    """列出待批准的密钥销毁与导出 · list destructions and exports that wait for a second person.

    批准须由安全管理员登录后进行 · approving takes a security administrator who signs in.
    """
    _call(data, "application-approvals", as_json=as_json, all="yes" if every else "")
