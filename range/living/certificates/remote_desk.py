"""Remote desk: officers and responder's callers over HTTP; the CA's own jobs in its process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Literal

import msgspec
from district.certificates.desk import Desk
from district.certificates.records import Via
from district.town import Clerk

from living.certificates import wire
from living.certificates.desk_api import PROGRAM, DeskApi
from living.certificates.signed import Client
from living.signed import Asker, TownClock

__all__ = ["RemoteDesk"]

_ENCODER: Final = msgspec.json.Encoder()
_REPLY: Final = msgspec.json.Decoder(wire.Reply)


class RemoteDesk:
    """:class:`district.certificates.surface.Authority`, living.

    Requests, approvals, issues, revocations and questions of the responder are HTTP requests;
    revocation lists, signatures of the audit trail and its rotation are jobs of the CA's own
    process. Raises as :class:`~living.certificates.remote_platform.RemotePlatform` does.
    """

    def __init__(
        self,
        desk: Desk,
        api: DeskApi,
        *,
        client: Client,
        web: Asker,
        clock: TownClock,
        base: str,
        responder: str,
    ) -> None:
        self._desk, self._api, self._client = desk, api, client
        self._web, self._clock, self._base, self._responder = web, clock, base, responder

    @property
    def serials(self) -> Mapping[str, str]:
        return self._desk.serials

    @property
    def revoked(self) -> Collection[str]:
        return self._desk.revoked

    def request(self, now: int, officer: Clerk, *, profile: str, subject: str) -> str:
        del now
        asked = wire.DeskRequest(profile=profile, subject=subject)
        return self._ask(officer, "/v1/requests", asked)

    def approve(self, now: int, officer: Clerk, *, request: str) -> None:
        del now
        self._ask(officer, f"/v1/requests/{request}/approve", wire.Empty())

    def issue(
        self,
        now: int,
        officer: Clerk,
        *,
        request: str,
        profile: str,
        subject: str,
        approver: str,
        alg: str = "SM2",
    ) -> str:
        del now
        asked = wire.DeskIssue(profile=profile, subject=subject, approver=approver, alg=alg)
        return self._ask(officer, f"/v1/requests/{request}/issue", asked)

    def renewed(self, clerk: Clerk) -> str:
        return self._desk.renewed(clerk)

    def revoke(self, now: int, officer: Clerk, *, serial: str, reason: int) -> None:
        del now
        target = f"/v1/certificates/{serial}/revoke"
        self._ask(officer, target, wire.DeskRevocation(reason=reason))

    def publish(self, now: int) -> None:
        del now
        self._desk.publish(self._clock.now())

    def answer(self, now: int, address: str, *, serial: str, fails: bool = False) -> None:
        del now
        self._api.responder_fails = fails
        reply = self._web.request("GET", f"{self._responder}/ocsp/{serial}", source=address)
        if reply.status != 200:
            raise RuntimeError(f"ocsp: {reply.status} {reply.body[:200]!r}")

    def sign_audit(self, now: int) -> None:
        del now
        self._desk.sign_audit(self._clock.now())

    def audit(self, now: int, event: str, officer: str = "system") -> None:
        del now
        self._desk.audit(self._clock.now(), event, officer)

    def down(self, job: Literal["list", "signature"], until: int) -> None:
        self._desk.down(job, until)

    def _ask(self, officer: Clerk, target: str, asked: msgspec.Struct) -> str:
        via = Via(
            app=PROGRAM, address=officer.address, agent=officer.agent, operator=officer.user,
            unit=officer.unit.code,
        )  # fmt: skip
        reply = self._client.post(self._base, target, via, _ENCODER.encode(asked))
        if reply.status != 200:
            raise RuntimeError(f"{target}: {reply.status} {reply.body[:200]!r}")
        return _REPLY.decode(reply.body).number
