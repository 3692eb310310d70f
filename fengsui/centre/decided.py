"""Decided: takes back what the analytics tier decided, each message once.

Where the reader stands is an entry of the engine's snapshot, which the state of record commits
together with the alerts that were read: after a crash both are as they were before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from analytics.engine import BEGINNING, LATENESS_US
from analytics.memory import NEVER
from analytics.streaming import messages
from analytics.streaming.messages import Decided as Message
from fengsui.centre.hops import Every, Hops
from fengsui.centre.layout import Layout
from schema.bus import BusReader, Place
from schema.errors import FengsuiError

ENTRY: Final = "decided"
RECORDS_MAX: Final = 256
"""Messages taken in one round: a few thousand alerts in one transaction at most."""

STAGE: Final = "decided"


class _Dump(msgspec.Struct, frozen=True):
    next: int
    numbers: dict[str, int]
    watermarks: dict[str, int]
    partitions: int = 1
    pending: dict[str, int] = {}

    @property
    def watermark(self) -> int:
        """Up to which event time all have decided; long ago until each was heard."""
        origins = [f"hits/{number}" for number in range(self.partitions)]
        return min(self.watermarks.get(origin, BEGINNING) for origin in origins)


class Decided:
    """Reads ``decided`` from where the state of record stands; for the pipeline's thread."""

    def __init__(
        self,
        open_reader: Callable[[Mapping[Place, int]], BusReader],
        layout: Layout,
        *,
        snapshot: Mapping[str, bytes],
        hops: Hops,
    ) -> None:
        """``open_reader`` gives a reader of committed records with fixed starts.

        Raises ``fengsui.decided.snapshot``.
        """
        self._layout = layout
        self._hops = hops
        dump = _decoded(snapshot.get(ENTRY))
        self._next = dump.next
        self._numbers, self._watermarks = dict(dump.numbers), dict(dump.watermarks)
        self._pending = dict(dump.pending)
        self._ask_lag = Every()
        self._broken: FengsuiError | None = None
        self._reader = open_reader({layout.only("decided"): self._next})

    @property
    def watermark(self) -> int:
        """Up to which event time all have decided; long ago until each was heard."""
        return self._dump().watermark

    @property
    def watermarks(self) -> Mapping[str, int]:
        """The same by who decides."""
        return self._watermarks

    @property
    def pending(self) -> int:
        """Hits that wait for the watermark on the workers, as they told last."""
        return sum(self._pending.values())

    def read(self) -> list[Message]:
        """What came since last asked; once given out it is not read again before a restart.

        Raises ``schema.bus.*``, ``analytics.stream.malformed`` for bytes no stage wrote, and
        ``fengsui.decided.gap`` where some were deleted before they were read. It reads no further
        then, for what is passed over would be an alert nobody sees. A restart with the workers'
        version goes on behind the former.
        """
        if self._broken is not None:
            raise self._broken
        found: list[Message] = []
        for record in self._reader.read(records_max=RECORDS_MAX, wait_seconds=0):
            self._hops.add("received", STAGE)
            try:
                decision = messages.decided_of(record.value)
            except FengsuiError as error:
                self._hops.add("failed", STAGE)
                self._broken = error
                break
            known = self._numbers.get(decision.origin, 0)
            if decision.number > known + 1:
                self._broken = _gap(decision, known)
                break
            self._next = record.offset + 1
            if decision.number <= known:
                continue
            self._numbers[decision.origin] = decision.number
            before = self._watermarks.get(decision.origin, BEGINNING)
            self._watermarks[decision.origin] = max(before, decision.watermark)
            self._pending[decision.origin] = decision.pending
            found.append(decision)
        if self._ask_lag.due():
            self._hops.lag(STAGE, sum(self._reader.lag().values()))
        return found

    @property
    def ended(self) -> bool:
        """Whether a replay has been decided to its end."""
        return self.watermark >= NEVER

    def snapshot(self) -> dict[str, bytes]:
        """Where the reader stands, to be committed with what it read."""
        return {ENTRY: msgspec.msgpack.encode(self._dump())}

    def _dump(self) -> _Dump:
        return _Dump(
            self._next, self._numbers, self._watermarks, self._layout.partitions, self._pending
        )

    def close(self) -> None:
        """Let go of the bus."""
        self._reader.close()


def _gap(decision: Message, known: int) -> FengsuiError:
    return FengsuiError(
        "fengsui.decided.gap",
        f"decisions {known + 1} to {decision.number - 1} of {decision.origin} were deleted before "
        "they were read: go through `fengsui migrate` to embedded and back, which decides anew "
        "what the segments hold",
        origin=decision.origin,
    )


def _decoded(raw: bytes | None) -> _Dump:
    if raw is None:
        return _Dump(0, {}, {})
    try:
        return msgspec.msgpack.decode(raw, type=_Dump)
    except msgspec.DecodeError as error:
        raise FengsuiError(
            "fengsui.decided.snapshot",
            f"how far decisions were read cannot be read ({error}): restore a backup",
        ) from error


def settled_in(snapshot: Mapping[str, bytes]) -> int:
    """Before which event time nothing changes any more, by what was read of decisions."""
    watermark = _decoded(snapshot.get(ENTRY)).watermark
    return watermark if abs(watermark) >= NEVER else watermark - LATENESS_US
