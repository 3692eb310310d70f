"""PDF: the strings in its plain, Flate and ASCII85 streams, as far as no font need be known.

Bytes of a string are read as UTF-16, GB18030 and UTF-8, and through the tables of characters
(ToUnicode) that most programs write beside their fonts. What is drawn by another filter, or by a
font without a table, is not seen. Format: ISO 32000-1, 7.3 and 9.10.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from sensors.upload.budget import Budget, unchecked

STREAMS_MAX: Final = 20_000
"""Of one file: a page has one to three."""
TABLES_MAX: Final = 64
"""Tables of characters tried for each string; one a font."""
TABLE_ENTRIES_MAX: Final = 70_000
"""Of all tables together: as many characters as Unicode's first plane has."""
DICTIONARY_BYTES: Final = 2048
"""Before a stream: its dictionary ends there."""
SEARCHED_BYTES_MAX: Final = 8 * 1024 * 1024
"""Of strings, over all streams; each is read several times."""
STEPS_MAX: Final = 32 * 1024 * 1024
"""Bytes of strings read through tables: some seconds."""

IMAGE_BYTES_MAX: Final = 64 * 1024
"""Of a picture's or font's stream: it draws no text, unless its dictionary lies."""
ASCII_BYTES_MAX: Final = 2 * 1024 * 1024
"""Of a stream in ASCII85, which is undone slowly: a second."""

_MAGIC: Final = b"%PDF-"
_MAGIC_WITHIN: Final = 1024
_STREAM: Final = re.compile(rb"stream\r?\n")
_FILTER: Final = re.compile(rb"/Filter\s*(\[[^\]]{0,200}\]|/\w+)")
_STRING: Final = re.compile(
    rb"\\.|\(((?:[^()\\]|\\.){0,4096}+)\)|<([0-9A-Fa-f\s]{2,8192}+)>", re.DOTALL
)
"""An escape outside a string is stepped over, so that no byte is tried again and again."""
_ESCAPED: Final = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_OCTAL: Final = frozenset(b"%d" % digit for digit in range(8))
_PLAIN: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"",
                 b"\r": b"", b"\r\n": b""}  # fmt: skip
_PAIR: Final = re.compile(rb"<\s*([0-9A-Fa-f]{4})\s*>\s*<\s*([0-9A-Fa-f]{4,16})\s*>")
_TRIPLE: Final = re.compile(
    rb"<\s*([0-9A-Fa-f]{4})\s*>\s*<\s*([0-9A-Fa-f]{4})\s*>\s*<\s*([0-9A-Fa-f]{4})\s*>"
)
_IMAGE: Final = re.compile(rb"/Subtype\s*/(?:Image|Type1C|CIDFontType0C|OpenType)|/Length1\s")
_ENCRYPT: Final = re.compile(rb"/Encrypt\s+\d+\s+\d+\s+R|/Encrypt\s*<<")


def is_pdf(head: bytes) -> bool:
    """Whether a file begins as a PDF does."""
    return _MAGIC in head[:_MAGIC_WITHIN]


def texts(data: bytes, budget: Budget) -> Iterator[str]:
    """Its texts, a stream at a time; raises ``sensors.upload.unchecked``."""
    if _ENCRYPT.search(data):
        raise unchecked("encrypted")
    contents: list[bytes] = []
    tables: list[dict[int, str]] = []
    entries = 0
    for content in _streams(data, budget):
        if b"beginbf" in content and len(tables) < TABLES_MAX and entries < TABLE_ENTRIES_MAX:
            table = _table(content, TABLE_ENTRIES_MAX - entries)
            # A font that has no 密 writes no marking.
            if "密" in table.values():
                tables.append(table)
                entries += len(table)
        else:
            contents.append(content)
    left, steps = SEARCHED_BYTES_MAX, 0
    for content in contents:
        strings = []
        for found in _STRING.finditer(content):
            if found.lastindex is None:
                continue
            strings.append(_bytes(found))
            left -= len(strings[-1])
            if left < 0:
                raise unchecked("too_large")
        # A line is drawn by many strings, even one a character.
        joined = b"".join(strings)
        if joined:
            yield from _read(joined)
            for table in tables:
                steps += len(joined)
                if steps > STEPS_MAX:
                    raise unchecked("too_large")
                yield _through(table, strings)
        yield from _read(content)


def _streams(data: bytes, budget: Budget) -> Iterator[bytes]:
    count, at = 0, 0
    while (found := _STREAM.search(data, at)) is not None:
        count += 1
        end = data.find(b"endstream", found.end())
        if end < 0:
            raise unchecked("damaged")
        if count > STREAMS_MAX:
            raise unchecked("too_many_parts")
        # Past the end: no byte is read twice, whatever the file says.
        at = end + len(b"endstream")
        raw = data[found.end() : end]
        before = data[max(0, found.start() - DICTIONARY_BYTES) : found.start()]
        head = before[max(0, before.rfind(b" obj")) :]
        size_max = IMAGE_BYTES_MAX if _IMAGE.search(head) else budget.bytes_left + 1
        named = _FILTER.search(head)
        filters = tuple(named[1].strip(b"[]").replace(b"/", b" ").split()) if named else ()
        if filters[:1] == (b"ASCII85Decode",):
            raw, filters = _from_ascii(raw), filters[1:]
        if not filters:
            content = raw[:size_max]
        elif filters == (b"FlateDecode",):
            content = _inflate(raw, size_max)
        else:
            continue
        budget.take(len(content))
        yield content


def _from_ascii(raw: bytes) -> bytes:
    if len(raw) > ASCII_BYTES_MAX:
        raise unchecked("too_large")
    try:
        return base64.a85decode(raw.partition(b"~")[0])
    except ValueError as error:
        raise unchecked("damaged") from error


def _inflate(raw: bytes, size_max: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, size_max)
    except zlib.error as error:
        raise unchecked("damaged") from error


def _bytes(found: re.Match[bytes]) -> bytes:
    if found[2] is not None:
        digits = b"".join(found[2].split())
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
    return _ESCAPED.sub(_unescape, found[1])


def _unescape(found: re.Match[bytes]) -> bytes:
    one = found[1]
    if one[:1] in _OCTAL:
        return bytes([int(one, 8) & 0xFF])
    return _PLAIN.get(one, one)


def _read(raw: bytes) -> Iterator[str]:
    yield raw.decode("utf-16-be", "replace")
    yield raw.decode("gb18030", "replace")
    yield raw.decode("utf-8", "replace")


def _table(content: bytes, room: int) -> dict[int, str]:
    table: dict[int, str] = {}
    for part in _between(content, b"beginbfchar", b"endbfchar"):
        for code, text in _PAIR.findall(part):
            if len(table) < room:
                table[int(code, 16)] = _text(text)
    for part in _between(content, b"beginbfrange", b"endbfrange"):
        for low, high, text in _TRIPLE.findall(part):
            first, start = int(low, 16), int(text, 16)
            for step in range(min(int(high, 16) - first + 1, room - len(table))):
                table[first + step] = chr((start + step) & 0xFFFF)
    return table


def _between(content: bytes, begin: bytes, end: bytes) -> Iterator[bytes]:
    start = content.find(begin)
    while start >= 0 and (stop := content.find(end, start)) >= 0:
        yield content[start + len(begin) : stop]
        start = content.find(begin, stop)


def _text(digits: bytes) -> str:
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii")).decode(
        "utf-16-be", "replace"
    )


def _through(table: Mapping[int, str], strings: list[bytes]) -> str:
    return "".join(
        table.get(one[at] << 8 | one[at + 1], " ")
        for one in strings
        for at in range(0, len(one) - 1, 2)
    )
