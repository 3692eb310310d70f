"""GrantDoor: the short way of a gateway's question, from the guard to the answer.

No router, no framework, no change of thread: all that is looked up is in memory. A question comes
in two forms. ``POST`` with JSON is always answered 200 with the whole verdict. ``GET`` with headers
is for gateways that ask for leave by status alone (nginx ``auth_request``, APISIX
``forward-auth``): 200 lets pass, 403 does not, and headers of the answer say why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import quote, unquote_to_bytes

import msgspec

from dashboard_api import door
from dashboard_api.door import Answer
from dashboard_api.grants import examples
from dashboard_api.grants.check import GrantCheck, Mode, Question, Reason, Verdict
from dashboard_api.grants.gateways import Gateways
from schema import times
from schema.errors import FengsuiError

PATH: Final = "/v1/grants:check"
BODY_BYTES_MAX: Final = 64 * 1024
"""Of one question: names only."""
FIELDS_MAX: Final = 200
"""Fields of one grant or one call: more than any interface has."""
TOKEN_CHARS_MAX: Final = 256
_TIME_MAX: Final = times.from_text("9999-12-31T23:59:59.000000Z")
_JSON: Final = b"application/json"
_HEADERS: Final = {
    "requester": b"x-fengsui-requester",
    "service": b"x-fengsui-service",
    "purpose": b"x-fengsui-purpose",
    "fields": b"x-fengsui-fields",
}

Word = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")
]


class GatewayQuestion(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False
):
    """A call a gateway is about to let through."""

    requester: Word
    service: Word
    fields: Annotated[tuple[Word, ...], msgspec.Meta(max_length=FIELDS_MAX)] = ()
    purpose: Annotated[str, msgspec.Meta(max_length=200)] = ""
    count: Annotated[bool, msgspec.Meta(description="whether it counts for the day's quota")] = True


class GatewayVerdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the gateway does, and by what; `failed` says that `mode` decided, not the register."""

    allowed: bool
    reason: Reason
    failed: bool
    mode: Mode
    grant: str | None
    fields: tuple[str, ...]
    refused_fields: tuple[str, ...]
    quota_left: int | None
    valid_to: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})] | None
    register_version: int | None


_question: Final = msgspec.json.Decoder(GatewayQuestion)
_encoder: Final = msgspec.json.Encoder()


class GrantDoor:
    """Answers gateways for one site."""

    def __init__(self, check: GrantCheck | None, gateways: Gateways | None) -> None:
        """Both are None where a site keeps no grants: then it says so."""
        self._check = check
        self._gateways = gateways

    async def answer(
        self, *, method: str, target: str, headers: Mapping[bytes, bytes], body: bytes
    ) -> Answer:
        """The verdict; ``headers`` are those of the request."""
        del target
        try:
            if method == "POST":
                return _whole(200, self._verdict(headers, _decoded(body)))
            if method == "GET":
                return self._leave(headers)
            raise FengsuiError(
                "dashboard_api.path.method", f"{method[:20]} is not what this path takes"
            )
        except FengsuiError as error:
            refused = door.refused(error, headers.get(b"accept-language", b"").decode("latin-1"))
            return _plainly(refused)

    def _leave(self, headers: Mapping[bytes, bytes]) -> Answer:
        told = self._verdict(headers, _of_headers(headers))
        why = [
            (b"x-fengsui-reason", told.reason.encode()),
            (b"x-fengsui-failed", b"yes" if told.failed else b"no"),
        ]
        if told.grant:
            why.append((b"x-fengsui-grant", quote(told.grant).encode()))
        if told.allowed:
            why.append((b"x-fengsui-fields", ",".join(map(quote, told.fields)).encode()))
            answer = _whole(200, told)
        else:
            answer = door.refused(
                FengsuiError(
                    "dashboard_api.share_grant.refused",
                    f"the call may not pass: {told.reason}",
                    reason=told.reason,
                ),
                headers.get(b"accept-language", b"").decode("latin-1"),
            )
        answer.headers.extend(why)
        return answer

    def _verdict(self, headers: Mapping[bytes, bytes], asked: GatewayQuestion) -> Verdict:
        if self._check is None or self._gateways is None:
            raise FengsuiError("dashboard_api.grants.absent", "this site keeps no grants")
        gateway = self._gateways.of_token(_bearer(headers))
        if not gateway.may_ask(asked.service):
            raise FengsuiError(
                "dashboard_api.gateway.foreign",
                f"gateway {gateway.id} may not ask about service {asked.service}: have it added "
                "to the gateway's services",
                gateway=gateway.id, service=asked.service,
            )  # fmt: skip
        return self._check.check(
            Question(
                requester=asked.requester,
                service=asked.service,
                fields=asked.fields,
                purpose=asked.purpose,
                count=asked.count,
            )
        )


def paths() -> dict[str, Any]:
    """The two operations in the API document."""
    problem = {
        "description": "Every error is problem+json; `code` is stable",
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": examples.REFUSED_CALL,
            }
        },
    }
    said = {
        "description": "The verdict",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/GatewayVerdict"},
                "example": examples.VERDICT,
            }
        },
    }
    question = {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/GatewayQuestion"},
            "example": examples.QUESTION,
        }
    }
    shared = {
        "tags": ["grants"],
        "security": [{"gateway": []}],
        "responses": {"200": said, "default": problem},
    }
    return {
        PATH: {
            "post": {
                **shared,
                "operationId": "check_v1_grants_check_post",
                "summary": "Check",
                "description": "Whether a call may pass, for a registered gateway (bearer token). "
                "Answered 200 whatever the verdict is; `failed` says that nothing could be looked "
                "up and that `mode` decided.",
                "requestBody": {"required": True, "content": question},
            },
            "get": {
                **shared,
                "operationId": "check_v1_grants_check_get",
                "summary": "Check by headers",
                "description": "The same question in headers, for gateways that go by the status: "
                "200 lets pass, 403 `dashboard_api.share_grant.refused` does not. Values are "
                "percent-encoded UTF-8. The answer's headers X-Fengsui-Reason, X-Fengsui-Failed, "
                "X-Fengsui-Grant and X-Fengsui-Fields say by what. It counts for the quota.",
                "parameters": [_header(name, header) for name, header in _HEADERS.items()],
            },
        }
    }


def schemas() -> dict[str, Any]:
    """What the operations take and give."""
    _, components = msgspec.json.schema_components(
        (GatewayQuestion, GatewayVerdict), ref_template="#/components/schemas/{name}"
    )
    return dict(components)


def security_schemes() -> dict[str, Any]:
    """How a gateway says who it is."""
    return {
        "gateway": {
            "type": "http",
            "scheme": "bearer",
            "description": "Token of a registered gateway, `fsg1.…`",
        }
    }


def _header(name: str, header: bytes) -> dict[str, Any]:
    shown = examples.QUESTION[name]
    return {
        "name": header.decode().title(),
        "in": "header",
        "required": name in ("requester", "service"),
        "schema": {"type": "string"},
        "description": "separated by commas" if name == "fields" else f"the call's {name}",
        "example": ",".join(map(quote, shown)) if isinstance(shown, list) else quote(shown),
    }


def _decoded(body: bytes) -> GatewayQuestion:
    try:
        return _question.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid(str(error)) from error


def _of_headers(headers: Mapping[bytes, bytes]) -> GatewayQuestion:
    fields = headers.get(_HEADERS["fields"], b"")
    said = {
        "requester": _text(headers, "requester"),
        "service": _text(headers, "service"),
        "purpose": _text(headers, "purpose"),
        "fields": [_unquoted(one.strip()) for one in fields.split(b",") if one.strip()],
    }
    try:
        return msgspec.convert(said, GatewayQuestion)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error


def _text(headers: Mapping[bytes, bytes], name: str) -> str:
    return _unquoted(headers.get(_HEADERS[name], b""))


def _unquoted(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise _invalid("a header is percent-encoded UTF-8") from error


def _invalid(why: str) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.request.invalid",
        f"the request does not have the form the operation asks for: {why[:1000]}",
        where=why[:1000],
    )


def _bearer(headers: Mapping[bytes, bytes]) -> str:
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= TOKEN_CHARS_MAX:
        raise FengsuiError(
            "dashboard_api.session.missing", "send Authorization: Bearer with the gateway's token"
        )
    return token


def _whole(status: int, told: Verdict) -> Answer:
    until = told.valid_to
    body = _encoder.encode(
        GatewayVerdict(
            allowed=told.allowed,
            reason=told.reason,
            failed=told.failed,
            mode=told.mode,
            grant=told.grant,
            fields=told.fields,
            refused_fields=told.refused_fields,
            quota_left=told.quota_left,
            valid_to=times.to_text(until)
            if until is not None and 0 <= until <= _TIME_MAX
            else None,
            register_version=told.version,
        )
    )
    return Answer(
        status,
        [
            (b"content-type", _JSON),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ],
        body,
    )


def _plainly(answer: Answer) -> Answer:
    """A gateway proves itself by a bearer token alone."""
    answer.headers[:] = [
        (name, b"Bearer" if name == b"www-authenticate" else value)
        for name, value in answer.headers
        if name != b"allow"
    ]
    if answer.status == 405:
        answer.headers.append((b"allow", b"GET, POST"))
    return answer
