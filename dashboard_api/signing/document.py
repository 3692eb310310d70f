"""The OpenAPI document of the data operations, made from the structs that decode their bodies."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import cleandoc
from itertools import product
from typing import Any, Final, TypeAlias

import msgspec

from dashboard_api.applications.model import Operation
from dashboard_api.signing import answers, items
from dashboard_api.signing.call import ITEMS_MAX
from dashboard_api.signing.document_examples import EXAMPLES, PROBLEM

Json: TypeAlias = dict[str, Any]

ROOT: Final = "/v1/crypto"
PROBLEM_TYPE: Final = "application/problem+json"
TAG: Final = "signing"

_REF: Final = "#/components/schemas/{name}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One data operation of the document."""

    path: str
    operation: Operation
    summary: str
    item: type[msgspec.Struct]
    answer: type[msgspec.Struct]


ENTRIES: Final = (
    Entry("sign", Operation.SIGN, "Sign a message by SM2 with SM3", items.SignItem,
          answers.Signature),
    Entry("verify", Operation.VERIFY, "Verify an SM2 signature, or learn why it is invalid",
          items.VerifyItem, answers.Verified),
    Entry("encrypt", Operation.ENCRYPT, "Encrypt by SM2, or by SM4-GCM under a sealing key",
          items.EncryptItem, answers.Ciphertext),
    Entry("decrypt", Operation.DECRYPT, "Decrypt", items.DecryptItem, answers.Plaintext),
    Entry("digest", Operation.DIGEST, "Hash a message by SM3", items.DigestItem, answers.Hash),
    Entry("hmac", Operation.HMAC, "Make an HMAC-SM3", items.HmacItem, answers.Mac),
    Entry("hmac:verify", Operation.HMAC_VERIFY, "Check an HMAC-SM3", items.HmacVerifyItem,
          answers.Verified),
    Entry("envelopes:sign", Operation.ENVELOPE_SIGN, "Sign a message into an envelope (SignedData)",
          items.EnvelopeSignItem, answers.Envelope),
    Entry("envelopes:verify", Operation.ENVELOPE_VERIFY, "Verify a signed envelope and its signers",
          items.EnvelopeVerifyItem, answers.VerifiedEnvelope),
    Entry("envelopes:seal", Operation.ENVELOPE_SEAL, "Seal a message for holders of certificates "
          "(EnvelopedData)", items.EnvelopeSealItem, answers.Envelope),
    Entry("envelopes:open", Operation.ENVELOPE_OPEN, "Open a sealed envelope",
          items.EnvelopeOpenItem, answers.Opened),
    Entry("timestamp", Operation.TIMESTAMP, "Stamp a message, a digest or an RFC 3161 request",
          items.TimestampItem, answers.Token),
)  # fmt: skip
"""Every data operation, by its path below ``ROOT``."""

_EITHER: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "SignItem": (("message", "e"),),
    "VerifyItem": (("key", "public_key", "certificate"), ("message", "e")),
    "EncryptItem": (("key", "public_key", "certificate"),),
    "TimestampItem": (("message", "digest", "request"),),
}
"""Fields of which exactly one is given, which a struct cannot say."""

_REFUSALS: Final = {
    401: "Nobody is believed: the credential, its time or its nonce is wrong",
    403: "The application has no grant for this operation with this key, or the key's policy "
    "forbids it",
    404: "There is no such key, or no such version of it",
    409: "The key is disabled, expired, to be destroyed, without a certificate or for another use",
    410: "The key is destroyed",
    413: "More bytes or items than one call takes",
    422: "The body is not of the operation, or what it holds is invalid; `params` says where and "
    "why",
    429: "Over the application's quota",
    503: "Not available now; ask again after the seconds of Retry-After",
}
_RETRY: Final = (429, 503)


def paths() -> Json:
    """The path items of all data operations."""
    return {f"{ROOT}/{entry.path}": {"post": _operation(entry)} for entry in ENTRIES}


def schemas() -> Json:
    """The component schemas that ``paths`` refers to, but for ``Problem``, which all routes share.

    Raises nothing: they are made of the structs alone.
    """
    types = list(
        dict.fromkeys(
            [one for entry in ENTRIES for one in (entry.item, entry.answer)] + [answers.Failed]
        )
    )
    _, made = msgspec.json.schema_components(types, ref_template=_REF)
    for name, schema in made.items():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
        if name in _EITHER:
            schema["oneOf"] = [{"required": list(one)} for one in product(*_EITHER[name])]
    return made


def security_schemes() -> Json:
    """How an application says who it is."""
    return {
        "application": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of an application: `fsk1.<application>.<43 characters>`",
        },
        "signed_request": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "A request signed by SM2: `Fengsui-SM2 credential=<application>.<key "
            "id>,timestamp=<unix seconds>,nonce=<16 to 64 of A-Z a-z 0-9 _ ->,signature=<base64 of "
            "r‖s>`. Signed under the ID `fengsui/request/1` are these lines, joined by line feeds "
            "without one at the end: `FENGSUI-SM2/1`, the method, path and query as sent, "
            "timestamp, nonce, credential, and SM3 of the body in lower-case hexadecimal. The "
            "timestamp may differ by 300 seconds, a nonce counts once in ten minutes",
        },
    }


def _operation(entry: Entry) -> Json:
    asked, answered = EXAMPLES[entry.path]
    item, answer = (_ref(one) for one in (entry.item, entry.answer))
    each = {"anyOf": [answer, _ref(answers.Failed)]}
    return {
        "operationId": f"crypto_{entry.operation.value}",
        "tags": [TAG],
        "summary": entry.summary,
        "description": f"One item, or up to {ITEMS_MAX} in `items`, answered in their order; an "
        f"item that is refused does not touch the others. Scope: `{entry.operation.value}`.",
        "security": [{"application": []}, {"signed_request": []}],
        "x-scope": entry.operation.value,
        "requestBody": {
            "required": True,
            "content": _json({"anyOf": [item, _batch(item, ITEMS_MAX)]}, asked),
        },
        "responses": {
            "200": {
                "description": "Done",
                "content": _json({"anyOf": [answer, _batch(each, ITEMS_MAX)]}, answered),
            },
            **{str(status): _refusal(status, words) for status, words in _REFUSALS.items()},
            "default": {
                "description": "Every error is problem+json; `code` is stable",
                "content": _problem(),
            },
        },
    }


def _refusal(status: int, words: str) -> Json:
    made: Json = {"description": words, "content": _problem()}
    if status in _RETRY:
        made["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait",
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return made


def _problem() -> Json:
    return {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}, "example": PROBLEM}}


def _json(schema: Json, example: Json) -> Json:
    return {"application/json": {"schema": schema, "example": example}}


def _ref(struct: type[msgspec.Struct]) -> Json:
    return {"$ref": _REF.format(name=struct.__name__)}


def _batch(item: Json, count_max: int) -> Json:
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": item, "minItems": 1, "maxItems": count_max}
        },
        "required": ["items"],
        "additionalProperties": False,
    }
