"""Retention: how long each class of record is kept at least, in calendar months of the sites' zone.

Floors are law and can be lengthened only: logs six months (网络安全法 art. 23 as amended, in force
2026-01-01), records of personal or important data given to others three years
(网络数据安全管理条例, in force 2025-01-01). A month ends as 民法典 art. 201 to 203 say: the day of
the record is not counted, the last day is the corresponding one (or the month's last), and the
record is kept to the end of that day.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from schema.errors import FengsuiError
from schema.times import SECOND, ZONE

MONTHS_MAX: Final = 1200
"""A hundred years: more is a slip of the pen."""

GIVEN_FIELDS: Final = "gov.share."
"""Fields of this pack tell of data given to others, whatever the dataset is called."""

_GIVEN: Final = b'"gov.share.'
"""In canonical bytes. Inside a text its quote would be escaped, at worst that is kept longer."""
_DATASET: Final = re.compile(rb'"event\.dataset":"([^"\\]*)"')
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionClass:
    """One class: its floor in calendar months, and what it is called."""

    name: str
    floor_months: int
    zh: str
    en: str


LOG: Final = RetentionClass(name="log", floor_months=6, zh="网络日志", en="logs")
GIVEN: Final = RetentionClass(
    name="given",
    floor_months=36,
    zh="向他人提供个人信息或重要数据的记录",
    en="records of personal or important data given to others",
)
CLASSES: Final = (LOG, GIVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """How long each class is kept here, and which datasets tell of data given to others."""

    months: Mapping[str, int]
    given_datasets: Sequence[str] = ()
    """Names or shell patterns; events with a ``gov.share.*`` field need none."""

    def class_of(self, payloads: Iterable[bytes]) -> RetentionClass:
        """The longest-kept class of any of these canonical events."""
        # What tells of data given to others is a log as well.
        if self.months[GIVEN.name] <= self.months[LOG.name]:
            return LOG
        # Together: no quoted name reaches from one event into the next.
        return GIVEN if self._given_in(b"".join(payloads)) else LOG

    def kept_until(self, kind: RetentionClass, time_us: int) -> int:
        """When a record of that class and time may go, by the setting."""
        return kept_until(time_us, self.months[kind.name])

    def _given_in(self, events: bytes) -> bool:
        if _GIVEN in events:
            return True
        if not self.given_datasets:
            return False
        datasets = {name.decode() for name in set(_DATASET.findall(events))}
        return any(
            fnmatchcase(dataset, pattern) for dataset in datasets for pattern in self.given_datasets
        )


def periods(
    *, log_months: int = LOG.floor_months, given_months: int = GIVEN.floor_months,
    given_datasets: Sequence[str] = (),
) -> Periods:  # fmt: skip
    """Checked periods; raises ``schema.retention.below_floor`` for one below the law's."""
    months = {LOG.name: log_months, GIVEN.name: given_months}
    for one in CLASSES:
        if not one.floor_months <= months[one.name] <= MONTHS_MAX:
            raise FengsuiError(
                "schema.retention.below_floor",
                f"{one.en} are kept {one.floor_months} to {MONTHS_MAX} calendar months, not "
                f"{months[one.name]}: the law's floor can be lengthened, never shortened",
                name=one.name,
                months=months[one.name],
            )
    return Periods(months=months, given_datasets=tuple(given_datasets))


def kept_until(time_us: int, months: int) -> int:
    """The first moment at which a record of that time may go: the day behind its last day.

    Never later for an earlier record.
    """
    last = _months_later(_day_of(time_us), months)
    return _begin_of(last + timedelta(days=1))


def oldest_required(now_us: int, months: int) -> int:
    """The first moment of the earliest day of which everything must still be here."""
    day = _months_later(_day_of(now_us), -months)
    # Corresponding days differ by the lengths of two months at most.
    day -= timedelta(days=4)
    while kept_until(_begin_of(day), months) <= now_us:
        day += timedelta(days=1)
    return _begin_of(day)


def _day_of(time_us: int) -> date:
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(ZONE).date()


def _begin_of(day: date) -> int:
    moment = datetime(day.year, day.month, day.day, tzinfo=ZONE)
    return int((moment - _EPOCH).total_seconds()) * SECOND


def _months_later(day: date, months: int) -> date:
    """The corresponding day so many months on, or that month's last where there is none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
