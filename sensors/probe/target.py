"""Target: a registered page, and when it may be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import SplitResult, urlsplit

from schema import times
from schema.errors import FengsuiError

INTERVAL_MIN_US: Final = times.MINUTE
"""Between two questions for one page, whatever is set: watching must never be a load."""
URL_CHARS_MAX: Final = 2048
_WINDOW: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One page; raises ``sensors.probe.url``, ``.consent`` or ``.window`` when it is made."""

    name: str
    url: str
    consent: str
    """Who of the site's owner agreed."""
    window: str = "00:00-24:00"
    """In the sites' zone; may pass midnight."""
    interval_us: int = 5 * times.MINUTE
    private: bool = False
    """Registered as lying on an address that is not public."""
    volatile: tuple[str, ...] = ()
    """Expressions of what changes by itself and is left out of the fingerprint."""

    def __post_init__(self) -> None:
        if not _is_plain(self.url):
            raise FengsuiError(
                "sensors.probe.url",
                f"{self.name}: a probed address is http:// or https:// with a host, without "
                "account, password, fragment or blanks",
                name=self.name,
            )
        if not self.consent.strip():
            raise FengsuiError(
                "sensors.probe.consent",
                f"{self.name}: say in consent who agreed that this page is asked",
                name=self.name,
            )
        begin, end = self._window()
        if max(begin, end) > _DAY_MINUTES or begin == end:
            raise FengsuiError(
                "sensors.probe.window",
                f"{self.name}: a window is written HH:MM-HH:MM, such as 00:00-24:00",
                name=self.name,
            )

    @property
    def parts(self) -> SplitResult:
        """The address taken apart."""
        return urlsplit(self.url)

    @property
    def domain(self) -> str:
        """Its host."""
        return self.parts.hostname or ""

    @property
    def every_us(self) -> int:
        """The interval that counts."""
        return max(self.interval_us, INTERVAL_MIN_US)

    def is_open(self, now: int) -> bool:
        """Whether it may be asked at that time."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)
        local = moment.astimezone(times.ZONE)
        minute = local.hour * 60 + local.minute
        begin, end = self._window()
        if begin < end:
            return begin <= minute < end
        return minute >= begin or minute < end

    def _window(self) -> tuple[int, int]:
        found = _WINDOW.fullmatch(self.window)
        if found is None:
            return 0, 0
        one = [int(part) for part in found.groups()]
        return one[0] * 60 + one[1], one[2] * 60 + one[3]


def _is_plain(url: str) -> bool:
    if not url.isascii() or len(url) > URL_CHARS_MAX or any(c <= " " or c == "\x7f" for c in url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and "#" not in url
        and port != 0
    )
