"""pgaudit: the audit entries that its extension writes into PostgreSQL's log.

``AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.person,"select …",<none>`` and, with
``pgaudit.log_rows``, the number of rows behind it; the cells are CSV. The statement of an audit
entry is the statement, so that a rule on statements reads a site with pgaudit alone. Source: the
format section of pgaudit's README, versions 1.3 to 17.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from schema.event import Fields

__all__ = ["BEGINS", "audit_fields"]

BEGINS: Final = "AUDIT: "
_CELLS: Final = range(9, 11)
_TYPES: Final = frozenset({"SESSION", "OBJECT"})
_ROWS_DIGITS_MAX: Final = 18
_NOT_TOLD: Final = frozenset({"", "<none>", "<not logged>", "<previously logged>"})


def audit_fields(message: str) -> Fields | None:
    """The fields of an audit entry's message; None for a message that is none."""
    cells = _cells(message.removeprefix(BEGINS)) if message.startswith(BEGINS) else []
    if len(cells) not in _CELLS or cells[0] not in _TYPES:
        return None
    _, _, _, kind, command, object_type, name, statement, parameter = cells[:9]
    fields: Fields = {"event.action": "db_statement", "event.provider": "pgaudit"}
    told = (
        ("gov.db.audit_class", kind),
        ("gov.db.command", command),
        ("gov.db.object_type", object_type),
        ("gov.db.object", name),
        ("gov.db.statement", statement),
        ("labels.parameter", parameter),
    )
    fields.update((field, value) for field, value in told if value not in _NOT_TOLD)
    rows = cells[9] if len(cells) == _CELLS[-1] else ""
    if rows.isascii() and rows.isdecimal() and len(rows) <= _ROWS_DIGITS_MAX:
        fields["gov.db.rows"] = int(rows)
    return fields


def _cells(text: str) -> list[str]:
    """The cells of one CSV record; none where it is not exactly one, or one is over 128 KiB."""
    try:
        found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return []
    return found[0] if len(found) == 1 else []
