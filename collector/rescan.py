"""Second look: whatever a careless sensor sealed, no citizen's number or marking gets past here.

Sealed bytes are searched as they are, many at once; only what may hold something is decoded and
searched value by value with :mod:`schema.privacy`, the same rules the sensors mask by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from schema import native, privacy
from schema.event import Fields
from schema.fields import catalogue

# Every number sought has at least eleven digits; these may stand between them. A test holds this
# quick look against the rules of schema.privacy.
_DIGITS: Final = b"0" * 11
_TO_ZERO: Final = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
_SEPARATORS: Final = b" -+\t"
_ESCAPE: Final = re.compile(rb'\\(?!")')
_GROUP: Final = 16


def worth_a_look(payloads: Sequence[bytes | None]) -> list[int]:
    """Indexes of the payloads that may hold something; the others certainly do not."""
    if native.scan:
        numbers, folded = native.scan.payloads(payloads)
        return sorted([*numbers, *(at for at in folded if _may_hide(payloads[at] or b""))])
    return in_python(payloads)


def in_python(payloads: Sequence[bytes | None]) -> list[int]:
    """What :func:`worth_a_look` answers where there is no native module."""
    wanted: list[int] = []
    for start in range(0, len(payloads), _GROUP):
        group = payloads[start : start + _GROUP]
        together = b"\n".join([payload for payload in group if payload is not None])
        if _reads_as_written(together) and not _long_number(together):
            continue
        wanted.extend(
            index
            for index, payload in enumerate(group, start)
            if payload is not None and _suspect(payload)
        )
    return wanted


def _suspect(payload: bytes) -> bool:
    return _long_number(payload) if _reads_as_written(payload) else _may_hide(payload)


def _reads_as_written(raw: bytes) -> bool:
    """Plain ASCII without escapes, but for the quotes of JSON."""
    return raw.isascii() and b"%" not in raw and _ESCAPE.search(raw) is None


def _long_number(raw: bytes) -> bool:
    return _DIGITS in raw.translate(_TO_ZERO, _SEPARATORS)


def _may_hide(payload: bytes) -> bool:
    """Whether text with escapes or beyond ASCII may hold something, once read as text."""
    text = payload.decode("utf-8", "replace")
    # JSON writes white space and backslashes as escapes: put them back for the search.
    for escape in ("\\t", "\\n", "\\r", "\\f"):
        text = text.replace(escape, " ")
    text = text.replace("\\\\", "\\")
    return "\\u0" in text or privacy.suspicious(text)


def kinds_in(fields: Fields) -> tuple[str, ...]:
    """What the event holds that no sensor may send, by kind; empty for a clean one."""
    texts = list(_texts(fields))
    found = {finding.kind for findings in privacy.find_many(texts).values() for finding in findings}
    return tuple(sorted(found))


def _texts(fields: Fields) -> Iterator[str]:
    known = catalogue()
    for name, value in fields.items():
        yield name
        # A label's name may be the word that makes a number a citizen's.
        word = privacy.CONTEXT if name not in known and privacy.names_person(name) else ""
        if isinstance(value, str):
            yield word + value
        elif isinstance(value, list):
            yield from (word + item for item in value)
        elif name not in known and not isinstance(value, bool):
            # Sizes, offsets and durations of the catalogue are no telephone numbers.
            yield word + str(value)
