"""``fengsui sensor upload-check``: what the upload hook says of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from sensors.upload import Answer

REFUSED: Final = 1

_REASONS: Final = {
    "classified_marking": "含密级标志 · bears a classified marking",
    "protected_file": "受保护文件 · a protected file",
    "not_checked": "未能检查 · could not be looked through",
}


def upload_check(
    file: Annotated[Path, typer.Argument(help="待上传文件 · file", metavar="FILE")],
    user: Annotated[str, typer.Option(help="上传人账号 · account of who uploads")],
    app: Annotated[str, typer.Option(help="应用标识 · application")],
    matter: Annotated[str, typer.Option(help="事项编码 · matter")] = "",
    socket: Annotated[
        Path | None,
        typer.Option(
            help="探针的套接字；不给则就地检查、不产生事件 · the sensor's socket; without it the "
            "file is checked here and no event is made",
            metavar="SOCKET",
        ),
    ] = None,
    protected: Annotated[
        Path | None,
        typer.Option(help="就地检查：受保护文件 SM3 清单 · list of SM3 hashes", metavar="LIST"),
    ] = None,
    isolate: Annotated[
        Path | None,
        typer.Option(help="就地检查：隔离目录，不给则原处不动 · isolated folder", metavar="DIR"),
    ] = None,
    fail_open: Annotated[
        bool, typer.Option("--fail-open", help="未能检查时放行 · allow what cannot be checked")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="输出一行 JSON · one JSON line")] = False,
) -> None:
    """检查待上传文件是否含密级标志或受保护；拒绝时退出码为 1 · may this file be uploaded?"""
    from sensors.upload import Answer, Checker, Protected, Question, ask

    if socket is not None:
        where = str(file.absolute())
        answer = ask(socket, Question(file=where, user=user, app=app, matter=matter))
    else:
        checker = Checker(
            Protected(protected), isolate=isolate, on_failure="open" if fail_open else "closed"
        )
        verdict = checker.check(file, file.name)
        answer = Answer(allow=verdict.allow, reason=verdict.reason, sm3=verdict.sm3)
    typer.echo(_line(answer, as_json=as_json))
    if not answer.allow:
        raise typer.Exit(REFUSED)


def _line(answer: Answer, *, as_json: bool) -> str:
    from sensors.upload.protocol import write

    if as_json:
        return write(answer).decode().rstrip()
    word = "允许 allowed" if answer.allow else "拒绝 refused"
    kind, _, why = answer.reason.partition(":")
    said = [word, _REASONS.get(kind, kind) + (f" ({why})" if why else ""), answer.error]
    return "; ".join(part for part in said if part) + (f"\nSM3 {answer.sm3}" if answer.sm3 else "")
