"""Pages registered in the settings become one source of the local sensor."""

from __future__ import annotations

from pathlib import Path

import pytest

from fengsui import host
from fengsui.clock import SystemClock
from fengsui.settings import SensorSettings, load
from schema.errors import FengsuiError


def settings(folder: Path, lines: str) -> SensorSettings:
    path = folder / "fengsui.toml"
    path.write_text("[sensor]\ninventory = false\n[[sensor.probe]]\nname = 'p'\n" + lines, "utf-8")
    return load(path, {}).sensor


def kinds(folder: Path, lines: str) -> list[str]:
    return [one.kind for one in host.sources(settings(folder, lines), SystemClock(), folder)]


def test_a_registered_page_is_probed(tmp_path: Path) -> None:
    found = kinds(tmp_path, "url = 'https://a.example/'\nconsent = 'office'\n")

    assert found.count("probe") == 1


def test_without_a_registered_page_nothing_is_probed(tmp_path: Path) -> None:
    found = host.sources(SensorSettings(inventory=False), SystemClock(), tmp_path)

    assert "probe" not in [one.kind for one in found]


@pytest.mark.parametrize(
    "lines",
    [
        "url = 'https://a.example/'\n",
        "url = 'https://a.example/'\nconsent = 'o'\nevery_seconds = 59\n",
        "url = 'https://u:p@a.example/'\nconsent = 'o'\n",
        "url = 'https://a.example/'\nconsent = 'o'\nvolatile = ['(']\n",
    ],
)
def test_a_page_that_may_not_be_asked_so_stops_the_start(tmp_path: Path, lines: str) -> None:
    with pytest.raises(FengsuiError):
        kinds(tmp_path, lines)
