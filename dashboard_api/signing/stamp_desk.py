"""Stamping: RFC 3161 time stamps with SM2 and SM3, by the site's own authority."""

from __future__ import annotations

from typing import ClassVar, Final

from msgspec import UNSET

from crypto import sm3
from crypto.cms.timestamp import TimeStampRequest
from crypto.cms.timestamp_authority import granted, stamp
from crypto.ports import Clock, Entropy
from dashboard_api.applications.model import SITE, Application, Operation
from dashboard_api.signing.answers import Token
from dashboard_api.signing.encodings import read, read_exactly, write
from dashboard_api.signing.envelope_desk import certified
from dashboard_api.signing.items import Item, TimestampItem
from dashboard_api.signing.outcomes import Made
from dashboard_api.signing.ports import Keys
from dashboard_api.signing.problems import malformed
from dashboard_api.signing.scopes import keyless
from dashboard_api.signing.work import Work
from schema import times

KEY: Final = f"{SITE}.timestamp"
POLICY: Final = "2.25.111788274298821796170899986519571621577"
"""The service's own: an arc of a random UUID needs no registration (ITU-T X.667, 6.3)."""

_SERIAL_SIZE: Final = 16
"""Bytes: random numbers of this size do not repeat (RFC 3161, 2.4.2 asks for unique ones)."""
_FIELDS: Final = "message, digest, request"


class Stamping(Work[TimestampItem]):
    """Stamps."""

    item: ClassVar[type[Item]] = TimestampItem

    def __init__(self, keys: Keys, clock: Clock, entropy: Entropy) -> None:
        self._keys = keys
        self._clock = clock
        self._entropy = entropy

    def one(self, application: Application, item: TimestampItem) -> Made:
        keyless(application, Operation.TIMESTAMP)
        request = _request(item)
        held = self._keys.signer(KEY)
        authority, above = certified(held)
        now = self._clock.now()
        serial = int.from_bytes(self._entropy.take(_SERIAL_SIZE), "big")
        token = stamp(
            request, authority, serial=serial, time_us=now, policy=POLICY, authorities=above
        )
        answer = Token(
            token=write(token, item.output),
            time=times.to_text(now),
            serial=f"{serial:x}",
            policy=POLICY,
            response=UNSET if item.request is UNSET else write(granted(token), item.output),
        )
        return Made(
            answer=answer,
            payload=request.digest,
            algorithm="SM2-SM3",
            mode="timestamp",
            key=held.id,
            version=held.version,
            place=held.place,
        )


def _request(item: TimestampItem) -> TimeStampRequest:
    given = [one for one in (item.message, item.digest, item.request) if one is not UNSET]
    if len(given) != 1:
        raise malformed("one_of", "message", fields=_FIELDS)
    if item.request is not UNSET:
        return TimeStampRequest.from_der(read(item.request, item.output, "request", "output"))
    if item.digest is not UNSET:
        return TimeStampRequest(
            digest=read_exactly(item.digest, item.encoding, "digest", sm3.DIGEST_SIZE)
        )
    assert item.message is not UNSET
    return TimeStampRequest(digest=sm3.digest(read(item.message, item.encoding, "message")))
