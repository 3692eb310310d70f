"""MISP JSON: events with attributes and objects, or a list of attributes, as MISP exports them.

Attributes count whose ``to_ids`` is set and that are not deleted; types nobody could match in an
event are refused by name. Reference: MISP core format (draft-08), sections 2.3 to 2.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from collector.indicators.entry import Entry, Found, time_of
from schema.errors import FengsuiError
from schema.indicators import Kind
from schema.times import SECOND

EVENTS_MAX: Final = 100_000
_HASH_TYPES: Final = ("md5", "sha1", "sha256", "sha384", "sha512", "sm3")
_TYPES: Final[Mapping[str, Kind]] = {
    "ip-src": "address",
    "ip-dst": "address",
    "domain": "domain",
    "hostname": "domain",
    "url": "url",
    **dict.fromkeys(_HASH_TYPES, "hash"),
    "x509-fingerprint-md5": "certificate",
    "x509-fingerprint-sha1": "certificate",
    "x509-fingerprint-sha256": "certificate",
}
_TWO: Final[Mapping[str, tuple[str, str]]] = {
    "domain|ip": ("domain", "ip-dst"),
    "ip-src|port": ("ip-src", ""),
    "ip-dst|port": ("ip-dst", ""),
    "hostname|port": ("hostname", ""),
    **{f"filename|{name}": ("", name) for name in _HASH_TYPES},
}
"""Types of two values with ``|`` between them, and what each half is."""
_DIGITS: Final = re.compile(r"[0-9]{1,11}")


def entries(content: object, found: Found, file: str) -> Iterator[Entry]:
    """The entries of an export; raises ``collector.indicator.file`` for any other JSON."""
    known = False
    for event in _events(content):
        known = True
        name = event.get("info")
        tags = _tags(event)
        for attribute in _attributes(event):
            if isinstance(attribute, dict):
                yield from _of(attribute, found, tags=tags, event=str(name or ""))
            else:
                found.refuse("no attribute")
    if not known:
        raise FengsuiError(
            "collector.indicator.file",
            f"{file} is JSON, but neither a STIX bundle nor a MISP export: export it as one",
            file=file,
        )


def _events(content: object) -> Iterator[Mapping[str, object]]:
    """Events in every form they are exported in: alone, in a list, in an answer."""
    if isinstance(content, dict) and "response" in content:
        content = content["response"]
    several = content if isinstance(content, list) else [content]
    for one in several[:EVENTS_MAX]:
        if not isinstance(one, dict):
            continue
        event = one.get("Event", one)
        if isinstance(event, dict) and ("Attribute" in event or "Object" in event):
            yield event


def _attributes(event: Mapping[str, object]) -> Iterator[object]:
    yield from _list(event.get("Attribute"))
    for one in _list(event.get("Object")):
        if isinstance(one, dict) and not _true(one.get("deleted")):
            yield from _list(one.get("Attribute"))


def _of(
    attribute: Mapping[str, object], found: Found, *, tags: tuple[str, ...], event: str
) -> Iterator[Entry]:
    kind, value = attribute.get("type"), attribute.get("value")
    if _true(attribute.get("deleted")):
        found.refuse("deleted")
    elif not _true(attribute.get("to_ids")):
        found.refuse("not for detection (to_ids)")
    elif not isinstance(kind, str) or not isinstance(value, str):
        found.refuse("no attribute")
    elif kind in _TYPES:
        yield _entry(kind, value, attribute, tags=tags, event=event)
    elif kind in _TWO:
        halves = zip(_TWO[kind], (*value.split("|", 1), ""), strict=False)
        for name, half in halves:
            if name and half:
                yield _entry(name, half, attribute, tags=tags, event=event)
    else:
        found.refuse(f"type {re.sub(r'[^a-z0-9|_-]', '?', kind.lower())[:40]}")


def _entry(
    name: str, value: str, attribute: Mapping[str, object], *, tags: tuple[str, ...], event: str
) -> Entry:
    comment = attribute.get("comment")
    notes = [text for text in (event, comment) if isinstance(text, str) and text]
    return Entry(
        kind=_TYPES[name],
        value=value,
        valid_from=time_of(attribute.get("first_seen")) or _second(attribute.get("timestamp")),
        labels=(*tags, *_tags(attribute)),
        note=": ".join(notes),
        # A hostname is one machine; a domain stands for all names below it.
        subdomains=name == "domain",
    )


def _tags(of: Mapping[str, object]) -> tuple[str, ...]:
    names = (one.get("name") for one in _list(of.get("Tag")) if isinstance(one, dict))
    return tuple(name for name in names if isinstance(name, str))


def _second(value: object) -> int | None:
    text = str(value) if isinstance(value, str | int) else ""
    return int(text) * SECOND if _DIGITS.fullmatch(text) and int(text) else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _true(value: object) -> bool:
    """MISP writes truth as true, 1 or "1"."""
    return value is True or value == 1 or value == "1"
