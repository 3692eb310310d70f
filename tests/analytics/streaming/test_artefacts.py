"""Artefacts are named by their bytes, and read once for all stages of a process."""

from __future__ import annotations

import msgspec
import pytest
from analytics_world import event_rule, kind_rule, ruleset, threshold_rule
from stream_world import Shelf
from test_simulation_kinds import RULES

from analytics.memory import NEVER
from analytics.roll import ROWS_MAX
from analytics.streaming import artefacts
from analytics.streaming.artefacts import (
    KEPT_MAX,
    ROWS_BYTES_MAX,
    Library,
    name_of,
    rows_from_bytes,
    rows_to_bytes,
    rules_from_bytes,
    rules_to_bytes,
)
from schema.compressed import compress
from schema.errors import FengsuiError

REFUSED = r"stream\.artefact_refused"


def test_rules_come_back_as_they_were() -> None:
    read = rules_from_bytes(rules_to_bytes(RULES))
    assert read.rules == RULES.rules
    assert read.digest == RULES.digest
    assert [rule.stamp for rule in read.rules] == [rule.stamp for rule in RULES.rules]


def test_rules_of_another_engine_are_refused() -> None:
    raw = compress(msgspec.msgpack.encode([artefacts.ENGINE_VERSION + 1, "00", []]))
    with pytest.raises(FengsuiError, match=REFUSED):
        rules_from_bytes(raw)


def test_rows_come_back_as_they_were() -> None:
    rows = [(("a", "b"), 1, NEVER), (("c", "d"), -5, 9)]
    assert rows_from_bytes(rows_to_bytes(rows)) == rows


def test_more_rows_than_may_be_watched_are_refused() -> None:
    rows = [((str(number),), 0, 1) for number in range(artefacts.ROWS_MAX + 1)]
    with pytest.raises(FengsuiError, match=REFUSED):
        rows_from_bytes(compress(msgspec.msgpack.encode(rows)))


@pytest.mark.parametrize("read", [rules_from_bytes, rows_from_bytes])
@pytest.mark.parametrize("raw", [b"", b"x" * 50, compress(b"\xc1"), compress(b"\x01")])
def test_other_bytes_are_refused(read, raw: bytes) -> None:
    with pytest.raises(FengsuiError, match=REFUSED):
        read(raw)


def test_bytes_that_are_not_those_of_the_name_are_refused() -> None:
    shelf = Shelf()
    name = shelf.put(rules_to_bytes(RULES))
    shelf.held[name] = rules_to_bytes(ruleset(event_rule()))
    with pytest.raises(FengsuiError, match=REFUSED):
        Library(shelf).rules(name)


def test_stages_share_rules_and_what_is_compiled_of_them() -> None:
    shelf = Shelf()
    library = Library(shelf)
    name = shelf.put(rules_to_bytes(RULES))
    rules = library.rules(name)
    assert library.rules(name) is rules
    questions = next(iter(rules.questions(range(len(rules.rules))).values()))
    assert rules.plan(questions) is rules.plan(questions)
    other = next(iter(rules.questions(range(1, len(rules.rules) + 1)).values()))
    assert rules.plan(other) is not rules.plan(questions)


def test_old_rule_sets_are_let_go_of() -> None:
    shelf = Shelf()
    library = Library(shelf)
    names = [
        shelf.put(rules_to_bytes(ruleset(threshold_rule(count), digest=f"{count:02}")))
        for count in range(2, 2 + KEPT_MAX + 3)
    ]
    first = library.rules(names[0])
    for name in names:
        library.rules(name)
    assert library.rules(names[-1]) is library.rules(names[-1])
    assert library.rules(names[0]) is not first


def test_a_name_is_the_sm3_of_the_bytes() -> None:
    assert name_of(b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_of_rows_the_spans_are_kept() -> None:
    shelf = Shelf()
    name = shelf.put(rows_to_bytes([(("a",), 0, 5), (("a",), 5, 9), (("b",), 3, 3)]))
    assert Library(shelf).spans(name) == {"a": ((0, 9),)}


def test_a_rule_of_every_pattern_travels() -> None:
    rule = kind_rule("absence", {"within": "90s", "register": "hosts"})
    assert rules_from_bytes(rules_to_bytes(ruleset(rule))).rules == (rule,)


def test_what_no_stage_would_read_is_not_written() -> None:
    rows = [((f"{number}",), 0, 1) for number in range(ROWS_MAX + 1)]
    with pytest.raises(FengsuiError, match="register_large"):
        rows_to_bytes(rows)
    with pytest.raises(FengsuiError, match="artefact_refused"):
        rows_to_bytes([(("x" * (ROWS_BYTES_MAX + 1),), 0, 1)])
    assert rows_from_bytes(rows_to_bytes(rows[1:])) == rows[1:]
