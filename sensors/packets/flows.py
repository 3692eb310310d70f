"""TCP connections under way: a bounded table, told at each one's end.

Bytes come from the sequence numbers of opening and end, so that nothing between them need be
copied from the kernel. They are payload bytes; of more than 4 GiB one way the remainder is told.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeAlias

from schema import times
from sensors.packets.frame import ACK, FIN, RST, SYN, Address, Packet

FLOWS_MAX: Final = 65_536
"""Connections remembered, some 500 bytes each; the oldest goes for a new one, and is counted."""
UNANSWERED_US: Final = times.MINUTE
"""An opening that nobody answered has failed by then: Linux has tried for a minute."""
OPEN_US: Final = times.DAY
"""After that an end must have been missed."""
EXPIRE_EVERY_US: Final = 10 * times.SECOND
"""A look through a full table costs some milliseconds."""
EXPIRED_A_LOOK_MAX: Final = 1024
"""Told at one look; the rest waits for the next."""

End: TypeAlias = tuple[Address, int]
_ROUND: Final = 2**32


@dataclass(slots=True)
class Flow:
    """One connection, seen from who opened it."""

    client: End
    server: End
    since: int
    answered: bool = False
    server_name: str = ""
    told: bool = False
    """Whether its handshake was told."""
    starts: tuple[int | None, int | None] = (None, None)
    """First sequence number of payload, of client and server."""
    ends: tuple[int | None, int | None] = (None, None)
    heard: tuple[int | None, int | None] = (None, None)
    """How far the other had it of client and server, as its end said: stands for an end unseen."""

    @property
    def sent(self) -> tuple[int | None, int | None]:
        """Payload bytes of client and server, None where opening or end was not seen."""
        first, second = (
            None if start is None or last is None else (last - start) % _ROUND
            for start, last in zip(
                self.starts,
                (h if e is None else e for e, h in zip(self.ends, self.heard, strict=True)),
                strict=True,
            )
        )
        return first, second


def _with(
    pair: tuple[int | None, int | None], side: int, value: int
) -> tuple[int | None, int | None]:
    return (value, pair[1]) if side == 0 else (pair[0], value)


class Flows:
    """The table. ``lost`` counts connections that had to go before their end."""

    def __init__(self, limit: int = FLOWS_MAX) -> None:
        self._limit = limit
        self._flows: OrderedDict[tuple[End, End], Flow] = OrderedDict()
        """In order of opening, so that the oldest stand in front."""
        self.lost = 0
        self._looked_at = 0

    def __len__(self) -> int:
        return len(self._flows)

    def of(self, packet: Packet) -> tuple[Flow, int] | None:
        """The connection of a segment, and who sent it: 0 the client, 1 the server."""
        source, destination = _ends(packet)
        if flow := self._flows.get((source, destination)):
            return flow, 0
        flow = self._flows.get((destination, source))
        return (flow, 1) if flow else None

    def open(self, packet: Packet, at: int) -> Flow:
        """A connection whose client sent this segment."""
        if len(self._flows) >= self._limit:
            self._flows.popitem(last=False)
            self.lost += 1
        flow = Flow(*_ends(packet), since=at)
        self._flows[flow.client, flow.server] = flow
        return flow

    def note(self, packet: Packet, at: int) -> list[Flow]:
        """Take note of an opening or an end; gives the connections that are over by it."""
        known, over = self.of(packet), []
        flags = packet.flags
        if flags & SYN:
            first = (packet.sequence + 1) % _ROUND
            if known and known[1] == 0 and not flags & ACK and known[0].starts[0] != first:
                # The same ports anew: the end of the last was not seen.
                over.append(self._close(known[0]))
                known = None
            if known is None and not flags & ACK:
                known = self.open(packet, at), 0
            if known:
                flow, side = known
                flow.starts = _with(flow.starts, side, first)
                flow.answered = flow.answered or side == 1
        if known and flags & (FIN | RST):
            flow, side = known
            if flags & FIN or (packet.sequence and flow.ends[side] is None):
                # A refusal of an opening carries no sequence number of its own; a FIN counts as
                # one byte in what is reset after it.
                end = (packet.sequence + packet.length) % _ROUND
                flow.ends = _with(flow.ends, side, end)
            if flags & ACK:
                flow.heard = _with(flow.heard, 1 - side, packet.acknowledged)
            if flags & RST or None not in flow.ends:
                over.append(self._close(flow))
        return over

    def expire(self, now: int) -> list[Flow]:
        """Openings without an answer, and connections too old to be under way still."""
        if 0 <= now - self._looked_at < EXPIRE_EVERY_US:
            return []
        self._looked_at = now
        over: list[Flow] = []
        for flow in self._flows.values():
            age = now - flow.since
            if age < UNANSWERED_US or len(over) >= EXPIRED_A_LOOK_MAX:
                break
            if age >= OPEN_US or not (flow.answered or flow.starts[0] is None):
                over.append(flow)
        return [self._close(flow) for flow in over]

    def _close(self, flow: Flow) -> Flow:
        del self._flows[flow.client, flow.server]
        return flow


def _ends(packet: Packet) -> tuple[End, End]:
    return (packet.source, packet.source_port), (packet.destination, packet.destination_port)
