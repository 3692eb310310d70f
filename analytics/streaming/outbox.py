"""Outbox: what a stage sends, numbered for each partition, in parts where it is long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from analytics.coverage import Coverage
from analytics.streaming.messages import (
    MESSAGE_BYTES_MAX,
    Decided,
    Trained,
    encode,
)
from analytics.streaming.stage import Lane, Sent
from schema.alert import Alert, Closing

_Item = TypeVar("_Item")

ITEMS_MAX = 4096
"""Rows, alerts or events of one message: a few hundred kilobytes as a rule."""


def parts(items: Sequence[_Item]) -> list[Sequence[_Item]]:
    """The items in parts of a message each; one empty part for none."""
    return [items[at : at + ITEMS_MAX] for at in range(0, len(items), ITEMS_MAX)] or [items]


class Outbox:
    """Messages of one stage to the partitions of a lane."""

    def __init__(self, lane: Lane, partitions: int) -> None:
        self._lane = lane
        self.numbers = [0] * partitions
        """Number of the last message to each partition."""
        self._sent: list[Sent] = []

    def send(
        self,
        partition: int,
        items: Sequence[_Item],
        make: Callable[[int, Sequence[_Item], bool], bytes],
    ) -> None:
        """Send items; ``make`` is given a number, some of them, and whether they are the last."""
        chunks = parts(items)
        for place, chunk in enumerate(chunks):
            self._send(partition, chunk, make, place == len(chunks) - 1)

    def _send(
        self,
        partition: int,
        items: Sequence[_Item],
        make: Callable[[int, Sequence[_Item], bool], bytes],
        last: bool,
    ) -> None:
        raw = make(self.numbers[partition] + 1, items, last)
        if len(raw) > MESSAGE_BYTES_MAX and len(items) > 1:
            middle = len(items) // 2
            self._send(partition, items[:middle], make, False)
            self._send(partition, items[middle:], make, last)
            return
        self.numbers[partition] += 1
        self._sent.append(Sent(self._lane, partition, raw))

    def take(self) -> list[Sent]:
        """What was sent since last asked."""
        sent, self._sent = self._sent, []
        return sent


class Telling(Outbox):
    """What a stage tells the state of record."""

    def __init__(self, origin: str) -> None:
        super().__init__("decided", 1)
        self._origin = origin

    def tell(
        self,
        watermark: int,
        *,
        alerts: Sequence[Alert] = (),
        closings: Sequence[Closing] = (),
        coverage: Coverage | None = None,
        trained: Sequence[Trained] = (),
        control: tuple[int, bytes] | None = None,
        pending: int = 0,
    ) -> None:
        """Tell what was decided; the counts of the coverage are taken from it."""
        rows = coverage.take() if coverage else []
        missed = coverage.take_missed() if coverage else []
        said: list[tuple[str, object]] = [("alerts", one) for one in alerts]
        said += [("closings", one) for one in closings]
        said += [("coverage", one) for one in rows]
        said += [("missed", one) for one in missed]
        said += [("trained", one) for one in trained]

        def make(number: int, items: Sequence[tuple[str, object]], _: bool) -> bytes:
            named: dict[str, list[object]] = {}
            for name, one in items:
                named.setdefault(name, []).append(one)
            message = Decided(
                self._origin,
                number,
                watermark,
                **named,  # type: ignore[arg-type] # by name
                control=control,
                pending=pending,
            )
            return encode(message)

        self.send(0, said, make)
