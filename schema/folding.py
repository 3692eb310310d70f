"""Text as a reader would read it: full-width digits plain, percent and backslash escapes undone.

A number hides from a search in many spellings that mean the same: ``３５０…`` (NFKC), ``%33%35``
(URLs, also encoded twice), ``\\x33`` (nginx), ``\\u5bc6`` (JSON), Chinese as percent-encoded UTF-8
or GBK. Folding undoes them; :func:`fold` also tells where each character came from, so that what is
found can be replaced in the text as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_BYTE: Final = re.compile(r"(?:%(?:25){0,4}|\\x)([0-9A-Fa-f]{2})")
_UNIT: Final = re.compile(r"(?:\\u|%u)([0-9A-Fa-f]{4})")
_ESCAPES: Final = re.compile(
    r"(?:(?:%(?:25){0,4}|\\x)[0-9A-Fa-f]{2})+|(?:(?:\\u|%u)[0-9A-Fa-f]{4})+"
)
# Every stretch of escapes lies in one of these; the one leading class makes the search quick.
_STRETCH: Final = re.compile(r"[%\\][0-9A-Fa-fxu%\\]+")
_SHORT_CHARS: Final = 64
"""Stretches up to here are remembered: names and words come again and again."""
# Characters nobody sees between digits, and the dashes NFKC leaves as they are.
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]+")
_DASHES: Final = re.compile("[\u2010-\u2015\u2212\u2043\u30fb]")
_REPLACEMENT: Final = "\ufffd"


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text; character ``i`` came from ``original[starts[i]:ends[i]]``."""

    text: str
    starts: list[int]
    ends: list[int]


def has_escapes(text: str) -> bool:
    """Whether undoing escapes could change the text."""
    # One character is sought several times faster than two.
    return "%" in text or ("\\" in text and ("\\x" in text or "\\u" in text))


def fold_text(text: str, *, escapes: bool) -> str:
    """The folded text alone, with or without undoing escapes. Quick on what is plain ASCII."""
    plain = text.isascii()
    if escapes:
        text = _STRETCH.sub(_unescaped, text)
    return text if plain else _normal(text)


def _normal(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    return _DASHES.sub("-", _INVISIBLE.sub("", text))


def _unescaped(found: re.Match[str]) -> str:
    stretch = found[0]
    return _remembered(stretch) if len(stretch) <= _SHORT_CHARS else _unescape(stretch)


def _unescape(stretch: str) -> str:
    plain = _ESCAPES.sub(_decoded, stretch)
    return plain if plain.isascii() else _normal(plain)


_remembered: Final = lru_cache(maxsize=8192)(_unescape)


def _decoded(found: re.Match[str]) -> str:
    run = found[0]
    try:
        return bytes.fromhex("".join(_BYTE.findall(run))).decode() or _slowly(run)  # "": \\u forms
    except UnicodeDecodeError:
        return _slowly(run)


def _slowly(run: str) -> str:
    return "".join(char for char, _ in _decode_run(run))


def fold(text: str, *, escapes: bool) -> Folded:
    """The folded text and the origin of each of its characters."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []

    def add_plain(start: int, end: int) -> None:
        stretch = text[start:end]
        if stretch.isascii():
            chars.append(stretch)
            starts.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
        else:
            for index, char in enumerate(stretch, start):
                add(char, index, index + 1)

    def add(char: str, start: int, end: int) -> None:
        plain = char if char.isascii() else _normal(char)
        chars.append(plain)
        starts.extend([start] * len(plain))
        ends.extend([end] * len(plain))

    at = 0
    for run in _ESCAPES.finditer(text) if escapes else ():
        add_plain(at, run.start())
        at = run.start()
        for char, width in _decode_run(run[0]):
            add(char, at, at + width)
            at += width
    add_plain(at, len(text))
    return Folded("".join(chars), starts, ends)


def _decode_run(run: str) -> list[tuple[str, int]]:
    """The characters of a run of escapes, each with how many characters of the run it took."""
    units = list(_UNIT.finditer(run))
    if units:
        return [(_unit(found[1]), len(found[0])) for found in units]
    found_bytes = list(_BYTE.finditer(run))
    raw = bytes.fromhex("".join(found[1] for found in found_bytes))
    widths = [len(found[0]) for found in found_bytes]
    decoded = []
    at = 0
    for char, size in _characters(raw):
        decoded.append((char, sum(widths[at : at + size])))
        at += size
    return decoded


def _unit(digits: str) -> str:
    code = int(digits, 16)
    return _REPLACEMENT if 0xD800 <= code < 0xE000 else chr(code)


def _characters(raw: bytes) -> list[tuple[str, int]]:
    """The characters of bytes in UTF-8, else GB18030, else whichever fits at each place."""
    if raw.isascii():
        return [(chr(byte), 1) for byte in raw]
    for codec in ("utf-8", "gb18030"):
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        return [(char, len(char.encode(codec))) for char in text]
    return _mixed(raw)


def _mixed(raw: bytes) -> list[tuple[str, int]]:
    decoded: list[tuple[str, int]] = []
    at = 0
    while at < len(raw):
        char, size = _REPLACEMENT, 1
        if raw[at] < 0x80:
            char = chr(raw[at])
        else:
            for codec, width in (("utf-8", 2), ("utf-8", 3), ("utf-8", 4), ("gb18030", 2)):
                try:
                    text = raw[at : at + width].decode(codec)
                except UnicodeDecodeError:
                    continue
                if len(text) == 1:
                    char, size = text, min(width, len(raw) - at)
                    break
        decoded.append((char, size))
        at += size
    return decoded
