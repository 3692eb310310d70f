"""Desks: what people are told of a site is so."""

from contextlib import closing
from pathlib import Path

from machine import SENSOR, HandClock, Machine

from collector.enrolments import OWN_NAMES
from fengsui.desks import SensorDesk
from schema.times import HOUR


def test_chains_the_platform_seals_itself_are_never_called_silent(tmp_path: Path) -> None:
    clock = HandClock()
    with closing(Machine(tmp_path).open(clock=clock)) as site:
        site.pipeline.round()
        clock.ahead_us = HOUR
        rows = SensorDesk(site.intake, site.enrolments, site.pipeline).rows()
    status = {row.name: (row.status, row.lag_seconds) for row in rows}
    assert status.pop(SENSOR)[0] == "silent"
    assert status == dict.fromkeys(OWN_NAMES, ("active", 0))
