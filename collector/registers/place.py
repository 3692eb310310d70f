"""Place: where in a file something stands, and the error that names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from schema.errors import FengsuiError


class Line(NamedTuple):
    """The cells of one line of a file, by column."""

    number: int
    cells: dict[str, object]


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, or one cell of it."""

    file: str
    line: int
    column: str = ""

    def error(self, reason: str, why: str) -> FengsuiError:
        """``collector.register.<reason>``, saying where, why, and that nothing was imported."""
        where = f"{self.file} line {self.line}" + (f", column {self.column}" if self.column else "")
        return FengsuiError(
            f"collector.register.{reason}", f"{where}: {why}; nothing was imported",
            file=self.file, line=self.line, column=self.column,
        )  # fmt: skip
