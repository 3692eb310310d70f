"""The platform raises alerts about its own way over the bus, beside the compared set."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from machine import RemoteSensor, framed, until

from collector.state.alerts import Alerts
from collector.state.database import Database
from dashboard_api.custody.expiry import Expiring
from fengsui import platform_rules
from fengsui.centre.hops import Hops
from fengsui.centre.watch import BEHIND_US, LAG_US, LASTS_US, Standing, Watch
from fengsui.desks import AlertDesk
from fengsui.folder import DataFolder
from fengsui.serve import _failures, _warnings
from fengsui.settings import Settings
from fengsui.wiring import open_site
from schema.times import DAY, HOUR, SECOND

START = 495_000 * HOUR
TROUBLE = {
    "event.dataset": "fengsui.sensor",
    "event.action": "sensor_trouble",
    "event.reason": "unreadable",
    "gov.sensor.source": "fengsui.sensor",
}


class Now:
    """A clock that stands where it is set."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        return self.time


class World:
    def __init__(self, alerts: Alerts) -> None:
        self.clock, self.hops, self.alerts, self.changes = Now(), Hops(), alerts, 0
        self.well = Standing(pipeline="", arrivals="", fed=START, decided=START, refused={})
        self.standing = self.well
        self.watch = Watch(
            lambda: self.standing, self.hops, alerts, clock=self.clock, changed=self._changed
        )

    def _changed(self) -> None:
        self.changes += 1

    def look(self, after_us: int = 0) -> list[str]:
        self.clock.time += after_us
        self.watch.look()
        return [one.alert.rule_id for one in self.alerts.since(0)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(tmp_path / "state.db")
    yield World(Alerts(database))
    database.close()


def _stands(world: World, **changed: object) -> None:
    fields = {name: getattr(world.well, name) for name in world.well.__slots__}
    world.standing = Standing(**(fields | changed))


def test_a_site_that_is_well_raises_nothing(world: World) -> None:
    assert [world.look(LASTS_US) for _ in range(3)] == [[], [], []]
    assert world.watch.troubles == ()


def test_a_bus_that_is_away_for_a_minute_is_one_alert_until_it_is_back(world: World) -> None:
    _stands(world, pipeline="schema.bus.unacknowledged")
    assert world.look() == []
    assert world.look(LASTS_US) == [platform_rules.BUS_UNREACHABLE]
    assert world.look(LASTS_US) == [platform_rules.BUS_UNREACHABLE]
    assert world.watch.troubles == (platform_rules.BUS_UNREACHABLE,)
    assert world.changes == 1
    (stored,) = world.alerts.since(0)
    (condition,) = stored.alert.conditions
    assert (condition.name, condition.value, condition.threshold) == ("lasting_seconds", 60, 60)
    world.standing = world.well
    world.look(SECOND)
    assert world.watch.troubles == ()


def test_a_trouble_of_another_hour_is_another_alert(world: World) -> None:
    _stands(world, arrivals="schema.bus.unreachable")
    world.look()
    world.look(LASTS_US)
    world.standing = world.well
    world.look(HOUR)
    _stands(world, arrivals="schema.bus.unreachable")
    world.look()
    assert len(world.look(LASTS_US)) == 2


def test_workers_that_decide_nothing_while_batches_wait_are_silent(world: World) -> None:
    _stands(world, fed=START + SECOND)
    world.look(LASTS_US)
    assert world.look(LASTS_US) == [platform_rules.WORKERS_SILENT]


def test_decisions_far_behind_what_was_handed_on_are_an_alert(world: World) -> None:
    for _ in range(3):
        world.hops.add("received", "decided")
        _stands(world, fed=START + 2 * BEHIND_US)
        found = world.look(LASTS_US)
    assert found == [platform_rules.RULES_BEHIND]


def test_records_put_aside_are_told_at_once(world: World) -> None:
    world.hops.add("quarantined", "batches")
    assert world.look() == [platform_rules.RECORDS_LOST]


def test_a_sensor_whose_batches_are_refused_is_named(world: World) -> None:
    _stands(world, refused={"gateway": "schema.batch.link_broken"})
    world.look()
    world.look(LASTS_US)
    (stored,) = world.alerts.since(0)
    assert (stored.alert.rule_id, stored.alert.entity) == (platform_rules.SENSOR_STOPPED, "gateway")


def test_a_sensor_that_tells_of_a_loss_is_told_of_at_once_and_again_when_it_loses_more(
    world: World,
) -> None:
    _stands(world, losses={"gateway": 1})
    assert world.look() == [platform_rules.SENSOR_LOSES]
    assert world.alerts.since(0)[0].alert.entity == "gateway"
    assert len(world.look(HOUR)) == 1
    _stands(world, losses={"gateway": 2})
    assert len(world.look(HOUR)) == 2


@pytest.mark.parametrize(
    ("stands", "rule"),
    [
        ({"lag_us": LAG_US}, platform_rules.EVENTS_BEHIND),
        ({"disk": "low"}, platform_rules.DISK_LOW),
        ({"disk": "full"}, platform_rules.DISK_FULL),
    ],
)
def test_what_lasts_a_minute_is_told(world: World, stands: dict[str, object], rule: str) -> None:
    _stands(world, **stands)
    assert world.look() == []
    assert world.look(LASTS_US) == [rule]


def test_a_short_lag_is_nothing(world: World) -> None:
    _stands(world, lag_us=LAG_US - 1)
    assert [world.look(LASTS_US) for _ in range(3)] == [[], [], []]


def test_a_site_in_one_process_watches_itself_too(tmp_path: Path) -> None:
    with closing(open_site(DataFolder(tmp_path), Settings(), watch_host=False)) as site:
        site.watch.look()
        assert site.watch.troubles == ()
        sensor = RemoteSensor(site)
        lost = sensor.seal(["/"], at=site.clock.now(), more=TROUBLE)
        site.intake.accept(framed(lost))
        until(site, lambda: site.status_of(sensor.name).events == 1)
        site.watch.look()
        assert _warnings(site) == [platform_rules.SENSOR_LOSES]
        assert _failures(site, None) == []
        (told,) = site.alerts.since(0)
        assert (told.alert.rule_id, told.alert.entity) == (platform_rules.SENSOR_LOSES, sensor.name)


def test_platform_alerts_are_in_lists_and_in_no_compared_set(world: World) -> None:
    world.hops.add("quarantined", "batches")
    world.look()
    assert list(world.alerts.final()) == []
    assert list(world.alerts.decided(0, 2 * START)) == []
    (stored,) = world.alerts.since(0)
    row, reasons = AlertDesk(world.alerts, lambda _id: None).get(stored.alert.id)
    assert row.rule.title_zh
    assert row.rule.title_en == "Records on the bus were lost or unusable"
    assert reasons.reason_en
    assert reasons.triage_zh


def test_every_platform_rule_has_words_in_both_languages() -> None:
    for one in platform_rules.RULES.values():
        assert all(getattr(one, name) for name in one.__slots__ if name != "severity")


def test_each_stage_of_what_expires_is_one_alert_also_after_a_restart(world: World) -> None:
    soon = Expiring(what="key", name="payments.receipt", days=30, begun_at=START - HOUR)
    world.watch.expiring = lambda: [soon]
    assert world.look() == [platform_rules.KEY_EXPIRING]
    assert world.look(HOUR) == [platform_rules.KEY_EXPIRING]
    (stored,) = world.alerts.since(0)
    assert (stored.alert.entity, stored.alert.decided_at) == ("payments.receipt", START - HOUR)
    (condition,) = stored.alert.conditions
    assert (condition.name, condition.value, condition.comparison) == ("days_left", 30, "lte")
    again = Watch(
        lambda: world.standing, world.hops, world.alerts, clock=world.clock, changed=lambda: None
    )
    again.expiring = lambda: [soon]
    again.look()
    assert len(world.alerts.since(0)) == 1
    later = Expiring(what="key", name="payments.receipt", days=7, begun_at=START + DAY)
    world.watch.expiring = lambda: [later]
    assert len(world.look(DAY)) == 2
    world.watch.expiring = list
    world.look()
    assert world.watch.troubles == ()


def test_a_certificate_that_expires_has_a_rule_of_its_own(world: World) -> None:
    over = Expiring(what="certificate", name="payments.receipt 5c3e", days=0, begun_at=START)
    world.watch.expiring = lambda: [over]
    assert world.look() == [platform_rules.CERTIFICATE_EXPIRING]
