"""Reads the ``key=value`` list of a Keycloak event, in the quoted form and the one before it.

Since 17 every value stands in double quotes, with a backslash before a quote of its own; up to then
it stood bare, or in single quotes where it had a space. Users choose some of the values (what they
type as their name), and those come last: of a key that is there twice, the first counts.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["PAIRS_MAX", "pairs"]

PAIRS_MAX: Final = 64
"""Pairs read of one event: the longest that Keycloak writes has about thirty."""

_PAIR: Final = re.compile(
    r"([A-Za-z_][A-Za-z0-9_.\-]*)="
    r'(?:"((?:[^"\\]|\\.)*)"|\'([^\']*)\'(?=, |\Z)|((?:[^,]|,(?! ))*))(?:, |\Z)',
    re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def pairs(text: str) -> dict[str, str]:
    """The pairs from the beginning of the text up to what is none; ``null`` is no value."""
    found: dict[str, str] = {}
    at = 0
    for _ in range(PAIRS_MAX):
        match = _PAIR.match(text, at)
        if match is None:
            break
        key, quoted, single, bare = match.groups()
        if quoted is not None:
            value = _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted
        else:
            value = single if single is not None else bare
        if value and value != "null":
            found.setdefault(key, value)
        at = match.end()
        if at >= len(text):
            break
    return found
