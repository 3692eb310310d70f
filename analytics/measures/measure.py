"""Measure: what hits carry as numbers and texts, and the statistics of numbers; integers only.

A quantile is a number that was seen (nearest rank), the median of an even many the lower of the
two in the middle: so the same history gives the same limit on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analytics.guards import number
from analytics.matching.values import text_of
from analytics.memory import Carried, Hit
from analytics.rule import entity_name
from schema.times import DAY, HOUR

EVENTS_MAX: Final = 256
"""Events an alert names where its value rests on more than people would read one by one."""

LOCAL_US: Final = 8 * HOUR
"""China's one time zone, without summer time since 1992: days begin at its midnight."""


def carried(hit: Hit) -> tuple[Carried, ...]:
    """The values of the rule's fields; of an alert without the ids of its events behind them."""
    return hit[5] if hit[1] else hit[5][:-1]


def text(values: tuple[Carried, ...]) -> str:
    """One text for the values; different values, different texts."""
    return entity_name(tuple(map(_text, values)))


def _text(value: Carried) -> str:
    return str(value) if isinstance(value, tuple) else text_of(value)


def counted(hit: Hit) -> str:
    """What is counted: the carried values, or the event itself where none are."""
    values = carried(hit)
    return text(values) if values else hit[3].hex()


def last_number(hit: Hit) -> int | None:
    """The last carried value as a number."""
    return number(carried(hit)[-1])


def day_of(time: int) -> int:
    """The number of the local day a time lies in."""
    return (time + LOCAL_US) // DAY


def quantile(ordered: Sequence[int], permille: int) -> int:
    """The smallest number that at least so many of a thousand do not exceed."""
    return ordered[max(0, -(-len(ordered) * permille // 1000) - 1)]


def median(ordered: Sequence[int]) -> int:
    """The number in the middle; the lower one of two."""
    return ordered[(len(ordered) - 1) // 2]


def deviation(ordered: Sequence[int]) -> int:
    """The median of the distances from the median."""
    middle = median(ordered)
    return median(sorted(abs(one - middle) for one in ordered))


def least_sum(hits: Sequence[Hit], threshold: int) -> tuple[Hit, ...]:
    """The newest hit and as few of the greatest others as reach the threshold, in order.

    Where even the greatest ``EVENTS_MAX`` do not reach it, these.
    """
    *others, newest = hits
    values = {hit: last_number(hit) or 0 for hit in hits}
    others.sort(key=lambda hit: (-values[hit], hit))
    chosen, total = [newest], values[newest]
    for hit in others:
        if total >= threshold or len(chosen) >= EVENTS_MAX:
            break
        chosen.append(hit)
        total += values[hit]
    return tuple(sorted(chosen))
