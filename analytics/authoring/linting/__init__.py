"""Linting: what an author should mend in rule files before anybody switches the rules on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from analytics.authoring import cases as told
from analytics.authoring.casework import beside, rule_files
from analytics.authoring.linting.conditions import unreachable
from analytics.authoring.linting.cost import costly
from analytics.authoring.linting.finding import SEVERITIES, Finding, Written
from analytics.authoring.linting.texts import cases, suppression, techniques, texts
from analytics.authoring.linting.twins import twins, versions
from analytics.language import rulefile
from analytics.language.compiler import compile_file
from analytics.rule import Rule
from schema.errors import FengsuiError

__all__ = ["SEVERITIES", "Finding", "Written", "lint"]

_LINE: Final = re.compile(r"\bline (\d+)")


def lint(places: Sequence[Path], *, against: Path | None = None) -> list[Finding]:
    """The findings of rule files and folder trees, by file and line.

    ``against`` holds the rules as they were. Raises ``analytics.case.nothing`` where a place
    holds no rule file.
    """
    findings: list[Finding] = []
    read: list[Written] = []
    for path in rule_files(places):
        try:
            read.append(_read(path))
        except FengsuiError as error:
            findings.append(_refused(path, error))
    for written in read:
        findings.extend(_of_one(written))
    findings.extend(twins(read))
    if against is not None:
        findings.extend(versions(read, _rules(against)))
    order = {severity: place for place, severity in enumerate(SEVERITIES)}
    findings.sort(key=lambda one: (one.path, one.line, order[one.severity], one.check, one.en))
    return findings


def _read(path: Path) -> Written:
    raw = path.read_bytes()
    rule = compile_file(raw, path.parent.parent.name or "tried")
    return Written(path=path, raw=raw, plain=rulefile.read(raw), rule=rule)


def _refused(path: Path, error: FengsuiError, check: str = "refused") -> Finding:
    why = str(error.args[0])
    line = error.params.get("line")
    named = _LINE.search(why)
    return Finding(
        path=str(path),
        line=int(str(line)) if line else int(named[1]) if named else 1,
        severity="error",
        check=check,
        zh=f"不能使用：{why}",
        en=f"it cannot be used: {why}",
    )


def _of_one(written: Written) -> Iterator[Finding]:
    yield from unreachable(written)
    yield from costly(written)
    yield from texts(written)
    yield from techniques(written)
    yield from suppression(written)
    listed = beside(written.path, told.FILE)
    try:
        yield from cases(written, tuple(told.read(listed)) if listed.is_file() else ())
    except FengsuiError as error:
        yield _refused(listed, error, "malformed-case")


def _rules(folder: Path) -> Iterator[Rule]:
    """The rules of before; those that cannot be read any more were not in force."""
    for path in rule_files([folder]):
        try:
            yield compile_file(path.read_bytes(), "tried")
        except FengsuiError:
            continue
