"""Desks: what people are told of a site is so."""

from contextlib import closing
from pathlib import Path

from journey import EVENING_NAME
from machine import SENSOR, HandClock, Machine, RemoteSensor, framed, until

from collector.enrolments import OWN_NAMES
from collector.state.coverage import CoverageQuery, CoverageTable
from collector.state.missed import MissedTable
from fengsui.demo import replay
from fengsui.desks import AlertDesk, SensorDesk
from fengsui.folder import DataFolder
from fengsui.wiring import Site, open_demonstration
from schema.times import HOUR


def _desk(site: Site) -> SensorDesk:
    covered = CoverageTable(site.database, site.clock)
    return SensorDesk(
        site.intake,
        site.enrolments,
        site.pipeline,
        covered,
        MissedTable(site.database),
        lambda: site.rulebook.current.rules,
    )


def test_what_came_too_late_is_told_by_minute_and_in_all(tmp_path: Path) -> None:
    with closing(Machine(tmp_path).open()) as site:
        gateway = RemoteSensor(site)
        now = site.clock.now()
        for at in (now, now - HOUR, now - 2 * HOUR):
            site.intake.accept(framed(gateway.seal(["/"], at=at)))
        until(site, lambda: site.status_of("gateway").events == 3)
        site.pipeline._commit()
        found = _desk(site).coverage(
            CoverageQuery(start=None, end=now + HOUR, missed=True), frozenset({"gateway"})
        )
    assert [(one.sensor, one.too_late) for one in found.items] == [("gateway", 1), ("gateway", 1)]
    assert [(one.sensor, one.events, one.too_late) for one in found.totals] == [("gateway", 2, 2)]


def test_a_recording_that_is_through_is_finished_neither_silent_nor_behind(
    evening: Path, tmp_path: Path
) -> None:
    with closing(open_demonstration(DataFolder(tmp_path), evening)) as site:
        replay(site, site.pipeline.round)
        covered = CoverageTable(site.database, site.clock)
        desk = SensorDesk(
            site.intake,
            site.enrolments,
            site.pipeline,
            covered,
            MissedTable(site.database),
            lambda: site.rulebook.current.rules,
            site.recording,
        )
        (row,) = (one for one in desk.rows() if one.name == EVENING_NAME)
        assert (row.status, row.lag_seconds) == ("finished", 0)
        assert desk.watermark() == row.last_event_at


def test_a_condition_on_a_step_is_named_in_chinese_as_the_rule_names_the_step(
    evening: Path, tmp_path: Path
) -> None:
    with closing(open_demonstration(DataFolder(tmp_path), evening)) as site:
        replay(site, site.pipeline.round)
        desk = AlertDesk(site.alerts, site.rulebook.rule, site.exceptions)
        named: dict[str, str] = {}
        for stored in site.alerts.since(0):
            _, reasons = desk.get(stored.alert.id)
            named |= {one.name: one.name_zh for one in reasons.conditions}
    assert (
        named.items() >= {"failures": "登录失败", "success": "登录成功", "span_seconds": ""}.items()
    )


def test_chains_the_platform_seals_itself_are_never_called_silent(tmp_path: Path) -> None:
    clock = HandClock()
    with closing(Machine(tmp_path).open(clock=clock)) as site:
        site.pipeline.round()
        clock.ahead_us = HOUR
        rows = _desk(site).rows()
    status = {row.name: (row.status, row.lag_seconds) for row in rows}
    assert status.pop(SENSOR)[0] == "silent"
    assert status == dict.fromkeys(OWN_NAMES, ("active", 0))
