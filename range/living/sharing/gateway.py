"""Gateway: the real nginx before the exchange, and its JSON access log.

The time of each line is the request's: nginx notes milliseconds beside it in a file of its own, and
the clients of the town note when they asked. A line is moved by its ``time`` alone.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from district.sharing import calls
from district.sharing.catalogue import HIDDEN, ITEMS, LATER, OLD
from district.sharing.gateway import SEARCH
from district.sharing.system import GATEWAY

from living.logs import Grown
from living.sharing import client, console, node, pages

__all__ = ["ADDRESS", "CONSOLE", "NODES", "PAGES", "GatewayLog", "config"]

ADDRESS: Final = "10.30.1.25"
NODES: Final = ("10.30.1.21", "10.30.1.22")
"""In the order of :data:`district.sharing.parties.NODES`."""
PAGES: Final = "10.30.1.26"
CONSOLE: Final = "10.30.1.27"
_LOG: Final = "share-gateway.log"
_SIDE: Final = "share-gateway.side"
_WAIT_S: Final = 5.0
"""The last line is written a moment after its client has the answer."""
_LOOK_S: Final = 0.002
_TICK_S: Final = 0.002
"""nginx notes whole milliseconds."""

_CONFIG: Final = """\
log_format share_json escape=json
  '{"time":"$time_iso8601","remote_addr":"$remote_addr","method":"$request_method",'
  '"uri":"$request_uri","protocol":"$server_protocol","status":$status,"bytes":$body_bytes_sent,'
  '"request_time":"$request_time","upstream_addr":"$upstream_addr","host":"$host",'
  '"referer":"$http_referer","agent":"$http_user_agent","request_id":"$request_id"}';
log_format share_side '$msec';
map $http_REQUESTER $share_node {
  default share_dx1;
SENT
}
map $request_method $share_pool { default share_pages; POST $share_node; }
# A node that does not answer is asked again the next time: town time runs faster than true time.
upstream share_dx1 { server FIRST max_fails=0; server SECOND backup max_fails=0; keepalive 8; }
upstream share_dx2 { server SECOND max_fails=0; server FIRST backup max_fails=0; keepalive 8; }
upstream share_pages { server PAGES max_fails=0; keepalive 8; }
upstream share_console { server CONSOLE max_fails=0; keepalive 8; }
server {
  listen ADDRESS:80;
  server_name HOST;
  server_tokens on;
  access_log LOGS/LOG share_json;
  access_log LOGS/SIDE share_side;
  proxy_http_version 1.1;
  proxy_bind ADDRESS;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Real-IP $remote_addr;
LOCATIONS
  location = /console/query { proxy_pass http://share_console; }
  location ~ ^/(actuator|druid|admin) { auth_basic "closed"; auth_basic_user_file /dev/null; }
  location / { return 404; }
}
"""


def config(requesters: Sequence[str], logs: Path) -> str:
    """What goes into nginx's ``http`` block."""
    first, second = (f"{address}:{node.PORT}" for address in NODES)
    sent = "\n".join(
        f"  {name} share_dx{place};"
        for name in requesters
        if (place := int(calls.node_of(name).removeprefix("dx-"))) > 1
    )
    open_paths = (*OLD, *HIDDEN, *LATER, SEARCH, "/console/index.html", "/console/help.html",
                  "/healthz")  # fmt: skip
    locations = [f"  location = {path} {{ proxy_pass http://share_pages; }}" for path in open_paths]
    locations += [
        f"  location = {item.path} {{ proxy_pass http://$share_pool; }}" for item in ITEMS
    ]
    words = {
        "REQUESTER": client.REQUESTER.lower().replace("-", "_"), "SENT": sent, "FIRST": first,
        "SECOND": second, "PAGES": f"{PAGES}:{pages.PORT}", "CONSOLE": f"{CONSOLE}:{console.PORT}",
        "ADDRESS": ADDRESS, "HOST": client.HOST, "LOGS": str(logs), "LOG": _LOG, "SIDE": _SIDE,
        "LOCATIONS": "\n".join(locations),
    }  # fmt: skip
    return re.sub(r"\b[A-Z]{3,}\b|(?<=_)REQUESTER", lambda found: words.get(found[0], found[0]),
                  _CONFIG)  # fmt: skip


_TIME: Final = re.compile(r'^\{"time":"[^"]*"')


class GatewayLog:
    """See :class:`living.logs.RealLog`."""

    stream = GATEWAY

    def __init__(self, logs: Path, *, now: Callable[[], float] = time.time) -> None:
        self._lines, self._side = Grown(logs / _LOG), Grown(logs / _SIDE)
        self._now = now
        self._asked: deque[tuple[float, float]] = deque()
        """When each request of the town began and was answered."""
        self._texts: list[str] = []
        self._times: list[str] = []

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around each request: one line will come of it, if it is answered."""
        begun = self._now()
        yield
        self._asked.append((begun, self._now()))

    def read(self) -> Iterable[tuple[float, str]]:
        """The lines since the last call.

        Raises RuntimeError where nginx wrote fewer than were asked for.
        """
        ends = time.monotonic() + _WAIT_S
        while True:
            self._texts += self._lines.lines()
            self._times += self._side.lines()
            if len(self._texts) == len(self._times) >= len(self._asked):
                break
            time.sleep(_LOOK_S)
            if time.monotonic() > ends:
                raise RuntimeError(
                    f"{len(self._asked)} requests, but {len(self._texts)} lines of the gateway"
                )
        texts, self._texts = self._texts, []
        times, self._times = self._times, []
        for text, noted in zip(texts, times, strict=True):
            yield self._placed(float(noted)), text

    def stamped(self, text: str, at: int) -> str:
        changed, count = _TIME.subn(f'{{"time":"{calls.second(at)}"', text, count=1)
        if not count:
            raise ValueError(f"no time in {text[:80]!r}")
        return changed

    def _placed(self, noted: float) -> float:
        """The true time, inside its own request: milliseconds alone might lie before it."""
        while self._asked:
            begun, ended = self._asked[0]
            if noted < begun - _TICK_S:
                return noted  # Asked by somebody who noted nothing.
            self._asked.popleft()
            if noted <= ended + _TICK_S:
                return min(max(noted, begun), ended)
        return noted
