"""One record of an EVTX chunk as the XML that Windows renders: the only user of ``evtx``."""

from __future__ import annotations

import io
import re
from typing import Final

from schema.errors import FengsuiError
from sensors.evtx.layout import COVER_BYTES_MIN, RECORDS_AT, Record, alone

XML_BYTES_MAX: Final = 1024 * 1024
"""Of one record: templates within templates may write more than a record's 64 KiB."""
_GUID: Final = re.compile(
    r'(?<=[>"])([0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12})(?=[<"])'
)
_DECLARATION: Final = re.compile(r"\A\s*<\?xml[^>]*\?>\s*")


def must_be_there() -> None:
    """Raise ``sensors.evtx.missing`` where the package is not installed."""
    try:
        import evtx  # noqa: F401
    except ImportError as error:
        raise FengsuiError(
            "sensors.evtx.missing",
            "EVTX files need the package evtx: install fengsui with the extra `windows`",
        ) from error


class Unreadable(Exception):  # noqa: N818 - told to the source alone, which makes an event of it
    """The record is whole, but not what Windows writes; the text says why."""


def rendered(chunk: bytes, record: Record) -> bytes:
    """The record on one line; raises :class:`Unreadable`, and nothing else for any bytes."""
    import evtx

    if 0 < record.start - RECORDS_AT < COVER_BYTES_MIN:
        raise Unreadable("there is no room for what stood before it")
    try:
        parser = evtx.PyEvtxParser(
            io.BytesIO(alone(chunk, record)), number_of_threads=1, indent=False
        )
        found = {one["event_record_id"]: one["data"] for one in parser.records() if one}
        text = str(found.get(record.number, ""))
    except (RuntimeError, ValueError, OSError) as error:
        raise Unreadable(str(error)[:200]) from error
    except BaseException as error:
        # A panic of the library's own language comes as this class, which it does not export.
        if type(error).__name__ != "PanicException":
            raise
        raise Unreadable("the parser gave up") from error
    if not text:
        raise Unreadable("it has no content")
    # Windows writes GUIDs in braces, and no declaration.
    text = _GUID.sub(lambda found: f"{{{found[1].lower()}}}", _DECLARATION.sub("", text))
    raw = text.encode("utf-8", "replace").replace(b"\r\n", b" ").replace(b"\n", b" ")
    if len(raw) > XML_BYTES_MAX:
        raise Unreadable(f"more than {XML_BYTES_MAX} bytes of XML")
    return raw
