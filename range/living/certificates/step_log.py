"""Step log: what a real step-ca wrote, found again by the number each request was asked under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from living.logs import Grown

__all__ = ["StepLog"]

_REQUEST: Final = re.compile(r'"request-id":"([^"]*)"')
_ASKED: Final = re.compile(r'"fields\.time":"([^"]*)"')
_TIMES: Final = re.compile(r'(?<=[,{])("(?:time|fields\.time|valid-from|valid-to)":")([^"]*)(?=")')
"""Names stand in quotes of their own: none can lie inside a value, whose quotes are escaped."""
_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"
_SECOND_US: Final = 1_000_000


class StepLog:
    """step-ca's JSON lines; its clock is in UTC.

    Their times have whole seconds, in which a dozen deeds are done: so each request is remembered
    with its true time, and its line is found by the request's number. Lines of other requests
    (those before the week) and the server's own words, which are no JSON, are left out.
    """

    stream = "step-ca"

    def __init__(self, path: Path) -> None:
        self._grown = Grown(path)
        self._asked: dict[str, float] = {}

    def asked(self, request_id: str, true_s: float) -> None:
        """A request begins, at this Unix time."""
        self._asked[request_id] = true_s

    def read(self) -> Iterator[tuple[float, str]]:
        for line in self._grown.lines():
            found = _REQUEST.search(line) if line.startswith("{") else None
            true_s = self._asked.pop(found[1], None) if found else None
            if true_s is not None:
                yield true_s, line

    def stamped(self, text: str, at: int) -> str:
        """``fields.time`` is when the request came; the other times keep their distance to it."""
        asked = _ASKED.search(text)
        if asked is None:
            raise ValueError(f"no fields.time in {text[:200]!r}")
        moved = datetime.fromtimestamp(at // _SECOND_US, UTC) - _read(asked[1])
        return _TIMES.sub(lambda one: f"{one[1]}{_text(_read(one[2]) + moved)}", text)


def _read(text: str) -> datetime:
    return datetime.strptime(text, _FORM).replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
