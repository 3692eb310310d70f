"""A deferred module is loaded by the first use of anything taken from it, and not before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analytics.models.deferred import deferred

NAME = "fengsui_test_late"


@pytest.fixture(autouse=True)
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{NAME}.py").write_text(
        "class Table:\n    size = 3\n\ndef twice(n):\n    return 2 * n\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, NAME, raising=False)


def test_what_was_taken_from_it_works_once_it_is_used() -> None:
    with deferred(NAME):
        from fengsui_test_late import Table, twice  # type: ignore[import-not-found]
    assert NAME not in sys.modules
    assert twice(4) == 8
    assert NAME in sys.modules
    assert Table.size == 3


def test_a_module_already_loaded_stays_itself() -> None:
    import fengsui_test_late

    with deferred(NAME):
        assert sys.modules[NAME] is fengsui_test_late
    assert sys.modules[NAME] is fengsui_test_late


def test_the_trainer_does_without_the_statistics_of_scipy() -> None:
    code = (
        "import sys; from analytics.models.train import train; "
        "train([(n, n, n, n, n, n) for n in range(300)]); print('scipy.stats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_what_is_used_at_once_is_loaded_at_once() -> None:
    with deferred(NAME):
        from fengsui_test_late import twice

        assert twice(4) == 8
    assert sys.modules[NAME].twice is not twice
