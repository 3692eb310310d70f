"""Applying: applications registered, let in and granted rights from the machine itself.

Whoever owns the data folder stands above the two administrators it takes on the page; each act
stands in the audit chain under the name of the command line. Nobody approves from here: whoever
asked from the machine would be both persons. Approving takes a signed-in one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from crypto.sm2 import PublicKey
from dashboard_api.access.principal import EVERY_UNIT
from dashboard_api.applications.approval import Approval, ApprovalQuery
from dashboard_api.applications.credentials import NewKey
from dashboard_api.applications.model import Operation
from dashboard_api.applications.records import Hand, Issued, Registered
from dashboard_api.audit import Act, AuditChain
from dashboard_api.signing.refusal import absent
from fengsui.hiding import until_us
from fengsui.signing import Signing
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.times import to_text

APPROVALS_SHOWN: Final = 500
"""As many as a page of the API."""
COMMANDS: Final = tuple(
    f"application-{name}"
    for name in (
        "add", "list", "show", "token", "key", "revoke", "grant", "quota", "disable", "enable",
        "approvals",
    )
)  # fmt: skip


class IssuedToken(msgspec.Struct, frozen=True):
    """A new token and what is kept of it, as JSON."""

    token: str
    credential: Issued


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying:
    """What the commands act on."""

    signing: Signing
    audit: AuditChain
    actor: str
    clock: Clock

    def handlers(self) -> dict[str, Callable[[Mapping[str, str]], str]]:
        """The local commands; with ``json`` each answers one line of it."""
        carried_out = (
            self._add, self._list, self._show, self._token, self._key, self._revoke, self._grant,
            self._quota, self._disable, self._enable, self._approvals,
        )  # fmt: skip
        return dict(zip(COMMANDS, carried_out, strict=True))

    @property
    def _hand(self) -> Hand:
        return Hand(self.actor)

    def _add(self, arguments: Mapping[str, str]) -> str:
        with self.audit.refusals(Act(self.actor, "application.register", arguments["id"])):
            made = self.signing.registry.register(
                self._hand, arguments["id"], name=arguments["name"], unit=arguments["unit"]
            )
        return self._told(arguments, made)

    def _list(self, arguments: Mapping[str, str]) -> str:
        found = self.signing.registry.everyone()
        if arguments.get("json"):
            return _json(found)
        now = self.clock.now()
        return (
            "\n".join(
                f"{one.id:24} {_stands(one)} "
                f"{sum(issued.lives(now) for issued in one.credentials)} 个凭据 credentials  "
                f"{one.unit}  {one.name}"
                for one in found
            )
            or "没有应用 · no applications"
        )

    def _show(self, arguments: Mapping[str, str]) -> str:
        return self._told(arguments, self.signing.registry.get(arguments["id"]))

    def _token(self, arguments: Mapping[str, str]) -> str:
        with self.audit.refusals(Act(self.actor, "credential.token", arguments["id"])):
            token, issued = self.signing.registry.issue_token(
                self._hand, arguments["id"], expires_at=self._until(arguments)
            )
        return _json(IssuedToken(token, issued)) if arguments.get("json") else token

    def _key(self, arguments: Mapping[str, str]) -> str:
        with self.audit.refusals(Act(self.actor, "credential.sm2", arguments["id"])):
            key = NewKey(
                public=PublicKey(bytes.fromhex(arguments["point"])),
                proof=bytes.fromhex(arguments["proof"]),
            )
            issued = self.signing.registry.enrol_key(
                self._hand, arguments["id"], key, expires_at=self._until(arguments)
            )
        return _json(issued) if arguments.get("json") else issued.id

    def _revoke(self, arguments: Mapping[str, str]) -> str:
        name = f"{arguments['id']}/{arguments['credential']}"
        with self.audit.refusals(Act(self.actor, "credential.revoke", name)):
            changed = self.signing.registry.revoke(
                self._hand, arguments["id"], arguments["credential"]
            )
        return self._told(arguments, changed)

    def _grant(self, arguments: Mapping[str, str]) -> str:
        with self.audit.refusals(Act(self.actor, "application.grant", arguments["id"])):
            wanted = {arguments["key"]: _operations(arguments["operations"])}
            registry = self.signing.registry
            put = registry.put_some_grants if arguments.get("only") else registry.add_grants
            changed = put(self._hand, arguments["id"], wanted)
        return self._told(arguments, changed)

    def _quota(self, arguments: Mapping[str, str]) -> str:
        with self.audit.refusals(Act(self.actor, "application.quota", arguments["id"])):
            quota = self.signing.registry.get(arguments["id"]).quota
            given = {
                name: int(arguments[name])
                for name in ("per_second", "per_day", "opens_per_minute")
                if arguments.get(name)
            }
            changed = self.signing.registry.set_quota(
                self._hand, arguments["id"], replace(quota, **given)
            )
        return self._told(arguments, changed)

    def _disable(self, arguments: Mapping[str, str]) -> str:
        with self.audit.refusals(Act(self.actor, "application.disable", arguments["id"])):
            changed = self.signing.registry.disable(self._hand, arguments["id"])
        return self._told(arguments, changed)

    def _enable(self, arguments: Mapping[str, str]) -> str:
        with self.audit.refusals(Act(self.actor, "application.enable", arguments["id"])):
            changed = self.signing.registry.enable(self._hand, arguments["id"])
        return self._told(arguments, changed)

    def _approvals(self, arguments: Mapping[str, str]) -> str:
        query = ApprovalQuery(
            state=None if arguments.get("all") else "waiting", limit=APPROVALS_SHOWN
        )
        found = self.signing.approvals.page(query, [EVERY_UNIT])
        if arguments.get("json"):
            return _json(found)
        lines = [_line(one) for one in found]
        if any(one.state == "waiting" for one in found):
            lines.append(
                "由安全管理员登录后批准，命令行不能批准 · a security administrator who signs in "
                "approves; the command line cannot"
            )
        return "\n".join(lines) or "没有待批准的请求 · nothing waits"

    def _until(self, arguments: Mapping[str, str]) -> int | None:
        text = arguments.get("until", "")
        return until_us(text, self.clock.now()) if text else None

    def _told(self, arguments: Mapping[str, str], one: Registered) -> str:
        if arguments.get("json"):
            return _json(one)
        now = self.clock.now()
        per_day = one.quota.per_day or "不限 unlimited"
        opens = f"解密 opens {one.quota.opens_per_minute}/min"
        lines = [
            f"{one.id} {_stands(one)} {one.unit} {one.name}",
            f"  配额 quota       {one.quota.per_second}/s, {per_day}/d, {opens}",
        ]
        lines += [f"  凭据 credential  {_credential(issued, now)}" for issued in one.credentials]
        lines += [
            f"  授权 grant       {key}: {' '.join(sorted(operations))}"
            for key, operations in one.grants.items()
        ]
        return "\n".join(lines)


def handlers_of(applying: Applying | None) -> dict[str, Callable[[Mapping[str, str]], str]]:
    """The local commands of a site; where nobody signs each says so."""
    if applying is not None:
        return applying.handlers()
    return dict.fromkeys(COMMANDS, _absent)


def _absent(_: Mapping[str, str]) -> str:
    raise absent()


def _stands(one: Registered) -> str:
    return "停用 disabled" if one.disabled_at is not None else "启用 enabled "


def _credential(one: Issued, now: int) -> str:
    if one.revoked_at is not None:
        stands = f"已吊销 revoked {to_text(one.revoked_at)}"
    elif not one.lives(now):
        stands = f"已失效 expired {to_text(one.expires_at or 0)}"
    elif one.expires_at is not None:
        stands = f"至 until {to_text(one.expires_at)}"
    else:
        stands = "长期 without end"
    return f"{one.id} {one.kind:5} {stands}"


def _line(one: Approval) -> str:
    told = f"{one.id} {one.state:8} {one.kind:7} {one.key} {one.asker.name} {to_text(one.asked_at)}"
    return f"{told} {one.failure}" if one.failure else told


def _operations(text: str) -> frozenset[Operation]:
    """Operations named one a line; raises ``fengsui.application.operation``."""
    found: set[Operation] = set()
    for name in text.split("\n"):
        try:
            found |= {Operation(name)} if name else set()
        except ValueError as error:
            raise FengsuiError(
                "fengsui.application.operation",
                f"{name[:40]!r} is no operation: {', '.join(Operation)}",
                operation=name[:40],
            ) from error
    return frozenset(found)


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
