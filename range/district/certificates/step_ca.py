"""step-ca's lines: the servers' own certificates, as the real server logs each request.

Held to true lines of step-ca 0.30.2: members in the order of their names, as Go writes a map; the
one-time token and the certificate stand in the line. Servers ask by HTTP/1.1 under their programs'
agents.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import random
import uuid
from collections.abc import Callable
from typing import Final

from district.calendar import HOUR_US, SECOND_US
from district.certificates.surface import ServerWish
from district.town import Application, Town

__all__ = ["HOST", "PORT", "StepTemplates", "refused", "renewed", "signed"]

HOST: Final = "10.30.2.31"
PORT: Final = 9000
LIFE_US: Final = 24 * HOUR_US
BACKDATED_US: Final = 60 * SECOND_US
TOKEN_LIFE_S: Final = 300
KEY: Final = "ECDSA P-256"
PROVISIONER: Final = "district"
_KEY_ID: Final = "Kx3vTq0cXyqBHWdkGdCE1aR7PZ2S2sCGmsXc1yWQ8gI"
_ROOT: Final = hashlib.sha256(b"District Root CA").hexdigest()
_CERTIFICATE_BYTES: Final = (508, 509, 510, 511, 512)
"""Of one with an empty name, which stands in it twice; signatures differ in length."""
_ANSWER_BYTES: Final = 1613
"""Of an answer without the new certificate, which stands in it twice."""
_REFUSAL_BYTES: Final = 144
_WRONG: Final = (
    "authority.Authorize: authority.authorizeSign: jwk.AuthorizeSign: jwk.authorizeToken; "
    "error parsing jwk claims: go-jose/go-jose: error in cryptographic primitive"
)


class StepTemplates:
    """Writes what the real server would."""

    def __init__(self, town: Town, write: Callable[[int, str], None]) -> None:
        self._dice, self._write = town.chance("certificates", "step-ca"), write

    def ask(self, now: int, app: Application, wish: ServerWish) -> None:
        """An application's first server asks."""
        made = {"sign": signed, "renew": renewed, "refused": refused}
        self._write(now, made[wish](now, app, self._dice))


def signed(now: int, app: Application, dice: random.Random) -> str:
    """A server is given its certificate."""
    token = _token(now, app, dice)
    return _line(now, app, dice, "/1.0/sign", 201, ott=token, **_certificate(now, app, dice))


def renewed(now: int, app: Application, dice: random.Random) -> str:
    """A server renews the certificate it shows."""
    return _line(now, app, dice, "/1.0/renew", 201, **_certificate(now, app, dice))


def refused(now: int, app: Application, dice: random.Random) -> str:
    """A token that was not made by the provisioner."""
    token = _token(now, app, dice)
    return _line(now, app, dice, "/1.0/sign", 401, ott=token, error=_WRONG)


def _name(app: Application) -> str:
    return f"{app.app}.gov.example"


def _certificate(now: int, app: Application, dice: random.Random) -> dict[str, object]:
    size = dice.choice(_CERTIFICATE_BYTES) + 2 * len(_name(app))
    raw = b"\x30\x82" + (size - 4).to_bytes(2, "big") + dice.randbytes(size - 4)
    return {
        "certificate": base64.b64encode(raw).decode(),
        "issuer": "District Intermediate CA",
        "provisioner": f"{PROVISIONER} ({_KEY_ID})",
        "public-key": KEY,
        "sans": {"dns": [_name(app)]},
        "serial": str(dice.getrandbits(127) | 1 << 126),
        "subject": _name(app),
        "valid-from": _utc(now - BACKDATED_US),
        "valid-to": _utc(now + LIFE_US),
    }


def _line(
    now: int, app: Application, dice: random.Random, path: str, status: int, **more: object
) -> str:
    took = dice.randrange(400_000, 4_000_000)
    told = {
        "duration": _duration(took),
        "duration-ns": took,
        "fields.time": _utc(now),
        "level": "info" if status < 400 else "warning",
        "method": "POST",
        "msg": "",
        "name": "ca",
        "path": path,
        "protocol": "HTTP/1.1",
        "referer": "",
        "remote-address": app.addresses[0],
        "request-id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
        "size": _size(more),
        "status": status,
        "time": _utc(now),
        "user-agent": app.agent,
        "user-id": "",
        **more,
    }
    return json.dumps(dict(sorted(told.items())), separators=(",", ":"), ensure_ascii=False)


def _duration(took_ns: int) -> str:
    """As Go writes a duration below a second: no zeros at the end."""
    unit, digits = ("ms", 6) if took_ns >= 1_000_000 else ("µs", 3)
    whole, rest = divmod(took_ns, 10**digits)
    return f"{whole}.{rest:0{digits}d}".rstrip("0").rstrip(".") + unit


def _size(more: dict[str, object]) -> int:
    """Of the answer: the certificate in PEM, twice, each line's end written in two bytes."""
    certificate = str(more.get("certificate", ""))
    if not certificate:
        return _REFUSAL_BYTES
    return _ANSWER_BYTES + 2 * (len(certificate) + 2 * -(-len(certificate) // 64))


def _token(now: int, app: Application, dice: random.Random) -> str:
    made = now // SECOND_US
    claims = {
        "aud": f"https://{HOST}:{PORT}/1.0/sign", "exp": made + TOKEN_LIFE_S, "iat": made,
        "iss": PROVISIONER, "jti": f"{dice.getrandbits(256):064x}", "nbf": made,
        "sans": [_name(app)], "sha": _ROOT, "sub": _name(app),
    }  # fmt: skip
    head = {"alg": "ES256", "kid": _KEY_ID, "typ": "JWT"}
    return f"{_part(head)}.{_part(claims)}.{_text(dice.randbytes(64))}"


def _part(members: dict[str, object] | dict[str, str]) -> str:
    return _text(json.dumps(members, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _utc(now: int) -> str:
    return f"{dt.datetime.fromtimestamp(now // SECOND_US, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
