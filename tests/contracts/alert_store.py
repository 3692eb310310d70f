"""What every AlertStore promises; each adapter's test class inherits this one."""

import msgspec
import pytest

from schema.alert import Alert, Closing, Condition
from schema.coverage import CoverageRow
from schema.ports import AlertStore


def alert_of(number: int, **more: object) -> Alert:
    """A final alert with an id of its own."""
    values = {
        "id": f"{number:032x}",
        "rule_id": "gateway-path-probing",
        "rule_version": 1,
        "entity_field": "source.ip",
        "entity": "10.0.0.1",
        "cell": 0,
        "decided_at": number,
        "severity": 2,
        "score": 60,
        "conditions": (Condition(name="event_count", value=30, threshold=30, comparison="gte"),),
        "events": ("a" * 32,),
        "count": 30,
        "state": "final",
    }
    return Alert(**(values | more))  # type: ignore[arg-type]


class AlertStoreContract:
    """Inherit it and give a fixture ``store``."""

    def test_final_alerts_come_in_id_order(self, store: AlertStore) -> None:
        alerts = [alert_of(3), alert_of(1), alert_of(2, state="provisional")]
        store.commit(alerts, (), snapshot={}, received_at=1)
        assert list(store.final()) == [alert_of(1), alert_of(3)]

    def test_a_revision_replaces_and_a_withdrawal_takes_away(self, store: AlertStore) -> None:
        store.commit([alert_of(1), alert_of(2)], (), snapshot={}, received_at=1)
        revised = alert_of(1, count=31)
        withdrawn = msgspec.structs.replace(alert_of(2), state="withdrawn")
        store.commit([revised, withdrawn], (), snapshot={}, received_at=2)
        assert list(store.final()) == [revised]

    def test_committing_the_same_again_changes_nothing(self, store: AlertStore) -> None:
        for _ in range(2):
            store.commit(
                [alert_of(1)],
                [Closing(alert_id=alert_of(1).id, count=3, last_at=5)],
                snapshot={"a": b"1"},
                coverage=[CoverageRow(minute=0, sensor="gate", dataset="x", events=1)],
                received_at=1,
            )
        assert list(store.final()) == [alert_of(1)]
        assert store.snapshot() == {"a": b"1"}

    def test_a_snapshot_part_is_kept_replaced_or_deleted(self, store: AlertStore) -> None:
        store.commit((), (), snapshot={"a": b"1", "b": b"2"}, received_at=1)
        store.commit((), (), snapshot={"a": b"", "c": b"\0"}, received_at=2)
        assert store.snapshot() == {"b": b"2", "c": b"\0"}

    @pytest.mark.parametrize("broken", [alert_of(1, state="unheard-of")])
    def test_a_failed_commit_changes_nothing_at_all(self, store: AlertStore, broken: Alert) -> None:
        with pytest.raises(Exception, match=r".+"):
            store.commit([alert_of(2), broken], (), snapshot={"a": b"1"}, received_at=1)
        assert list(store.final()) == []
        assert store.snapshot() == {}
