"""Signed: requests of programs, each with the program's SM2 signature over all that it says.

What is signed are ten lines: version, method, target, program, operator, unit, time, nonce, and the
SM3 of the body. A service lets a request in once, from a program it knows, within minutes of its
time; whom the program acts for (operator and unit) is what the program says.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from district.certificates.records import Via

from crypto import sm3
from crypto.errors import CryptoError
from crypto.sm2 import PublicKey
from living.signed import (
    NONCES_MAX,
    TEXT_CHARS_MAX,
    Asker,
    Keys,
    Once,
    RefusedError,
    TownClock,
)  # fmt: skip

if TYPE_CHECKING:
    from living.web import Reply

__all__ = ["DOMAIN", "Client", "Gate", "Said"]

DOMAIN: Final = "ecert/request/1"
SKEW_US: Final = 300_000_000
"""A request's time may differ so much from the service's."""
_VERSION: Final = "ecert-sm2-1"
_HEADERS: Final = (
    "X-App-Id", "X-Operator", "X-Unit", "X-Timestamp", "X-Nonce", "X-Signature",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a request's headers say of its sender."""

    program: str
    operator: str
    unit: str
    time_ms: str
    nonce: str
    signature: bytes = b""

    def text(self, method: str, target: str, body: bytes) -> bytes:
        """What is signed."""
        lines = (
            _VERSION, method, target, self.program, self.operator, self.unit, self.time_ms,
            self.nonce, sm3.digest(body).hex(), "",
        )  # fmt: skip
        return "\n".join(lines).encode("utf-8")

    def headers(self) -> dict[str, str]:
        """As they go over the wire."""
        return {
            "X-App-Id": self.program,
            "X-Operator": self.operator,
            "X-Unit": self.unit,
            "X-Timestamp": self.time_ms,
            "X-Nonce": self.nonce,
            "X-Signature": base64.b64encode(self.signature).decode("ascii"),
        }

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> Said:
        """From a request's headers, by names in lower case.

        Raises :class:`RefusedError` where one is missing or too long.
        """
        found = [headers.get(name.lower()) for name in _HEADERS]
        program, operator, unit, time_ms, nonce, signature = (one or "" for one in found)
        if None in found or max(len(one or "") for one in found) > TEXT_CHARS_MAX:
            raise RefusedError("the request is not signed")
        try:
            raw = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RefusedError("the signature is no base64") from error
        return cls(
            program=program, operator=operator, unit=unit, time_ms=time_ms, nonce=nonce,
            signature=raw,
        )  # fmt: skip


class Client:
    """Signs what programs ask, and asks from the address of whoever acts."""

    def __init__(self, web: Asker, keys: Keys, clock: TownClock) -> None:
        self._web, self._keys, self._clock = web, keys, clock
        self._count = 0

    def post(self, base: str, target: str, via: Via, body: bytes) -> Reply:
        """One request. Raises OSError or ``http.client.HTTPException`` when nobody answers."""
        self._count += 1
        now = self._clock.now()
        said = Said(
            program=via.app, operator=via.operator, unit=via.unit, time_ms=str(now // 1000),
            nonce=f"{now:x}-{self._count:x}",
        )  # fmt: skip
        text = said.text("POST", target, body)
        headers = said.headers() | {
            "X-Signature": base64.b64encode(
                self._keys.sign(via.app, text, domain=DOMAIN)
            ).decode("ascii"),
            "Content-Type": "application/json",
        }  # fmt: skip
        if via.agent:
            headers["User-Agent"] = via.agent
        return self._web.request(
            "POST", base + target, source=via.address, headers=headers, body=body
        )


class Gate:
    """Lets in what programs it knows have signed."""

    def __init__(self, known: Mapping[str, PublicKey], *, nonces_max: int = NONCES_MAX) -> None:
        self._known, self._once = known, Once(nonces_max)

    def check(self, said: Said, text: bytes, *, now: int) -> None:
        """Raise :class:`RefusedError` unless this was signed by its program, lately, and once."""
        key = self._known.get(said.program)
        if key is None:
            raise RefusedError("no such program")
        if not said.time_ms.isascii() or not said.time_ms.isdecimal():
            raise RefusedError("no time")
        if abs(int(said.time_ms) * 1000 - now) > SKEW_US:
            raise RefusedError("not of this time")
        try:
            key.verify(said.signature, text, domain=DOMAIN)
        except CryptoError as error:
            raise RefusedError("the signature does not hold") from error
        # After the signature: nobody else can use a program's nonces up.
        self._once.take(said.program, said.nonce)
