"""Asking: who asks for a managing operation: a signed-in person, or an application.

A person comes with a session cookie and needs a permission. An application comes with a credential:
its signing process tells who it is, whether its grants and quota allow the operation, and keeps an
entry of it; then the API carries it out. A request with both is the application's: the header was
put there on purpose, the cookie comes by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.applications.model import Operation
from dashboard_api.context import Require, services_of
from dashboard_api.signing.call import Admitted
from dashboard_api.signing.refusal import absent, error_of

_ADMITTED: Final = msgspec.json.Decoder(Admitted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: exactly one of the two."""

    person: Principal | None = None
    application: Admitted | None = None

    @property
    def actor(self) -> str:
        """The name in the audit chain: no person's name has a colon."""
        if self.application is not None:
            return f"application:{self.application.application}"
        assert self.person is not None
        return self.person.name

    @property
    def owner(self) -> str:
        """The application that asks; empty for a person."""
        return self.application.application if self.application else ""

    def must_hold(self, unit: str) -> None:
        """Raise ``dashboard_api.unit.foreign`` where a person is not in charge of the unit.

        An application's grants have been looked at already.
        """
        if self.person is not None:
            self.person.must_hold(unit)


class _Named(msgspec.Struct, frozen=True):
    key: str = ""


_NAMED: Final = msgspec.json.Decoder(_Named)


class Asking:
    """A dependency: the person with the permission, or the application with the grant.

    ``key`` is the parameter of the path that names the key asked about; where there is none of
    that name, the body's field ``key`` does, or the parameter of the query where there is no body.
    Empty for an operation about no single key.
    """

    def __init__(self, permission: Permission, operation: Operation, *, key: str = "") -> None:
        self.permission = permission
        self.operation = operation
        self._key = key
        self._require = Require(permission)

    async def __call__(self, request: Request) -> Asker:
        if "authorization" not in request.headers:
            # The session is looked up in a file.
            return Asker(person=await run_in_threadpool(self._require, request))
        named = await _key_of(request, self._key) if self._key else ""
        return Asker(application=await admit(request, self.operation, named))


async def admit(request: Request, operation: Operation, key: str = "") -> Admitted:
    """Ask the application's signing process; ``key`` as the caller named it.

    Raises what it was refused with: ``dashboard_api.credential.*``, ``.scope.missing``,
    ``.quota.exceeded``, ``.signing.*``…
    """
    signing = services_of(request).signing
    if signing is None:
        raise absent()
    headers = request.headers
    reply = await signing.call(
        operation,
        method=request.method,
        target=target_of(request.scope["raw_path"], request.scope["query_string"]),
        authorization=headers.get("authorization", ""),
        languages=headers.get("accept-language", ""),
        body=await request.body(),
        key=key,
    )
    if reply.status != HTTPStatus.OK:
        raise error_of(reply)
    return _ADMITTED.decode(reply.body)


def target_of(raw_path: bytes, query: bytes) -> str:
    """Path and query as they stood in the request line."""
    return (raw_path + b"?" + query if query else raw_path).decode("latin-1")


async def _key_of(request: Request, name: str) -> str:
    """What the path names, or the body, or where it names none the query."""
    if name in request.path_params:
        return str(request.path_params[name])
    try:
        named = _NAMED.decode(await request.body()).key
    except (msgspec.DecodeError, UnicodeDecodeError):
        # What is wrong with the body the route itself says, once it is known who asks.
        named = ""
    return named or request.query_params.get(name, "")
