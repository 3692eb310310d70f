"""Pages: the district's web servers, one block of the real nginx for each, at its own address.

Plain pages are files; scripts (``*.jsp``) are answered by a small application behind nginx, among
them a web shell's: it answers with letters, and carries nothing out.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from district.daily.acts import Requested
from district.daily.machines import WEB, Machine
from district.daily.office import PAGES

from living.daily.stamp import combined
from living.ground import Ground
from living.logs import Grown
from living.serving import Call, Given, Service

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
        self._asked: deque[float] = deque()

    def asked(self, at: float) -> None:
        """A request that was answered was sent at this true time."""
        self._asked.append(at)

    def read(self) -> Iterable[tuple[float, str]]:
        """See :class:`living.logs.RealLog`; nginx writes both files in one order."""
        self._text.extend(self._lines.lines())
        self._times.extend(float(line) for line in self._sides.lines())
        while self._text and self._times:
            at = self._times.popleft()
            # nginx cuts its milliseconds off: a line may seem older than its request.
            begun = self._asked.popleft() if self._asked else at
            yield max(at, begun), self._text.popleft()

    def stamped(self, text: str, at: int) -> str:
        """See :class:`living.logs.RealLog`."""
        return combined(text, at)


class Pages:
    """The site of all web machines; requests are made one after the other."""

    def __init__(self, ground: Ground) -> None:
        self._web = ground.web
        self._size = 0
        """Of the answer of any script: as many letters as the act says."""
        scripts = Service("127.0.0.1", 0, self._script).start()
        root = ground.scratch / "daily-www"
        _build(root)
        ground.site(_COMMON.format(port=scripts.port))
        self._logs: dict[str, AccessLog] = {}
        self._addresses = {machine.name: machine.address for machine in WEB}
        for machine in WEB:
            log = ground.scratch / "logs" / f"daily-{machine.name}.log"
            ground.site(
                _SERVER.format(address=machine.address, port=_PORT, host=_HOST, root=root, log=log)
            )
            self._logs[machine.name] = AccessLog(stream_of(machine), log)
            ground.open(self._logs[machine.name])

    def ask(self, act: Requested) -> None:
        """Ask for the page from the client's own address.

        Raises RuntimeError when the answer has another status than the town's page gives.
        """
        self._size = act.size
        headers = {"Host": _HOST, "User-Agent": act.agent}
        if act.referrer != "-":
            headers["Referer"] = act.referrer
        body = b"" if act.method == "GET" else b"v=1"
        url = f"http://{self._addresses[act.host]}:{_PORT}{act.path}"
        begun = time.time()
        reply = self._web.request(
            act.method, url, source=act.address, headers=headers, body=body
        )  # fmt: skip
        self._logs[act.host].asked(begun)
        if reply.status != act.status:
            raise RuntimeError(f"{act.path} answered {reply.status}, not {act.status}")

    def _script(self, call: Call) -> Given:
        del call
        return Given(200, b"x" * self._size, "text/html;charset=UTF-8")


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
