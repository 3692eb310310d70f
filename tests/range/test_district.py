"""The made-up district: the same lines from a seed, honest days, and attacks at their times."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable
from itertools import pairwise

import pytest
from district import director
from district.calendar import DAY_US, Day, working
from district.deed import Deed
from district.episode import Episode, Plan
from district.run import District, Today
from district.stream import Sink, Statement, Stream
from district.system import Attack, Keyed, Occasion, System
from district.systems import NAMES, makers
from district.town import Town, citizen_number

from schema.privacy import find


class Gate:
    """A gateway with one page: the smallest system there can be."""

    name = "gate"
    streams = (
        Stream(name="gate.log", form="nginx_access", host="gate-01", view="gateway"),
    )  # fmt: skip

    def __init__(self, town: Town, sink: Sink) -> None:
        self._town, self._sink = town, sink
        self.attacks: tuple[Attack, ...] = (
            Attack(use_case="D99", plan=self._walk, hours="office", span_days=2),
        )

    def statements(self, first: Day, keyed: Keyed) -> Iterable[Statement]:
        return ()

    def ordinary(self, day: Day, chance: random.Random) -> Iterable[Deed]:
        for _ in range(day.count(chance, 20)):
            yield Deed(at=day.moment(chance), system="gate", act="/")

    def lookalikes(self, day: Day, chance: random.Random) -> Iterable[Plan]:
        at = day.moment(chance)
        yield Plan(
            Episode(
                id=f"D99/like/{day.number}", use_case="D99", kind="lookalike", start=at, end=at
            ),
            [Deed(at=at, system="gate", act="/map")],
        )

    def perform(self, deed: Deed) -> Iterable[Deed]:
        self._sink.write("gate.log", deed.at, f"{deed.at} {deed.act}")
        if deed.act == "/walk":
            return [Deed(at=deed.at + DAY_US, system="gate", act="/walked")]
        return ()

    def _walk(self, occasion: Occasion) -> Plan:
        start = occasion.start
        return Plan(
            Episode(
                id=f"D99/{occasion.id}",
                use_case="D99",
                kind="attack" if occasion.strength >= 1000 else "below",
                start=start,
                end=start + DAY_US,
                strength=occasion.strength,
            ),
            [Deed(at=start, system="gate", act="/walk")],
        )


def make(town: Town, sink: Sink) -> System:
    return Gate(town, sink)


def lived(seed: int = 7, volume: float = 1.0) -> list[Today]:
    return list(District([make], seed=seed, volume=volume, warm_up=3, measured=9).run())


def test_a_seed_gives_the_same_lines_and_another_one_others() -> None:
    assert [day.lines for day in lived()] == [day.lines for day in lived()]
    assert [day.lines for day in lived()] != [day.lines for day in lived(seed=8)]


def test_lines_of_a_day_are_in_time_order_and_of_that_day() -> None:
    for today in lived():
        times = [line.at for line in today.lines]
        assert times == sorted(times)
        assert all(today.day.start <= at < today.day.start + DAY_US for at in times)


def test_each_use_case_is_carried_out_twice_at_its_threshold_and_once_below() -> None:
    found = [one for today in lived() for one in today.episodes if one.kind != "lookalike"]
    strengths = sorted(one.strength for one in found)
    assert len(found) == 3
    assert 600 <= strengths[0] <= 900
    assert all(1000 <= one <= 3000 for one in strengths[1:])


def test_attacks_begin_in_measured_days_and_end_inside_them() -> None:
    days = lived()
    first, last = days[3].day.start, days[-1].day.start + DAY_US
    for today in days:
        for one in today.episodes:
            if one.kind != "lookalike":
                assert first <= one.start
                assert one.end <= last


def test_what_follows_from_a_deed_belongs_to_its_episode() -> None:
    lines = [line for today in lived() for line in today.lines]
    walked = [line for line in lines if str(line.text).endswith("/walked")]
    assert {line.episode for line in walked} == {"D99/0", "D99/1", "D99/2"}


def test_there_is_more_honest_traffic_in_a_busier_town() -> None:
    quiet = sum(len(day.lines) for day in lived(volume=0.3))
    busy = sum(len(day.lines) for day in lived(volume=3.0))
    assert busy > 5 * quiet


def test_holidays_of_2026_are_free_and_saturdays_in_exchange_are_worked() -> None:
    assert not working(dt.date(2026, 10, 1))
    assert not working(dt.date(2026, 10, 7))
    assert working(dt.date(2026, 10, 10))
    assert not working(dt.date(2026, 10, 11))
    assert working(dt.date(2026, 10, 12))


def test_citizens_have_numbers_a_mask_must_find() -> None:
    numbers = [citizen_number(random.Random(seed)) for seed in range(50)]
    assert all(find(number)[0].kind == "citizen_id" for number in numbers)


def test_accounts_and_addresses_of_the_town_are_its_own() -> None:
    town = Town(1)
    assert len({one.user for one in town.clerks}) == len(town.clerks)
    assert len({one.number for one in town.citizens}) == len(town.citizens)
    assert len({one.address for one in town.clerks}) == len(town.clerks)
    shared = {one.mobile for one in town.citizens}
    assert len(shared) * 50 < len(town.citizens)


def test_a_campaign_is_a_week_and_drift_goes_on() -> None:
    made = [make]
    campaign = District(made, seed=1, warm_up=2, measured=20, scenario="campaign").days
    assert [day.number for day in campaign if day.volume > 1] == list(range(12, 19))
    drift = District(made, seed=1, warm_up=2, measured=20, scenario="drift").days
    assert all(later.volume > day.volume for day, later in pairwise(drift))


def test_nobody_has_seen_anything_of_a_new_office_before_it_opens() -> None:
    def seen(scenario: str) -> list[int]:
        town = District([Desks], seed=1, warm_up=2, measured=2, scenario=scenario)
        return [len(today.lines) for today in town.run()]

    assert seen("") == [12, 12, 12, 12]
    assert seen("new_office") == [11, 11, 12, 12]


class Desks(Gate):
    """A log with one line a day of each unit."""

    def __init__(self, town: Town, sink: Sink) -> None:
        super().__init__(town, sink)
        self.attacks = ()

    def ordinary(self, day: Day, chance: random.Random) -> Iterable[Deed]:
        for unit in self._town.units:
            yield Deed(at=day.at(9), system="gate", act=self._town.clerks_of(unit)[0].address)

    def lookalikes(self, day: Day, chance: random.Random) -> Iterable[Plan]:
        return ()


@pytest.mark.parametrize("seed", [1, 7, 8])
def test_an_account_with_risk_of_several_kinds_is_named_by_no_other_attack(seed: int) -> None:
    district = District(makers(NAMES), seed=seed, warm_up=0, measured=7)
    plans = [one.episode for one in director.plans(district.town, district.days, district.systems)]
    users = {clerk.user for clerk in district.town.clerks}
    others = {name for one in plans if one.use_case != "X01" for name in one.entities}
    piled = [users & set(one.entities) for one in plans if one.use_case == "X01"]
    assert len(piled) == 3
    assert all(piled)
    assert not set().union(*piled) & others
