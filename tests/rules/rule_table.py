"""Writes ``docs/officer/rules.md`` from the rules: ``python tests/rules/rule_table.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rule_cases import cases, rule, rule_folders

from analytics import kinds
from analytics.rule import NO_ENTITY, Rule
from schema.alert import SEVERITIES
from schema.times import DAY, HOUR, MINUTE, SECOND

DOCUMENT = Path(__file__).parents[2] / "docs" / "officer" / "rules.md"

_SYSTEMS = {
    "certificate": "电子证照与证书 Certificates",
    "identity": "统一身份认证 Identity",
    "payment": "非税支付 Payment",
    "sharing": "数据共享交换 Data sharing",
    "cross": "跨系统 Across systems",
    "network": "网络 Network",
    "windows": "Windows",
    "host": "主机 Host",
    "gateway": "网关 Gateway",
    "database": "数据库 Database",
}
_SEVERITIES_ZH = dict(zip(SEVERITIES, ("提示", "低", "中", "高", "严重"), strict=True))
_ENTITIES_ZH = {"source.ip": "来源地址", "user.name": "账号", NO_ENTITY: "单条事件"}
_UNITS = (
    (DAY, "天", "day"),
    (HOUR, "小时", "hour"),
    (MINUTE, "分钟", "minute"),
    (SECOND, "秒", "second"),
)

_HEAD = """\
# 检测规则 Detection rules

本页由规则文件生成，规则改变后运行 `python tests/rules/rule_table.py` 重写。
This page is made from the rule files; `python tests/rules/rule_table.py` writes it anew.

每条规则一个文件夹，在 `analytics/rules/<系统>/` 下：
`rule.yml` 是规则，`cases.jsonl` 是必须触发和必须不触发的实例。
One folder a rule: `rule.yml` is the rule, `cases.jsonl` holds what must fire it and what must not.

- **对象 Entity**：按什么分开计数；同一对象在抑制时间内只告警一次。
  What is counted apart; one alert for each within the suppression time.
- **级别 Severity**：提示、低、中、高、严重；括号内为 0–100 的分值。In brackets the score, 0 to 100.
- **实例 Cases**：触发 / 不触发 / 迟到。Fires / near misses / late.
"""


def document() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    present = {folder.parent.name for folder in rule_folders()}
    for system, title in _SYSTEMS.items():
        if system not in present:
            continue
        yield f"## {title}\n"
        yield "| 规则 Rule | 条件 Condition | 对象 Entity | 级别 Severity | ATT&CK | 实例 Cases |"
        yield "|---|---|---|---|---|---|"
        for folder in rule_folders():
            if folder.parent.name == system:
                yield _row(rule(folder.name), folder)
        yield ""
        yield "### 易误报情形 Honest causes that look the same\n"
        for folder in rule_folders():
            if folder.parent.name == system:
                found = rule(folder.name)
                yield f"- **{found.text.title_zh}** {found.text.title_en}"
                for cause in found.false_positives:
                    yield f"  - {cause.zh}。{cause.en}."
        yield ""


def _row(found: Rule, folder: Path) -> str:
    severity = SEVERITIES[found.severity]
    told = [case.kind for case in cases(folder)]
    counts = " / ".join(str(told.count(kind)) for kind in ("fires", "near_miss", "late"))
    chinese, english = kinds.of(found.pattern).describe(found)
    entity = _ENTITIES_ZH.get(found.entity_field, "对象")
    suppression = _duration(found.suppression_us)
    cells = (
        f"{found.text.title_zh}<br>{found.text.title_en}<br>`{found.id}` {found.version}",
        f"{chinese}<br>{english}",
        f"{entity} `{found.entity_field}`<br>抑制 {suppression[0]}",
        f"{_SEVERITIES_ZH[severity]} {severity} ({found.score})",
        "<br>".join(found.techniques),
        counts,
    )
    return "| " + " | ".join(cells) + " |"


def _duration(length_us: int) -> tuple[str, str]:
    for unit, chinese, english in _UNITS:
        if length_us % unit == 0:
            number = length_us // unit
            return f"{number} {chinese}", f"{number} {english}{'s' if number > 1 else ''}"
    raise ValueError(length_us)


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(document(), encoding="utf-8")
