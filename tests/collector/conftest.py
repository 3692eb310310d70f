"""A site for each test, closed behind it; ``collected`` is importable beside these tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from collected import FakeSensor, Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A collector with the sensor ``gate`` enrolled."""
    opened = Site(tmp_path)
    opened.enrol()
    yield opened
    opened.close()


@pytest.fixture
def sensor() -> FakeSensor:
    """The sensor ``gate``, with its own chain."""
    return FakeSensor()
