"""Logs are read while servers write them."""

from __future__ import annotations

from pathlib import Path

from living.logs import Grown


def test_each_whole_line_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    grown = Grown(path)
    assert list(grown.lines()) == []
    path.write_text("one\ntw", encoding="utf-8")
    assert list(grown.lines()) == ["one"]
    with path.open("a", encoding="utf-8") as file:
        file.write("o\n三\n")
    assert list(grown.lines()) == ["two", "三"]
    assert list(grown.lines()) == []
