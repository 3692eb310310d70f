"""step-ca's lines: the servers' own certificates, as the real server logs each request.

Members in the order of their names, as Go writes a map; the token and the certificate stand in the
line, as they do in the real one.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import random
import uuid
from collections.abc import Callable
from typing import Final

from district.calendar import HOUR_US, SECOND_US
from district.certificates.surface import ServerWish
from district.town import Application

__all__ = ["StepTemplates", "refused", "renewed", "signed"]

LIFE_US: Final = 24 * HOUR_US
KEY: Final = "ECDSA P-256"
PROVISIONER: Final = "district"
_WRONG: Final = (
    "authority.Authorize: authority.authorizeSign: jwk.AuthorizeSign: jwk.authorizeToken; "
    "error parsing jwk claims: go-jose/go-jose: error in cryptographic primitive"
)


class StepTemplates:
    """Writes what the real server would."""

    def __init__(self, dice: random.Random, write: Callable[[int, str], None]) -> None:
        self._dice, self._write = dice, write

    def ask(self, now: int, app: Application, wish: ServerWish) -> None:
        """An application's first server asks."""
        made = {"sign": signed, "renew": renewed, "refused": refused}
        self._write(now, made[wish](now, app, self._dice))


def signed(now: int, app: Application, dice: random.Random) -> str:
    """A server is given its certificate."""
    return _line(now, app, dice, "/1.0/sign", 201, ott=_token(dice), **_certificate(now, app, dice))


def renewed(now: int, app: Application, dice: random.Random) -> str:
    """A server renews the certificate it shows."""
    return _line(now, app, dice, "/1.0/renew", 201, **_certificate(now, app, dice))


def refused(now: int, app: Application, dice: random.Random) -> str:
    """A token that was not made by the provisioner."""
    return _line(now, app, dice, "/1.0/sign", 401, ott=_token(dice), error=_WRONG)


def _certificate(now: int, app: Application, dice: random.Random) -> dict[str, object]:
    return {
        "certificate": base64.b64encode(b"\x30\x82\x01\xda" + dice.randbytes(474)).decode(),
        "issuer": "District Intermediate CA",
        "provisioner": f"{PROVISIONER} (Kx3vTq0cXyqBHWdkGdCE1aR7PZ2S2sCGmsXc1yWQ8gI)",
        "public-key": KEY,
        "serial": dice.getrandbits(127) | 1 << 126,
        "subject": f"{app.app}.gov.example",
        "valid-from": _utc(now - 60 * SECOND_US),
        "valid-to": _utc(now + LIFE_US),
    }


def _line(
    now: int, app: Application, dice: random.Random, path: str, status: int, **more: object
) -> str:
    took = dice.randrange(2_000_000, 12_000_000)
    told = {
        "duration": f"{took // 1000 / 1000:g}ms",
        "duration-ns": took,
        "fields.time": _utc(now),
        "level": "info" if status < 400 else "warning",
        "method": "POST",
        "msg": "",
        "name": "ca",
        "path": path,
        "protocol": "HTTP/2.0",
        "referer": "",
        "remote-address": app.addresses[0],
        "request-id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        "size": dice.randrange(2800, 3400) if status < 400 else 144,
        "status": status,
        "time": _utc(now),
        "user-agent": "Smallstep CLI/0.28.2 (linux/amd64)",
        "user-id": "",
        **more,
    }
    return json.dumps(dict(sorted(told.items())), separators=(",", ":"), ensure_ascii=False)


def _token(dice: random.Random) -> str:
    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    head = part(b'{"alg":"ES256","kid":"Kx3vTq0cXyqB","typ":"JWT"}')
    return f"{head}.{part(dice.randbytes(180))}.{part(dice.randbytes(64))}"


def _utc(now: int) -> str:
    return f"{dt.datetime.fromtimestamp(now // SECOND_US, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
