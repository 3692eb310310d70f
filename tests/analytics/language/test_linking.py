"""Filters and correlations of Sigma trees become rules the engine judges by, with proofs."""

from __future__ import annotations

from pathlib import Path

import pytest
from analytics_world import at, run

from analytics.explain import explain
from analytics.kinds import of
from analytics.rule import EVERYBODY
from analytics.ruleset import RuleSet, load
from schema.alert import Alert

FAILED = """\
title: Failed login
name: failed
id: 11111111-0000-4000-8000-000000000001
status: test
logsource: {product: linux, service: sshd}
detection:
  selection: {event.outcome: failure}
  condition: selection
level: low
"""
SUCCESS = """\
title: Successful login
name: success
id: 11111111-0000-4000-8000-000000000002
status: test
logsource: {product: linux, service: sshd}
detection:
  selection: {event.outcome: success}
  condition: selection
level: low
"""


def correlation(kind: str, more: str, *, rules: str = "[failed]", name: str = "many") -> str:
    return f"""\
title: A correlation
id: 22222222-0000-4000-8000-{name:0>12.12}
name: {name}
status: test
level: high
tags: [attack.t1110]
correlation:
  type: {kind}
  rules: {rules}
  group-by: [source.ip]
  timespan: 60s
{more}"""


def tree(folder: Path, *documents: str) -> RuleSet:
    """The rules of a folder with a file for each text."""
    for number, text in enumerate(documents):
        (folder / f"{number}.yml").write_text(text)
    return load([folder])


def alerts(rules: RuleSet, *events: object, **settings: object) -> list[tuple[str, str, int]]:
    found = run(rules, events, **settings).alerts.values()  # type: ignore[arg-type]
    return sorted((one.rule_id[-4:], one.entity, len(one.events)) for one in found)


def test_a_correlation_counts_the_events_of_its_rule_and_the_rule_is_silent(
    tmp_path: Path,
) -> None:
    rules = tree(tmp_path, FAILED, correlation("event_count", "  condition: {gte: 3}"))
    assert not rules.refused
    (rule,) = rules.rules
    assert (rule.entity_field, rule.severity, rule.techniques) == ("source.ip", 3, ("T1110",))
    many = [at(1), at(2), at(3), at(4, ip="10.0.0.2")]
    assert alerts(rules, *many) == [("many", "10.0.0.1", 3)]
    assert alerts(rules, *many[:2], at(63)) == []


def test_a_rule_fires_alone_as_well_where_the_correlation_says_so(tmp_path: Path) -> None:
    text = correlation("event_count", "  condition: {gte: 2}\n  generate: true")
    rules = tree(tmp_path, FAILED, text)
    assert [one.id[-4:] for one in rules.rules] == ["0001", "many"]


def test_documents_of_one_file_are_a_tree_of_their_own(tmp_path: Path) -> None:
    text = correlation("value_count", "  condition: {gte: 2, field: user.name}")
    rules = tree(tmp_path, f"{FAILED}---\n{text}")
    assert not rules.refused
    events = [at(1, user="a"), at(2, user="a"), at(3, user="b")]
    assert alerts(rules, *events) == [("many", "10.0.0.1", 2)]


@pytest.mark.parametrize(("kind", "fires"), [("temporal", True), ("temporal_ordered", False)])
def test_only_an_ordered_correlation_minds_the_order(
    tmp_path: Path, kind: str, fires: bool
) -> None:
    rules = tree(tmp_path, FAILED, SUCCESS, correlation(kind, "", rules="[failed, success]"))
    assert not rules.refused
    assert bool(alerts(rules, at(1, ok=True), at(2))) is fires
    assert alerts(rules, at(1), at(2, ok=True)) == [("many", "10.0.0.1", 2)]


def test_without_groups_all_events_are_taken_together(tmp_path: Path) -> None:
    text = correlation("event_count", "  condition: {gte: 2}").replace(
        "  group-by: [source.ip]\n", ""
    )
    rules = tree(tmp_path, FAILED, text)
    (rule,) = rules.rules
    assert rule.entity == (EVERYBODY,)
    assert alerts(rules, at(1), at(2, ip="10.0.0.2")) == [("many", "*", 2)]
    (alert,) = run(rules, [at(1), at(2)]).alerts.values()
    assert explain(alert, rule).reason_zh.startswith("全部来源")


def test_aliases_join_fields_of_other_names(tmp_path: Path) -> None:
    text = correlation("temporal_ordered", "", rules="[failed, success]").replace(
        "  group-by: [source.ip]\n",
        "  group-by: [who]\n  aliases:\n    who: {failed: source.ip, success: user.name}\n",
    )
    rules = tree(tmp_path, FAILED, SUCCESS, text)
    assert not rules.refused, rules.refused
    assert alerts(rules, at(1, ip="x"), at(2, user="x", ok=True)) == [("many", "x", 2)]
    assert alerts(rules, at(1, ip="x"), at(2, user="y", ok=True)) == []


def test_a_correlation_over_a_correlation_reads_its_final_alerts(tmp_path: Path) -> None:
    low = correlation("event_count", "  condition: {gte: 2}", name="low")
    high = correlation("event_count", "  condition: {gte: 2}", rules="[low]", name="high").replace(
        "timespan: 60s", "timespan: 3h"
    )
    rules = tree(tmp_path, FAILED, low, high)
    assert not rules.refused, rules.refused
    assert [one.level for one in rules.rules] == [0, 1]
    events = [at(1), at(2), at(4000), at(4001), at(4500, ip="10.0.0.2")]
    found = alerts(rules, *events)
    assert found == [("0low", "10.0.0.1", 2), ("0low", "10.0.0.1", 2), ("high", "10.0.0.1", 4)]
    for partitions in (2, 8):
        assert alerts(rules, *events, partitions=partitions) == found


@pytest.mark.parametrize("group", ["who", "source.ip"])
def test_a_correlation_below_is_grouped_by_its_own_names(tmp_path: Path, group: str) -> None:
    low = correlation("event_count", "  condition: {gte: 2}", name="low").replace(
        "group-by: [source.ip]", "group-by: [who]\n  aliases: {who: {failed: source.ip}}"
    )
    high = correlation("event_count", "  condition: {gte: 1}", rules="[low]", name="high").replace(
        "group-by: [source.ip]", f"group-by: [{group}]"
    )
    rules = tree(tmp_path, FAILED, low, high)
    assert not rules.refused, rules.refused
    found = alerts(rules, at(1), at(2))
    assert found == [("0low", "10.0.0.1", 2), ("high", "10.0.0.1", 2)]


def test_a_refused_correlation_silences_nothing(tmp_path: Path) -> None:
    rules = tree(tmp_path, FAILED, correlation("event_count", "  condition: {gte: 99999999}"))
    assert ["gte of event_count" in one.reason for one in rules.refused] == [True]
    assert [one.id[-1] for one in rules.rules] == ["1"]


def test_of_two_correlations_of_one_id_the_second_is_refused(tmp_path: Path) -> None:
    text = correlation("event_count", "  condition: {gte: 3}")
    rules = tree(tmp_path, FAILED, text, text.replace("gte: 3", "gte: 4"))
    assert [one.id[-4:] for one in rules.rules] == ["many"]
    (refusal,) = rules.refused
    assert (refusal.path, "another correlation has id" in refusal.reason) == ("2.yml", True)


def test_a_filter_narrows_the_rules_it_names(tmp_path: Path) -> None:
    text = """\
title: Not from the scanner
id: 33333333-0000-4000-8000-000000000001
logsource: {product: linux, service: sshd}
filter:
  rules: [failed]
  ours: {source.ip: 10.0.0.9}
  condition: not ours
"""
    rules = tree(tmp_path, FAILED, SUCCESS, text)
    assert not rules.refused
    found = run(rules, [at(1), at(2, ip="10.0.0.9"), at(3, ip="10.0.0.9", ok=True)]).alerts
    assert {one.rule_id[-1] for one in found.values()} == {"1", "2"}
    assert len(found) == 2


@pytest.mark.parametrize(
    ("documents", "why"),
    [
        ([correlation("event_count", "  condition: {gte: 3}")], "'failed' it names is not here"),
        ([FAILED, correlation("mode", "  condition: {gte: 3}")], "type is one of"),
        (
            [
                FAILED.replace("linux", "abacus"),
                correlation("event_count", "  condition: {gte: 1}"),
            ],
            "is not here",
        ),
        (
            [
                correlation("event_count", "  condition: {gte: 1}", rules="[b]", name="a"),
                correlation("event_count", "  condition: {gte: 1}", rules="[a]", name="b"),
            ],
            "in a circle",
        ),
        (
            [FAILED, correlation("value_avg", "  condition: {field: no.such, gte: 1}")],
            "no field 'no.such'",
        ),
        (
            # A slash would part the names of its state in a snapshot at another place.
            [
                FAILED,
                correlation("event_count", "  condition: {gte: 2}").replace("id: 2", "id: a/2"),
            ],
            "is not letters",
        ),
        (
            [FAILED, correlation("temporal", f"  condition: '{'failed and ' * 9000} failed'")],
            "at most 4096 characters",
        ),
    ],
)
def test_what_cannot_be_linked_is_refused(tmp_path: Path, documents: list[str], why: str) -> None:
    refused = tree(tmp_path, *documents).refused
    assert any(why in one.reason for one in refused), refused


def test_every_kind_of_correlation_describes_and_explains_itself(tmp_path: Path) -> None:
    figures = {
        "value_sum": "gte: 10",
        "value_avg": "gte: 4",
        "value_median": "gte: 4",
        "value_percentile": "gte: 4, percentile: 50",
    }
    for kind, condition in figures.items():
        folder = tmp_path / kind
        folder.mkdir()
        text = correlation(kind, f"  condition: {{field: http.response.body.bytes, {condition}}}")
        rules = tree(folder, FAILED, text)
        assert not rules.refused, rules.refused
        (rule,) = rules.rules
        events = [at(n, **{"http.response.body.bytes": 5}) for n in (1, 2, 3)]
        found: list[Alert] = list(run(rules, events).alerts.values())
        assert len(found) == 1, kind
        assert all(explain(found[0], rule).counterfactual_zh)
        assert all(of(rule.pattern).describe(rule))
