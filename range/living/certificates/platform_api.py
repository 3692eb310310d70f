"""Platform API: the e-certificate platform as departments' programs reach it over HTTP.

Each node has an address of its own; all share the rules and the database. A request is let in when
its program signed it (:mod:`living.certificates.signed`); who calls is the other end of the
connection, and the time is the town's. One request is one transaction. What is not let in (401),
not understood (400), or names a case that is not there (404, without a code) leaves no line in the
business log, which tells of business only.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

import msgspec
from district.certificates.platform import HTTP_STATUS, SAID, Platform
from district.certificates.records import Answer, Via

from crypto.errors import CryptoError
from crypto.sm2 import PublicKey
from living.certificates import wire
from living.certificates.signed import Gate, Said
from living.serving import Call, Given
from living.signed import RefusedError, TownClock

__all__ = ["SEAL_DOMAIN", "PlatformApi", "refusal"]

SEAL_DOMAIN: Final = "ecert/seal/1"
_ENCODER: Final = msgspec.json.Encoder()


class Transactions(Protocol):
    """Of a store: :class:`living.certificates.postgres.PostgresStore`."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing."""


class _Asked(NamedTuple):
    api: PlatformApi
    now: int
    via: Via
    places: tuple[str, ...]
    """What the path names."""
    body: Any
    """Of the route's type."""


class _Route(NamedTuple):
    path: re.Pattern[str]
    decoder: msgspec.json.Decoder[Any]
    act: Callable[[_Asked], Answer]


class PlatformApi:
    """Answers calls of one node after the other."""

    def __init__(
        self,
        platform: Platform,
        store: Transactions,
        *,
        clock: TownClock,
        gate: Gate,
        seals: Mapping[str, PublicKey],
    ) -> None:
        """``seals`` are the bodies' seal keys by the kind of certificate they seal."""
        self.platform, self._store, self._clock = platform, store, clock
        self._gate, self._seals = gate, seals

    def handle(self, node: str, call: Call) -> Given:
        """One request to that node."""
        now = self._clock.now()
        try:
            said = Said.read(call.headers)
            self._gate.check(said, said.text(call.method, call.target, call.body), now=now)
        except RefusedError as error:
            return refusal(401, str(error))
        if call.method != "POST":
            return refusal(405, "only POST")
        via = Via(
            app=said.program, address=call.address, agent=call.headers.get("user-agent", ""),
            operator=said.operator, unit=said.unit, node=node,
        )  # fmt: skip
        for route in _ROUTES:
            if found := route.path.fullmatch(call.target):
                return self._answer(route, _Asked(self, now, via, found.groups(), None), call.body)
        return refusal(404, "no such path")

    def genuine(self, file: wire.File) -> bool:
        """Whether the file bears its body's seal."""
        try:
            content = base64.b64decode(file.file, validate=True)
            seal = base64.b64decode(file.seal, validate=True)
        except binascii.Error as error:
            raise msgspec.ValidationError("no base64") from error
        try:
            self._seals[file.item].verify(seal, content, domain=SEAL_DOMAIN)
        except CryptoError:
            return False
        return True

    def _answer(self, route: _Route, asked: _Asked, body: bytes) -> Given:
        try:
            asked = asked._replace(body=route.decoder.decode(body))
            with self._store.transaction():
                answer = route.act(asked)
        except msgspec.MsgspecError as error:
            return refusal(400, str(error))
        except LookupError as error:
            return refusal(404, str(error))
        said = wire.Reply(
            code=answer.code, msg=SAID.get(answer.code, ""), number=answer.number
        )  # fmt: skip
        return Given(HTTP_STATUS.get(answer.code, 200), _ENCODER.encode(said))


def refusal(status: int, why: str) -> Given:
    """What was not let in or not understood."""
    return Given(status, _ENCODER.encode(wire.Error(error=why)))


def _login(asked: _Asked) -> Answer:
    return asked.api.platform.login(asked.now, asked.via, serial=asked.body.serial)


def _take(asked: _Asked) -> Answer:
    return asked.api.platform.take(asked.now, asked.via, matter=asked.body.matter)


def _open_case(asked: _Asked) -> Answer:
    body: wire.Case = asked.body
    return asked.api.platform.open_case(
        asked.now, asked.via, matter=body.matter, applicant=body.applicant
    )


def _add_party(asked: _Asked) -> Answer:
    return asked.api.platform.add_party(
        asked.now, asked.via, case=asked.places[0], party=asked.body.party
    )


def _close_case(asked: _Asked) -> Answer:
    return asked.api.platform.close_case(asked.now, asked.via, case=asked.places[0])


def _get(asked: _Asked) -> Answer:
    body: wire.Wanted = asked.body
    return asked.api.platform.get(
        asked.now, asked.via, op=asked.places[0].upper(), item=body.item, holder=body.holder,
        licence=body.licence, matter=body.matter, case=body.case, consent=body.consent,
        original=body.original,
    )  # fmt: skip


def _consent(asked: _Asked) -> Answer:
    body: wire.Consented = asked.body
    return asked.api.platform.consent(asked.now, asked.via, holder=body.holder, app=body.app)


def _make_code(asked: _Asked) -> Answer:
    body: wire.UseCode = asked.body
    return asked.api.platform.make_code(asked.now, asked.via, item=body.item, holder=body.holder)


def _redeem(asked: _Asked) -> Answer:
    return asked.api.platform.redeem(
        asked.now, asked.via, code=asked.places[0], scanned_at=asked.body.scanned_at
    )


def _apply(asked: _Asked) -> Answer:
    body: wire.Application = asked.body
    return asked.api.platform.apply(
        asked.now, asked.via, case=body.case, item=body.item, holder=body.holder
    )


def _approve(asked: _Asked) -> Answer:
    return asked.api.platform.approve(asked.now, asked.via, case=asked.places[0])


def _issue(asked: _Asked) -> Answer:
    body: wire.Issue = asked.body
    return asked.api.platform.issue(
        asked.now, asked.via, case=body.case, item=body.item, holder=body.holder,
        approver=body.approver,
    )  # fmt: skip


def _end(asked: _Asked) -> Answer:
    body: wire.Ending = asked.body
    licence, op = asked.places
    return asked.api.platform.end(
        asked.now, asked.via, licence=licence, case=body.case, approver=body.approver,
        op=op.upper(),
    )  # fmt: skip


def _verify(asked: _Asked) -> Answer:
    body: wire.File = asked.body
    return asked.api.platform.verify(
        asked.now, asked.via, item=body.item, genuine=asked.api.genuine(body)
    )


def _route(path: str, body: type, act: Callable[[_Asked], Answer]) -> _Route:
    return _Route(re.compile(path), msgspec.json.Decoder(body), act)


_CODE: Final = r"([\w.-]{1,128})"
_ROUTES: Final = (
    _route(r"/v1/certificates/(query|status|fetch|download)", wire.Wanted, _get),
    _route(r"/v1/sessions", wire.Session, _login),
    _route(r"/v1/duties", wire.Duty, _take),
    _route(r"/v1/cases", wire.Case, _open_case),
    _route(rf"/v1/cases/{_CODE}/parties", wire.Party, _add_party),
    _route(rf"/v1/cases/{_CODE}/close", wire.Empty, _close_case),
    _route(r"/v1/consents", wire.Consented, _consent),
    _route(r"/v1/use-codes", wire.UseCode, _make_code),
    _route(rf"/v1/use-codes/{_CODE}/redeem", wire.Scanned, _redeem),
    _route(r"/v1/applications", wire.Application, _apply),
    _route(rf"/v1/applications/{_CODE}/approve", wire.Empty, _approve),
    _route(r"/v1/certificates/issue", wire.Issue, _issue),
    _route(rf"/v1/certificates/{_CODE}/(annul|suspend)", wire.Ending, _end),
    _route(r"/v1/seals/verify", wire.File, _verify),
)
