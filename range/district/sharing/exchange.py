"""Exchange: a node that checks who asks and gives what was granted.

It verifies signature and time, refuses what it has seen, looks for a grant and cuts the answer to
its fields. Like many, it does not look at a grant's end, gives the whole row to who asks for each
field by name, and fetches call-backs wherever they lead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from crypto import sm3
from crypto.errors import CryptoError
from district.calendar import SECOND_US
from district.sharing.catalogue import BY_SERVICE, ROW_BYTES, ROW_LIMIT, Item
from district.sharing.store import Granted, Registered, Store

__all__ = ["DOMAIN", "WINDOW_MS", "Answer", "Exchange", "Request"]

DOMAIN: Final = "district/sharing/request/1"
WINDOW_MS: Final = 300_000
"""How far a request's time may lie from the node's."""

OK: Final = (0, "OK")
NO_REQUESTER: Final = (4101, "REQUESTER_UNKNOWN")
BAD_SIGNATURE: Final = (4102, "SIGN_INVALID")
NO_GRANT: Final = (4103, "SERVICE_NOT_GRANTED")
OUT_OF_TIME: Final = (4104, "RTIME_OUT_OF_RANGE")
REPEATED: Final = (4105, "REQUEST_REPEATED")
NOBODY: Final = (4040, "SUBJECT_NOT_FOUND")
NOBODY_THERE: Final = (5021, "CALLBACK_UNREACHABLE")
_STATUS: Final = {4101: 401, 4102: 401, 4103: 403, 4104: 408, 4105: 409}
"""What the gateway sees of each refusal; nobody found is an answer as any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an application sends: the signed text, the signature, and where it came from."""

    text: str
    """Canonical JSON of its members."""
    signature: bytes
    address: str

    @property
    def members(self) -> dict[str, object]:
        """As the node reads them."""
        found: dict[str, object] = json.loads(self.text)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the node answers, and its log line."""

    status: int
    size: int
    rows: int
    fields: tuple[str, ...]
    code: int
    message: str
    line: str


class Exchange:
    """The nodes over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def handle(self, request: Request, now: int, *, node: str, stamp: str, trace: str) -> Answer:
        """Answer a request that comes at ``now``; ``stamp`` is that time as the log writes it."""
        told = request.members
        requester, service = str(told["rid"]), str(told["sid"])
        known = self._store.application(requester)
        valid = known is not None and _verified(known, request)
        digest = sm3.digest(request.text.encode()).hex()
        item = BY_SERVICE.get(service)
        granted = self._store.granted(requester, service)
        verdict = self._judge(told, known, digest, now, valid=valid, granted=granted)
        fields, rows = self._rows(told, item, granted) if verdict == OK else ((), 0)
        if verdict == OK and not rows:
            verdict, fields = NOBODY, ()
        code, message = verdict
        size = 96 + rows * (40 + ROW_BYTES * len(fields) // 5)
        record: dict[str, object] = {
            "ts": stamp, "node": node, "op": "CALL", "trace": trace, "rid": requester,
            "sid": service,
            **({"item": item.code, "category": item.family, "level": item.level} if item else {}),
            "rtime": told["rtime"], "sign_sm3": digest, "sig_valid": valid,
            "key_id": known.key_id if known else "",
            **({"grant": granted.grant} if granted else {}),
            "code": code, "msg": message, "fields": list(fields), "rows": rows, "persons": rows,
            **{name: told[name] for name in ("subject", "matter", "case", "operator", "system")
               if told.get(name)},
            "org": known.unit if known else "", "ip": request.address,
            "path": item.path if item else "", "bytes": size, "ms": 8 + rows // 3 + len(fields),
        }  # fmt: skip
        return Answer(
            status=_STATUS.get(code, 200), size=size, rows=rows, fields=fields, code=code,
            message=message, line=json.dumps(record, ensure_ascii=False, separators=(",", ":")),
        )  # fmt: skip

    def _judge(
        self,
        told: dict[str, object],
        known: Registered | None,
        digest: str,
        now: int,
        *,
        valid: bool,
        granted: Granted | None,
    ) -> tuple[int, str]:
        if known is None:
            return NO_REQUESTER
        if not valid:
            return BAD_SIGNATURE
        if abs(int(str(told["rtime"])) - now * 1000 // SECOND_US) > WINDOW_MS:
            return OUT_OF_TIME
        if not self._store.first_time(digest, now):
            return REPEATED
        return NO_GRANT if granted is None else OK

    def _rows(
        self, told: dict[str, object], item: Item | None, granted: Granted | None
    ) -> tuple[tuple[str, ...], int]:
        if item is None or granted is None:
            return (), 0
        wanted = str(told.get("fields") or "")
        # What is asked for by name is given, whatever was approved.
        fields = tuple(name for name in item.fields if name in wanted.split(",")) if wanted else ()
        if subject := told.get("subject"):
            return fields or granted.fields, int(self._store.knows(str(subject)))
        return fields or granted.fields, min(int(str(told.get("size", 0))), ROW_LIMIT)

    def call_back(
        self,
        requester: str,
        url: str,
        address: str,
        *,
        node: str,
        stamp: str,
        fetched: bool = True,
        ms: int = 31,
    ) -> str:
        """The log line of a call-back that the node fetched, or found nobody to answer."""
        code, message = OK if fetched else NOBODY_THERE
        record = {
            "ts": stamp, "node": node, "op": "CALLBACK", "rid": requester, "code": code,
            "msg": message, "callback_url": url, "callback_ip": address, "ms": ms,
        }  # fmt: skip
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))

    def heart_beat(self, *, node: str, stamp: str) -> str:
        """The log line by which a node says that it lives."""
        record = {"ts": stamp, "node": node, "op": "HEARTBEAT", "code": 0, "msg": "OK"}
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _verified(known: Registered, request: Request) -> bool:
    try:
        known.key.verify(request.signature, request.text.encode(), domain=DOMAIN)
    except CryptoError:
        return False
    return True
