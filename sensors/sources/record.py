"""A raw record as text, and what every format does alike; nothing here knows a format.

Records of other people's systems hold anything: NUL, half characters, GBK, a mebibyte of one
letter. Text is kept readable where it can be, escaped where it cannot, and bounded always.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from crypto import sm3
from schema import event, limits, times
from schema.event import Fields
from schema.marking import marking
from sensors.sources.contract import Context

FIELD_CHARS_MAX: Final = 8 * 1024
"""One field of a cut record, as long as ``event.original`` may be."""

PLAIN_BYTES_MAX: Final = 2 * 1024
"""Records up to here need no measuring: every byte three times over, each as a six-character
escape, stays under ``EVENT_BYTES_MAX``."""

_ROOM: Final = 4 * 1024
"""Kept free in a cut event for what the agent and the mask add to it."""

CACHE_MAX: Final = 4096
"""Entries of each parser's cache of repeated texts; it is emptied when full, for simplicity."""

# ASCII in two bytes, as path traversal writes "." and "/"; as GBK it would read 喇 and 蜡.
_OVERLONG: Final = re.compile(rb"(?:[\x00-\x7f]|[\xc0\xc1][\x80-\xbf])*\Z")
_CUT_TAIL: Final = re.compile(r"[0-9A-Fa-fXxUu%\\+ \-０-９绝絕机機秘祕密]{1,256}\Z")


def decode(raw: bytes) -> tuple[str, bool]:
    """The text of a record, and whether bytes of it had to be escaped.

    UTF-8; else GB18030 if that gives believable Chinese; else UTF-8 with each wrong byte as
    ``\\xNN``. A NUL becomes the four characters ``\\x00`` in every case.
    """
    escaped = False
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = _chinese(raw)
        if not text:
            text, escaped = raw.decode("utf-8", "backslashreplace"), True
    return (text.replace("\0", "\\x00") if "\0" in text else text), escaped


def _chinese(raw: bytes) -> str:
    """The record read as GB18030, or nothing unless it is most likely that."""
    if _OVERLONG.match(raw):
        return ""
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    foreign = [char for char in text if char > "\x7f"]
    # Any two high bytes decode as something; true text uses the common characters of GB 2312.
    common = sum(
        ("一" <= char <= "龥" or "\u2010" <= char <= "\u303f" or "！" <= char <= "～")
        and len(char.encode("gb2312", "ignore")) > 1
        for char in foreign
    )
    return text if common * 5 >= len(foreign) * 3 else ""


def decode_many(records: Sequence[bytes]) -> tuple[list[str], set[int]]:
    """Texts of the records, and the indexes of those with escaped bytes."""
    joined = b"\n".join(records)
    if b"\0" not in joined:
        try:
            texts = joined.decode().split("\n")
        except UnicodeDecodeError:
            texts = []
        # Unequal where a record of several lines is among them.
        if len(texts) == len(records):
            return texts, set()
    pairs = [decode(record) for record in records]
    return [text for text, _ in pairs], {at for at, (_, escaped) in enumerate(pairs) if escaped}


class LineFormat(ABC):
    """A format whose records are read one at a time, with the last time it saw."""

    dataset: str

    def __init__(self) -> None:
        self._last_time = ""

    def begins(self, line: bytes) -> bool:  # noqa: ARG002 - the port's signature
        """Every line, unless the format says otherwise."""
        return True

    def parse(self, records: Sequence[bytes], context: Context) -> list[Fields]:
        """See :class:`sensors.sources.contract.Format`."""
        texts, escaped = decode_many(records)
        line_fields = self._line
        events = [line_fields(text, context) or self._unparsed(text, context) for text in texts]
        return _finish(events, records, escaped)

    @abstractmethod
    def _line(self, line: str, context: Context) -> Fields | None:
        """The fields of a record, or None where it is not of this format."""

    def _unparsed(self, text: str, context: Context) -> Fields:
        """A record that is not of the format: kept, at the last time the source told."""
        return {
            event.TIME: self._last_time or times.to_text(context.now()),
            event.DATASET: self.dataset,
            "event.action": "unparsed",
            event.ORIGINAL: text,
            "gov.time.assumed": True,
            "host.name": context.host,
        }


def scrubbed(fields: Fields) -> Fields:
    """The fields with NUL escaped, for formats that undo escapes themselves."""
    for name, value in fields.items():
        if isinstance(value, str) and "\0" in value:
            fields[name] = value.replace("\0", "\\x00")
    return fields


@lru_cache(maxsize=CACHE_MAX)
def is_address(text: str) -> bool:
    """Whether the text is an IP address; log lines also name hosts and sockets in its place."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _finish(events: list[Fields], records: Sequence[bytes], escaped: set[int]) -> list[Fields]:
    """The same events with the flags of undecodable records, and the long ones cut to size."""
    for at in escaped:
        events[at]["gov.line.undecodable"] = True
    for at, raw in enumerate(records):
        if len(raw) > PLAIN_BYTES_MAX:
            fit(events[at], raw)
    return events


def fit(fields: Fields, raw: bytes) -> None:
    """Cut the fields until the event is under its limit, naming the whole record's hash if so."""
    if shrink(fields):
        fields["gov.line.bytes"] = len(raw)
        fields["gov.line.sm3"] = sm3.digest(raw).hex()


def shrink(fields: Fields) -> bool:
    """Cut long fields until the event is under ``EVENT_BYTES_MAX``; whether any was cut."""
    limit, was_cut = min(FIELD_CHARS_MAX, limits.ORIGINAL_CHARS_MAX), False
    while True:
        for name, value in fields.items():
            if isinstance(value, str) and len(value) > limit:
                fields[name], was_cut = cut(value, limit), True
        if limit < 256 or len(event.encode(fields)) <= limits.EVENT_BYTES_MAX - _ROOM:
            return was_cut
        limit //= 2


def cut(text: str, limit: int) -> str:
    """The text's first ``limit`` characters at most, cut so that the mask still sees what it must.

    Half a citizen's number would pass as no number, so what may be one is dropped from the end;
    a classified marking in the part cut off is carried over, since it speaks for the whole text.
    """
    carried = marking(text)
    return _CUT_TAIL.sub("", text[: limit - len(carried)]) + carried
