"""Signing in and out, and the caller's own account."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api import examples
from dashboard_api.access.access import Opened
from dashboard_api.access.principal import Principal
from dashboard_api.access.sessions import LIFE_US
from dashboard_api.context import COOKIE, Asking, context_of
from schema.errors import FengsuiError
from schema.times import SECOND

router = APIRouter(tags=["session"])


class LinkLogin(BaseModel):
    """The token of a one-time link's fragment."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"token": examples.LINK["token"]}}
    )
    token: str = Field(min_length=1, max_length=128)


class PasswordLogin(BaseModel):
    """Name and password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "officer", "password": "correct horse battery"}},
    )
    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


class NewPassword(BaseModel):
    """A new password; the current one where the session did not begin with a link."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"password": "correct horse battery", "current": ""}},
    )
    password: str = Field(min_length=1, max_length=256)
    current: str = Field(default="", max_length=256)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeView:
    """Units whose data may be seen; ``*`` is every unit."""

    units: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The signed-in person."""

    id: str
    name: str
    display_name: str
    roles: list[str]
    permissions: list[str]
    scope: ScopeView
    must_set_password: bool


def me_of(principal: Principal) -> Me:
    """What a person is told about themselves."""
    return Me(
        id=principal.id,
        name=principal.name,
        display_name=principal.display_name,
        roles=sorted(principal.roles),
        permissions=sorted(principal.permissions),
        scope=ScopeView(units=list(principal.scope.units)),
        must_set_password=principal.must_set_password,
    )


@router.post("/v1/login/link", responses=examples.answer(examples.ME))
def login_link(request: Request, response: Response, body: LinkLogin) -> Me:
    """Exchange a one-time link's token for a session. A link works once, for ten minutes."""
    context = context_of(request)
    try:
        opened = context.services.access.login_link(body.token)
    except FengsuiError:
        context.metrics.add("fengsui_dashboard_api_logins_refused_total")
        raise
    return _open(request, response, opened)


@router.post("/v1/login", responses=examples.answer(examples.ME))
def login(request: Request, response: Response, body: PasswordLogin) -> Me:
    """Sign in with name and password. Five wrong ones close the name for ten minutes."""
    context = context_of(request)
    try:
        opened = context.services.access.login(body.name, body.password)
    except FengsuiError:
        context.metrics.add("fengsui_dashboard_api_logins_refused_total")
        raise
    return _open(request, response, opened)


@router.post("/v1/logout", status_code=204)
def logout(request: Request, asking: Asking) -> Response:
    """End this session."""
    context = context_of(request)
    context.services.access.logout(asking)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path=_cookie_path(context.root_path))
    return response


@router.get("/v1/me", responses=examples.answer(examples.ME))
def me(asking: Asking) -> Me:
    """Who is signed in, and what they may do."""
    return me_of(asking.principal)


@router.put("/v1/me/password", responses=examples.answer(examples.ME))
def set_password(request: Request, asking: Asking, body: NewPassword) -> Me:
    """Set one's own password: 12 characters or more. All other sessions of yours end."""
    access = context_of(request).services.access
    return me_of(access.set_password(asking, body.password, body.current))


def _open(request: Request, response: Response, opened: Opened) -> Me:
    response.set_cookie(
        COOKIE,
        opened.token,
        max_age=LIFE_US // SECOND,
        path=_cookie_path(context_of(request).root_path),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return me_of(opened.principal)


def _cookie_path(root_path: str) -> str:
    return f"{root_path}/"
