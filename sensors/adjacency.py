"""Adjacency: whether a caller's next citizen number follows one it asked for just before.

Numbers are looked at before they are keyed, since nobody can tell afterwards. A number *follows*
one of the last numbers of the same caller where region and birth date are the same and the
sequence codes (characters 15 to 17) lie at most ``SEQUENCE_NEAR`` apart, or where the region is the
same and the birth dates are one day apart. The same number again follows nothing. What is
remembered stands in memory alone and is bounded; a restart forgets it, so the first numbers after
one are never adjacent.
"""

from __future__ import annotations

from collections import deque
from datetime import date
from typing import Final

from schema.event import Fields

__all__ = ["ADJACENT", "Adjacency", "caller_of", "follows"]

ADJACENT: Final = "gov.subject.adjacent"
REMEMBERED: Final = 32
"""Last numbers of one caller: a walk is seen through as many honest calls of the same caller."""
CALLERS_MAX: Final = 2048
"""Callers remembered; of more, the one unseen for longest is forgotten. About 5 MB at most."""
SEQUENCE_NEAR: Final = 10
"""Sequence codes that far apart are a walk: odd ones are men, even ones women, some are skipped."""
_CALLERS: Final = ("gov.share.requester_id", "gov.app.id", "user.id")
"""Who asks, the most exact first."""
_NUMBER_CHARS: Final = 18
_REGION: Final = 6
_BORN: Final = 14


def caller_of(fields: Fields) -> str:
    """Who asked in this event; empty where it tells nobody."""
    for name in _CALLERS:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def follows(number: str, before: str) -> bool:
    """Whether one citizen number, 18 characters in normal form, lies beside another."""
    if number[:_REGION] != before[:_REGION]:
        return False
    if number[:_BORN] == before[:_BORN]:
        return 0 < abs(int(number[_BORN:17]) - int(before[_BORN:17])) <= SEQUENCE_NEAR
    return abs(_day(number) - _day(before)) == 1


def _day(number: str) -> int:
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14])).toordinal()


class Adjacency:
    """The last citizen numbers of each caller."""

    def __init__(self) -> None:
        self._last: dict[str, deque[str]] = {}

    def __repr__(self) -> str:
        return f"Adjacency(callers={len(self._last)})"

    def tell(self, fields: Fields, number: str) -> None:
        """Write whether the number follows, where the event tells who asked; remember it."""
        caller = caller_of(fields)
        if not caller or len(number) != _NUMBER_CHARS:
            return
        last = self._last.pop(caller, None)
        if last is None:
            last = deque(maxlen=REMEMBERED)
            if len(self._last) >= CALLERS_MAX:
                del self._last[next(iter(self._last))]
        self._last[caller] = last
        fields[ADJACENT] = any(follows(number, before) for before in last)
        if number in last:
            last.remove(number)
        last.append(number)
