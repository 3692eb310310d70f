"""EVTX files put together here: the least that is legal, of elements with texts and attributes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from sensors.evtx.layout import CHUNK_BYTES, CHUNK_MAGIC, RECORD_MAGIC, RECORDS_AT, file_header

_FILETIME = 133_000_000_000_000_000


class _Binary:
    """Binary XML at a place in its chunk; a name is written at each use, as is legal."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.out = bytearray(b"\x0f\x01\x01\x00")

    def name(self, text: str) -> None:
        raw = text.encode("utf-16-le")
        self.out += struct.pack("<I", self.at + len(self.out) + 4)
        self.out += struct.pack("<IHH", 0, 0, len(text)) + raw + b"\0\0"

    def value(self, text: str) -> None:
        raw = text.encode("utf-16-le")
        self.out += b"\x05\x01" + struct.pack("<H", len(raw) // 2) + raw

    def element(self, one: ET.Element) -> None:
        self.out += b"\x41" if one.attrib else b"\x01"
        self.out += struct.pack("<I", 0)
        sized = len(self.out)
        self.name(one.tag)
        if one.attrib:
            listed = len(self.out)
            self.out += bytes(4)
            for at, (key, text) in enumerate(one.attrib.items()):
                self.out += b"\x46" if at + 1 < len(one.attrib) else b"\x06"
                self.name(key.rstrip("_"))
                self.value(text)
            struct.pack_into("<I", self.out, listed, len(self.out) - listed - 4)
        self.out += b"\x02"
        if one.text:
            self.value(one.text)
        for inner in one:
            self.element(inner)
        self.out += b"\x04"
        struct.pack_into("<I", self.out, sized - 4, len(self.out) - sized)


def made_record(number: int, xml: str, at: int) -> bytes:
    binary = _Binary(at + 24)
    # Held back from the reader, which would take it into the names.
    binary.element(ET.fromstring(xml.replace(" xmlns=", " xmlns_=")))
    body = bytes(binary.out) + b"\0"
    body += bytes(-(len(body) + 28) % 8)
    size = len(body) + 28
    return (
        struct.pack("<4sIQQ", RECORD_MAGIC, size, number, _FILETIME)
        + body
        + struct.pack("<I", size)
    )


def made_chunk(numbered: Sequence[tuple[int, str]]) -> bytes:
    chunk = bytearray(RECORDS_AT)
    last = RECORDS_AT
    for number, xml in numbered:
        last = len(chunk)
        chunk += made_record(number, xml, last)
    numbers = [number for number, _ in numbered]
    struct.pack_into(
        "<8s4QIII", chunk, 0, CHUNK_MAGIC, numbers[0], numbers[-1], numbers[0], numbers[-1],
        128, last, len(chunk),
    )  # fmt: skip
    struct.pack_into("<I", chunk, 52, zlib.crc32(chunk[RECORDS_AT:]))
    struct.pack_into("<I", chunk, 124, zlib.crc32(chunk[:120] + chunk[128:RECORDS_AT]))
    return bytes(chunk).ljust(CHUNK_BYTES, b"\0")


def made_file(*chunks: Sequence[tuple[int, str]]) -> bytes:
    return file_header(len(chunks)) + b"".join(map(made_chunk, chunks))
