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
from dashboard_api.statuses import status_of
from dashboard_api.titles import title_of
from schema.errors import FengsuiError

MEDIA_TYPE: Final = "application/problem+json"


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
