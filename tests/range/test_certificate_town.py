"""Certificates of the made-up district as a whole: its lines, its registers, and its labels."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from district.calendar import DAY_US, HOUR_US
from district.certificates import make
from district.run import District, Today
from district.stream import EVENTS

from collector.registers.description import load
from schema.event import Fields
from schema.fields import catalogue
from schema.privacy import find
from sensors.mask import Masker
from sensors.sources import Context, open_format

MIDNIGHT = 1_790_000_000_000_000 // DAY_US * DAY_US - 8 * HOUR_US
"""In Beijing."""
USE_CASES = {f"EC{number:02d}" for number in range(1, 15)} | {
    f"ID{number}" for number in range(17, 23)
}


def lived(seed: int = 5, *, days: int = 3) -> list[Today]:
    return list(District([make], seed=seed, volume=0.3, warm_up=days, measured=1).run())


@pytest.fixture(scope="module")
def district() -> tuple[District, list[Today]]:
    made = District([make], seed=5, volume=0.3, warm_up=10, measured=14)
    return made, list(made.run())


@pytest.fixture(scope="module")
def events(district: tuple[District, list[Today]]) -> dict[str, list[tuple[str, Fields]]]:
    """(episode, fields) by stream, read by the product's own formats and masked."""
    made, days = district
    read: dict[str, list[tuple[str, Fields]]] = defaultdict(list)
    masker = Masker(bytes(32))
    for stream in made.streams:
        lines = [line for today in days for line in today.lines if line.stream == stream.name]
        if stream.form == EVENTS:
            parsed = [dict(one.text) for one in lines]  # type: ignore[arg-type]
        else:
            context = Context(host=stream.host, utc_offset_minutes=480, now=lambda: MIDNIGHT)
            raw = [str(line.text).encode() for line in lines]
            parsed = open_format(stream.form).parse(raw, context)
        masker.mask(parsed)
        read[stream.name] = [(one.episode, each) for one, each in zip(lines, parsed, strict=True)]
    return read


def test_a_seed_gives_the_same_lines() -> None:
    first, again = lived(), lived()
    assert [day.lines for day in first] == [day.lines for day in again]
    assert [day.lines for day in first] != [day.lines for day in lived(6)]


def test_every_line_is_understood_and_has_known_fields(
    events: dict[str, list[tuple[str, Fields]]],
) -> None:
    assert all(events.values())
    for stream, rows in events.items():
        for _, fields in rows:
            assert fields["event.action"] not in ("unparsed", "logged"), (stream, fields)
            unknown = {name for name in fields if not name.startswith("labels.")}
            assert unknown <= set(catalogue()), (stream, unknown - set(catalogue()))


def test_no_citizens_number_and_no_token_is_left_after_the_sensor(
    events: dict[str, list[tuple[str, Fields]]],
) -> None:
    for rows in events.values():
        for _, fields in rows:
            for value in fields.values():
                assert not find(str(value)), fields
                assert "eyJ" not in str(value)


def test_each_use_case_is_carried_out_twice_and_stays_below_once(
    district: tuple[District, list[Today]],
) -> None:
    _, days = district
    told = Counter(
        (one.use_case, one.kind)
        for today in days
        for one in today.episodes
        if one.kind != "lookalike"
    )
    assert told == Counter({(name, "attack"): 2 for name in USE_CASES}) + Counter(
        {(name, "below"): 1 for name in USE_CASES}
    )


def test_look_alikes_come_at_ten_times_the_rate_of_attacks(
    district: tuple[District, list[Today]],
) -> None:
    _, days = district
    measured = [today for today in days if today.day.measured]
    like = Counter(
        one.use_case for today in measured for one in today.episodes if one.kind == "lookalike"
    )
    assert set(like) == USE_CASES
    working = sum(today.day.working for today in measured)
    assert min(like.values()) >= 2 * working


def test_every_attack_leaves_lines_that_name_whom_it_is_about(
    district: tuple[District, list[Today]], events: dict[str, list[tuple[str, Fields]]]
) -> None:
    _, days = district
    left: dict[str, list[Fields]] = defaultdict(list)
    for rows in events.values():
        for episode, fields in rows:
            left[episode].append(fields)
    attacks = [one for today in days for one in today.episodes if one.kind == "attack"]
    # Cases closed for a week, and clerks with cases, want more days than this test lives.
    for one in attacks:
        if one.id not in ("EC05/1", "EC05/2"):
            assert left[one.id], one.id
        named = {str(value) for fields in left[one.id] for value in fields.values()}
        assert not left[one.id] or one.collect or named & set(one.entities), one.id


def test_its_registers_have_the_columns_that_are_described(
    district: tuple[District, list[Today]],
) -> None:
    made, _ = district
    known = load().by_name
    rows = made.statements(str)
    assert {row.register for row in rows} == {
        "matters", "catalogue", "ca_profiles", "cipher_policy", "calendar",
    }  # fmt: skip
    for row in rows:
        described = known[row.register]
        assert len(row.key) == len(described.key)
        assert set(row.fields) <= set(described.columns) - set(described.key)
