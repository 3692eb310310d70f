"""The journeys' short recording, their watched machine and the engine's worlds serve here too."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "analytics"))
sys.path.insert(0, str(Path(__file__).parent.parent / "analytics" / "streaming"))
sys.path.insert(0, str(Path(__file__).parent.parent / "journeys"))
sys.path.insert(0, str(Path(__file__).parent))

import journey


@pytest.fixture(scope="session")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short recording: three and a half hours of the shipped one."""
    return journey.evening(tmp_path_factory)


@pytest.fixture(scope="session")
def evening_folder(evening: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished data folder of the short recording; copy it before you change it."""
    return journey.evening_folder(evening, tmp_path_factory)
