"""Calls: what a requester's program makes of an act: the text it signs, and its own log of it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Final

from district.calendar import SECOND_US, ZONE
from district.sharing.acts import Ask
from district.sharing.catalogue import BY_SERVICE
from district.sharing.parties import NODES

__all__ = [
    "BROWSER", "LIBRARY", "log_line", "node_of", "origin_of", "path_of", "second", "stamp",
    "text_of",
]  # fmt: skip

BROWSER: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
"""Of whoever sits before the console."""
LIBRARY: Final = "okhttp/4.12.0"
"""Of whatever sends kept bytes again."""


def text_of(act: Ask, *, system: str, at: int) -> str:
    """The text that is signed: canonical JSON of its members."""
    members: dict[str, object] = {
        "rid": act.requester, "sid": act.service, "rtime": at // 1000 - act.behind_ms,
        "matter": act.matter, "case": act.case, "operator": act.user,
        "system": act.system or system, "fields": ",".join(act.fields),
        **({"subject": act.number} if act.number else {"page": act.page, "size": act.rows}),
    }  # fmt: skip
    return json.dumps(members, sort_keys=True, separators=(",", ":"))


def log_line(
    act: Ask,
    *,
    unit: str,
    at: int,
    code: int,
    message: str,
    fields: Sequence[str],
    rows: int,
    cost_ms: int,
) -> str:
    """What the requester's program notes of its call when the answer is there."""
    item = BY_SERVICE[act.service]
    moment = dt.datetime.fromtimestamp(at // SECOND_US, ZONE)
    record = {
        "time": f"{moment:%Y-%m-%d %H:%M:%S}.{at % SECOND_US // 1000:03d}",
        "logger": "c.d.share.ShareClient", "app": act.requester, "dept": unit,
        "service": act.service, "item": item.code, "category": item.family,
        "columns": ",".join(fields), "count": rows, "result": "OK" if code == 0 else "ERR",
        "error": "" if code == 0 else message, "matter": act.matter, "caseNo": act.case,
        "idNo": act.number, "cost": cost_ms,
    }  # fmt: skip
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def origin_of(act: Ask, addresses: Sequence[str]) -> str:
    """Where the request comes from: the console signs on the application's own server."""
    return addresses[0] if act.user else act.address


def path_of(service: str) -> str:
    """Where the exchange gives it."""
    item = BY_SERVICE.get(service)
    return item.path if item else "/share/v1/"


def node_of(requester: str) -> str:
    """Which node a requester is sent to."""
    return NODES[sum(requester.encode()) % len(NODES)]


def stamp(at: int) -> str:
    """A time as the exchange's log writes it."""
    moment = dt.datetime.fromtimestamp(at // SECOND_US, ZONE)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % SECOND_US // 1000:03d}+08:00"


def second(at: int) -> str:
    """A time as nginx writes it (``$time_iso8601``)."""
    return f"{dt.datetime.fromtimestamp(at // SECOND_US, ZONE):%Y-%m-%dT%H:%M:%S}+08:00"
