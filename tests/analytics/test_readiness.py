"""A rule that cannot judge says why: no such log, no register, no places, or still learning."""

from __future__ import annotations

from analytics_world import FAILURE, SUCCESS, compiled, detection

from analytics.readiness import Hindrance, Known, hindrances
from analytics.rule import Rule
from schema.times import DAY

LEARNING = compiled(
    id="new",
    entity="user.name",
    detection=detection(**FAILURE),
    new_term={"fields": "source.ip", "history": "30d", "learn": "7d"},
)
LOOKING_UP = compiled(
    id="leaver",
    entity="user.name",
    detection=detection(**SUCCESS),
    where=[{"lookup": {"register": "leavers", "key": ["user.name"]}}],
)
PLACED = compiled(
    id="travel",
    entity="user.name",
    detection=detection(**SUCCESS),
    unique={"field": "source.geo.country_iso_code", "within": "1h"},
)


def known(now: int = 10 * DAY, *, geo: bool = True, register: bool = True, **more: object) -> Known:
    given = {"began": {"system.auth": 0}, **more}
    return Known(now=now, register=lambda name: register, geo=geo, **given)  # type: ignore[arg-type]


def codes(rule: Rule, what: Known) -> list[str]:
    return [one.code for one in hindrances(rule, what)]


def test_a_rule_that_has_all_it_needs_has_nothing_in_its_way() -> None:
    for rule in (LEARNING, LOOKING_UP, PLACED):
        assert not hindrances(rule, known())


def test_a_log_that_nobody_sends_is_named() -> None:
    (why,) = hindrances(LOOKING_UP, known(began={"nginx.access": 0}))
    assert why == Hindrance(code="no_source", names=("system.auth",))


def test_a_register_that_was_never_imported_is_named() -> None:
    (why,) = hindrances(LOOKING_UP, known(register=False))
    assert why == Hindrance(code="no_register", names=("leavers",))


def test_a_register_of_networks_that_was_never_imported_is_named() -> None:
    rule = compiled(
        id="abroad",
        entity="user.name",
        detection=detection(**SUCCESS),
        where=[{"network": {"register": "ip_ranges", "field": "source.ip"}}],
    )
    (why,) = hindrances(rule, known(register=False))
    assert why == Hindrance(code="no_register", names=("ip_ranges",))


def test_without_a_geo_file_a_rule_on_places_says_so() -> None:
    assert codes(PLACED, known(geo=False)) == ["no_geo"]
    assert not codes(LOOKING_UP, known(geo=False))


def test_learning_is_over_so_long_after_the_first_event() -> None:
    (why,) = hindrances(LEARNING, known(now=6 * DAY))
    assert why == Hindrance(code="warming_up", until=7 * DAY)


def test_a_rule_rolled_out_later_learns_from_then_on() -> None:
    (why,) = hindrances(LEARNING, known(since={"new": 5 * DAY}))
    assert why.until == 12 * DAY


def test_a_step_that_must_not_come_needs_no_log_of_its_own() -> None:
    rule = compiled(
        id="unapproved",
        entity="user.name",
        sequence={
            "within": "10m",
            "steps": [
                {
                    "name": "approve",
                    "absent": True,
                    "logsource": {"category": "application"},
                    "detection": detection(**{"event.action": "approve"}),
                },
                {"name": "issue", "detection": detection(**SUCCESS)},
            ],
        },
    )
    assert "no_source" not in codes(rule, known())
