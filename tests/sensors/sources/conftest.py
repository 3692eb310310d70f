"""What the tests of all log formats share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from schema import times
from schema.event import Fields
from sensors.sources import FORMATS, Context

NOW = times.from_text("2026-11-23T12:00:00.000000Z")


@pytest.fixture
def context() -> Context:
    return Context(host="gov-app-01", utc_offset_minutes=480, now=lambda: NOW)


def framed(name: str, lines: Sequence[bytes], context: Context) -> list[Fields]:
    """The events of lines, framed as the tail frames them."""
    form = FORMATS[name]()
    records: list[bytes] = []
    for line in lines:
        if form.begins(line) or not records:
            records.append(line)
        else:
            records[-1] += b"\n" + line
    return form.parse(records, context)


@pytest.fixture
def read(context: Context) -> Callable[..., list[Fields]]:
    """Read lines of a format: ``read("nginx_access", b"…", b"…")``."""

    def reader(name: str, *lines: bytes | str) -> list[Fields]:
        raw = [line.encode() if isinstance(line, str) else line for line in lines]
        return framed(name, raw, context)

    return reader
