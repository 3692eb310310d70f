"""Packed files: office documents (OOXML, ODF, OFD) and other ZIP archives, read with limits.

Sizes in a directory are a claim: what comes out is counted while it comes. XML with a document
type is refused, so that no entity can grow or fetch anything. Formats: ECMA-376, GB/T 33190-2016,
APPNOTE 6.3.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final
from xml.parsers import expat

from sensors.upload.budget import Budget, unchecked

DIRECTORY_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of the archive's directory, which is read whole before the first part: 40,000 parts."""
_CHUNK: Final = 64 * 1024
_LOCAL: Final = b"PK\x03\x04"
_EMPTY: Final = b"PK\x05\x06"
_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = b"PK\x06\x07"
_LOCATOR_BYTES: Final = 20
_COMMENT_MAX: Final = 65535
_ENCRYPTED: Final = 0x1

_PAGE: Final = re.compile(
    r"word/[^/]+\.xml|ppt/(?:slides|notesSlides|comments)/[^/]+\.xml"
    r"|xl/(?:sharedStrings|comments\d*|worksheets/[^/]+)\.xml|docProps/[^/]+\.xml"
    r"|Doc_\d+/.+\.xml|(?:content|styles|meta)\.xml",
    re.IGNORECASE,
)
"""Parts that hold a document's text: the others are pictures, fonts and relations."""
_BREAKS: Final = frozenset({"p", "br", "si", "row", "tr", "h", "TextObject", "v", "tab"})
"""Elements after which a text goes on somewhere else; inside them runs are joined."""


def is_packed(head: bytes) -> bool:
    """Whether a file begins as an archive does."""
    return head.startswith((_LOCAL, _EMPTY))


def is_page(name: str) -> bool:
    """Whether a part of that name holds a document's text as XML."""
    return _PAGE.fullmatch(name) is not None


def members(file: BinaryIO, size: int, budget: Budget) -> Iterator[tuple[str, bytes]]:
    """Name and content of every part; raises ``sensors.upload.unchecked``."""
    _check_directory(file, size)
    try:
        with zipfile.ZipFile(file) as archive:
            found = archive.infolist()
            budget.take_members(len(found))
            for one in found:
                if one.is_dir():
                    continue
                if one.flag_bits & _ENCRYPTED:
                    raise unchecked("encrypted")
                yield one.filename, _content(archive, one, budget)
    except (
        zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError,
        RuntimeError, struct.error,
    ) as error:  # fmt: skip
        raise unchecked("damaged") from error


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> bytes:
    whole = io.BytesIO()
    with archive.open(member) as part:
        while chunk := part.read(_CHUNK):
            budget.take(len(chunk))
            whole.write(chunk)
    return whole.getvalue()


def _check_directory(file: BinaryIO, size: int) -> None:
    """Refuse a directory too large to be read, before it is."""
    tail_size = min(size, _END.size + _COMMENT_MAX)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    file.seek(0)
    # As zipfile looks for it: at the very end first.
    at = tail_size - _END.size
    if at < 0:
        raise unchecked("damaged")
    if not (tail.startswith(_EMPTY, at) and tail.endswith(b"\0\0")):
        at = tail.rfind(_EMPTY)
    if at < 0 or at + _END.size > tail_size:
        raise unchecked("damaged")
    length = _END.unpack_from(tail, at)[5]
    has_locator = tail.startswith(_LOCATOR, at - _LOCATOR_BYTES) if at >= _LOCATOR_BYTES else False
    if has_locator or length > DIRECTORY_BYTES_MAX:
        raise unchecked("too_many_parts")


def page(data: bytes) -> Iterator[str]:
    """The text of an XML part, its runs joined; raises ``sensors.upload.unchecked``."""
    words: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise unchecked("document_type")

    def end(name: str) -> None:
        if name.rpartition(" ")[2] in _BREAKS:
            words.append("\n")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.CharacterDataHandler = words.append
    parser.EndElementHandler = end
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise unchecked("damaged") from error
    yield "".join(words)
