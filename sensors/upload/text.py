"""The texts of a file, one after the other, for a look at what is marked in them.

Plain text (UTF-8, UTF-16 with its mark, GB18030), packed office files and archives
(:mod:`sensors.upload.packed`), PDF (:mod:`sensors.upload.pdf`). In any other file only the places
around the character 密 are given, as UTF-8 and UTF-16: an old office file is found so, a picture
of a text is not. Nothing here writes, runs or follows what a file says.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from sensors.upload import packed, pdf
from sensors.upload.budget import DEPTH_MAX, Budget, unchecked

PLAIN_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of a text or PDF: it is held in memory several times over."""
_HEAD_BYTES: Final = 4096
"""Enough to tell a text from anything else: the latter has zero bytes in it."""
_AROUND_BYTES: Final = 96
"""A marking with blanks and escapes between its characters is shorter."""
PLACES_MAX: Final = 100_000
"""Such places of one file; a second's work."""
_SECRET: Final = (("utf-8", "密".encode()), ("utf-16-le", "密".encode("utf-16-le")))
"""Not GB18030: among random bytes five of them meet too often by chance."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def texts(file: BinaryIO, budget: Budget, depth: int = 0) -> Iterator[str]:
    """Every text found; raises ``sensors.upload.unchecked`` where not all can be looked at."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if packed.is_packed(head):
        yield from _packed(file, size, budget, depth)
        return
    is_pdf = pdf.is_pdf(head)
    is_text = not is_pdf and _is_text(head)
    if size > PLAIN_BYTES_MAX and (is_pdf or is_text):
        raise unchecked("too_large")
    # Of films and disk images what stands in their first part is looked at.
    data = file.read(PLAIN_BYTES_MAX)
    if is_pdf:
        yield from pdf.texts(data, budget)
    elif is_text:
        yield from _plain(data)
    else:
        yield from _around(data)


def _packed(file: BinaryIO, size: int, budget: Budget, depth: int) -> Iterator[str]:
    if depth >= DEPTH_MAX:
        raise unchecked("packed_too_deep")
    for name, data in packed.members(file, size, budget):
        yield name
        if packed.is_page(name):
            yield from packed.page(data)
        else:
            yield from texts(io.BytesIO(data), budget, depth + 1)


def _is_text(head: bytes) -> bool:
    return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" not in head


def _plain(data: bytes) -> Iterator[str]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            yield data.decode(encoding, "replace")
            return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        # What is neither may be a text of both: each is tried.
        yield data.decode("gb18030", "replace")
        yield data.decode("utf-8", "replace")
        yield from _around(data)
    else:
        yield text


def _around(data: bytes) -> Iterator[str]:
    """The surroundings of each 密 among bytes that are no text."""
    count = 0
    for encoding, secret in _SECRET:
        at = data.find(secret)
        while at >= 0:
            count += 1
            if count > PLACES_MAX:
                raise unchecked("too_many_parts")
            # An even number back, so that UTF-16 keeps its step.
            start = at - min(_AROUND_BYTES, at // 2 * 2)
            yield data[start : at + _AROUND_BYTES].decode(encoding, "replace")
            at = data.find(secret, at + len(secret))
