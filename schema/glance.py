"""Glance: which canonical bytes may hold a citizen's number or a marking, many at once.

Bytes are searched as they are; only what may hold something wants to be read and searched value
by value with :mod:`schema.privacy`. Sensors glance before they seal, the collector once more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from schema import privacy

__all__ = ["worth_a_look"]

# Every number sought has at least eleven digits; these may stand between them. A test holds this
# quick look against the rules of schema.privacy.
_SEPARATORS: Final = b" -+\t"
_TO_RUNS: Final = bytes(
    0x30 if 0x30 <= byte <= 0x39 or byte in _SEPARATORS else 0x20 for byte in range(256)
)
_LONG: Final = b"0" * privacy.DIGITS_MIN
_ESCAPE: Final = re.compile(rb'\\(?!")')
_GROUP: Final = 16


def worth_a_look(payloads: Sequence[bytes | None]) -> list[int]:
    """Indexes of the payloads that may hold something; the others certainly do not."""
    wanted: list[int] = []
    odd: list[tuple[int, bytes]] = []
    for start in range(0, len(payloads), _GROUP):
        chosen = payloads[start : start + _GROUP]
        group = [(at, one) for at, one in enumerate(chosen, start) if one is not None]
        together = b"\n".join([payload for _, payload in group])
        if not _reads_as_written(together):
            odd += [one for one in group if not _reads_as_written(one[1])]
            group = [one for one in group if _reads_as_written(one[1])]
            together = b"\n".join([payload for _, payload in group])
        if _long_number(together):
            wanted += [at for at, payload in group if _long_number(payload)]
    for start in range(0, len(odd), _GROUP):
        group = odd[start : start + _GROUP]
        if _may_hide(b"\n".join([payload for _, payload in group])):
            wanted += [at for at, payload in group if _may_hide(payload)]
    return sorted(wanted)


def _reads_as_written(raw: bytes) -> bool:
    """Plain ASCII without escapes, but for the quotes of JSON."""
    return raw.isascii() and b"%" not in raw and _ESCAPE.search(raw) is None


def _long_number(raw: bytes) -> bool:
    # Digits and separators alike first: few stretches of both are long enough to be counted.
    runs = raw.translate(_TO_RUNS)
    start = runs.find(_LONG)
    while start >= 0:
        end = runs.find(b" ", start)
        run = raw[start:] if end < 0 else raw[start:end]
        if len(run.translate(None, _SEPARATORS)) >= privacy.DIGITS_MIN:
            return True
        start = runs.find(_LONG, start + len(run))
    return False


def _may_hide(payload: bytes) -> bool:
    """Whether text with escapes or beyond ASCII may hold something, once read as text."""
    text = payload.decode("utf-8", "replace")
    # JSON writes white space and backslashes as escapes: put them back for the search.
    for escape in ("\\t", "\\n", "\\r", "\\f"):
        text = text.replace(escape, " ")
    text = text.replace("\\\\", "\\")
    return "\\u0" in text or privacy.suspicious(text)
