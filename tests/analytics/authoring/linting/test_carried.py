"""The table of what datasets carry knows each field the cases of shipped rules have."""

from __future__ import annotations

from analytics.authoring import cases
from analytics.authoring.linting.conditions import carried
from analytics.ruleset import SHIPPED
from schema.event import ADDED
from schema.fields import catalogue

_OPEN = ("windows.", "fengsui.alert")
"""Each of a thousand Windows events has fields of its own, and so have the entities of alerts."""


def test_events_of_the_shipped_cases_carry_no_field_the_table_lacks() -> None:
    for path in sorted(SHIPPED.glob("*/*/cases.jsonl")):
        for case in cases.read(path):
            for moment in cases.moments(case):
                dataset = str(moment.fields["event.dataset"])
                if dataset.startswith(_OPEN):
                    continue
                known = carried(dataset)
                assert known is not None, dataset
                assert moment.fields.keys() <= known, path
    assert carried("a.dataset.of.nobody") is None


def test_the_table_names_fields_of_the_catalogue() -> None:
    for dataset in ("nginx.access", "postgresql.log", "system.auth"):
        assert (carried(dataset) or set()) <= catalogue().keys()


def test_what_the_collector_adds_and_the_mask_tells_may_stand_in_any_event() -> None:
    masked = {"gov.mask.rule", "gov.pii.count", "gov.subject.id_hmac", "gov.subject.adjacent"}
    assert (ADDED | masked) <= (carried("nginx.access") or set())
