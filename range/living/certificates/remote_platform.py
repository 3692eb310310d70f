"""Remote platform: the town's people and programs as clients of the platform's HTTP interface."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from district.certificates.records import Answer, Certificate, Via

from living.certificates import wire
from living.certificates.platform_api import SEAL_DOMAIN
from living.certificates.signed import Client
from living.signed import Keys

__all__ = ["FORGER", "RemotePlatform"]

FORGER: Final = "seal-forged"
"""Whoever makes certificates at home has a key too."""
_ENCODER: Final = msgspec.json.Encoder()
_REPLY: Final = msgspec.json.Decoder(wire.Reply)


class RemotePlatform:
    """:class:`district.certificates.surface.Certification` over HTTP.

    When a request is made is what the town's clock says, not the ``now`` it is given. Methods raise
    RuntimeError where a request was not let in or not understood, OSError and
    ``http.client.HTTPException`` where nobody answers.
    """

    def __init__(
        self,
        client: Client,
        *,
        nodes: Mapping[str, str],
        keys: Keys,
        seals: Mapping[str, str],
        held: Callable[[str, str], Certificate],
    ) -> None:
        """``nodes`` are their base addresses; ``seals`` name the seal key of each kind of
        certificate; ``held`` is what the town knows without asking."""
        self._client, self._nodes, self._keys = client, nodes, keys
        self._seals, self._held = seals, held
        self._files = 0

    def login(self, now: int, via: Via, *, serial: str) -> Answer:
        del now
        return self._ask(via, "/v1/sessions", wire.Session(serial=serial))

    def take(self, now: int, via: Via, *, matter: str) -> Answer:
        del now
        return self._ask(via, "/v1/duties", wire.Duty(matter=matter))

    def open_case(self, now: int, via: Via, *, matter: str, applicant: str) -> Answer:
        del now
        return self._ask(via, "/v1/cases", wire.Case(matter=matter, applicant=applicant))

    def add_party(self, now: int, via: Via, *, case: str, party: str) -> Answer:
        del now
        return self._ask(via, f"/v1/cases/{case}/parties", wire.Party(party=party))

    def close_case(self, now: int, via: Via, *, case: str) -> Answer:
        del now
        return self._ask(via, f"/v1/cases/{case}/close", wire.Empty())

    def get(
        self,
        now: int,
        via: Via,
        *,
        op: str,
        item: str = "",
        holder: str = "",
        licence: str = "",
        matter: str = "",
        case: str = "",
        consent: str = "",
        original: bool = False,
    ) -> Answer:
        del now
        wanted = wire.Wanted(
            item=item, holder=holder, licence=licence, matter=matter, case=case, consent=consent,
            original=original,
        )  # fmt: skip
        return self._ask(via, f"/v1/certificates/{op.lower()}", wanted)

    def consent(self, now: int, via: Via, *, holder: str, app: str) -> Answer:
        del now
        return self._ask(via, "/v1/consents", wire.Consented(holder=holder, app=app))

    def make_code(self, now: int, via: Via, *, item: str, holder: str) -> Answer:
        del now
        return self._ask(via, "/v1/use-codes", wire.UseCode(item=item, holder=holder))

    def redeem(self, now: int, via: Via, *, code: str, scanned_at: int = 0) -> Answer:
        del now
        return self._ask(via, f"/v1/use-codes/{code}/redeem", wire.Scanned(scanned_at=scanned_at))

    def apply(self, now: int, via: Via, *, case: str, item: str, holder: str) -> Answer:
        del now
        return self._ask(
            via, "/v1/applications", wire.Application(case=case, item=item, holder=holder)
        )  # fmt: skip

    def approve(self, now: int, via: Via, *, case: str) -> Answer:
        del now
        return self._ask(via, f"/v1/applications/{case}/approve", wire.Empty())

    def issue(
        self, now: int, via: Via, *, case: str, item: str, holder: str, approver: str
    ) -> Answer:  # fmt: skip
        del now
        issue = wire.Issue(case=case, item=item, holder=holder, approver=approver)
        return self._ask(via, "/v1/certificates/issue", issue)

    def end(
        self, now: int, via: Via, *, licence: str, case: str, approver: str, op: str = "ANNUL"
    ) -> Answer:  # fmt: skip
        del now
        target = f"/v1/certificates/{licence}/{op.lower()}"
        return self._ask(via, target, wire.Ending(case=case, approver=approver))

    def verify(self, now: int, via: Via, *, item: str, genuine: bool) -> Answer:
        del now
        self._files += 1
        content = f"{item}.ofd {self._files}".encode()
        signer = self._seals[item] if genuine else FORGER
        seal = self._keys.sign(signer, content, domain=SEAL_DOMAIN)
        file = wire.File(
            item=item,
            file=base64.b64encode(content).decode("ascii"),
            seal=base64.b64encode(seal).decode("ascii"),
        )
        return self._ask(via, "/v1/seals/verify", file)

    def held(self, holder: str, item: str) -> Certificate:
        return self._held(holder, item)

    def _ask(self, via: Via, target: str, asked: msgspec.Struct) -> Answer:
        reply = self._client.post(self._nodes[via.node], target, via, _ENCODER.encode(asked))
        try:
            said = _REPLY.decode(reply.body)
        except msgspec.MsgspecError as error:
            raise RuntimeError(f"{target}: {reply.status} {reply.body[:200]!r}") from error
        return Answer(code=said.code, number=said.number)
