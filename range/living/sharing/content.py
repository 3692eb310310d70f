"""Content: the bytes of an answer, as many as the exchange says that it sends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from district.sharing.catalogue import ROW_BYTES
from district.sharing.exchange import Answer

__all__ = ["Told", "body", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer as the caller's program reads it."""

    code: int
    message: str
    fields: tuple[str, ...] = ()
    rows: int = 0


def body(answer: Answer, numbers: Sequence[str]) -> bytes:
    """JSON, filled up with blanks to the size that the exchange told its log.

    ``numbers`` are those of the persons in it.
    """
    row_bytes = 40 + ROW_BYTES * len(answer.fields) // 5
    rows = ",".join(_row(answer.fields, number, row_bytes) for number in numbers)
    head = json.dumps({"code": answer.code, "msg": answer.message}, separators=(",", ":"))
    text = f'{head[:-1]},"data":[{rows}]}}'
    return text.ljust(answer.size).encode()


def _row(fields: Sequence[str], number: str, size: int) -> str:
    values = {name: number if name == "id_no" else f"v-{number[-4:]}" for name in fields}
    # The comma that follows counts too.
    return json.dumps(values, separators=(",", ":")).ljust(size - 1)


def read(status: int, content: bytes) -> Told:
    """What an answer says; one that is no JSON came from the gateway itself."""
    try:
        found = json.loads(content)
        rows = found["data"]
        return Told(
            code=int(found["code"]), message=str(found["msg"]), rows=len(rows),
            fields=tuple(rows[0]) if rows else (),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return Told(code=status, message=f"HTTP_{status}")
