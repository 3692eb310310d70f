"""Artefacts of a worker: read from their topic once, then from its own folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from collector.bus.reading import BEGINNING, Starts
from schema import artefact
from schema.bus import BusReader, Place
from schema.errors import FengsuiError

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
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def get(self, digest: str) -> bytes:
        """Bytes of an artefact; raises ``analytics.stream.artefact_absent`` and ``schema.bus.*``.

        Whoever asked checks that the bytes are the right ones.
        """
        path = self._folder / digest
        if not path.is_file():
            self._read(digest)
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

    def _read(self, wanted: str) -> None:
        assembly, empty = artefact.Assembly(), 0
        reader = self._open_reader({self._place: BEGINNING})
        try:
            while empty < EMPTY_READS:
                records = reader.read(records_max=RECORDS_MAX, wait_seconds=WAIT_SECONDS)
                empty = 0 if records else empty + 1
                for record in records:
                    whole = assembly.take(record.key, record.value)
                    if whole is not None and whole[0] == wanted:
                        self._write(*whole)
                        return
        finally:
            reader.close()

    def _write(self, digest: str, raw: bytes) -> None:
        begun = self._folder / f"{digest}.new"
        begun.write_bytes(raw)
        begun.replace(self._folder / digest)

    def _forget(self, keep: Path) -> None:
        files = sorted(self._folder.iterdir(), key=lambda one: one.stat().st_mtime)
        for old in files[:-KEPT_MAX]:
            if old != keep:
                old.unlink()
