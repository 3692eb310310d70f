"""nginx access log in the ``combined`` form (Apache's too): one HTTP request a line.

``$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer"
"$http_user_agent"``; what a site appends after that stays in ``event.original`` alone.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from schema.event import Fields
from sensors.sources import record
from sensors.sources.clock import apache_time
from sensors.sources.contract import Context

# For lines whose quoted parts hold an escaped quote, which nginx writes as \x22 and Apache as \".
_LINE: Final = re.compile(
    r'([^"]*)"((?:[^"\\]|\\.)*)"([^"]*)"((?:[^"\\]|\\.)*)"[^"]*"((?:[^"\\]|\\.)*)"'
)
_NGINX_ESCAPE: Final = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_STATUS: Final = {str(number): number for number in range(100, 1000)}
_METHOD: Final = re.compile(r"[A-Z][A-Z-]{0,31}")


class NginxAccess(record.LineFormat):
    """Combined access log, nginx's or Apache's; both escape line ends inside values."""

    dataset = "nginx.access"

    def __init__(self) -> None:
        super().__init__()
        self._times: dict[str, str] = {}
        self._requests: dict[str, Fields] = {}

    def _line(self, line: str, context: Context) -> Fields | None:
        parts = line.split('"', 6)
        if len(parts) == 7 and '\\"' not in line:
            head, request, numbers, referrer, _, agent, _ = parts
        else:
            found = _LINE.match(line)
            if not found:
                return None
            head, request, numbers, referrer, agent = found.groups()
        # The head ends with ``[23/Nov/2026:13:16:12 +0000] ``, whose length is fixed.
        time = self._times.get(head[-29:]) or self._time(head[-29:])
        address, _, rest = head.partition(" ")
        status_text, _, size = numbers[1:-1].partition(" ")
        status = _STATUS.get(status_text)
        if not time or status is None or rest[:2] != "- ":
            return None
        self._last_time = time
        fields: Fields = {
            "@timestamp": time,
            "event.action": "http_request",
            "event.dataset": "nginx.access",
            "event.original": line,
            "event.outcome": "success" if status < 400 else "failure",
            "host.name": context.host,
            "http.response.status_code": status,
        }
        fields.update(self._requests.get(request) or self._request(request))
        if record.is_address(address):
            fields["source.ip"] = address
        if size.isdecimal() and len(size) < 19:
            fields["http.response.body.bytes"] = int(size)
        if referrer and referrer != "-":
            fields["http.request.referrer"] = referrer
        if agent and agent != "-":
            fields["user_agent.original"] = agent
        if rest[2:4] != "- ":
            user = rest[2:-30]
            if user:
                fields["user.name"] = user
        return fields

    def _time(self, head: str) -> str:
        text = apache_time(head[1:-2]) if head[:1] == "[" and head[-2:] == "] " else ""
        if text:
            if len(self._times) >= record.CACHE_MAX:
                self._times.clear()
            self._times[head] = text
        return text

    def _request(self, request: str) -> Fields:
        fields = request_fields(request)
        if len(request) < 1024:
            if len(self._requests) >= record.CACHE_MAX:
                self._requests.clear()
            self._requests[request] = fields
        return fields


def request_fields(request: str) -> Fields:
    """Method, URL and version of a request line; a line that is none is the original URL alone."""
    method, _, rest = request.partition(" ")
    target, _, protocol = rest.rpartition(" ")
    if not target and not protocol.startswith("HTTP/"):
        target, protocol = rest, "HTTP/0.9"
    if not (protocol.startswith("HTTP/") and target and _METHOD.fullmatch(method)):
        return {} if request in {"", "-"} else {"url.original": request}
    path, mark, query = target.partition("?")
    fields: Fields = {
        "http.request.method": method,
        "http.version": protocol[5:],
        "url.original": target,
        "url.path": decoded_path(path),
    }
    if mark:
        fields["url.query"] = query
    return fields


def decoded_path(path: str) -> str:
    """The path with nginx's own escapes undone and percent-decoded once.

    Bytes that are not UTF-8, and NUL, stay as ``\\xNN``.
    """
    if "%" not in path and "\\" not in path:
        return path
    raw = path.encode()
    if b"\\" in raw:
        raw = _NGINX_ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), raw)
    return unquote_to_bytes(raw).decode("utf-8", "backslashreplace").replace("\0", "\\x00")
