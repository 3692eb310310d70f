"""Alerts are stored once, revised in the open, judged beside and listed newest first."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.state.alerts import Alerts
from collector.state.database import Database
from schema.alert import Alert, Closing, Condition
from schema.coverage import CoverageRow
from schema.errors import FengsuiError
from schema.filter import parse
from schema.times import HOUR, to_text


@pytest.fixture
def alerts(tmp_path: Path) -> Iterator[Alerts]:
    database = Database(tmp_path / "state.db")
    yield Alerts(database)
    database.close()


def _alert(number: int, **other: object) -> Alert:
    values = {
        "id": f"{number:032x}",
        "rule_id": "host-ssh-password-guessing",
        "rule_version": 1,
        "entity_field": "source.ip",
        "entity": f"127.0.0.{number}",
        "cell": 0,
        "decided_at": number * HOUR,
        "severity": number % 5,
        "score": 50,
        "conditions": (Condition(name="count", value=9, threshold=8, comparison="gte"),),
        "events": ("aa" * 16,),
        "count": 9,
        "state": "final",
    }
    return Alert(**(values | other))  # type: ignore[arg-type]


def _commit(alerts: Alerts, *items: Alert, **other: object) -> None:
    alerts.commit(items, (), **({"snapshot": {}, "received_at": 1} | other))  # type: ignore[arg-type]


def test_an_alert_stored_again_changes_nothing(alerts: Alerts) -> None:
    _commit(alerts, _alert(1))
    _commit(alerts, _alert(1))
    assert alerts.last_seq() == 1
    assert len(alerts.revisions(_alert(1).id)) == 1


def test_a_revision_keeps_the_history_and_moves_in_the_stream(alerts: Alerts) -> None:
    _commit(alerts, _alert(1, state="provisional"), _alert(2))
    _commit(alerts, _alert(1, state="final", count=10))
    assert [r.alert.state for r in alerts.revisions(_alert(1).id)] == ["provisional", "final"]
    assert [stored.alert.id for stored in alerts.since(1)] == [_alert(2).id, _alert(1).id]


def test_only_final_alerts_are_final(alerts: Alerts) -> None:
    _commit(alerts, _alert(3), _alert(1), _alert(2, state="withdrawn"))
    assert [alert.entity for alert in alerts.final()] == ["127.0.0.1", "127.0.0.3"]


def test_the_snapshot_comes_back_as_last_committed(alerts: Alerts) -> None:
    _commit(alerts, snapshot={"a": b"1", "b": b"2"})
    _commit(alerts, snapshot={"a": b"3", "b": b""})
    assert alerts.snapshot() == {"a": b"3"}


def test_a_walk_through_the_snapshot_sees_one_moment_while_others_commit(alerts: Alerts) -> None:
    old = {f"{number:04d}": b"old" for number in range(5000)}
    _commit(alerts, snapshot=old)
    walk = iter(alerts.snapshot().items())
    first = [next(walk)]
    _commit(alerts, snapshot=dict.fromkeys(old, b"new") | {"9999": b"new"})
    assert dict(first + list(walk)) == old
    assert (len(alerts.snapshot()), alerts.snapshot()["9999"]) == (5001, b"new")
    assert list(alerts.snapshot())[-1:] == ["9999"]
    assert alerts.snapshot().get("none") is None


def test_of_a_past_that_breaks_off_nothing_is_adopted(alerts: Alerts) -> None:
    def broken() -> Iterator[tuple[str, bytes]]:
        yield "a", b"1"
        raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken off"):
        alerts.adopt(broken())
    assert not alerts.snapshot()
    assert alerts.adopt([("a", b"1"), ("b", b"2")]) == 2
    assert alerts.snapshot() == {"a": b"1", "b": b"2"}


def test_a_failed_commit_leaves_nothing_behind(alerts: Alerts) -> None:
    broken = Closing(alert_id=_alert(1).id, count=2**70, last_at=0)
    with pytest.raises(OverflowError):
        alerts.commit([_alert(1)], [broken], snapshot={"a": b"1"}, received_at=1)
    assert alerts.snapshot() == {}
    assert alerts.get(_alert(1).id) is None


def test_coverage_adds_up_and_keeps_the_greatest_lag(alerts: Alerts) -> None:
    for lag in (7, 3):
        row = CoverageRow(minute=60, sensor="gate", dataset="t", events=2, lag_max_us=lag)
        alerts.commit((), (), snapshot={}, coverage=[row], received_at=1)
    with alerts._database.read() as state:
        found = state.execute("SELECT events, lag_max_us FROM coverage").fetchall()
    assert [tuple(row) for row in found] == [(4, 7)]


def test_a_closing_shows_in_count_and_last_time(alerts: Alerts) -> None:
    _commit(alerts, _alert(1))
    alerts.commit(
        (), [Closing(alert_id=_alert(1).id, count=40, last_at=9)], snapshot={}, received_at=2
    )
    stored = alerts.get(_alert(1).id)
    assert stored is not None
    assert (stored.count, stored.last_at, stored.alert.count) == (40, 9, 9)


def test_pages_go_through_all_alerts_newest_first(alerts: Alerts) -> None:
    _commit(alerts, *[_alert(number) for number in range(1, 8)])
    seen: list[str] = []
    cursor = ""
    while True:
        page = alerts.page((), limit=3, cursor=cursor)
        assert page.total == 7
        seen += [stored.alert.entity for stored in page.items]
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == [f"127.0.0.{number}" for number in range(7, 0, -1)]


@pytest.mark.parametrize("cursor", ["x", "--5.aa", "9" * 19 + ".aa", "5", "5.'"])
def test_a_cursor_no_page_gave_is_refused(alerts: Alerts, cursor: str) -> None:
    with pytest.raises(FengsuiError) as raised:
        alerts.page((), cursor=cursor)
    assert raised.value.code == "collector.alert.cursor"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("severity:critical", [4]),
        ("severity:3..4", [4, 3]),
        ("-severity:high", [4, 2, 1]),
        ("source.ip:127.0.0.2", [2]),
        ("-source.ip:127.0.0.2", [4, 3, 1]),
        ("user.name:*", []),
        ("-user.name:127.0.0.2", [4, 3, 2, 1]),
        ("entity:*0.0.3*", [3]),
        ("rule.id:host-*", [4, 3, 2, 1]),
        ("rule.id:%", []),
        (f"@timestamp:{to_text(2 * HOUR)}..{to_text(3 * HOUR)}", [3, 2]),
        ("@timestamp:1970-01-01..1970-01-01", [4, 3, 2, 1]),
        ("@timestamp:1970-01-01T03:00:00Z..", [4, 3]),
        ("@timestamp:1970-01-01T08:00+08:00..1970-01-01T10:00+08:00", [2, 1]),
        ("guessing", [4, 3, 2, 1]),
    ],
)
def test_filters_choose_as_they_say(alerts: Alerts, text: str, found: list[int]) -> None:
    _commit(alerts, *[_alert(number) for number in range(1, 5)])
    page = alerts.page(parse(text))
    assert [stored.alert.entity for stored in page.items] == [f"127.0.0.{n}" for n in found]


@pytest.mark.parametrize("text", ["severity:worst", "rule.id:a..b", "@timestamp:yesterday"])
def test_a_filter_that_makes_no_sense_is_refused(alerts: Alerts, text: str) -> None:
    with pytest.raises(FengsuiError):
        alerts.page(parse(text))


def test_a_verdict_stands_beside_the_alert_and_never_changes_it(alerts: Alerts) -> None:
    _commit(alerts, _alert(1))
    before = alerts.final()
    alerts.acknowledge(_alert(1).id, by="li", verdict="true_positive", note="", at=5)
    stored = alerts.get(_alert(1).id)
    assert stored is not None
    assert stored.decision is not None
    assert (stored.decision.by, stored.decision.verdict) == ("li", "true_positive")
    assert [msgspec.json.encode(a) for a in alerts.final()] == [
        msgspec.json.encode(a) for a in before
    ]
    assert alerts.page((), judged=False).total == 0
    assert alerts.open_counts().open == 0


def test_the_newest_verdict_counts_and_the_others_stay(alerts: Alerts) -> None:
    _commit(alerts, _alert(1))
    alerts.acknowledge(_alert(1).id, by="li", verdict="benign", note="", at=5)
    alerts.acknowledge(_alert(1).id, by="wu", verdict="true_positive", note="seen again", at=6)
    assert [decision.verdict for decision in alerts.decisions(_alert(1).id)] == [
        "benign",
        "true_positive",
    ]
    assert alerts.page(parse("verdict:true_positive")).total == 1


@pytest.mark.parametrize("verdict", ["false_positive", "accepted"])
def test_some_verdicts_need_a_note(alerts: Alerts, verdict: str) -> None:
    _commit(alerts, _alert(1))
    with pytest.raises(FengsuiError, match="needs a note"):
        alerts.acknowledge(_alert(1).id, by="li", verdict=verdict, note=" ", at=5)


def test_an_unknown_alert_cannot_be_judged(alerts: Alerts) -> None:
    with pytest.raises(FengsuiError, match="no alert"):
        alerts.acknowledge("00", by="li", verdict="benign", note="", at=5)


def test_open_alerts_are_counted_by_severity_and_rule(alerts: Alerts) -> None:
    _commit(alerts, _alert(1), _alert(2), _alert(7), _alert(3, state="withdrawn"))
    counts = alerts.open_counts()
    assert (counts.open, counts.by_severity) == (3, (0, 1, 2, 0, 0))
    assert counts.by_rule == (("host-ssh-password-guessing", 3),)


@pytest.mark.parametrize(
    ("visible", "shown"),
    [(None, 2), (frozenset({"gate", "db"}), 2), (frozenset({"gate"}), 1), (frozenset(), 0)],
)
def test_an_alert_shows_only_to_who_sees_all_of_its_sensors(
    tmp_path: Path, visible: frozenset[str] | None, shown: int
) -> None:
    sensors = {"aa" * 16: "gate", "bb" * 16: "db"}
    database = Database(tmp_path / "scoped.db")
    alerts = Alerts(database, sensors.get)
    _commit(alerts, _alert(1), _alert(2, events=("aa" * 16, "bb" * 16)))
    assert alerts.page((), visible=visible).total == shown
    assert alerts.open_counts(visible).open == shown
    database.close()
