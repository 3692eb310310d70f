"""Heartbeat: an idle sensor's signed word that it is alive and how far its sources are read.

It carries no batch number and is not part of the chain; it binds the hash of the last header.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from crypto import sm2
from schema import limits
from schema.errors import FengsuiError

DOMAIN: Final = "fengsui/heartbeat/1"


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times in microseconds UTC; ``head`` is the hash of the sensor's last header."""

    realm: str
    sensor: str
    enrolment: Annotated[int, msgspec.Meta(ge=0, le=limits.ENROLMENT_MAX)]
    key_id: str
    head: str
    time: int
    low_watermark: int


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A heartbeat's canonical bytes and the signature over them."""

    payload: bytes
    signature: bytes


def sign(beat: Heartbeat, key: sm2.PrivateKey) -> Signed:
    """Sign with the sensor's batch key under its own domain."""
    payload = msgspec.json.encode(beat, order="sorted")
    return Signed(payload=payload, signature=key.sign(payload, domain=DOMAIN))


def claimed(signed: Signed) -> Heartbeat:
    """What the bytes say, unverified: only to find the key that must have signed them.

    Raises ``schema.heartbeat.malformed``.
    """
    try:
        return msgspec.json.decode(signed.payload, type=Heartbeat)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FengsuiError("schema.heartbeat.malformed", f"not a heartbeat: {error}") from error


def verify(signed: Signed, key: sm2.PublicKey) -> Heartbeat:
    """The heartbeat, once the enrolled key has verified it.

    Raises ``CryptoError``, and ``schema.heartbeat.malformed`` for other bytes signed by the key.
    """
    key.verify(signed.signature, signed.payload, domain=DOMAIN)
    return claimed(signed)
