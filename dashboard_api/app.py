"""The API of one site: its routes, its guard, its pages, and the document that describes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from dashboard_api import examples, problem
from dashboard_api.context import COOKIE, Context, Require, signed_in_of
from dashboard_api.door import Door, data_entries
from dashboard_api.grants import door as grant_door
from dashboard_api.grants.door import GrantDoor
from dashboard_api.guard import Guard
from dashboard_api.pages import Pages, web_folder
from dashboard_api.routes import (
    alerts,
    applications,
    approvals,
    assets,
    audit,
    certificates,
    events,
    exceptions,
    gateways,
    grants,
    intake,
    keys,
    login,
    registers,
    sensors,
    signing_status,
    site,
    stream,
    users,
)
from dashboard_api.services import Services
from dashboard_api.signing import document as data_document
from dashboard_api.signing.asking import Asking

_ROUTERS: Final = (
    site.router,
    login.router,
    alerts.router,
    exceptions.router,
    events.router,
    sensors.router,
    users.router,
    audit.router,
    applications.router,
    approvals.router,
    registers.router,
    assets.router,
    grants.router,
    gateways.router,
    keys.router,
    certificates.router,
    signing_status.router,
    stream.router,
    intake.router,
)
_DEFAULT: Final[dict[int | str, dict[str, Any]]] = {
    "default": {
        "description": "Every error is problem+json; `code` is stable",
        "model": problem.Problem,
    }
}


class SiteApp(Guard):
    """One site's API behind its guard."""

    def __init__(self, api: FastAPI, context: Context, host_names: Sequence[str]) -> None:
        super().__init__(
            api,
            root_path=context.root_path,
            host_names=host_names,
            metrics=context.metrics,
            door=Door(
                context.services.signing, data_entries(foreign=context.services.foreign_forms)
            ),
            grants=GrantDoor(context.services.grant_check, context.services.gateways),
        )
        self.api = api
        self._signing = context.services.signing
        self.streams = (context.services.stream,)

    async def close(self) -> None:
        """End what the site runs beside this process."""
        if self._signing is not None:
            await self._signing.close()


def create_app(
    services: Services,
    *,
    root_path: str = "",
    host_names: Sequence[str] = (),
    webui: Path | None = None,
) -> SiteApp:
    """The API of one site, mounted under ``root_path`` (``/``, or ``/demo/``).

    ``host_names`` are the names people open it by, besides loopback's.
    """
    root_path = root_path.rstrip("/")
    api = FastAPI(
        title="烽燧 Fengsui",
        version=services.site.version,
        description="Alerts, events and their proofs. People sign in and carry a session cookie; "
        "sensors sign what they send; business systems carry a bearer token.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=_DEFAULT,
    )
    context = Context(services=services, metrics=services.stream.metrics, root_path=root_path)
    api.state.context = context
    problem.install(api, _operations())
    for router in _ROUTERS:
        api.include_router(router)
    api.router.default = Pages(webui or web_folder())
    api.router.redirect_slashes = False
    api.openapi = lambda: _document(api, root_path, foreign=services.foreign_forms)  # type: ignore[method-assign] # FastAPI's documented way
    return SiteApp(api, context, host_names)


def _document(api: FastAPI, root_path: str, *, foreign: bool) -> dict[str, Any]:
    """The OpenAPI document, with what each operation asks for. Made once, at first use."""
    if api.openapi_schema is None:
        document = get_openapi(
            title=api.title,
            version=api.version,
            description=api.description,
            routes=api.routes,
            servers=[{"url": root_path or "/"}],
        )
        document["components"]["securitySchemes"] = {
            "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            "client": {"type": "http", "scheme": "bearer"},
            **data_document.security_schemes(),
            **grant_door.security_schemes(),
        }
        document["paths"] |= data_document.paths() | grant_door.paths()
        document["components"]["schemas"] |= data_document.schemas() | grant_door.schemas()
        if foreign:
            from dashboard_api.signing import shf

            document["paths"] |= shf.paths()
            document["components"]["schemas"] |= shf.schemas()
        for route in _operations():
            _describe(document, route)
        api.openapi_schema = document
    return api.openapi_schema


def _operations() -> list[APIRoute]:
    return [route for router in _ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def _describe(document: dict[str, Any], route: APIRoute) -> None:
    calls = [one.call for one in route.dependant.dependencies]
    permission = next((one.permission for one in calls if isinstance(one, Require | Asking)), None)
    operation_asked = next((one.operation for one in calls if isinstance(one, Asking)), None)
    for method in route.methods or ():
        operation = document["paths"][route.path_format][method.lower()]
        for code, response in route.responses.items():
            for media_type, content in response.get("content", {}).items():
                # Put in again: FastAPI drops the nulls out of examples.
                described = operation["responses"][str(code)]["content"][media_type]
                described["example"] = content["example"]
        # FastAPI puts the model under the route's own media type; a problem has its own.
        operation["responses"]["default"]["content"] = {
            problem.MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": examples.PROBLEM,
            }
        }
        if permission or signed_in_of in calls:
            operation["security"] = [{"session": []}]
        if permission:
            operation["x-permission"] = str(permission)
        if operation_asked:
            operation["security"] += [{"application": []}, {"signed_request": []}]
            operation["x-scope"] = str(operation_asked)
