"""The table of what datasets carry knows each field the cases of shipped rules have."""

from __future__ import annotations

from analytics.authoring import cases
from analytics.authoring.linting.conditions import carried
from analytics.ruleset import SHIPPED
from schema.fields import catalogue


def test_events_of_the_shipped_cases_carry_no_field_the_table_lacks() -> None:
    for path in sorted(SHIPPED.glob("*/*/cases.jsonl")):
        for case in cases.read(path):
            for moment in cases.moments(case):
                known = carried(str(moment.fields["event.dataset"]))
                # A dataset that is not in the table is not judged: each of a thousand Windows
                # events has fields of its own.
                assert known is None or moment.fields.keys() <= known, path
    assert carried("a.dataset.of.nobody") is None


def test_the_table_names_fields_of_the_catalogue() -> None:
    for dataset in ("nginx.access", "postgresql.log", "system.auth"):
        assert (carried(dataset) or set()) <= catalogue().keys()
