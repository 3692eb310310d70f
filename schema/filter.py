"""The one small filter grammar of pages, command line and API.

    severity:high -source.ip:127.0.0.1 url.path:*admin* @timestamp:2026-11-20..2026-11-21 口令

Terms are joined by AND; ``-`` in front denies a term. A term is ``field:value``, ``field:a..b``
(inclusive range, either side may be empty), ``field:*part*`` (contains, dots too; ``part*`` and
``*part`` as well), ``field:*`` (present), or a bare word, which is looked for in the event's text.
Values with spaces stand in double quotes; ``\\"`` and ``\\\\`` inside them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from schema.errors import FengsuiError

TERMS_MAX: Final = 32
VALUE_CHARS_MAX: Final = 512
TEXT_FIELD: Final = "*"
"""The field of a bare word."""

Match = Literal["equals", "contains", "prefix", "suffix", "range", "present"]

_TERM: Final = re.compile(
    r"\s*(?P<deny>-)?(?:(?P<field>[@A-Za-z_][\w.@]*):)?"
    r'(?:"(?P<quoted>(?:[^"\\]|\\["\\])*)"|(?P<plain>[^\s"]+))(?=\s|$)'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One condition. A range has ``low`` and ``high`` (either may be empty), others ``value``."""

    field: str
    match: Match
    value: str = ""
    low: str = ""
    high: str = ""
    denied: bool = False


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a filter; raises ``schema.filter.malformed`` saying where it goes wrong."""
    terms: list[Term] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TERM.match(text, at)
        if not found:
            raise _malformed(text, at, "a term is field:value, a word, or a quoted text")
        terms.append(_term(found, text, at))
        at = found.end()
    if len(terms) > TERMS_MAX:
        raise _malformed(text, 0, f"at most {TERMS_MAX} terms")
    return tuple(terms)


def _term(found: re.Match[str], text: str, at: int) -> Term:
    field, denied = found["field"] or TEXT_FIELD, bool(found["deny"])
    quoted = found["quoted"]
    value = re.sub(r'\\(["\\])', r"\1", quoted) if quoted is not None else found["plain"]
    if len(value) > VALUE_CHARS_MAX:
        raise _malformed(text, at, f"a value has at most {VALUE_CHARS_MAX} characters")
    if field == TEXT_FIELD:
        return Term(field=field, match="contains", value=value, denied=denied)
    if quoted is not None:
        return Term(field=field, match="equals", value=value, denied=denied)
    if value == "*":
        return Term(field=field, match="present", denied=denied)
    if ".." in value and "*" not in (value[0], value[-1]):
        low, high = value.split("..", 1)
        return Term(field=field, match="range", low=low, high=high, denied=denied)
    match: Match = "equals"
    if value.startswith("*") and value.endswith("*") and len(value) > 2:
        match, value = "contains", value[1:-1]
    elif value.endswith("*"):
        match, value = "prefix", value[:-1]
    elif value.startswith("*"):
        match, value = "suffix", value[1:]
    return Term(field=field, match=match, value=value, denied=denied)


def _malformed(text: str, at: int, why: str) -> FengsuiError:
    return FengsuiError(
        "schema.filter.malformed",
        f"the filter is not understood at character {at + 1} ({text[at : at + 20]!r}): {why}",
        position=at + 1,
    )
