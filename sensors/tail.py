"""A log path, or a pattern of them, as a source: each record once, whatever is done to the files.

Survives renaming, copying and truncating, compression, deletion and inode reuse, while the sensor
runs and while it does not; half lines wait for their rest. What a rotated file still holds is read
before its successor. Once no mark matches a file, it is new and read from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Final

from schema.batch import Position
from schema.event import TIME, Fields
from schema.times import SECOND, from_text
from sensors import marks
from sensors.follow import Following
from sensors.source import Polled
from sensors.sources import Context

_time_of: Final[Callable[[Fields], str]] = itemgetter(TIME)

POLL_BYTES_MAX: Final = 256 * 1024
"""Raw text of one poll; the sensor counts on it for the size of its batches."""

LATENESS_US: Final = 2 * SECOND
"""How much later than its time a line may be read: whole-second times, and writers that wait."""


class FileSource:
    """Follows what is written under ``path``, which may hold the wildcards ``*?[``.

    A pattern should match logs only: a copy of a log under another name is another log.
    ``rotated`` are patterns of places where rotated files are moved to, beyond the usual names
    beside the log. A position is good for a source of the same path only.
    """

    def __init__(
        self, name: str, path: str, *, form: str, context: Context, rotated: Sequence[str] = ()
    ) -> None:
        self._name = name
        self._kind = form
        self._path = path
        self._context = context
        self._following = Following(name, path, form=form, elsewhere=tuple(rotated))
        self._watermark = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def kind(self) -> str:
        return self._kind

    @property
    def problem(self) -> str:
        """Why a file cannot be read now; empty while all is well."""
        return self._following.problem

    @property
    def vanished(self) -> int:
        """Files that were gone before they were known to be read to their end."""
        return self._following.vanished

    def bound(self, position_bytes: int) -> None:
        """Follow no more files than have room in that many bytes of the signed header."""
        self._following.position_bytes_max = position_bytes

    def restore(self, position: Position) -> None:
        """See :class:`sensors.source.Source`; raises ``sensors.position.malformed``."""
        self._following.restore(marks.from_text(position.generation, self._path))

    def poll(self, limit: int) -> Polled:
        now = self._context.now()
        following = self._following
        following.look(now)
        for known in following.files:
            known.at_end = False
        events: list[Fields] = []
        places: list[tuple[str, int]] = []
        size = 0
        while len(events) < limit and size < POLL_BYTES_MAX:
            file = following.furthest_behind()
            if file is None:
                break
            records = file.take(limit - len(events), POLL_BYTES_MAX - size, now)
            if not records.raws:
                following.at_end_of(file, now)
                continue
            parsed = file.form.parse(records.raws, self._context)
            records.mark(parsed)
            # The earliest of the piece: one line of the far future must not hide the rest.
            file.reached = min(map(_time_of, parsed))
            events += parsed
            places += zip(repeat(file.generation), records.starts, strict=False)
            size += sum(map(len, records.raws))
        at_end = all(file.at_end for file in following.files)
        self._raise_watermark(now)
        following.let_go()
        return Polled(
            events=events,
            places=places,
            position=self._position(),
            watermark=self._watermark,
            at_end=at_end,
            troubles={
                "left_out": following.left_out,
                "unreadable": following.unreadable,
                "vanished": following.vanished,
            },
            problem=following.problem,
        )

    def close(self) -> None:
        """Let go of all files."""
        self._following.close()

    def _raise_watermark(self, now: int) -> None:
        """As far as everything is read; a record that waits for more lines is not read yet.

        Files that wait for room hold it back while room is being made. Those that will find none
        do not, lest the whole site wait for ever: they are told as a trouble instead.
        """
        if self._following.catches_up:
            return
        reached = now
        behind = [file.reached for file in self._following.files if not file.at_end or file.waits]
        if behind:
            earliest = min(behind)
            reached = min(now, from_text(earliest)) if earliest else 0
        self._watermark = max(self._watermark, reached - LATENESS_US)

    def _position(self) -> Position:
        reading = self._following.reading()
        offset = reading.marks[-1].offset if reading.marks else 0
        text = marks.to_text(reading, self._path)
        return Position(generation=text, offset=offset)
