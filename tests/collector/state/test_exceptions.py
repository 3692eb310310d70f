"""Exceptions: what they hide is what a plain reading of them says, and it always comes back."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.state.alerts import Alerts
from collector.state.database import Database
from collector.state.exceptions import DAYS_MAX, IN_FORCE_MAX, ExceptionDraft, Exceptions
from schema.alert import Alert, Condition
from schema.errors import FengsuiError
from schema.times import DAY

NOW = 1_700_000_000_000_000
SENSORS = {"gate": "tax", "pay": "social"}


class HandClock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> int:
        return self.time


class Site:
    """Two sensors of two units; an alert's evidence is named after its sensors."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.database = Database(folder / "state.db")
        self.exceptions = Exceptions(self.database, self.clock)
        self.alerts = Alerts(
            self.database, {"a" * 32: "gate", "b" * 32: "pay"}.get, self.exceptions
        )
        self.database.write(
            lambda state: state.executemany(
                "INSERT INTO sensors (name, unit, realm, status, enrolment, created_at) "
                "VALUES (?, ?, 'duty', 'active', 1, 0)",
                SENSORS.items(),
            )
        )
        self._made = 0

    def close(self) -> None:
        self.database.close()

    def put(self, *alerts: Alert) -> None:
        self.alerts.commit(alerts, (), snapshot={}, received_at=NOW)

    def hide(self, **more: object) -> str:
        self._made += 1
        name = f"exception-{self._made}"
        made = replace(DRAFT, **more)  # type: ignore[arg-type]
        self.exceptions.create(made, exception_id=name, by="officer")
        return name

    def shown(self) -> list[str]:
        return [row.alert.id for row in self.alerts.page([], hidden=False, limit=500).items]


DRAFT = ExceptionDraft(
    rule_id="probing",
    entity="10.0.0.1",
    units=("*",),
    reason="压测，工单 118",
    owner="张三",
    expires_at=NOW + DAY,
)


def alert(number: int, **more: object) -> Alert:
    values = {
        "id": f"{number:032x}",
        "rule_id": "probing",
        "rule_version": 1,
        "entity_field": "source.ip",
        "entity": "10.0.0.1",
        "cell": 0,
        "decided_at": NOW - number,
        "severity": 2,
        "score": 60,
        "conditions": (Condition(name="event_count", value=30, threshold=30, comparison="gte"),),
        "events": ("a" * 32,),
        "count": 30,
        "state": "final",
    }
    return Alert(**(values | more))  # type: ignore[arg-type]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = Site(tmp_path)
    yield opened
    opened.close()


ENTITIES = ["10.0.0.1", "10.0.0.2", "10.1.0.1", "2001:db8::1", "root", "/etc/passwd", "10.0.0.0/8"]
RULES = ["probing", "guessing"]
EVENTS = {"tax": ("a" * 32,), "social": ("b" * 32,), "both": ("a" * 32, "b" * 32), "": ("c" * 32,)}

alerts_of = st.lists(
    st.tuples(st.sampled_from(RULES), st.sampled_from(ENTITIES), st.sampled_from(list(EVENTS))),
    max_size=12,
)
drafts = st.lists(
    st.builds(
        ExceptionDraft,
        rule_id=st.sampled_from([*RULES, "*"]),
        entity=st.sampled_from([*ENTITIES, "10.0.0.0/24", "0.0.0.0/0", "2001:db8::/32", "*"]),
        units=st.sampled_from([("*",), ("tax",), ("social",), ("tax", "social")]),
        reason=st.just("why"),
        owner=st.just("who"),
        expires_at=st.integers(1, 5).map(lambda hours: NOW + hours * DAY),
    ).filter(lambda one: one.rule_id != "*" or one.entity not in ("*", "0.0.0.0/0")),
    max_size=6,
)


def _fits(draft: ExceptionDraft, entity: str) -> bool:
    if draft.entity in ("*", entity) and not (draft.entity == entity and "/" in entity):
        return True
    try:
        return ip_address(entity) in ip_network(draft.entity)
    except ValueError:
        return draft.entity == entity and not entity[0].isdigit()


def _covers(draft: ExceptionDraft, events: str) -> bool:
    units = {"tax": {"tax"}, "social": {"social"}, "both": {"tax", "social"}, "": set()}[events]
    return "*" in draft.units or (bool(units) and units <= set(draft.units))


@settings(max_examples=60, deadline=None)
@given(chosen=alerts_of, made=drafts, revoked=st.sets(st.integers(0, 5)), days=st.integers(0, 6))
def test_what_is_hidden_is_what_reading_every_exception_over_every_alert_gives(
    chosen: list[tuple[str, str, str]], made: list[ExceptionDraft], revoked: set[int], days: int
) -> None:
    with TemporaryDirectory() as folder, closing(Site(Path(folder))) as site:
        site.put(
            *(
                alert(number, rule_id=rule, entity=entity, events=EVENTS[events])
                for number, (rule, entity, events) in enumerate(chosen)
            )
        )
        for number, draft in enumerate(made):
            site.exceptions.create(draft, exception_id=str(number), by="officer")
        for number in revoked & set(range(len(made))):
            site.exceptions.revoke(str(number), by="officer")
        # Ends fall on this very moment too.
        site.clock.time += days * DAY
        standing = {
            str(number): one
            for number, one in enumerate(made)
            if number not in revoked and one.expires_at > site.clock.time
        }
        expected = {
            f"{number:032x}": {
                name
                for name, one in standing.items()
                if one.rule_id in (rule, "*") and _fits(one, entity) and _covers(one, events)
            }
            for number, (rule, entity, events) in enumerate(chosen)
        }
        rows = site.alerts.page([], limit=500).items
        assert {row.alert.id for row in rows} == set(expected)
        for row in rows:
            found = row.exception
            assert (found is not None) == bool(expected[row.alert.id])
            assert found is None or found.id in expected[row.alert.id]
            # The one that ends last is told.
            assert found is None or found.expires_at == max(
                standing[name].expires_at for name in expected[row.alert.id]
            )
        hidden = sum(bool(names) for names in expected.values())
        assert len(site.shown()) == len(chosen) - hidden
        assert site.alerts.page([], hidden=False).total == len(chosen) - hidden
        counts = site.alerts.open_counts()
        assert (counts.open, counts.hidden) == (len(chosen) - hidden, hidden)
        assert sum(one.hidden for one in site.exceptions.counted()) == hidden


def test_an_alert_comes_back_when_its_exception_expires(site: Site) -> None:
    site.put(alert(1))
    site.hide()
    assert site.shown() == []
    site.clock.time += DAY - 1
    assert site.shown() == []
    site.clock.time += 1
    assert site.shown() == [alert(1).id]


def test_an_alert_comes_back_when_its_exception_is_revoked_and_never_changed(site: Site) -> None:
    site.put(alert(1))
    name = site.hide()
    found = site.alerts.get(alert(1).id)
    assert found is not None
    assert found.exception is not None
    assert (found.exception.reason, found.exception.owner) == ("压测，工单 118", "张三")
    assert list(site.alerts.final()) == [alert(1)]
    revoked = site.exceptions.revoke(name, by="other")
    assert (revoked.revoked_by, revoked.revoked_at) == ("other", NOW)
    assert site.shown() == [alert(1).id]
    with pytest.raises(FengsuiError, match=r"collector\.exception\.over"):
        site.exceptions.revoke(name, by="other")
    with pytest.raises(FengsuiError, match=r"collector\.exception\.unknown"):
        site.exceptions.revoke("none", by="other")


def test_the_change_time_tells_of_making_revoking_and_expiring(site: Site) -> None:
    assert site.exceptions.changed_at() == 0
    name = site.hide(expires_at=NOW + 9)
    site.hide(expires_at=NOW + DAY)
    assert site.exceptions.changed_at() == NOW
    site.clock.time += 5
    site.exceptions.revoke(name, by="officer")
    assert site.exceptions.changed_at() == NOW + 5
    site.clock.time = NOW + 2 * DAY
    assert site.exceptions.changed_at() == NOW + DAY


def test_an_exception_of_one_unit_hides_nothing_that_rests_on_another(site: Site) -> None:
    tax, both = alert(1), alert(2, events=("a" * 32, "b" * 32))
    site.put(tax, both, alert(3, events=("c" * 32,)))
    site.hide(units=("tax",))
    assert site.shown() == [both.id, alert(3).id]


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("wide", {"rule_id": "*", "entity": "*"}),
        ("wide", {"rule_id": "*", "entity": "0.0.0.0/0"}),
        ("wide", {"rule_id": "*", "entity": "::/0"}),
        ("network", {"entity": "10.0.0.5/8"}),
        ("entity", {"entity": ""}),
        ("entity", {"entity": "x" * 513}),
        ("entity", {"rule_id": ""}),
        ("reason", {"reason": "  "}),
        ("owner", {"owner": ""}),
        ("units", {"units": ()}),
        ("units", {"units": ("",)}),
        ("expiry", {"expires_at": NOW}),
        ("expiry", {"expires_at": NOW + DAYS_MAX * DAY + 1}),
    ],
)
def test_an_exception_that_says_too_little_or_too_much_is_refused(
    site: Site, code: str, more: dict[str, object]
) -> None:
    with pytest.raises(FengsuiError) as refused:
        site.hide(**more)
    assert refused.value.code == f"collector.exception.{code}"
    assert site.exceptions.counted() == []


def test_more_than_so_many_are_never_in_force_at_once(site: Site) -> None:
    site.database.write(
        lambda state: state.executemany(
            "INSERT INTO exceptions (id, rule_id, entity, reason, owner, created_by, created_at, "
            "expires_at) VALUES (?, 'x', '*', 'r', 'o', 'b', 0, ?)",
            [(str(number), NOW + 2) for number in range(IN_FORCE_MAX)],
        )
    )
    with pytest.raises(FengsuiError, match=r"collector\.exception\.limit"):
        site.hide()
    site.clock.time += 2
    site.hide()


def test_a_preview_counts_what_creating_then_hides_and_warns_of_true_ones(site: Site) -> None:
    old = alert(9, decided_at=NOW - 31 * DAY)
    gone = alert(8, state="withdrawn")
    site.put(
        alert(1),
        alert(2, rule_id="guessing"),
        alert(3, entity="10.0.0.9"),
        alert(4, entity="11.0.0.1"),
        old,
        gone,
    )
    site.alerts.acknowledge(alert(3).id, by="li", verdict="true_positive", note="", at=NOW)
    draft = replace(DRAFT, rule_id="*", entity="10.0.0.0/24", reason="", owner="")
    found = site.alerts.would_hide(draft, NOW)
    assert (found.count, found.judged_true) == (3, 1)
    assert found.by_rule == (("probing", 2), ("guessing", 1))
    assert [row.alert.id for row in found.newest] == [alert(n).id for n in (1, 2, 3)]
    assert site.alerts.open_counts().hidden == 0
    site.hide(rule_id="*", entity="10.0.0.0/24")
    assert set(site.shown()) == {alert(4).id}
    (counted,) = site.exceptions.counted()
    assert (counted.in_force, counted.hidden) == (True, found.count + 1)


def test_a_preview_of_a_recording_looks_at_its_own_last_days(site: Site) -> None:
    site.put(alert(1, decided_at=NOW - 900 * DAY))
    assert site.alerts.would_hide(DRAFT, NOW).count == 1


def test_counts_and_previews_are_of_the_sensors_a_person_sees(site: Site) -> None:
    site.put(alert(1), alert(2, events=("b" * 32,)))
    site.hide()
    seen = frozenset({"gate"})
    assert [one.hidden for one in site.exceptions.counted(seen)] == [1]
    assert site.alerts.would_hide(DRAFT, NOW, seen).count == 1
    assert site.alerts.open_counts(seen).hidden == 1
