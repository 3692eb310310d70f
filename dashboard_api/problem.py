"""Problem: every error of the API as problem+json (RFC 9457), told in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from crypto.errors import CryptoError
from dashboard_api.details import detail_of
from dashboard_api.signing import refusal
from dashboard_api.titles import title_of
from schema.errors import FengsuiError

MEDIA_TYPE: Final = "application/problem+json"

_BY_CODE: Final = {
    "dashboard_api.session.missing": 401,
    "dashboard_api.login.refused": 401,
    "dashboard_api.link.refused": 401,
    "dashboard_api.login.locked": 429,
    "dashboard_api.host.foreign": 421,
    "dashboard_api.body.slow": 408,
    "dashboard_api.credential.missing": 401,
    "dashboard_api.credential.malformed": 401,
    "dashboard_api.credential.unknown": 401,
    "dashboard_api.credential.expired": 401,
    "dashboard_api.credential.signature_invalid": 401,
    "dashboard_api.timestamp.skewed": 401,
    "dashboard_api.timestamp.forgotten": 401,
    "dashboard_api.nonce.replayed": 401,
    "dashboard_api.application.disabled": 403,
    "dashboard_api.quota.exceeded": 429,
    "dashboard_api.opens.limited": 429,
    "dashboard_api.signing.busy": 503,
    "dashboard_api.signing.stopped": 503,
    "collector.client.unknown": 401,
    "collector.enrolment.token_invalid": 401,
    "collector.state.closed": 503,
    "collector.index.unavailable": 503,
    "collector.index.refused": 503,
    "collector.index.too_many": 422,
    "collector.exception.entity": 422,
    "collector.exception.network": 422,
    "collector.exception.wide": 422,
    "collector.exception.reason": 422,
    "collector.exception.owner": 422,
    "collector.exception.units": 422,
    "collector.exception.expiry": 422,
    "collector.exception.limit": 409,
    "collector.exception.over": 409,
    "schema.batch.root_mismatch": 403,
    "dashboard_api.application.limit": 409,
    "dashboard_api.application.state": 409,
    "dashboard_api.approval.asker": 403,
    "dashboard_api.approval.given": 409,
    "dashboard_api.approval.hand": 403,
    "dashboard_api.approval.limit": 409,
    "dashboard_api.approval.open": 409,
    "dashboard_api.approval.over": 409,
    "dashboard_api.approval.params": 422,
    "dashboard_api.approval.unavailable": 503,
    "dashboard_api.certificate.ambiguous": 409,
    "dashboard_api.key.authority": 409,
    "dashboard_api.key.device": 409,
    "dashboard_api.key.index": 409,
    "dashboard_api.key.place": 422,
    "dashboard_api.certificate.anchor": 422,
    "dashboard_api.certificate.chain": 422,
    "dashboard_api.certificate.form": 422,
    "dashboard_api.certificate.issuer": 409,
    "dashboard_api.certificate.key": 409,
    "dashboard_api.certificate.limit": 409,
    "dashboard_api.certificate.person": 403,
    "dashboard_api.certificate.revoked_before": 409,
    "dashboard_api.credential.expiry": 422,
    "dashboard_api.credential.key": 422,
    "dashboard_api.credential.limit": 409,
    "dashboard_api.credential.proof_invalid": 422,
    "dashboard_api.credential.revoked_before": 409,
    "dashboard_api.grant.key": 422,
    "dashboard_api.grant.too_many": 422,
    "dashboard_api.grant.unknown": 422,
    "dashboard_api.idempotency.conflict": 409,
    "dashboard_api.idempotency.given": 409,
    "dashboard_api.idempotency.interrupted": 409,
    "dashboard_api.idempotency.limit": 429,
    "dashboard_api.idempotency.running": 409,
    "dashboard_api.key.export": 403,
    "dashboard_api.key.import": 422,
    "dashboard_api.key.limit": 409,
    "dashboard_api.key.name": 422,
    "dashboard_api.key.owner": 403,
    "dashboard_api.key.recipient": 422,
    "dashboard_api.keys.closed": 503,
    "dashboard_api.quota.malformed": 422,
    "dashboard_api.usage.malformed": 422,
}
_BY_REASON: Final = {
    "unknown": 404,
    "absent": 404,
    "missing": 403,
    "foreign": 403,
    "unenrolled": 403,
    "revoked": 403,
    "signature_invalid": 403,
    "proof_invalid": 403,
    "realm": 403,
    "exists": 409,
    "in_use": 409,
    "forked": 409,
    "out_of_order": 409,
    "link_broken": 409,
    "password_set": 409,
    "too_large": 413,
    "too_long": 413,
    "too_many": 413,
    "weak": 422,
    "wrong": 422,
    "note_missing": 422,
    "exclusive": 422,
    "self": 403,
    "busy": 503,
    "full": 503,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One refused or failed request."""

    type: str
    title: str
    status: int
    code: str
    """tier.noun.reason, stable: what programs decide by."""
    detail: str
    params: dict[str, str | int]
    """The facts of the detail as data."""


def status_of(code: str) -> int:
    """The HTTP status of an error code; 400 for a reason that has none of its own."""
    found = _BY_CODE.get(code) or refusal.STATUSES.get(code)
    return found or _BY_REASON.get(code.rsplit(".", 1)[-1], 400)


def respond(
    error: FengsuiError, *, languages: str, status: int | None = None, name: str = ""
) -> Response:
    """The answer for an error."""
    code = status or status_of(error.code)
    problem = Problem(
        type=f"urn:fengsui:problem:{error.code}",
        title=title_of(code, languages),
        status=code,
        code=error.code,
        detail=detail_of(error, languages),
        params=dict(error.params),
    )
    response = Response(msgspec.json.encode(problem), code, media_type=MEDIA_TYPE)
    response.headers["Vary"] = "Accept-Language"
    response.headers["Cache-Control"] = "no-store"
    if name:
        response.headers["WWW-Authenticate"] = name
    retry = error.params.get("retry_seconds")
    if retry is not None:
        response.headers["Retry-After"] = str(retry)
    return response


def languages_of(request: Request) -> str:
    """What the reader prefers."""
    return request.headers.get("accept-language", "")


def _fengsui(request: Request, error: Exception) -> Response:
    assert isinstance(error, FengsuiError)
    return respond(error, languages=languages_of(request))


def _crypto(request: Request, error: Exception) -> Response:
    assert isinstance(error, CryptoError)
    reply = refusal.reply_to(0, error, languages_of(request))
    response = Response(reply.body, reply.status, media_type=MEDIA_TYPE)
    response.headers["Vary"] = "Accept-Language"
    response.headers["Cache-Control"] = "no-store"
    return response


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason = {404: "unknown", 405: "method"}.get(error.status_code, "refused")
    refused = FengsuiError(
        f"dashboard_api.path.{reason}",
        f"{request.method} {request.url.path[:200]} is not an operation here: openapi.json "
        "lists them"
        if reason != "refused"
        else str(error.detail),
    )
    response = respond(refused, languages=languages_of(request), status=error.status_code)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    if error.status_code == 405 and (allowed := _allowed(request)):
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _allowed(request: Request) -> list[str]:
    """Every method of the path: the framework names those of the first route alone."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    methods: set[str] = set()
    for route in request.app.state.operations:
        if route.path_regex.match(path):
            methods |= route.methods or set()
    return sorted(methods)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Where and what only: the value that was sent may be a password.
    found = "; ".join(
        f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
    )
    refused = FengsuiError(
        "dashboard_api.request.invalid",
        f"the request does not have the form the operation asks for: {found[:1000]}",
        where=found[:1000],
    )
    return respond(refused, languages=languages_of(request), status=422)


def _unexpected(request: Request, error: Exception) -> Response:
    refused = FengsuiError(
        "dashboard_api.request.failed",
        "the platform failed on this request; the operator finds the cause in its log",
        cause=type(error).__name__,
    )
    return respond(refused, languages=languages_of(request), status=500)


def install(app: FastAPI, operations: Sequence[Route]) -> None:
    """Let every error of the app end as problem+json; these are all its operations."""
    app.state.operations = operations
    app.add_exception_handler(FengsuiError, _fengsui)
    app.add_exception_handler(CryptoError, _crypto)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)
