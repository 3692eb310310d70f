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
                dataset = str(moment.fields["event.dataset"])
                if dataset.startswith("windows."):
                    # Each of a thousand Windows events has fields of its own: no table lists them.
                    continue
                known = carried(dataset)
                assert known is not None
                assert moment.fields.keys() <= known, path
    assert carried("a.dataset.of.nobody") is None


def test_the_table_names_fields_of_the_catalogue() -> None:
    for dataset in ("nginx.access", "postgresql.log", "system.auth"):
        assert (carried(dataset) or set()) <= catalogue().keys()
