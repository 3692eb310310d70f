"""What may be registered for the probe, and when it may be asked."""

from __future__ import annotations

import pytest

from schema import times
from schema.errors import FengsuiError
from sensors.probe.target import INTERVAL_MIN_US, Target


def target(url: str = "https://www.shili.example/", *, window: str = "00:00-24:00") -> Target:
    return Target(name="portal", url=url, consent="office", window=window, interval_us=1)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/", "file:///etc/passwd", "https://", "https://u:p@a.example/",
        "https://a.example/#x", "https://a.example/ b", "https://a.example/\r\nX: y",
        "https://a.example:99999/", "https://例.example/", "https://[::1/",
    ],
)  # fmt: skip
def test_an_address_that_is_no_plain_page_is_refused(url: str) -> None:
    with pytest.raises(FengsuiError, match="a probed address"):
        target(url)


def test_nobody_is_asked_without_consent() -> None:
    with pytest.raises(FengsuiError, match="who agreed"):
        Target(name="portal", url="https://a.example/", consent=" ")


@pytest.mark.parametrize("window", ["", "8-9", "08:00-08:00", "08:00-24:30", "25:00-26:00"])
def test_a_window_that_is_none_is_refused(window: str) -> None:
    with pytest.raises(FengsuiError, match="HH:MM-HH:MM"):
        target(window=window)


@pytest.mark.parametrize(
    ("window", "at", "is_open"),
    [
        ("00:00-24:00", "2026-11-26T15:59:59.000000Z", True),
        ("08:00-18:00", "2026-11-26T00:00:00.000000Z", True),
        ("08:00-18:00", "2026-11-26T10:00:00.000000Z", False),
        ("22:00-06:00", "2026-11-26T15:00:00.000000Z", True),
        ("22:00-06:00", "2026-11-25T22:00:00.000000Z", False),
    ],
)
def test_a_window_is_told_in_the_zone_of_the_sites(window: str, at: str, is_open: bool) -> None:
    assert target(window=window).is_open(times.from_text(at)) is is_open


def test_no_setting_goes_below_the_least_interval() -> None:
    assert target().every_us == INTERVAL_MIN_US
