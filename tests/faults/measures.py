"""Measures: what each fault cost, in a file that documents are made from."""

import json
import os
from pathlib import Path

FILE = Path(os.environ.get("FENGSUI_FAULTS_FILE", ".cache/faults.json"))
"""Rewritten by each run that measures something; one row for each fault."""


class Measures:
    """Rows of this session: the fault, seconds until work went on, and what was counted."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, object]] = {}

    def add(self, fault: str, *, recovered_seconds: float | None, **counted: int) -> None:
        """A fault measured again replaces what was measured before, unless that was slower."""
        seconds = None if recovered_seconds is None else round(recovered_seconds, 1)
        before = self.rows.get(fault, {}).get("recovered_seconds")
        if isinstance(before, float) and seconds is not None and before > seconds:
            return
        self.rows[fault] = {"fault": fault, "recovered_seconds": seconds, **counted}

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"{row['fault']}: "
            + ", ".join(f"{key} {value}" for key, value in row.items() if key != "fault")
            for row in self.rows.values()
        ]

    def write(self) -> None:
        """Put this session's rows among those of earlier ones."""
        known = {}
        if FILE.exists():
            known = {row["fault"]: row for row in json.loads(FILE.read_text("utf-8"))}
        FILE.parent.mkdir(parents=True, exist_ok=True)
        rows = sorted({**known, **self.rows}.values(), key=lambda row: str(row["fault"]))
        FILE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
