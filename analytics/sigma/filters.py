"""Filters: Sigma ``filter`` documents, which narrow rules for one site without touching them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from analytics.expression import Node
from analytics.language.pipeline import LogSource
from analytics.language.rulefile import Plain
from analytics.sigma.detection import compile_detection
from analytics.sigma.lines import pointer, refused, within
from analytics.sigma.modifiers import Placeholder
from analytics.sigma.nodes import FieldName

ANY: Final = "any"
"""Instead of rules: every rule of the log source."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """A filter document. What it says must hold beside the condition of each rule it is for."""

    id: str
    title: str
    logsource: LogSource
    rules: tuple[str, ...] | None
    """Ids or names; None for every rule of the log source."""
    detection: dict[str, Plain]

    def is_for(self, *, identity: str, name: str, logsource: LogSource) -> bool:
        """Whether it narrows the rule: it is named, and of what parts the log source has."""
        own = msgspec.structs.asdict(self.logsource)
        theirs = msgspec.structs.asdict(logsource)
        if any(value and theirs[part] != value for part, value in own.items()):
            return False
        return self.rules is None or identity in self.rules or bool(name and name in self.rules)

    def condition(self, field_name: FieldName, placeholder: Placeholder) -> Node:
        """What it asks for; raises ``analytics.rule.refused`` with a pointer."""
        with within("filter"):
            return compile_detection(self.detection, field_name, placeholder)


def read(plain: Mapping[str, Plain]) -> Filter:
    """The filter of a document; raises ``analytics.rule.refused`` with a pointer."""
    section = plain.get("filter")
    if not isinstance(section, dict):
        raise refused("filter is a map", pointer("filter"))
    logsource = plain.get("logsource")
    if not isinstance(logsource, dict):
        raise refused("a filter needs a log source", pointer("logsource"))
    if not isinstance(section.get("condition"), str):
        raise refused("a filter has one condition, a text", pointer("filter", "condition"))
    given = section.get("rules")
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise refused(
            f"a filter names its rules, or says {ANY!r} of them", pointer("filter", "rules")
        )
    names = tuple(str(one) for one in listed)
    everyone = not names or (isinstance(given, str) and given.lower() == ANY)
    return Filter(
        id=str(plain.get("id") or plain.get("title") or ""),
        title=str(plain.get("title") or ""),
        logsource=source_of(logsource),
        rules=None if everyone else names,
        detection={key: value for key, value in section.items() if key != "rules"},
    )


def source_of(plain: Mapping[str, Plain]) -> LogSource:
    """A log source as written; raises ``analytics.rule.refused`` with a pointer."""
    parts = {}
    for key in ("product", "category", "service"):
        value = plain.get(key)
        if value is not None and not isinstance(value, str):
            raise refused(f"{key} is a text", pointer("logsource", key))
        parts[key] = value or ""
    return LogSource(**parts)
