"""Public rules over public events: ours against the oracle and against rsigma.

The data is for development only and lies beside the repository, or where ``PUBLIC_DATA``
says; without it these tests skip.
"""

from __future__ import annotations

import gzip
import json
import os
import random
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import sigma_oracle
import yaml
from backends import backends, compiled
from differences import explanation
from peers import PROGRAM, ROOT, Rsigma, rsigma_program

DATA: Final = Path(os.environ.get("PUBLIC_DATA", ROOT.parent / "shared" / "data"))
LABELS: Final = ("_src", "_tactic")

RULES_SHORT: Final = 250
EVENTS_SHORT: Final = 25
"""The oracle needs about a tenth of a millisecond for a rule and an event."""

RULES_BESIDE: Final = 400
"""Rules that the short round asks beside those which the regression cases expect."""

EVENTS_LONG: Final = 400
MUST_COMPILE: Final = 0.99
"""Of the public rules; the rest is refused, with its reason."""

pytestmark = pytest.mark.skipif(
    not (DATA / "sigma" / "rules").is_dir(),
    reason=f"no public rules and events at {DATA}: set PUBLIC_DATA",
)


@cache
def _rules() -> list[tuple[Path, dict[str, Any]]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    paths = sorted((DATA / "sigma" / "rules").rglob("*.yml"))
    paths += sorted((DATA / "sigma" / "rules-other").rglob("*.yml"))
    return [(path, yaml.load(path.read_text(encoding="utf-8"), Loader=loader)) for path in paths]


@cache
def _cases() -> list[dict[str, Any]]:
    text = (DATA / "sigma" / "regression" / "cases.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    # rules, "Field Usage": names as the log source has them, without their blanks.
    return {
        name.replace(" ", ""): value
        for name, value in event.items()
        if name not in LABELS and value is not None and not isinstance(value, float)
    }


@cache
def _events() -> list[dict[str, Any]]:
    with gzip.open(DATA / "evtx-attack" / "atk.jsonl.gz", "rt", encoding="utf-8") as file:
        recorded = [_plain(json.loads(line)) for line in file]
    return recorded + [_plain(event) for case in _cases() for event in case["events"]]


def _compare_with_oracle(rules: list[Any], events: list[dict[str, Any]]) -> int:
    """How many (rule, event) match; fails on any difference."""
    nodes = [(rule, node) for _, rule in rules if (node := compiled(rule)) is not None]
    assert len(nodes) >= MUST_COMPILE * len(rules)
    expected = [
        {at for at, (rule, _) in enumerate(nodes) if sigma_oracle.matches(rule, event)}
        for event in events
    ]
    for name, ask in backends().items():
        found = ask([node for _, node in nodes], events)
        for event, wanted, answer in zip(events, expected, found, strict=True):
            for at in wanted ^ answer:
                rule = nodes[at][0]
                why = explanation("fengsui", rule, event)
                assert why, f"{name}: {at in answer} for {rule['title']!r} and {event}"
    return sum(map(len, expected))


def test_a_sample_of_public_rules_answers_as_the_oracle() -> None:
    chosen = random.Random(5)
    rules = chosen.sample(_rules(), RULES_SHORT)
    _compare_with_oracle(rules, chosen.sample(_events(), EVENTS_SHORT))


def test_the_regression_cases_answer_as_the_oracle() -> None:
    """Each event is asked of the rule of its case, and fires it as often as upstream says or more.

    Of four cases a second or third event meets the rule as well.
    """
    by_id = {rule["id"]: rule for _, rule in _rules()}
    for case in _cases():
        events = [_plain(event) for event in case["events"]]
        for identity in case["expected_rule_ids"]:
            matched = _compare_with_oracle([(None, by_id[identity])], events)
            assert matched >= (case["match_count"] or 1), case["case"]


@pytest.mark.long
def test_all_public_rules_answer_as_the_oracle() -> None:
    events = random.Random(6).sample(_events(), EVENTS_LONG)
    assert _compare_with_oracle(_rules(), events) > 0


def _fired_by_rsigma(
    folder: Path, asked: list[Any], events: list[dict[str, Any]]
) -> tuple[list[set[str]], str]:
    program = rsigma_program()
    if program is None:
        pytest.skip(f"rsigma is not built here: build the rule peer, or name it in {PROGRAM}")
    with Rsigma(program, folder) as peer:
        _, told = peer.load([path for path, _ in asked])
        return peer.hits(events), told


def _compare_with_rsigma(folder: Path, asked: list[Any], events: list[dict[str, Any]]) -> None:
    fired, told = _fired_by_rsigma(folder, asked, events)
    rules = [
        (rule, node)
        for path, rule in asked
        if (node := compiled(rule)) is not None and str(path) not in told
    ]
    for name, ask in backends().items():
        found = ask([node for _, node in rules], events)
        for event, theirs, ours in zip(events, fired, found, strict=True):
            for at, (rule, _) in enumerate(rules):
                if (rule["id"] in theirs) == (at in ours):
                    continue
                # The oracle says who is right; either answer needs its own entry.
                holds = sigma_oracle.matches(rule, event)
                wrong = "rsigma" if holds == (at in ours) else "fengsui"
                why = explanation(wrong, rule, event)
                assert why, f"{name} {at in ours}, oracle {holds}: {rule['title']!r} and {event}"


def _of_cases() -> list[dict[str, Any]]:
    return [_plain(event) for case in _cases() for event in case["events"]]


def test_public_rules_over_regression_events_fire_as_with_rsigma(tmp_path: Path) -> None:
    expected = {identity for case in _cases() for identity in case["expected_rule_ids"]}
    asked = [entry for entry in _rules() if entry[1]["id"] in expected]
    asked += random.Random(7).sample(_rules(), RULES_BESIDE)
    _compare_with_rsigma(tmp_path, asked, _of_cases())


@pytest.mark.long
def test_all_public_rules_over_all_events_fire_as_with_rsigma(tmp_path: Path) -> None:
    _compare_with_rsigma(tmp_path, _rules(), _events())
