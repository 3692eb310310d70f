"""Finding: what is wrong with a rule file, where, and how much it matters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from analytics.expression import Atom
from analytics.language.rulefile import Plain
from analytics.rule import Rule

Severity: TypeAlias = Literal["error", "warning", "note"]

SEVERITIES: Final = ("error", "warning", "note")
"""What must be mended, what should be, and what is worth knowing."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding."""

    path: str
    line: int
    severity: Severity
    check: str
    """Its name: ``unreachable``, ``costly`` …"""
    zh: str
    en: str


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file that compiled, and what was read of it before."""

    path: Path
    raw: bytes
    plain: dict[str, Plain]
    rule: Rule

    def finding(
        self, check: str, line: int, *, zh: str, en: str, severity: Severity = "warning"
    ) -> Finding:
        """A finding about this file."""
        return Finding(path=str(self.path), line=line, severity=severity, check=check, zh=zh, en=en)

    def line_of(self, *texts: str) -> int:
        """The first line with one of the texts, the earlier texts first; else the first line."""
        lines = self.raw.decode(errors="replace").splitlines()
        for text in filter(None, texts):
            for number, line in enumerate(lines, 1):
                if text in line and not line.lstrip().startswith("#"):
                    return number
        return 1

    def line_of_atom(self, atom: Atom) -> int:
        """The line an atom was most likely written on: its value's, else its field's."""
        return self.line_of(*_spellings(str(atom.value)), atom.field, "detection")


def _spellings(value: str) -> Iterator[str]:
    """A value as YAML may have it."""
    yield value
    yield value.replace("'", "''")
    yield value.replace("\\", "\\\\")
