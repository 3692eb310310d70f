"""Minutes: for how long a page was away, or not what was released, counted from probe events.

A state lasts from the probe that found it to the next one of the same page. Nothing is claimed of
a time in which nobody looked: a state lasts :data:`GAP_US` at most, the rest counts as unknown.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from schema import times
from schema.event import DATASET, TIME, Fields

GAP_US: Final = 15 * times.MINUTE
"""Three probes of a page that is asked every five minutes."""

State: TypeAlias = Literal["up", "down", "defaced"]
Released: TypeAlias = Callable[[str, str, int], bool]
"""Whether a fingerprint of pages of a domain was released at that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """Of one page, whole minutes, rounded down."""

    url: str
    up: int
    down: int
    defaced: int
    unknown: int


def count(
    events: Iterable[Fields], *, start: int, end: int, released: Released
) -> tuple[Minutes, ...]:
    """Minutes of each page between two times, by its address; events in any order.

    An event before ``start`` tells the state at it. A page that answers without a fingerprint is
    up: what was not looked at is not called defaced.
    """
    seen: dict[str, dict[int, State]] = {}
    for event in events:
        url, at = event.get("url.full"), event.get(TIME)
        if event.get(DATASET) != "probe.http" or not (isinstance(url, str) and isinstance(at, str)):
            continue
        moment = times.from_text(at)
        if moment < end:
            states = seen.setdefault(url, {})
            state = _state(event, moment, released)
            # Of two at the same time the worse one counts, whichever was read first.
            states[moment] = max(state, states.get(moment, "up"), key=_WORSE.index)
    return tuple(_minutes(url, states, start, end) for url, states in sorted(seen.items()))


_WORSE: Final[tuple[State, ...]] = ("up", "defaced", "down")


def _state(event: Fields, moment: int, released: Released) -> State:
    if event.get("event.outcome") != "success":
        return "down"
    domain, found = event.get("url.domain"), event.get("event.hash")
    if isinstance(domain, str) and isinstance(found, str) and not released(domain, found, moment):
        return "defaced"
    return "up"


def _minutes(url: str, states: dict[int, State], start: int, end: int) -> Minutes:
    lasted: dict[State, int] = {"up": 0, "down": 0, "defaced": 0}
    moments = sorted(states)
    for at, following in zip(moments, [*moments[1:], end], strict=True):
        until = min(following, at + GAP_US, end)
        lasted[states[at]] += max(0, until - max(at, start))
    known = sum(lasted.values())
    return Minutes(
        url=url,
        up=lasted["up"] // times.MINUTE,
        down=lasted["down"] // times.MINUTE,
        defaced=lasted["defaced"] // times.MINUTE,
        unknown=max(0, end - start - known) // times.MINUTE,
    )
