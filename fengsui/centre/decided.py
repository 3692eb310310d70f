"""Decided: takes back what the analytics tier decided, each message once.

Where the reader stands is an entry of the engine's snapshot, which the state of record commits
together with the alerts that were read: after a crash both are as they were before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from analytics.engine import BEGINNING
from analytics.memory import NEVER
from fengsui.centre.hops import Hops
from fengsui.centre.layout import Layout
from schema.alert import Alert, Closing
from schema.bus import BusReader, Place
from schema.coverage import CoverageRow, Missed
from schema.errors import FengsuiError

ENTRY: Final = "decided"
RECORDS_MAX: Final = 256
"""Messages taken in one round: a few thousand alerts in one transaction at most."""

STAGE: Final = "decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model was trained: what the control log keeps of it."""

    model: str
    digest: str
    rows: int
    effective_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one message says."""

    origin: str
    """Who wrote it: ``hits-3``, ``hours``; empty for nobody who has a watermark."""
    watermark: int
    """Up to which event time its origin has decided; long ago where it does not say."""
    alerts: Sequence[Alert] = ()
    closings: Sequence[Closing] = ()
    coverage: Sequence[CoverageRow] = ()
    missed: Sequence[Missed] = ()
    trained: Sequence[Trained] = ()


class _Dump(msgspec.Struct, frozen=True):
    next: int
    watermarks: dict[str, int]


class Decided:
    """Reads ``decided`` from where the state of record stands; for the pipeline's thread."""

    def __init__(
        self,
        open_reader: Callable[[Mapping[Place, int]], BusReader],
        layout: Layout,
        *,
        decode: Callable[[bytes], Decision],
        snapshot: Mapping[str, bytes],
        hops: Hops,
    ) -> None:
        """``open_reader`` gives a reader of committed records with fixed starts.

        Raises ``fengsui.decided.snapshot``.
        """
        self._decode = decode
        self._layout = layout
        self._hops = hops
        dump = _decoded(snapshot.get(ENTRY))
        self._next, self._watermarks = dump.next, dict(dump.watermarks)
        self._broken: FengsuiError | None = None
        self._reader = open_reader({layout.only("decided"): self._next})

    @property
    def watermark(self) -> int:
        """Up to which event time all have decided; long ago until each was heard."""
        origins = [f"hits-{number}" for number in range(self._layout.partitions)]
        return min(self._watermarks.get(origin, BEGINNING) for origin in origins)

    @property
    def watermarks(self) -> Mapping[str, int]:
        """The same by who decides."""
        return self._watermarks

    def read(self) -> list[Decision]:
        """What came since last asked; once given out it is not read again before a restart.

        Raises ``schema.bus.*``, and what ``decode`` raises: it reads no further then, for what
        is passed over would be an alert nobody sees. A restart with the workers' version goes on.
        """
        if self._broken is not None:
            raise self._broken
        found: list[Decision] = []
        for record in self._reader.read(records_max=RECORDS_MAX, wait_seconds=0):
            self._hops.add("received", STAGE)
            try:
                decision = self._decode(record.value)
            except FengsuiError as error:
                self._hops.add("failed", STAGE)
                self._broken = error
                break
            self._next = record.offset + 1
            if decision.origin:
                before = self._watermarks.get(decision.origin, BEGINNING)
                self._watermarks[decision.origin] = max(before, decision.watermark)
            found.append(decision)
        self._hops.lag(STAGE, sum(self._reader.lag().values()))
        return found

    @property
    def ended(self) -> bool:
        """Whether a replay has been decided to its end."""
        return self.watermark >= NEVER

    def snapshot(self) -> dict[str, bytes]:
        """Where the reader stands, to be committed with what it read."""
        return {ENTRY: msgspec.msgpack.encode(_Dump(self._next, self._watermarks))}

    def close(self) -> None:
        """Let go of the bus."""
        self._reader.close()


def _decoded(raw: bytes | None) -> _Dump:
    if raw is None:
        return _Dump(0, {})
    try:
        return msgspec.msgpack.decode(raw, type=_Dump)
    except msgspec.DecodeError as error:
        raise FengsuiError(
            "fengsui.decided.snapshot",
            f"how far decisions were read cannot be read ({error}): restore a backup",
        ) from error
