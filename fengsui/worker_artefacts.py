"""Artefacts of a worker: read from their topic once, then from its own folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from collector.bus.reading import BEGINNING, Starts
from schema import artefact
from schema.bus import BusReader, Place, Record
from schema.errors import FengsuiError

_logger = logging.getLogger(__name__)

KEPT_MAX: Final = 64
"""Files kept: rule sets, registers and lists in force are a handful, the rest is read again."""

RECORDS_MAX: Final = 16
WAIT_SECONDS: Final = 1.0
EMPTY_READS: Final = 3
"""So often nothing new means the end: the centre writes an artefact before it names it."""


class TopicArtefacts:
    """Holds artefacts by the SM3 of their bytes; see :class:`analytics.streaming.artefacts`."""

    def __init__(
        self, folder: Path, place: Place, open_reader: Callable[[Starts], BusReader]
    ) -> None:
        self._folder = folder
        self._place = place
        self._open_reader = open_reader
        self._read_to = 0
        """Behind the record that completed the last one: what control names next is newer."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def get(self, digest: str) -> bytes:
        """Bytes of an artefact; raises ``analytics.stream.artefact_absent`` and ``schema.bus.*``.

        Whoever asked checks that the bytes are the right ones.
        """
        path = self._folder / digest
        if not path.is_file():
            # Usually the newest is asked for; the topic grows with each version of anything.
            if not (self._read_to > 0 and self._read(digest, self._read_to)):
                self._read(digest, BEGINNING)
            self._forget(keep=path)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise FengsuiError(
                "analytics.stream.artefact_absent",
                f"{self._place.topic} holds no artefact {digest[:16]}: let the centre write it "
                "again (`fengsui up` does at its start)",
                digest=digest,
            ) from error

    def _read(self, wanted: str, start: int) -> bool:
        """Read the topic from there until it is found, or to its end."""
        assembly, empty = artefact.Assembly(), 0
        reader = self._open_reader({self._place: start})
        try:
            while empty < EMPTY_READS:
                records = _next(reader)
                empty = 0 if records else empty + 1
                for record in records:
                    whole = _whole(assembly, record)
                    if whole is not None and whole[0] == wanted:
                        self._write(*whole)
                        self._read_to = record.offset + 1
                        return True
        finally:
            reader.close()
        return False

    def _write(self, digest: str, raw: bytes) -> None:
        begun = self._folder / f"{digest}.new"
        begun.write_bytes(raw)
        begun.replace(self._folder / digest)

    def _forget(self, keep: Path) -> None:
        files = sorted(self._folder.iterdir(), key=lambda one: one.stat().st_mtime)
        for old in files[:-KEPT_MAX]:
            if old != keep:
                old.unlink()


def _next(reader: BusReader) -> Sequence[Record]:
    """The next records; one sealed with a key that is not here any more is passed over."""
    while True:
        try:
            return reader.read(records_max=RECORDS_MAX, wait_seconds=WAIT_SECONDS)
        except FengsuiError as error:
            if not error.code.startswith("collector.seal."):
                raise
            _logger.warning("an artefact does not open", extra={"why": str(error)})


def _whole(assembly: artefact.Assembly, record: Record) -> tuple[str, bytes] | None:
    """What the record completes; one nobody of ours wrote does not hide those behind it."""
    try:
        return assembly.take(record.key, record.value)
    except FengsuiError as error:
        _logger.warning(
            "a part of an artefact was left out",
            extra={"topic": record.place.topic, "offset": record.offset, "why": str(error)},
        )
        return None
