"""The district's network and machines: honest days, look-alikes, and thirty-one kinds of attack."""

from __future__ import annotations

import functools

from district.daily import make
from district.daily.machines import INTRANET, LINUX, WINDOWS
from district.run import District, Today
from district.stream import EVENTS

from schema.fields import catalogue, is_open
from sensors.sources import Context, open_format

_CASES = {*(f"D{number:02d}" for number in range(1, 31)), "X03"}
_DAYS = 6


@functools.cache
def lived(seed: int = 5, volume: float = 1.0) -> tuple[Today, ...]:
    return tuple(District([make], seed=seed, volume=volume, warm_up=0, measured=_DAYS).run())


def test_an_episode_ends_after_it_begins_and_names_somebody() -> None:
    for today in lived():
        for one in today.episodes:
            assert one.start <= one.end
            assert one.entities or one.kind == "lookalike"


def test_lines_are_what_the_products_formats_read() -> None:
    streams = {one.name: one for one in District([make], seed=5, warm_up=0, measured=1).streams}
    read = {
        name: (
            open_format(one.form),
            Context(host=one.host, utc_offset_minutes=480, now=lambda: lived()[0].day.start),
        )
        for name, one in streams.items()
        if one.form != EVENTS
    }
    lines = [line for line in lived()[0].lines if line.stream in read]
    assert lines
    for line in lines:
        form, context = read[line.stream]
        (fields,) = form.parse([str(line.text).encode()], context)
        assert fields["event.action"] != "unparsed", line.text


def test_events_of_our_own_sensors_have_fields_of_the_catalogue() -> None:
    for line in lived()[0].lines:
        if isinstance(line.text, dict):
            assert {name for name in line.text if not is_open(name)} <= set(catalogue())


def test_the_district_has_about_sixty_machines_beside_its_desks() -> None:
    assert 50 <= len(LINUX) + len(WINDOWS) + len(INTRANET) <= 80


def test_a_day_is_a_share_of_what_the_measure_allows() -> None:
    assert max(len(today.lines) for today in lived()) < 5000


def test_its_use_cases_are_these() -> None:
    (system,) = District([make], seed=5).systems
    assert {attack.use_case for attack in system.attacks} == _CASES
