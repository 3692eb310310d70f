"""Peers: other evaluators of Sigma, asked the same questions; each under one call.

``sqlite`` is pySigma's SQLite backend, its query run over the events in memory. ``rsigma`` is the
Rust crate ``rsigma-eval``, through the program of the benchmarks, where it is built.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import yaml

Rule = Mapping[str, Any]
Event = Mapping[str, Any]
Answer = list[bool] | None
"""For each event whether the rule matches; None where the peer refuses the rule or the events."""

ROOT: Final = Path(__file__).resolve().parents[3]
PROGRAM: Final = "FENGSUI_RSIGMA"
"""Environment variable with the path of the built program, where it lies elsewhere."""


class Sqlite:
    """A table with a column for each field of the events; no list fits into one."""

    def __init__(self) -> None:
        from sigma.backends.sqlite import sqliteBackend

        # The table is ours, so its equality must be told to forget case.
        self._backend = sqliteBackend(collate_nocase=True, fulltext_field="fulltext")

    def ask(self, rule: Rule, events: Sequence[Event]) -> Answer:
        from sigma.collection import SigmaCollection
        from sigma.exceptions import SigmaError

        if any(isinstance(value, list) for event in events for value in event.values()):
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                queries = self._backend.convert(SigmaCollection.from_dicts([dict(rule)]))
        except (SigmaError, NotImplementedError, TypeError, ValueError, KeyError, AttributeError):
            return None
        names = sorted({*_names(rule), *(name for event in events for name in event)})
        with sqlite3.connect(":memory:") as base:
            base.create_function("regexp", 2, _regexp, deterministic=True)
            columns = ", ".join(f'"{name}"' for name in [*names, "fulltext", "timestamp"])
            base.execute(f"CREATE TABLE logs ({columns})")
            for event in events:
                row = [_stored(event.get(name)) for name in names]
                row += ["\n".join(str(_stored(value)) for value in event.values()), None]
                marks = ", ".join("?" * len(row))
                base.execute(f"INSERT INTO logs VALUES ({marks})", row)
            found: set[int] = set()
            try:
                for query in queries:
                    wanted = query.replace("SELECT * FROM", "SELECT rowid FROM", 1)
                    found.update(row for (row,) in base.execute(wanted))
            except sqlite3.Error:
                return None
        return [place + 1 in found for place in range(len(events))]


def _names(rule: Rule) -> set[str]:
    """Fields the rule reads, other fields it refers to included."""
    found: set[str] = set()

    def visit(part: Any) -> None:
        if isinstance(part, Mapping):
            for key, value in part.items():
                name, *modifiers = str(key).split("|")
                if name:
                    found.add(name)
                if "fieldref" in modifiers:
                    found.update([value] if isinstance(value, str) else value)
                visit(value)
        elif isinstance(part, list):
            for item in part:
                visit(item)

    for name, part in rule["detection"].items():
        if name != "condition":
            visit(part)
    return found


def _regexp(pattern: str, text: object) -> bool:
    return text is not None and re.search(pattern, str(text)) is not None


def _stored(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value


def rsigma_program() -> Path | None:
    """The built program, or None; the benchmarks build it under ``.cache``."""
    named = os.environ.get(PROGRAM)
    if named:
        return Path(named)
    built = sorted((ROOT / ".cache").glob("**/rsigma*/target/release/peer"))
    return built[0] if built else None


class Rsigma:
    """The program in its line protocol: words apart by blanks, texts in hexadecimal."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Rsigma:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=30)

    def _say(self, *words: str) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        status, *rest = self._process.stdout.readline().split()
        assert status == "ok", (words, status, rest)
        return ["" if word == "-" else bytes.fromhex(word).decode() for word in rest]

    def load(self, paths: Sequence[Path]) -> tuple[int, str]:
        """How many rules of the files were taken, and what was said of the others."""
        listed = self._folder / "rules.txt"
        listed.write_text("\n".join(map(str, paths)), encoding="utf-8")
        count, _, told = self._say("rules", str(listed).encode().hex())
        return int(count), told

    def hits(self, events: Sequence[Event]) -> list[set[str]]:
        """For each event the ids, or titles, of the rules it fires."""
        given, written = self._folder / "events.jsonl", self._folder / "hits.txt"
        lines = (json.dumps(event, ensure_ascii=False) for event in events)
        given.write_bytes("\n".join(lines).encode("utf-8"))
        self._say("events", str(given).encode().hex())
        self._say("hits", str(written).encode().hex())
        return [set(line.split()) for line in written.read_text("utf-8").split("\n")[:-1]]

    def ask(self, rule: Rule, events: Sequence[Event]) -> Answer:
        path = self._folder / "rule.yml"
        path.write_text(yaml.safe_dump(dict(rule), allow_unicode=True), encoding="utf-8")
        count, _ = self.load([path])
        if count != 1:
            return None
        return [bool(found) for found in self.hits(events)]
