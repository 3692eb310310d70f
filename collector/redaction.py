"""Redaction: takes an event's bytes out of a segment and leaves its leaf, so that proofs hold.

The record of it is sealed first, then a new copy of the segment is swapped in as a whole: after a
crash between the two the same is done again, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from collector.control import ControlLog
from crypto import sm3
from schema import batch as batches
from schema import segment
from schema.disk import replace_file
from schema.errors import FengsuiError

Kinds = Mapping[int, tuple[str, ...]]
"""What was found, by index in the batch."""


class Redaction:
    """Rewrites segments of the log."""

    def __init__(
        self,
        segments: Path,
        control: ControlLog,
        *,
        settle: Callable[[str], None],
        rewritten: Callable[[str, str], None],
    ) -> None:
        """``settle`` closes a sensor's open segment; ``rewritten`` hears of sensor and segment."""
        self._segments = segments
        self._control = control
        self._settle = settle
        self._rewritten = rewritten

    def redact(self, sensor: str, number: int, *, found: Kinds) -> None:
        """Take these events of one batch out of the log; raises ``OSError`` when the disk fails.

        Raises ``collector.redaction.expired`` for a batch that is gone.
        """
        # Closed first: a writer that goes on in the old file would be lost with it.
        self._settle(sensor)
        path = self._path(sensor, number)
        raw = path.read_bytes()
        fresh = _without(raw, number, sorted(found))
        record(
            self._control,
            sensor,
            number,
            found=found,
            before=_footer(raw),
            after=_footer(fresh),
            where=path.name,
        )
        while self._control.flush():
            # All of it: the record must stand before the bytes go.
            continue
        replace_file(path, fresh)
        self._rewritten(sensor, path.name)

    def _path(self, sensor: str, number: int) -> Path:
        files = sorted(self._segments.joinpath(sensor).glob(f"*{segment.SUFFIX}"))
        holding = [file for file in files if segment.first_number(file.name) <= number]
        if not holding:
            raise FengsuiError(
                "collector.redaction.expired",
                f"batch {number} of {sensor} has expired: nothing of it is left to be redacted",
                sensor=sensor,
                number=number,
            )
        return holding[-1]


def record(
    control: ControlLog,
    sensor: str,
    number: int,
    *,
    found: Kinds,
    before: str,
    after: str,
    where: str,
) -> None:
    """Note what was redacted, naming the hashes of both copies."""
    kinds = sorted({kind for kinds in found.values() for kind in kinds})
    control.add(
        "event_redacted",
        sensor=sensor,
        number=number,
        events=len(found),
        reason=" ".join(kinds),
        message=f"events {places(sorted(found))} of {where} were reduced to their leaf hashes",
        labels={"footer_before": before, "footer_after": after, "segment": where},
    )


def places(indexes: Sequence[int]) -> str:
    """A short list of indexes for a message."""
    shown = ", ".join(map(str, indexes[:20]))
    return shown if len(indexes) <= 20 else f"{shown} and {len(indexes) - 20} more"


def _without(raw: bytes, number: int, indexes: Sequence[int]) -> bytes:
    parts = [segment.MAGIC]
    closed = False
    for item in segment.frames(raw, len(segment.MAGIC)):
        if isinstance(item, segment.Broken):
            # Damage stays as it is: hiding it would be worse.
            parts.append(raw[item.start : _next_sound(raw, item.start)])
        elif item.kind == segment.FOOTER:
            closed = True
        else:
            batch = batches.from_bytes(item.payload)
            if batch.header.number == number:
                parts.append(segment.batch_frame(batches.redact(batch, indexes)))
            else:
                parts.append(raw[item.start : item.end])
    body = b"".join(parts)
    return body + segment.frame(segment.FOOTER, sm3.digest(body)) if closed else body


def _next_sound(raw: bytes, start: int) -> int:
    for item in segment.frames(raw, start):
        if isinstance(item, segment.Frame):
            return item.start
    return len(raw)


def _footer(raw: bytes) -> str:
    """The footer hash of a segment's bytes, or of what an open one would be closed with."""
    for item in segment.frames(raw, len(segment.MAGIC)):
        if isinstance(item, segment.Frame) and item.kind == segment.FOOTER:
            return item.payload.hex()
    return sm3.digest(raw).hex()
