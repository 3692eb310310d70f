"""Fixtures of the sensor tests; ``watched`` is importable beside them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from watched import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh watched machine."""
    made = Site(tmp_path)
    yield made
    made.kill()
