"""STIX 2.1 bundles: indicator objects whose pattern is one value or an OR of values.

``[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'bad.example']`` becomes two entries.
What looks at order, time or anything but these values is refused by name: matching half of a
pattern would be another statement than the author's. Reference: STIX 2.1, part 9 (patterning).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from collector.indicators.entry import Entry, Found, time_of
from schema.indicators import Kind

PATTERN_CHARS_MAX: Final = 16 * 1024
"""One pattern: some hundred values."""
VALUES_MAX: Final = 256

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\['\\])*')|(?P<mark>[\[\]()=])"
    r"|(?P<word>[A-Za-z][A-Za-z0-9_-]*(?::[A-Za-z0-9_.-]*(?:'[^'\s]{1,32}')?[A-Za-z0-9_.-]*)?)"
    r"|(?P<other>\S))"
)
_VALUES: Final[Mapping[str, Kind]] = {
    "ipv4-addr:value": "address",
    "ipv6-addr:value": "address",
    "domain-name:value": "domain",
    "url:value": "url",
    "x509-certificate:serial_number": "certificate",
}
_HASHES: Final = frozenset({"MD5", "SHA-1", "SHA-256", "SM3", "SHA-384", "SHA-512"})
_HASHED: Final[Mapping[str, Kind]] = {
    "file:hashes.": "hash",
    "x509-certificate:hashes.": "certificate",
}


class _RefusedError(Exception):
    """A pattern that is not taken; the text names why."""


def entries(content: object, found: Found) -> Iterator[Entry]:
    """The entries of a bundle."""
    objects = content.get("objects") if isinstance(content, dict) else None
    for one in objects if isinstance(objects, list) else ():
        if not isinstance(one, dict):
            found.refuse("no STIX object")
            continue
        kind = one.get("type")
        if kind != "indicator":
            found.refuse(f"object {_shown(kind)}")
            continue
        yield from _of(one, found)


def _of(one: Mapping[str, object], found: Found) -> Iterator[Entry]:
    if one.get("revoked") is True:
        found.refuse("revoked")
        return
    if one.get("pattern_type", "stix") != "stix":
        found.refuse(f"pattern type {_shown(one.get('pattern_type'))}")
        return
    pattern = one.get("pattern")
    try:
        values = comparisons(pattern if isinstance(pattern, str) else "")
    except _RefusedError as refused:
        found.refuse(str(refused))
        return
    confidence = one.get("confidence")
    labels = [*_texts(one.get("labels")), *_texts(one.get("indicator_types"))]
    notes = [text for text in (one.get("name"), one.get("description")) if isinstance(text, str)]
    for kind, value in values:
        yield Entry(
            kind=kind,
            value=value,
            confidence=confidence if type(confidence) is int else None,
            valid_from=time_of(one.get("valid_from")),
            valid_until=time_of(one.get("valid_until")),
            labels=tuple(labels),
            note=": ".join(notes),
        )


def comparisons(pattern: str) -> list[tuple[Kind, str]]:
    """The values of a pattern; raises an error that names what is not taken."""
    if not pattern or len(pattern) > PATTERN_CHARS_MAX:
        raise _RefusedError("pattern empty or too long")
    values: list[tuple[Kind, str]] = []
    tokens = _tokens(pattern)
    depth = 0
    while True:
        token = next(tokens, "")
        while token in ("[", "("):
            depth += 1
            token = next(tokens, "")
        values.append(_comparison(token, tokens))
        if len(values) > VALUES_MAX:
            raise _RefusedError("pattern with too many values")
        token = next(tokens, "")
        while token in ("]", ")"):
            depth -= 1
            token = next(tokens, "")
        if not token:
            if depth:
                raise _RefusedError("malformed pattern")
            return values
        if token.upper() != "OR":
            raise _RefusedError(f"pattern with {_shown(token)}")


def _comparison(path: str, tokens: Iterator[str]) -> tuple[Kind, str]:
    if path.upper() == "NOT":
        raise _RefusedError("pattern with NOT")
    kind = _kind(path)
    sign = next(tokens, "")
    if sign != "=":
        raise _RefusedError(f"operator {_shown(sign)}")
    value = next(tokens, "")
    if not value.startswith("'") or len(value) < 2:
        raise _RefusedError("value that is no text")
    return kind, re.sub(r"\\(['\\])", r"\1", value[1:-1])


def _kind(path: str) -> Kind:
    known = _VALUES.get(path)
    if known is not None:
        return known
    for start, kind in _HASHED.items():
        if path.startswith(start) and path[len(start) :].strip("'").upper() in _HASHES:
            return kind
    raise _RefusedError(f"property {_shown(path)}")


def _tokens(pattern: str) -> Iterator[str]:
    at, end = 0, len(pattern.rstrip())
    while at < end:
        found = _TOKEN.match(pattern, at)
        if found is None:
            raise _RefusedError("malformed pattern")
        yield found[0].strip()
        at = found.end()


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _shown(name: object) -> str:
    """A name of the file, short and plain enough for a list of reasons."""
    text = name if isinstance(name, str) else type(name).__name__
    return re.sub(r"[^A-Za-z0-9:_.'!<>=-]", "?", text)[:40] or "nothing"
