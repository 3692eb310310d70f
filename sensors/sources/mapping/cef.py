"""CEF: the Common Event Format of ArcSight, as firewalls, gateways and bastions send it.

``CEF:0|vendor|product|version|id|name|severity|key=value key=value …``; in the head ``\\|`` and
``\\\\``, in values ``\\=``, ``\\\\``, ``\\n`` and ``\\r`` are escapes; a head of syslog may stand
before it. Columns are the head's ``deviceVendor``, ``deviceProduct``, ``deviceVersion``,
``signatureId``, ``name`` and ``severity`` and the extension's keys; a custom field with a label
(``cs1`` with ``cs1Label=Rule``) stands under its label too. Source: the CEF
implementation standard, version 27.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from sensors.sources.mapping.description import COLUMNS_MAX

__all__ = ["cef_columns"]

HEAD_CHARS_MAX: Final = 512
"""Before ``CEF:``: a head of syslog is shorter."""
_HEAD: Final = (
    "deviceVendor", "deviceProduct", "deviceVersion", "signatureId", "name", "severity",
)  # fmt: skip
_BEGINS: Final = "CEF:"
_CELL: Final = re.compile(r"((?:[^|\\]|\\.)*)\|", re.DOTALL)
_KEY: Final = re.compile(r"(?:^|(?<=\s))([A-Za-z0-9_.\[\]-]{1,64})=", re.ASCII)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r"}
_LABEL: Final = "Label"


def cef_columns(text: str) -> dict[str, str] | None:
    """The columns of a record; None for one that is no CEF."""
    begin = text.find(_BEGINS, 0, HEAD_CHARS_MAX)
    version, bar, _ = text[begin + len(_BEGINS) :].partition("|")
    if begin < 0 or not bar or version.strip() not in ("0", "1"):
        return None
    at = begin + len(_BEGINS) + len(version) + 1
    found: dict[str, str] = {}
    for name in _HEAD:
        # The last cell of a record without an extension needs no bar.
        cell = _CELL.match(text, at)
        if not cell:
            if name != _HEAD[-1]:
                return None
            found[name] = _plain(text[at:])
            return found
        found[name] = _plain(cell[1])
        at = cell.end()
    _extension(text[at:], found)
    return found


def _extension(text: str, found: dict[str, str]) -> None:
    keys = [one for one in _KEY.finditer(text) if not _is_escaped(text, one.end() - 1)]
    bounds = [*(one.start() for one in keys), len(text)]
    for one, (_, end) in zip(keys, pairwise(bounds), strict=True):
        if len(found) >= COLUMNS_MAX:
            return
        found.setdefault(one[1], _plain(text[one.end() : end].strip()))
    for name in [name for name in found if name.endswith(_LABEL)]:
        value = found.get(name.removesuffix(_LABEL))
        if value and found[name] and len(found) < COLUMNS_MAX:
            found.setdefault(found[name], value)


def _is_escaped(text: str, at: int) -> bool:
    return at > 0 and text[at - 1] == "\\"


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda one: _ESCAPES.get(one[1], one[1]), text) if "\\" in text else text
