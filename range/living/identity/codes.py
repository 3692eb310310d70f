"""Codes: one-time codes by time (RFC 6238), as a phone shows them."""

from __future__ import annotations

import hmac
import struct
import time
from typing import Final

__all__ = ["code_now"]

_PERIOD_S: Final = 30


def code_now(secret: str, now: float = 0.0) -> str:
    """Six digits of the half minute of ``now``, else of true time, by which Keycloak judges."""
    count = struct.pack(">Q", int(now or time.time()) // _PERIOD_S)
    digest = hmac.new(secret.encode(), count, "sha1").digest()
    place = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[place : place + 4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06d}"
