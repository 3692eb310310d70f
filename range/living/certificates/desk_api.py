"""Desk API: the certificate desk and the OCSP responder over HTTP.

Officers enter, approve and issue through the desk's own program, which signs as programs do; the
officer's address is the other end of the connection. Whoever asks the responder signs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
from district.certificates.desk import Desk
from district.town import Clerk

from living.certificates import wire
from living.certificates.platform_api import refusal
from living.certificates.signed import Gate, Said
from living.serving import Call, Given
from living.signed import RefusedError, TownClock

__all__ = ["PROGRAM", "DeskApi"]

PROGRAM: Final = "ra-desk"
"""What officers work with."""
_ENCODER: Final = msgspec.json.Encoder()
_NUMBER: Final = r"([\w.-]{1,128})"
_OCSP: Final = re.compile(rf"/ocsp/{_NUMBER}")


class DeskApi:
    """Answers the desk's calls; state and log are the desk's, in memory."""

    def __init__(
        self, desk: Desk, *, clock: TownClock, gate: Gate, officers: Mapping[str, Clerk]
    ) -> None:
        self._desk, self._clock, self._gate, self._officers = desk, clock, gate, officers
        self.responder_fails = False
        """The responder cannot reach what it signs with."""

    def handle(self, call: Call) -> Given:
        """One request."""
        now = self._clock.now()
        try:
            said = Said.read(call.headers)
            self._gate.check(said, said.text(call.method, call.target, call.body), now=now)
        except RefusedError as error:
            return refusal(401, str(error))
        officer = self._officers.get(said.operator)
        if officer is None or said.program != PROGRAM:
            return refusal(403, "not an officer of the desk")
        officer = replace(officer, address=call.address)
        for path, decoder, act in _ROUTES:
            if found := path.fullmatch(call.target):
                try:
                    number = act(
                        self._desk, now, officer, found.groups(), decoder.decode(call.body)
                    )
                except msgspec.MsgspecError as error:
                    return refusal(400, str(error))
                return Given(200, _ENCODER.encode(wire.Reply(code="0", number=number)))
        return refusal(404, "no such path")

    def respond(self, call: Call) -> Given:
        """Somebody asks whether a certificate holds."""
        found = _OCSP.fullmatch(call.target)
        if found is None or call.method != "GET":
            return refusal(404, "no such path")
        self._desk.answer(
            self._clock.now(), call.address, serial=found[1], fails=self.responder_fails
        )
        said = "tryLater" if self.responder_fails else self._desk.status(found[1])
        return Given(200, _ENCODER.encode(wire.Reply(code="0", msg=said)))


def _request(
    desk: Desk, now: int, officer: Clerk, places: tuple[str, ...], body: wire.DeskRequest
) -> str:
    del places
    return desk.request(now, officer, profile=body.profile, subject=body.subject)


def _approve(
    desk: Desk, now: int, officer: Clerk, places: tuple[str, ...], body: wire.Empty
) -> str:
    del body
    desk.approve(now, officer, request=places[0])
    return ""


def _issue(
    desk: Desk, now: int, officer: Clerk, places: tuple[str, ...], body: wire.DeskIssue
) -> str:
    return desk.issue(
        now, officer, request=places[0], profile=body.profile, subject=body.subject,
        approver=body.approver, alg=body.alg,
    )  # fmt: skip


def _revoke(
    desk: Desk, now: int, officer: Clerk, places: tuple[str, ...], body: wire.DeskRevocation
) -> str:
    desk.revoke(now, officer, serial=places[0], reason=body.reason)
    return ""


_Act = Callable[[Desk, int, Clerk, tuple[str, ...], Any], str]


def _route(path: str, body: type, act: _Act) -> tuple[re.Pattern[str], Any, _Act]:
    return re.compile(path), msgspec.json.Decoder(body), act


_ROUTES: Final = (
    _route(r"/v1/requests", wire.DeskRequest, _request),
    _route(rf"/v1/requests/{_NUMBER}/approve", wire.Empty, _approve),
    _route(rf"/v1/requests/{_NUMBER}/issue", wire.DeskIssue, _issue),
    _route(rf"/v1/certificates/{_NUMBER}/revoke", wire.DeskRevocation, _revoke),
)
