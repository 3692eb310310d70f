"""Console: the page at which clerks ask; it signs on the application's own server."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from http.cookies import SimpleCookie
from typing import Final

from district.sharing import calls
from district.sharing.acts import Ask
from district.sharing.parties import Caller

from living.clock import Clock
from living.serving import Call, Given, Service
from living.sharing.client import Client

__all__ = ["PATH", "PORT", "Console", "form"]

PATH: Final = "/console/query"
PORT: Final = 8080
SESSION: Final = "DXSESSION"
_AGENT: Final = "Java/1.8.0_402"


class Console:
    """Takes a clerk's question, asks the exchange in the name of the unit's application."""

    def __init__(
        self,
        address: str,
        client: Client,
        *,
        callers: Mapping[str, Caller],
        nodes: Mapping[str, str],
        clock: Clock,
    ) -> None:
        """``nodes`` are ``host:port`` by name; another is asked where one does not answer."""
        self.service = Service(address, PORT, self._answer)
        self._client, self._callers, self._nodes, self._clock = client, callers, nodes, clock

    def _answer(self, call: Call) -> Given:
        session = SimpleCookie(call.headers.get("cookie") or "").get(SESSION)
        if call.method != "POST" or session is None:
            return Given(status=401, body=b"{}")
        told = json.loads(call.body)
        act = Ask(**{**told, "fields": tuple(told["fields"]), "user": session.value, "address": ""})
        caller = self._callers[act.requester]
        request = self._client.request(act, caller, at=self._clock.now())
        first = calls.node_of(act.requester)
        for name in (first, *(name for name in self._nodes if name != first)):
            try:
                reply = self._client.send(request, to=self._nodes[name], agent=_AGENT)
            except (OSError, http.client.HTTPException):
                continue
            return Given(status=reply.status, body=reply.body)
        return Given(status=502, body=b"{}")


_ASKED: Final = (
    "requester", "service", "number", "rows", "page", "fields", "matter", "case", "system",
    "behind_ms",
)  # fmt: skip
assert set(_ASKED) <= {field.name for field in fields(Ask)}


def form(act: Ask) -> tuple[dict[str, str], bytes]:
    """What the clerk's browser sends: headers and body."""
    told = asdict(act)
    body = json.dumps({name: told[name] for name in _ASKED}).encode()
    return {"Cookie": f"{SESSION}={act.user}", "Content-Type": "application/json"}, body
