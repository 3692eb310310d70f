"""``fengsui rules except``, ``exceptions`` and ``unexcept``: alerts that are not to be shown.

Nothing is deleted: what an exception hides is raised and kept, and comes back when it ends.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fengsui.folder import DataFolder
from fengsui.rules_cli import Data, Json, app

__all__ = ["app"]

_SITE = Path("data/site")


@app.command("except")
def rules_except(
    rule: Annotated[
        str, typer.Argument(help="规则编号，* 为全部 · rule id, * for every one", metavar="RULE")
    ],
    entity: Annotated[
        str, typer.Option(help="对象、网段，或 * · an entity, a network, or *", metavar="VALUE")
    ],
    until: Annotated[
        str,
        typer.Option(
            help="失效时间：2027-01-31 或 90d，最长 400 天 · its end, at most 400 days ahead",
            metavar="DATE",
        ),
    ],
    reason: Annotated[str, typer.Option(help="理由 · why")] = "",
    owner: Annotated[str, typer.Option(help="责任人 · who answers for it")] = "",
    unit: Annotated[
        list[str] | None,
        typer.Option("--unit", help="只对该单位，可重复 · for this unit only; repeat it"),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="只看会隐藏什么 · only tell what it would hide")
    ] = False,
    data: Data = _SITE,
) -> None:
    """不再显示符合的告警，到期恢复 · hide alerts until a day, with reason and owner."""
    from fengsui.local import call

    command = "rule-except-preview" if preview else "rule-except"
    typer.echo(
        call(
            DataFolder(data), command, rule=rule, entity=entity, until=until, reason=reason,
            owner=owner, units="\n".join(unit or ()),
        )
    )  # fmt: skip


@app.command("exceptions")
def rules_exceptions(data: Data = _SITE, as_json: Json = False) -> None:
    """列出例外及各自隐藏的告警数 · list exceptions and how many alerts each hides."""
    from fengsui.local import call

    typer.echo(call(DataFolder(data), "rule-exceptions", json="yes" if as_json else ""))


@app.command("unexcept")
def rules_unexcept(
    exception: Annotated[str, typer.Argument(help="例外编号 · id of the exception", metavar="ID")],
    data: Data = _SITE,
) -> None:
    """撤销一条例外，其告警重新显示 · revoke an exception: its alerts are shown again."""
    from fengsui.local import call

    typer.echo(call(DataFolder(data), "rule-unexcept", id=exception))
