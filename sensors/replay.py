"""Replay: recorded logs read as if they were written now, under a clock that follows them.

A recording is a folder with ``labels.json`` (sources, zone, labelled attacks) and one
zstd-compressed file a source. Offsets count decompressed bytes; the generation is the SM3 of the
compressed file, so the same recording always gives the same event ids.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import zstandard

from crypto import sm3
from schema.batch import Position
from schema.errors import FengsuiError
from schema.event import TIME
from schema.times import HOUR, SECOND, from_text
from sensors.source import Polled
from sensors.sources import Context, Format, event_lines, open_format
from sensors.sources.event_lines import EventLines

LINE_BYTES_MAX: Final = 1024 * 1024
DISORDER_US: Final = 2 * SECOND
"""How far lines of one recorded file may stand out of time order."""

RECORD_LINES_MAX: Final = 1000
"""Lines joined into one record before it is ended anyway."""


class ReplayClock:
    """Recorded time: the highest time read so far; moves on by itself only at the end."""

    def __init__(self, start: int) -> None:
        self._now = start

    def now(self) -> int:
        return self._now

    def reach(self, time_us: int) -> None:
        """Time has come at least so far."""
        self._now = max(self._now, time_us)


class RecordedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One source of a recording, as its labels name it."""

    file: str
    source: str
    records: int
    host: str


class RecordedAttack(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled attack; ``entities`` are its addresses and users by field."""

    id: str
    kind: str
    start: str
    end: str
    entities: dict[str, list[str]]


class RecordingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the whole recording."""

    name: str
    utc_offset: str
    start: str
    end: str
    subject_key: str = ""
    """Hexadecimal; of made-up persons, so that what was learnt of them before fits. Everybody has
    it: it keeps no secret."""


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """The label file; fields beyond these are for readers."""

    recording: RecordingFacts
    sources: list[RecordedFile]
    attacks: list[RecordedAttack]
    below: list[RecordedAttack] = []
    """Those carried out below the threshold of their use case: neither to be found nor missed."""


_FORMAT_OF: Final = {"sshd": "syslog_auth"}
"""Recordings name the program where the format's name differs."""


class RecordedSource:
    """One recorded file as a source; decompressed as it is read."""

    def __init__(
        self, path: Path, *, name: str, form: str, context: Context, clock: ReplayClock
    ) -> None:
        self._path = path
        self._name = name
        self._kind = form
        self._format: Format = EventLines() if form == event_lines.NAME else open_format(form)
        self._context = context
        self._clock = clock
        self._generation = sm3.digest(path.read_bytes()).hex()[:16]
        self._offset = 0
        self._records: Iterator[tuple[int, bytes]] | None = None
        self._watermark = 0
        self.finished = False

    @property
    def name(self) -> str:
        return self._name

    @property
    def kind(self) -> str:
        return self._kind

    def restore(self, position: Position) -> None:
        """Go on from a sealed place; raises ``sensors.recording.changed`` for another file."""
        if position.generation != self._generation:
            raise FengsuiError(
                "sensors.recording.changed",
                f"{self._path} is not the recording this folder was begun with: use a new folder",
                path=str(self._path),
            )
        self._offset = position.offset

    def poll(self, limit: int) -> Polled:
        if self._records is None:
            self._records = _records(self._path, self._offset, self._format)
        places: list[tuple[str, int]] = []
        raw: list[bytes] = []
        for offset, record in self._records:
            places.append((self._generation, offset))
            raw.append(record)
            self._offset = offset + len(record) + 1
            if len(raw) == limit:
                break
        events = self._format.parse(raw, self._context) if raw else []
        if events:
            latest = from_text(max(str(fields[TIME]) for fields in events))
            self._clock.reach(latest)
            self._watermark = max(self._watermark, latest - DISORDER_US)
        else:
            self.finished = True
            self._watermark = max(self._watermark, self._clock.now())
        return Polled(
            events=events,
            places=places,
            position=Position(generation=self._generation, offset=self._offset),
            watermark=self._watermark,
            at_end=not events,
        )


def _lines(path: Path, offset: int) -> Iterator[tuple[int, bytes]]:
    """Lines without their ends, and where each begins, from a decompressed offset."""
    with path.open("rb") as file:
        stream = io.BufferedReader(
            zstandard.ZstdDecompressor().stream_reader(file), buffer_size=256 * 1024
        )
        left = offset
        while left:
            left -= len(stream.read(min(left, 1024 * 1024))) or left
        at = offset
        while line := stream.readline(LINE_BYTES_MAX):
            yield at, line.rstrip(b"\n")
            at += len(line)


def _records(path: Path, offset: int, form: Format) -> Iterator[tuple[int, bytes]]:
    """Whole records: a line that begins one, and the lines that go on."""
    begun = -1
    lines: list[bytes] = []
    for at, line in _lines(path, offset):
        if form.begins(line) or len(lines) >= RECORD_LINES_MAX:
            if lines:
                yield begun, b"\n".join(lines)
            begun, lines = at, [line]
        elif lines:
            lines.append(line)
        else:
            begun, lines = at, [line]
    if lines:
        yield begun, b"\n".join(lines)


def _offset_minutes(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    hours, minutes = text.lstrip("+-").split(":")
    return sign * (int(hours) * 60 + int(minutes))


class Recording:
    """A recording opened for replay: its labels, its clock and its sources."""

    def __init__(self, folder: Path) -> None:
        try:
            self.labels = msgspec.json.decode((folder / "labels.json").read_bytes(), type=Labels)
        except (OSError, msgspec.MsgspecError) as error:
            raise FengsuiError(
                "sensors.recording.unreadable",
                f"{folder} is not a recording: {error}",
                path=str(folder),
            ) from error
        self.folder = folder
        facts = self.labels.recording
        self.clock = ReplayClock(label_time(facts.start))
        self.sources = [
            RecordedSource(
                folder / one.file,
                name=one.file.removesuffix(".zst"),
                form=_FORMAT_OF.get(one.source, one.source),
                context=Context(
                    host=one.host,
                    utc_offset_minutes=_offset_minutes(facts.utc_offset),
                    now=self.clock.now,
                ),
                clock=self.clock,
            )
            for one in self.labels.sources
        ]

    @property
    def finished(self) -> bool:
        """Whether every source has been read to its end."""
        return all(source.finished for source in self.sources)

    def end(self) -> None:
        """Let recorded time pass beyond the last event, so that all windows close."""
        self.clock.reach(self.clock.now() + HOUR)


def label_time(text: str) -> int:
    """Microseconds of a label's time, RFC 3339 UTC to the second."""
    return from_text(text.removesuffix("Z").split(".")[0] + ".000000Z")
