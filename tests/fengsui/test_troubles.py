"""The pages tell in words what /readyz names by code."""

import json
from pathlib import Path

import pytest

from fengsui import platform_rules
from fengsui.troubles import told

MESSAGES = Path(__file__).parents[2] / "ui" / "src" / "i18n" / "zh.json"
BUS = ("总线不可达", "The bus is not reached")


def test_a_site_that_is_well_is_told_nothing_of() -> None:
    assert told([], []) == []


def test_a_bus_that_stands_still_for_two_parts_and_a_minute_is_one_sentence() -> None:
    codes = ["schema.bus.unacknowledged", "schema.bus.unreachable", platform_rules.BUS_UNREACHABLE]
    (one,) = told(codes, [])
    assert (one.title_zh, one.title_en) == BUS
    assert one.failing


def test_failures_stand_before_what_only_needs_a_person() -> None:
    found = told(["collector.storage.full"], ["fengsui.retention.clock"])
    assert [one.failing for one in found] == [True, False]


def test_a_code_without_words_shows_all_the_same() -> None:
    (one,) = told(["OSError"], [])
    assert "OSError" in one.title_zh
    assert "OSError" in one.title_en


@pytest.mark.parametrize("rule", sorted(platform_rules.RULES))
def test_every_own_alert_is_told_by_its_title(rule: str) -> None:
    (one,) = told([], [rule])
    assert one.title_zh == platform_rules.RULES[rule].title_zh
    assert not one.failing


@pytest.mark.parametrize(
    "key",
    [
        "kind.platform", "system.platform", "field.platform.part", "part.pipeline",
        "part.arrivals", "part.workers", "part.batches", "part.watermark",
        "part.disk", "condition.silence_seconds",
        "condition.lasting_seconds", "condition.behind_seconds", "condition.records",
        "condition.days_left",
    ],
)  # fmt: skip
def test_the_page_has_words_for_everything_an_own_alert_names(key: str) -> None:
    assert key in json.loads(MESSAGES.read_text("utf-8"))
