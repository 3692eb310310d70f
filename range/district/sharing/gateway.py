"""Gateway: nginx before the exchange, its JSON access log, and the pages behind it.

The search page was written in a hurry: a quote in its question reaches the query.
"""

from __future__ import annotations

import json
import re
from typing import Final

from district.sharing.catalogue import HIDDEN, ITEMS, LATER, OLD

__all__ = ["ANSWER_BYTES", "SEARCH", "answer", "line"]

SEARCH: Final = "/share/v1/search"
ANSWER_BYTES: Final = 24_000
"""The largest usual answer of an interface: a page of a hundred rows."""
_LEAK_BYTES: Final = 870_000
_SERVED: Final = {
    **{item.path: 1_900 for item in ITEMS},
    **dict.fromkeys((*OLD, *HIDDEN, *LATER), 6_400),
    SEARCH: 3_100,
    "/console/index.html": 5_400,
    "/console/help.html": 9_800,
    "/healthz": 15,
}
_ASKS: Final = ("/actuator", "/druid", "/admin")
"""Doors that ask who comes."""
_UNION: Final = re.compile(r"%27(\+|%20)+union(\+|%20)", re.IGNORECASE)
_QUOTE: Final = re.compile(r"%27(\+|%20)*(or|and)|sleep(%28|\()", re.IGNORECASE)


def answer(uri: str) -> tuple[int, int]:
    """Status and size of the answer to a request without signature."""
    path, _, query = uri.partition("?")
    if path == SEARCH and _UNION.search(query):
        return 200, _LEAK_BYTES
    if path == SEARCH and _QUOTE.search(query):
        return 500, 170
    if "debug=fail" in query:
        # A node that is being restarted.
        return 502, 157
    if path in _SERVED:
        return 200, _SERVED[path] + len(query)
    return (401, 179) if path.startswith(_ASKS) else (404, 153)


def line(
    *,
    stamp: str,
    address: str,
    agent: str,
    method: str,
    uri: str,
    status: int,
    size: int,
    request_id: str,
    seconds: float = 0.0,
) -> str:
    """As ``log_format … escape=json`` writes it."""
    return json.dumps(
        {
            "time": stamp, "remote_addr": address, "method": method, "uri": uri,
            "protocol": "HTTP/1.1", "status": status, "bytes": size,
            "request_time": f"{seconds:.3f}", "upstream_addr": "10.30.1.21:8080",
            "host": "share.district.example", "referer": "", "agent": agent,
            "request_id": request_id,
        },
        separators=(",", ":"),
    )  # fmt: skip
