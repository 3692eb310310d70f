"""Front: several sites behind one address, told apart by prefix and by nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from starlette.responses import RedirectResponse
from starlette.types import Receive, Scope, Send

from dashboard_api.app import SiteApp
from dashboard_api.live import LiveStream


class Front:
    """Hands each request to the site whose prefix its path has; the longest prefix wins."""

    def __init__(self, apps: Mapping[str, SiteApp]) -> None:
        prefixes = {prefix.rstrip("/"): app for prefix, app in apps.items()}
        self._ordered = sorted(prefixes.items(), key=lambda one: -len(one[0]))

    @property
    def streams(self) -> Sequence[LiveStream]:
        """The live streams of all sites."""
        return [stream for _, app in self._ordered for stream in app.streams]

    async def close(self) -> None:
        """End what the sites run beside this process."""
        for _, app in self._ordered:
            await app.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        for prefix, app in self._ordered:
            if path == prefix:
                await RedirectResponse(quote(f"{prefix}/"), 308)(scope, receive, send)
                return
            if path.startswith(f"{prefix}/"):
                await app(scope, receive, send)
                return
        await self._ordered[-1][1](scope, receive, send)


def create_front(apps: Mapping[str, SiteApp]) -> Front:
    """Serve several sites: ``{"/": duty, "/demo/": demonstration}``.

    Each app was made with its prefix as ``root_path``.
    """
    return Front(apps)
