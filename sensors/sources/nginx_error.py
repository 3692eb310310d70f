"""nginx error log: one problem a record, with the client and the request it was about.

``2026/11/23 13:16:12 [error] 27214#27214: *3 message, client: 127.0.0.1, server: , request: "GET /u
HTTP/1.1", upstream: "…", host: "…", referrer: "…"``. A back end's own error text inside may hold
line ends; such lines continue the record.
"""

from __future__ import annotations

import re
from typing import Final

from schema.event import Fields
from sensors.sources import record
from sensors.sources.clock import plain_second
from sensors.sources.contract import Context
from sensors.sources.nginx_access import request_fields

_BEGINS: Final = re.compile(rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[")
_HEAD: Final = re.compile(
    r"(\d{4}/\d\d/\d\d) (\d\d:\d\d:\d\d) \[([a-z]{1,16})\] (\d{1,10})#\d{1,10}: (?:\*\d{1,20} )?",
    re.ASCII,
)
_CLIENT: Final = ", client: "
_REQUEST: Final = ', request: "'
_REFERRER: Final = ', referrer: "'


class NginxError(record.LineFormat):
    """nginx error log."""

    dataset = "nginx.error"

    def begins(self, line: bytes) -> bool:
        """Only lines that start with a time and a level."""
        return _BEGINS.match(line) is not None

    def _line(self, line: str, context: Context) -> Fields | None:
        found = _HEAD.match(line)
        second = found and plain_second(found[1], found[2], context.utc_offset_minutes)
        if not found or not second:
            return None
        self._last_time = f"{second}000000Z"
        fields: Fields = {
            "@timestamp": self._last_time,
            "event.action": "http_error",
            "event.dataset": self.dataset,
            "event.original": line,
            "host.name": context.host,
            "log.level": found[3],
            "process.pid": int(found[4]),
        }
        text = line[found.end() :]
        at = _client_at(text)
        fields["message"] = text if at < 0 else text[:at]
        if at >= 0:
            fields.update(_request_parts(text[at + len(_CLIENT) :]))
        return fields


def _client_at(text: str) -> int:
    """Where the part nginx itself adds begins, -1 without one.

    Both sides are the client's to choose: the file name before it, the referrer behind it. So it
    is the last of its kind before the referrer.
    """
    referrer = text.find(_REFERRER)
    at = text.rfind(_CLIENT, 0, referrer) if referrer >= 0 else -1
    return at if at >= 0 else text.rfind(_CLIENT)


def _request_parts(text: str) -> Fields:
    fields: Fields = {}
    client = text.partition(",")[0]
    if record.is_address(client):
        fields["source.ip"] = client
    _, _, request = text.partition(_REQUEST)
    if request:
        parts = request_fields(request.partition('"')[0])
        fields.update(parts)
    _, _, referrer = text.partition(_REFERRER)
    if referrer:
        fields["http.request.referrer"] = referrer.removesuffix('"')
    return fields
