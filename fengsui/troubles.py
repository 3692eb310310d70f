"""Troubles: the codes of /readyz in the words the pages show.

A code without words of its own still shows: as what it is, work that stands still.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Final

from dashboard_api.troubles import Trouble
from fengsui import platform_rules

_BUS: Final = platform_rules.RULES[platform_rules.BUS_UNREACHABLE]
_UNREACHED: Final = (_BUS.title_zh, _BUS.title_en)
"""The code comes at the first failure and the alert's after a minute: they read as one."""

_WORDS: Final = MappingProxyType(
    {
        "collector.storage.full": ("磁盘已满，暂停接收", "The disk is full: nothing is taken in"),
        "collector.storage.low": ("磁盘空间不足", "The disk runs low"),
        "collector.index.unavailable": ("检索节点不可达", "The search nodes do not answer"),
        "collector.index.refused": ("检索节点拒绝请求", "The search nodes refuse the request"),
        "fengsui.retention.clock": (
            "系统时钟跳变，到期清理已暂停",
            "The clock jumped: nothing expires until a person has it go on",
        ),
        "dashboard_api.signing.stopped": (
            "密码服务已停止签名：审计记录无法写入或签名进程无法启动",
            "Signing has stopped: its audit cannot be written, or its process does not start",
        ),
        "dashboard_api.signing.restarted": (
            "签名进程反复退出",
            "A signing process ends again and again",
        ),
        "schema.bus.unreachable": _UNREACHED,
        "schema.bus.unacknowledged": _UNREACHED,
        "schema.bus.full": _UNREACHED,
        "schema.bus.refused": ("总线拒绝访问", "The bus refuses this platform"),
        "schema.bus.no_place": ("总线缺少主题或分区", "The bus lacks a topic or partition"),
        "schema.bus.gone": (
            "总线上的记录未读即删",
            "Records on the bus were deleted before they were read",
        ),
        **{one.id: (one.title_zh, one.title_en) for one in platform_rules.RULES.values()},
    }
)


def told(failures: Sequence[str], warnings: Sequence[str]) -> list[Trouble]:
    """Failures first, each sentence once: several parts may fail for one reason."""
    found: dict[tuple[str, str], Trouble] = {}
    for one in (*_words(failures, failing=True), *_words(warnings, failing=False)):
        found.setdefault((one.title_zh, one.title_en), one)
    return list(found.values())


def _words(codes: Sequence[str], *, failing: bool) -> Iterator[Trouble]:
    for code in codes:
        zh, en = _WORDS.get(code) or (f"处理停滞：{code}", f"Work stands still: {code}")
        yield Trouble(code=code, failing=failing, title_zh=zh, title_en=en)
