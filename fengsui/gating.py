"""Gating: gateways registered, changed and revoked from the machine itself.

Whoever may open the data folder may register a gateway and say what it asks about in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from dashboard_api.audit import Act, AuditChain
from dashboard_api.grants.gateways import Gateway, Gateways
from schema.times import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Gating:
    """What the commands act on."""

    gateways: Gateways
    audit: AuditChain
    actor: str

    def handlers(self) -> dict[str, Callable[[Mapping[str, str]], str]]:
        """The local commands."""
        return {
            "gateway-add": self._add,
            "gateway-list": self._list,
            "gateway-rotate": self._rotate,
            "gateway-services": self._services,
            "gateway-revoke": self._revoke,
        }

    def _add(self, arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        with self.audit.around(Act(self.actor, "gateway.add", name)):
            return self.gateways.add(name, arguments["unit"], _named(arguments))

    def _list(self, _: Mapping[str, str]) -> str:
        return "\n".join(_line(one) for one in self.gateways.all())

    def _rotate(self, arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        with self.audit.around(Act(self.actor, "gateway.rotate", name)):
            return self.gateways.rotate(name, at_once=bool(arguments["at_once"]))

    def _services(self, arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        with self.audit.around(Act(self.actor, "gateway.services", name)):
            return _line(self.gateways.set_services(name, _named(arguments)))

    def _revoke(self, arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        with self.audit.around(Act(self.actor, "gateway.revoke", name)):
            self.gateways.revoke(name)
        return f"网关 {name} 已吊销，令牌即刻失效 · is revoked: its tokens are refused now"


def _named(arguments: Mapping[str, str]) -> list[str]:
    return msgspec.json.decode(arguments["services"], type=list[str])


def _line(one: Gateway) -> str:
    state = f"已吊销 revoked {to_text(one.revoked_at)}" if one.revoked_at else "有效 in force"
    return f"{one.id:24} {one.unit:16} {state} {', '.join(one.services) or '-'}"
