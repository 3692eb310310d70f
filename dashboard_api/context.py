"""Context: what a route knows of its request: the services and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from dashboard_api.access.access import SignedIn
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.audit import Act
from dashboard_api.guard import SAFE
from dashboard_api.metrics import Metrics
from dashboard_api.services import Services
from schema.errors import FengsuiError

COOKIE: Final = "fengsui_session"
_TOKENS_MAX: Final = 4
"""Session cookies looked at in one request: one for each site mounted above each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One site's API: its services, its counters and where it is mounted."""

    services: Services
    metrics: Metrics
    root_path: str


def context_of(request: Request) -> Context:
    """The site that was asked."""
    found = request.app.state.context
    assert isinstance(found, Context)
    return found


def services_of(request: Request) -> Services:
    """The services of the site that was asked."""
    return context_of(request).services


def tokens_of(request: Request) -> list[str]:
    """Every session cookie of the request.

    A browser sends the cookie of ``/`` to ``/demo/`` too, so one name may come twice.
    """
    found: list[str] = []
    for header in request.headers.getlist("cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name == COOKIE:
                found.append(value)
    return found[:_TOKENS_MAX]


def signed_in_of(request: Request) -> SignedIn:
    """Who is asking; raises ``dashboard_api.session.missing``."""
    found = services_of(request).access.resolve(tokens_of(request))
    if found is None:
        raise FengsuiError(
            "dashboard_api.session.missing", "there is no session, or it has ended: sign in"
        )
    return found


class Require:
    """A dependency: the principal, once they have the permission. A refused write is audited."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(self, request: Request) -> Principal:
        principal = signed_in_of(request).principal
        try:
            principal.must_have(self.permission)
        except FengsuiError as error:
            if request.method not in SAFE:
                path = getattr(request.scope.get("route"), "path_format", "")
                act = Act(principal.name, f"{request.method} {path}")
                services_of(request).audit.record(act, "refused", error.code)
            raise
        return principal


def require(permission: Permission) -> Callable[[Request], Principal]:
    """The dependency that asks for a permission."""
    return Require(permission)


Site = Annotated[Services, Depends(services_of)]
Asking = Annotated[SignedIn, Depends(signed_in_of)]
