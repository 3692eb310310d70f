"""Pages: the district's web servers, one block of the real nginx for each, at its own address.

Plain pages are files; scripts (``*.jsp``) are answered by a small application behind nginx, among
them a web shell's: it answers with letters, and carries nothing out.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from district.daily.acts import Requested
from district.daily.machines import WEB, Machine
from district.daily.office import PAGES

from living.daily.stamp import combined
from living.ground import Ground
from living.logs import Grown

__all__ = ["AccessLog", "Pages", "stream_of"]

_PORT: Final = 80
_HOST: Final = "portal.district.example"
_SECOND: Final = 1_790_000_000
"""When the pages' files were last changed: one time, so that each recording has the same site."""
_SIZES: Final = {".html": 9_400, ".js": 41_200, ".css": 28_400, ".png": 57_300, "": 9_400}
_SERVER: Final = """\
server {{
  listen {address}:{port};
  server_name {host};
  root {root};
  index index.html;
  access_log {log} combined;
  access_log {log}.side daily_side;
  location ~ \\.jsp$ {{
    proxy_pass http://daily_scripts;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
  }}
}}
"""
_COMMON: Final = """\
log_format daily_side $msec;
upstream daily_scripts {{ server 127.0.0.1:{port}; keepalive 16; }}
"""


def stream_of(machine: Machine) -> str:
    """The town's stream of its access log."""
    return f"web-{machine.name}"


class AccessLog:
    """A machine's access log, and beside it the millisecond of each line."""

    def __init__(self, stream: str, path: Path) -> None:
        self.stream = stream
        self._lines, self._sides = Grown(path), Grown(path.with_name(f"{path.name}.side"))
        self._text: deque[str] = deque()
        self._times: deque[float] = deque()

    def read(self) -> Iterable[tuple[float, str]]:
        """See :class:`living.logs.RealLog`; nginx writes both files in one order."""
        self._text.extend(self._lines.lines())
        self._times.extend(float(line) for line in self._sides.lines())
        while self._text and self._times:
            yield self._times.popleft(), self._text.popleft()

    def stamped(self, text: str, at: int) -> str:
        """See :class:`living.logs.RealLog`."""
        return combined(text, at)


class Pages:
    """The site of all web machines; requests are made one after the other."""

    def __init__(self, ground: Ground) -> None:
        self._web = ground.web
        self._scripts = _Scripts()
        root = ground.scratch / "daily-www"
        _build(root)
        ground.site(_COMMON.format(port=self._scripts.port))
        self._addresses = {machine.name: machine.address for machine in WEB}
        for machine in WEB:
            log = ground.scratch / "logs" / f"daily-{machine.name}.log"
            ground.site(
                _SERVER.format(address=machine.address, port=_PORT, host=_HOST, root=root, log=log)
            )
            ground.open(AccessLog(stream_of(machine), log))

    def ask(self, act: Requested) -> None:
        """Ask for the page from the client's own address.

        Raises RuntimeError when the answer has another status than the town's page gives.
        """
        self._scripts.size = act.size
        headers = {"Host": _HOST, "User-Agent": act.agent}
        if act.referrer != "-":
            headers["Referer"] = act.referrer
        body = b"" if act.method == "GET" else b"v=1"
        url = f"http://{self._addresses[act.host]}:{_PORT}{act.path}"
        reply = self._web.request(
            act.method, url, source=act.address, headers=headers, body=body
        )  # fmt: skip
        if reply.status != act.status:
            raise RuntimeError(f"{act.path} answered {reply.status}, not {act.status}")


class _Scripts:
    """The application behind: any script gives as many letters as it is told to."""

    def __init__(self) -> None:
        self.size = 0
        scripts = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one piece
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(200)
                self.send_header("Content-Type", "text/html;charset=UTF-8")
                self.send_header("Content-Length", str(scripts.size))
                self.end_headers()
                self.wfile.write(b"x" * scripts.size)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Only nginx tells."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()


def _build(root: Path) -> None:
    for page in PAGES:
        if page.endswith(".jsp"):
            continue
        path = root / (page.strip("/") or "index.html")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            # Each page has a size of its own, and keeps it.
            file.truncate(_SIZES.get(path.suffix, 5_000) + 37 * len(page))
        os.utime(path, (_SECOND, _SECOND))
    for folder in (root, *root.rglob("*")):
        folder.chmod(0o755 if folder.is_dir() else 0o644)
