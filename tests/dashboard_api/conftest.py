"""A site for each test, closed behind it; ``standin`` is importable beside these tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from standin import StandIn


@pytest.fixture
def site(tmp_path: Path) -> Iterator[StandIn]:
    """A site in memory behind the real API."""
    opened = StandIn(tmp_path)
    yield opened
    opened.close()
