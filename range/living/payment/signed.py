"""Signed: requests of programs, each with the program's SM2 signature over all that it says.

What is signed are eleven lines: version, method, target, the sender's six headers, the time, a
nonce, and the SM3 of the body. A service lets a request in once, from a program it knows, within
minutes of its time. For whom a program acts (user, unit, device) is what the program says.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from district.payment.records import Via

from crypto import sm3
from crypto.errors import CryptoError
from crypto.sm2 import PublicKey
from living.signed import TEXT_CHARS_MAX, Asker, Keys, Once, RefusedError, TownClock

if TYPE_CHECKING:
    from living.serving import Call
    from living.web import Reply

__all__ = ["DOMAIN", "Caller", "Gate"]

DOMAIN: Final = "payment/request/1"
SKEW_MS: Final = 300_000
"""A request's time may differ so much from the service's."""
_VERSION: Final = "payment-sm2-1"
_SENDER: Final = ("x-app", "x-key", "x-user", "x-unit", "x-device", "user-agent")


class Caller:
    """Asks from the address of whoever acts, signed by the program used; a browser's page has no
    key and signs nothing."""

    def __init__(self, web: Asker, keys: Keys, clock: TownClock) -> None:
        self._web, self._keys, self._clock = web, keys, clock
        self._count = 0

    def ask(self, method: str, base: str, target: str, via: Via, body: bytes = b"") -> Reply:
        """One request; raises OSError or ``http.client.HTTPException`` when nobody answers."""
        sender = (via.app, via.key, via.user, via.unit, via.device, via.agent)
        headers = {name: value for name, value in zip(_SENDER, sender, strict=True) if value}
        if body:
            headers["content-type"] = "application/json"
        if via.app:
            self._count += 1
            now = self._clock.now()
            headers |= {"x-timestamp": str(now // 1000), "x-nonce": f"{now:x}-{self._count:x}"}
            signature = self._keys.sign(
                via.key or via.app, _text(method, target, headers, body), domain=DOMAIN
            )
            headers["x-signature"] = base64.b64encode(signature).decode("ascii")
        return self._web.request(
            method, base + target, source=via.address, headers=headers, body=body
        )


class Gate:
    """Knows the programs' keys, and what came already."""

    def __init__(self, keys: Mapping[tuple[str, str], PublicKey], clock: TownClock) -> None:
        """``keys`` by program and the key's number, which programs of the platform do without."""
        self._keys, self._clock = keys, clock
        self._once = Once()

    def check(self, call: Call) -> Via:
        """Who asks; a request without any program is a guest's.

        Raises :class:`RefusedError` where one is named that did not sign this, now, for the first
        time.
        """
        headers = call.headers
        app, key, user, unit, device, agent = (headers.get(name, "") for name in _SENDER)
        if max(map(len, (app, key, user, unit, device, headers.get("x-nonce", "")))) > (
            TEXT_CHARS_MAX
        ):
            raise RefusedError("a header is too long")
        if not app:
            # What a browser says of its user is worth nothing, except which device it is.
            return Via(address=call.address, agent=agent, device=device)
        self._check(app, key, call)
        return Via(
            address=call.address, agent=agent, app=app, key=key, user=user, unit=unit, device=device
        )

    def _check(self, app: str, key: str, call: Call) -> None:
        public = self._keys.get((app, key))
        if public is None:
            raise RefusedError("nobody that is known here")
        try:
            signature = base64.b64decode(call.headers.get("x-signature", ""), validate=True)
            text = _text(call.method, call.target, call.headers, call.body)
            public.verify(signature, text, domain=DOMAIN)
            late = abs(self._clock.now() // 1000 - int(call.headers["x-timestamp"]))
        except (binascii.Error, CryptoError, KeyError, ValueError) as error:
            raise RefusedError("the signature does not hold") from error
        if late > SKEW_MS:
            raise RefusedError("the request is old")
        self._once.take(app, call.headers.get("x-nonce", ""))


def _text(method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    said = (headers.get(name, "") for name in (*_SENDER, "x-timestamp", "x-nonce"))
    return "\n".join((_VERSION, method, target, *said, sm3.digest(body).hex(), "")).encode()
