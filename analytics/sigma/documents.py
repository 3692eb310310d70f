"""Documents: the one or several YAML documents of a Sigma file, each with its own lines."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from analytics.language import rulefile
from analytics.language.reading import RULE_BYTES_MAX
from analytics.language.rulefile import Plain
from analytics.sigma.lines import located, refused
from schema.errors import FengsuiError

DOCUMENTS_MAX: Final = 100
"""Documents of one file: a correlation and the rules it names are a handful."""

_BEGIN: Final = re.compile(rb"^---(?=[\s]|$)", re.MULTILINE)
"""Where a document begins: nothing inside one may stand so at the start of a line."""


class Document(msgspec.Struct, frozen=True):
    """One document: its bytes, on the lines they have in the file, and its map."""

    raw: bytes
    plain: dict[str, Plain]


def split(raw: bytes) -> list[bytes]:
    """The bytes of each document, behind as many empty lines as it has lines before it.

    Raises ``analytics.rule.refused`` for a file with too many of them.
    """
    if len(raw) > RULE_BYTES_MAX:
        raise refused(f"the file has more than {RULE_BYTES_MAX} bytes, which is over the limit")
    starts = [found.start() for found in _BEGIN.finditer(raw)]
    if len(starts) > DOCUMENTS_MAX:
        raise refused(f"it holds more than {DOCUMENTS_MAX} documents")
    parts = []
    for start, end in zip([0, *starts], [*starts, len(raw)], strict=True):
        lines = [line.split(b"#")[0].strip() for line in raw[start:end].split(b"\n")]
        if any(line not in (b"", b"---", b"...") for line in lines):
            parts.append(b"\n" * raw.count(b"\n", 0, start) + raw[start:end])
    return parts


def read(raw: bytes) -> Document:
    """One document; raises ``analytics.rule.refused`` with the line."""
    try:
        return Document(raw, rulefile.read(raw))
    except FengsuiError as error:
        raise located(error, raw) from error
