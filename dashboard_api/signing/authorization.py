"""Authorization: the two ways an application says who it is, read exactly or refused.

``Bearer fsk1.<application>.<43 characters>``, or
``Fengsui-SM2 credential=<application>.<key id>,timestamp=<unix seconds>,nonce=<16 to 64
characters>,signature=<base64 of r ‖ s>``: parts in this order, no blanks between them. The name of
the scheme may stand in either case (RFC 9110, 11.1). Reading says nothing of who is believed.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Final

from crypto import sm3
from dashboard_api.applications.model import ID
from schema.errors import FengsuiError

DOMAIN: Final = "fengsui/request/1"
"""SM2 ID of a signed request: its signature verifies nowhere else."""
TEXT_MARK: Final = "FENGSUI-SM2/1"
"""First line of what is signed."""
AUTHORIZATION_CHARS_MAX: Final = 256
"""The longer form at its longest has 255: nothing beyond is looked at."""
SKEW_SECONDS_MAX: Final = 300
"""How far a timestamp may be off: machines without a time source drift by minutes."""

_BEARER: Final = re.compile(rf"(?i:Bearer) (fsk1\.({ID.pattern})\.[A-Za-z0-9_-]{{43}})")
# Ten digits reach the year 2286; the last character of 64 bytes carries two bits (RFC 4648, 3.5).
_SIGNED: Final = re.compile(
    rf"(?i:Fengsui-SM2) credential=({ID.pattern})\.([0-9a-f]{{16}}),timestamp=([1-9][0-9]{{0,9}}),"
    r"nonce=([A-Za-z0-9_-]{16,64}),signature=([A-Za-z0-9+/]{85}[AQgw]==)"
)
_SCHEMES: Final = ("bearer", "fengsui-sm2")


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token that somebody holds."""

    application: str
    token: str = field(repr=False)
    """The whole of it; only its SM3 is ever kept."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A signature that somebody made over the request."""

    application: str
    key_id: str
    timestamp: int
    """Unix seconds."""
    nonce: str
    signature: bytes
    """r ‖ s, 64 bytes."""

    @property
    def credential(self) -> str:
        """The credential as it stands in the signed text: application and key id."""
        return f"{self.application}.{self.key_id}"


def parse(authorization: str) -> BearerToken | SignedRequest:
    """Return what the header says; raises ``dashboard_api.credential.missing`` or ``malformed``."""
    if not authorization:
        raise FengsuiError(
            "dashboard_api.credential.missing",
            "the request carries no credential: send Authorization with a bearer token or a "
            "request signature",
        )
    if len(authorization) <= AUTHORIZATION_CHARS_MAX:
        bearer = _BEARER.fullmatch(authorization)
        if bearer is not None:
            return BearerToken(bearer[2], bearer[1])
        signed = _SIGNED.fullmatch(authorization)
        if signed is not None:
            return SignedRequest(
                signed[1], signed[2], int(signed[3]), signed[4], base64.b64decode(signed[5])
            )
    scheme = authorization[:32].partition(" ")[0].lower()
    raise FengsuiError(
        "dashboard_api.credential.malformed",
        "the Authorization header has neither form: Bearer fsk1.<application>.<43 characters>, or "
        "Fengsui-SM2 credential=<application>.<key id>,timestamp=<unix seconds>,nonce=<16 to 64 "
        "characters>,signature=<base64 of r‖s> in this order and without blanks",
        # Never the header itself: it may be a secret with one character too many.
        scheme=scheme if scheme in _SCHEMES else "",
    )


def application_of(authorization: str) -> str:
    """The application a header names, believed by nobody yet; empty when it cannot be read."""
    if len(authorization) > AUTHORIZATION_CHARS_MAX:
        return ""
    bearer = _BEARER.fullmatch(authorization)
    if bearer is not None:
        return bearer[2]
    signed = _SIGNED.fullmatch(authorization)
    return "" if signed is None else signed[1]


def token_hash(token: str) -> bytes:
    """What is kept of a bearer token: SM3 of its whole text."""
    return sm3.digest(token.encode("ascii"))


def signed_text(
    method: str, target: str, *, timestamp: int, nonce: str, credential: str, body: bytes
) -> bytes:
    """Return the bytes that are signed under ``DOMAIN`` with SM2.

    ``target`` is path and query exactly as sent in the request line, ``credential`` is
    ``<application>.<key id>``. Raises ``dashboard_api.target.malformed`` for a method or target
    that no request line can hold: a line end in one could pass for the next line.
    """
    if not _visible(method) or not _visible(target):
        raise FengsuiError(
            "dashboard_api.target.malformed",
            "method and target of a signed request are visible ASCII: percent-encode the rest",
        )
    digest = sm3.digest(body).hex()
    return (
        f"{TEXT_MARK}\n{method}\n{target}\n{timestamp}\n{nonce}\n{credential}\n{digest}"
    ).encode("ascii")


def _visible(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
