"""Faults are measured: how fast each was recovered from goes to a file documents are made of."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "journeys"), str(HERE.parent / "contracts")]

from measures import Measures  # noqa: E402 - found by the path above

_measures = Measures()


@pytest.fixture(scope="session")
def measures() -> Iterator[Measures]:
    yield _measures
    _measures.write()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _measures.rows:
        terminalreporter.section("recovery from faults")
        for line in _measures.lines():
            terminalreporter.line(line)
