"""Texts: what an officer needs beside a condition: triage, honest causes, techniques, cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from analytics.authoring.cases import Case
from analytics.authoring.linting.finding import Finding, Written
from analytics.sigma import attack
from schema.times import DAY

_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_TECHNIQUE: Final = re.compile(r"T\d{4}(\.\d{3})?")
_OBJECT: Final = re.compile(r"attack\.(?:g|s|ds|m|a|ta|c)\d{4}", re.IGNORECASE)
"""Groups, software, data sources, mitigations, assets, campaigns: ids too, but no techniques."""

_TACTICS: Final = frozenset(
    {
        "reconnaissance", "resource-development", "initial-access", "execution", "persistence",
        "privilege-escalation", "stealth", "defense-impairment", "credential-access", "discovery",
        "lateral-movement", "collection", "command-and-control", "exfiltration", "impact",
    }
)  # fmt: skip
"""The tactics of ATT&CK v19."""


def texts(written: Written) -> Iterator[Finding]:
    """What is missing of title, triage and false positives."""
    rule = written.rule
    for name, chinese, english in (
        ("title", rule.text.title_zh, rule.text.title_en),
        ("triage", rule.text.triage_zh, rule.text.triage_en),
    ):
        zh = {"title": "标题", "triage": "研判说明"}[name]
        if not _HAN.search(chinese) or not english.strip() or _is_sigma_only(written):
            yield written.finding(
                f"no-{name}",
                written.line_of(f"{name}_zh", "text:", "title:"),
                zh=f"缺少{zh}（中英文各一份）",
                en=f"no {name} text in Chinese and English",
            )
    if not rule.false_positives:
        yield written.finding(
            "no-false-positives",
            written.line_of("false_positives", "falsepositives"),
            zh="没有写明易误报情形",
            en="no honest cause that looks the same is named",
        )


def _is_sigma_only(written: Written) -> bool:
    """A rule as others wrote it: its Chinese title is built, its triage text is a description."""
    return "format" not in written.plain and "fengsui" not in written.plain


def techniques(written: Written) -> Iterator[Finding]:
    """ATT&CK ids that are missing, malformed, unknown or called otherwise today."""
    tags = _tags(written)
    found = attack.normalise(tags)
    if not found.techniques:
        yield written.finding(
            "no-technique",
            written.line_of("techniques", "tags"),
            zh="没有写明 ATT&CK 技术",
            en="no ATT&CK technique is named",
            severity="note",
        )
    for old, new in found.redirected:
        yield written.finding(
            "renamed-technique",
            written.line_of(old, old.lower()),
            zh=f"ATT&CK {attack.redirects().version} 中 {old} 已改为 {new}",
            en=f"{old} is {new} in ATT&CK {attack.redirects().version}",
        )
    unknown = [one for one in found.techniques if not _TECHNIQUE.fullmatch(one)]
    unknown += [one for one in found.tactics if one not in _TACTICS]
    unknown += [
        one
        for one in found.others
        if one.lower().startswith("attack.") and not _OBJECT.fullmatch(one)
    ]
    for name in unknown:
        yield written.finding(
            "unknown-technique",
            written.line_of(name, name.lower()),
            zh=f"{name} 不是 ATT&CK 的编号",
            en=f"{name} is no id of ATT&CK",
        )


def _tags(written: Written) -> list[str]:
    tags = written.plain.get("tags") or []
    listed = [str(tag) for tag in tags] if isinstance(tags, list) else []
    own = written.plain.get("techniques") or []
    return [*listed, *(f"attack.{one}" for one in (own if isinstance(own, list) else []))]


def suppression(written: Written) -> Iterator[Finding]:
    """A rule that may fire twice over the same events."""
    rule = written.rule
    # A longer window looks at a past, which may be told of more than once.
    if rule.suppression_us < min(rule.pattern.retention_us, DAY):
        yield written.finding(
            "short-suppression",
            written.line_of("suppression", "within"),
            zh="抑制时间短于规则的时间窗，同一批日志可能告警两次",
            en="suppression is shorter than the window: the same events may alert twice",
        )


def cases(written: Written, told: tuple[Case, ...]) -> Iterator[Finding]:
    """Kinds of cases that are missing."""
    kinds = {case.kind for case in told}
    names = {"fires": "触发", "near_miss": "不触发", "late": "迟到"}
    missing = [kind for kind in names if kind not in kinds]
    if missing:
        yield written.finding(
            "no-cases",
            1,
            zh=f"缺少{'、'.join(names[kind] for kind in missing)}的实例",
            en=f"no case of {', '.join(missing)}",
        )
