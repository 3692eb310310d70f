"""Reading: the small words of a rule file, such as durations and counts, and how it is refused."""

from __future__ import annotations

import re
from typing import Final

from schema.errors import FengsuiError
from schema.times import DAY, HOUR, MINUTE, SECOND

RULE_BYTES_MAX: Final = 512 * 1024
"""One rule file: the longest public Sigma rule, a list of drivers by hash, has 288 KiB."""

COUNT_MAX: Final = 10_000
"""Events or distinct values a rule may ask to be kept: it bounds a key's memory."""

WITHIN_MAX_US: Final = 400 * DAY
"""Longest time a rule may look back: a year and the weeks in which last year is compared."""

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)")
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


def refused(why: str) -> FengsuiError:
    """The error for a rule that cannot be used; the loader adds the file."""
    return FengsuiError("analytics.rule.refused", why)


def duration_us(text: str, what: str, *, at_most: int = WITHIN_MAX_US) -> int:
    """Microseconds of ``90s``, ``5m``, ``1h``, ``7d``; raises ``analytics.rule.refused``."""
    found = _DURATION.fullmatch(text)
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < length <= at_most:
        raise refused(
            f"{what} is {text!r}: write a number and s, m, h or d, at most {at_most // DAY}d"
        )
    return length


def check_count(count: int, what: str, *, at_most: int = COUNT_MAX) -> int:
    """A count within its limits; raises ``analytics.rule.refused``."""
    if not 1 <= count <= at_most:
        raise refused(f"{what} is {count}: at least 1 and at most {at_most}")
    return count
