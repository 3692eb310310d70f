"""The file of differences: each entry is whole, explains its own example, and is still needed."""

from __future__ import annotations

from pathlib import Path

import pytest
import sigma_oracle
from backends import backends, compiled
from differences import PREDICATES, WHO, Difference, known
from peers import PROGRAM, Rsigma, Sqlite, rsigma_program

ENTRIES = known()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.peer}: {entry.name}")
def test_an_entry_explains_its_own_example(entry: Difference) -> None:
    assert entry.right in WHO
    assert all((entry.what, entry.section, entry.since))
    assert PREDICATES[entry.name](entry.rule, entry.event)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.peer}: {entry.name}")
def test_the_example_of_an_entry_still_differs(entry: Difference, tmp_path: Path) -> None:
    holds = sigma_oracle.matches(entry.rule, entry.event)
    assert _answers(entry, tmp_path) == {not holds}


def _answers(entry: Difference, folder: Path) -> set[bool]:
    if entry.peer == "fengsui":
        node = compiled(entry.rule)
        assert node is not None
        return {bool(ask([node], [entry.event])[0]) for ask in backends().values()}
    if entry.peer == "sqlite":
        answer = Sqlite().ask(entry.rule, [entry.event])
    else:
        program = rsigma_program()
        if program is None:
            pytest.skip(f"rsigma is not built here: build the rule peer, or name it in {PROGRAM}")
        with Rsigma(program, folder) as peer:
            answer = peer.ask(entry.rule, [entry.event])
    assert answer is not None
    return set(answer)


def test_a_difference_has_one_entry_for_each_peer() -> None:
    names = [(entry.peer, entry.name) for entry in ENTRIES]
    assert len(names) == len(set(names))


def test_no_predicate_is_left_over() -> None:
    assert {entry.name for entry in ENTRIES} == set(PREDICATES)
