"""Pages: the built web pages, served from their folder with headers that make updates show.

Names under ``assets/`` carry the hash of their content and are kept for good by the browser;
everything else is asked for anew each time. Every address in the pages is relative.
"""

from __future__ import annotations

import mimetypes
from importlib import resources
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

INDEX: Final = "index.html"
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_NOT_BUILT: Final = (
    "烽燧 Fengsui 已启动；页面尚未构建（make ui）。接口说明见 openapi.json。\n"
    "Fengsui is running; its pages are not built (make ui). The API is described in "
    "openapi.json.\n"
)
_TYPES: Final = {".js": "text/javascript", ".svg": "image/svg+xml", ".json": "application/json"}
"""Not left to the machine's own table, which may say something else."""


def web_folder() -> Path:
    """Where the built pages are installed."""
    return Path(str(resources.files("dashboard_api").joinpath("webui")))


class Pages:
    """Answers what no operation of the API answers; raises 404 for what is no file either."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path.startswith("/v1/"):
            raise HTTPException(404)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        await self._response(path.lstrip("/") or INDEX)(scope, receive, send)

    def _response(self, name: str) -> Response:
        try:
            file = (self._folder / name).resolve()
            found = file.is_relative_to(self._folder) and file.is_file()
        except (OSError, ValueError) as error:
            raise HTTPException(404) from error
        if not found:
            if name == INDEX:
                return PlainTextResponse(_NOT_BUILT, headers={"cache-control": _ASK_AGAIN})
            raise HTTPException(404)
        kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0]
        caching = _FOR_GOOD if name.startswith("assets/") else _ASK_AGAIN
        return FileResponse(file, media_type=kind, headers={"cache-control": caching})
