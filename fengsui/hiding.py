"""Hiding: exceptions made, listed and ended from the machine itself.

Whoever may open the data folder stands above units: such an exception is of every unit unless
some are named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.state.alerts import Alerts
from collector.state.exceptions import ExceptionDraft, Exceptions
from collector.state.inforce import EVERY
from dashboard_api.audit import Act, AuditChain
from fengsui.rulebook import Rulebook
from fengsui.trials import since_us
from schema.ids import uuid7
from schema.ports import Clock, Entropy
from schema.times import DAY, to_text

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_AHEAD: Final = re.compile(r"\d{1,5}[smhd]")


def until_us(text: str, now: int) -> int:
    """The end of a day in the east-eighth zone, ``90d`` from now, or a full time.

    Raises ``fengsui.time.malformed``.
    """
    moment = since_us(text, now)
    if _AHEAD.fullmatch(text):
        return now + (now - moment)
    return moment + DAY if _DATE.fullmatch(text) else moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Hiding:
    """What the commands act on."""

    alerts: Alerts
    exceptions: Exceptions
    rulebook: Rulebook
    audit: AuditChain
    actor: str
    clock: Clock
    entropy: Entropy

    def handlers(self) -> dict[str, Callable[[Mapping[str, str]], str]]:
        """The local commands; each answers one JSON text."""
        return {
            "rule-except": self._create,
            "rule-except-preview": self._preview,
            "rule-exceptions": self._list,
            "rule-unexcept": self._revoke,
        }

    def _create(self, arguments: Mapping[str, str]) -> str:
        exception_id = uuid7(self.clock.now(), self.entropy.take(10))
        with self.audit.around(Act(self.actor, "exception.create", exception_id)):
            made = self.exceptions.create(
                self._draft(arguments), exception_id=exception_id, by=self.actor
            )
        counted = self.exceptions.counted()
        hidden = next(one.hidden for one in counted if one.exception.id == made.id)
        until = to_text(made.expires_at)
        return f"{made.id}: {hidden} 条告警不再显示，至 {until} · alerts are hidden until then"

    def _preview(self, arguments: Mapping[str, str]) -> str:
        found = self.alerts.would_hide(self._draft(arguments), self.clock.now())
        lines = [f"近三十天会隐藏 would have hidden {found.count} 条告警 alerts"]
        if found.judged_true:
            lines.append(
                f"注意：其中 {found.judged_true} 条已研判属实 · of these judged true positive"
            )
        lines += [f"  {count:>7} × {rule}" for rule, count in found.by_rule]
        lines += [
            f"  {to_text(one.alert.decided_at)} {one.alert.rule_id} {one.alert.entity}"
            for one in found.newest
        ]
        return "\n".join(lines)

    def _list(self, arguments: Mapping[str, str]) -> str:
        listed = self.exceptions.counted()
        if arguments.get("json"):
            return msgspec.json.encode(listed).decode()
        return (
            "\n".join(
                f"{one.exception.id} {'生效 in force' if one.in_force else '已止 over    '} "
                f"{one.hidden:>7} 条 hidden  {one.exception.rule_id} {one.exception.entity} "
                f"[{', '.join(one.exception.units)}] 至 until {to_text(one.exception.expires_at)} "
                f"{one.exception.owner}：{one.exception.reason}"
                for one in listed
            )
            or "没有例外 · no exceptions"
        )

    def _revoke(self, arguments: Mapping[str, str]) -> str:
        exception_id = arguments["id"]
        with self.audit.around(Act(self.actor, "exception.revoke", exception_id)):
            self.exceptions.revoke(exception_id, by=self.actor)
        return f"{exception_id} 已撤销，其告警重新显示 · is revoked, its alerts are shown again"

    def _draft(self, arguments: Mapping[str, str]) -> ExceptionDraft:
        rule = arguments["rule"]
        if rule != EVERY:
            self.rulebook.find(rule)
        units = tuple(unit for unit in arguments.get("units", "").split("\n") if unit)
        return ExceptionDraft(
            rule_id=rule,
            entity=arguments["entity"],
            units=units or (EVERY,),
            reason=arguments.get("reason", ""),
            owner=arguments.get("owner", ""),
            expires_at=until_us(arguments["until"], self.clock.now()),
        )
