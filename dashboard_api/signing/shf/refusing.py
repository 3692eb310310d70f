"""Refusals in the foreign forms: an error number, and what is wrong in the reader's language.

The numbers are those of the signature servers' table (GM/T 0029, annex D); GM/T 0136 has its own,
which we do not know, so both forms give these. Beside the number always stand our own code and
sentence, never anything of the program's inside.
"""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import Final

from crypto.ports import Clock
from dashboard_api.signing.call import Call, Reply
from dashboard_api.signing.problems import Refusal, problem_of
from dashboard_api.signing.refusal import reply_to
from dashboard_api.signing.shf import ntv, wire, wrong
from dashboard_api.signing.shf.given import Answer
from dashboard_api.signing.shf.step import SHF
from dashboard_api.statuses import status_of

JSON_TYPE: Final = "application/json"


class Number(IntEnum):
    """Error numbers of signature servers."""

    DONE = 0
    CERTIFICATE_NAME = 0x04000001
    CERTIFICATE_ITEM = 0x04000002
    METHOD = 0x04000004
    KEY_INDEX = 0x04000005
    KEY_RIGHT = 0x04000006
    CERTIFICATE = 0x04000007
    CERTIFICATE_FORM = 0x04000008
    EXPIRED = 0x04000009
    NOT_YET_VALID = 0x0400000A
    REVOKED = 0x0400000B
    SIGNATURE = 0x0400000C
    DATA = 0x0400000D
    FAILED = 0x0400000E


_BY_CODE: Final = MappingProxyType(
    {
        "crypto.certificate.malformed": Number.CERTIFICATE_FORM,
        "crypto.certificate.expired": Number.EXPIRED,
        "crypto.certificate.not_yet_valid": Number.NOT_YET_VALID,
        "crypto.certificate.revoked": Number.REVOKED,
        "crypto.message.signature": Number.SIGNATURE,
        "crypto.message.content": Number.SIGNATURE,
        "crypto.message.signer": Number.CERTIFICATE,
        "crypto.key.unknown": Number.KEY_INDEX,
        "crypto.key.version": Number.KEY_INDEX,
        "crypto.key.destroyed": Number.KEY_INDEX,
        "crypto.key.use": Number.KEY_INDEX,
        "crypto.key.malformed": Number.DATA,
        "crypto.key.disabled": Number.KEY_RIGHT,
        "crypto.key.scheduled": Number.KEY_RIGHT,
        "crypto.key.expired": Number.KEY_RIGHT,
        "crypto.key.state": Number.KEY_RIGHT,
        "crypto.key.policy": Number.KEY_RIGHT,
    }
)
_BY_NOUN: Final = MappingProxyType(
    {
        "crypto.certificate": Number.CERTIFICATE,
        "crypto.signature": Number.SIGNATURE,
        "crypto.mac": Number.SIGNATURE,
        "crypto.message": Number.DATA,
        "crypto.ciphertext": Number.DATA,
        "crypto.plaintext": Number.DATA,
        "crypto.digest": Number.DATA,
        "crypto.domain": Number.DATA,
        "dashboard_api.call": Number.DATA,
        "dashboard_api.scope": Number.KEY_RIGHT,
        "dashboard_api.credential": Number.KEY_RIGHT,
        "dashboard_api.timestamp": Number.KEY_RIGHT,
        "dashboard_api.nonce": Number.KEY_RIGHT,
        "dashboard_api.application": Number.KEY_RIGHT,
    }
)
_BY_FIELD: Final = MappingProxyType(
    {
        "signMethod": Number.METHOD,
        "keyIndex": Number.KEY_INDEX,
        "KeyId": Number.KEY_INDEX,
        "cert": Number.CERTIFICATE_FORM,
        "Certificate": Number.CERTIFICATE_FORM,
        "certSN": Number.CERTIFICATE_NAME,
        "type": Number.CERTIFICATE_NAME,
        "infoType": Number.CERTIFICATE_ITEM,
        "Tags": Number.CERTIFICATE_ITEM,
    }
)
# What a client or a proxy must see without reading the body: sign in, smaller, later, or broken.
_KEPT: Final = frozenset({401, 413, 429})


def number_of(error: Refusal) -> Number:
    """The number of an error."""
    noun = error.code.rpartition(".")[0]
    if noun == "dashboard_api.call":
        return _BY_FIELD.get(str(error.params.get("where", "")), Number.DATA)
    return _BY_CODE.get(error.code) or _BY_NOUN.get(noun, Number.FAILED)


def refusal(
    form: str,
    error: Refusal,
    languages: str,
    *,
    request: bytes = b"",
    at: int = 0,
) -> bytes:
    """The body of a refusal in the form of the call; ``request`` is the call's body.

    A signature server's answer goes the way the request came, and a wrapped one names its time
    (``at``, µs UTC).
    """
    number, words = number_of(error), _words(error, languages)
    if form == SHF:
        return ntv.write(
            {"ErrorNumber": f"0x{number:08X}", "ErrorCode": error.code, "ErrorMessage": words}
        )
    answer: Answer = {"respValue": int(number), "code": error.code, "message": words}
    return wire.wire_of(request).write(answer, at)


def http_status(form: str, status: int) -> int:
    """The HTTP status of a refusal whose own is ``status``.

    Clients of signature servers read ``respValue`` in an answer with 200 and take any other status
    for a broken connection, so only what concerns the connection keeps its own.
    """
    if form == SHF or status in _KEPT or status >= 500:
        return status
    return 200


def media_type(form: str, request: bytes) -> str:
    """The media type of any answer to a request."""
    return wire.FORM_TYPE if form != SHF and wire.is_form(request) else JSON_TYPE


class Refusing:
    """Makes the whole answer to a refused call, in the form it came by."""

    __slots__ = ("_clock",)

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, call: Call, error: Refusal) -> Reply:
        """The answer; for a call of no foreign form what any other gets."""
        if not call.form:
            return reply_to(call.id, error, call.languages)
        return Reply(
            call.id,
            http_status(call.form, status_of(error.code)),
            refusal(call.form, error, call.languages, request=call.body, at=self._clock.now()),
            int(error.params.get("retry_seconds", 0)),
        )


def _words(error: Refusal, languages: str) -> str:
    chinese = languages.strip().lower().startswith("zh")
    return wrong.told(error, chinese=chinese) or problem_of(error, languages).detail
