"""Ours and a peer's operations timed in turn: interleaved rounds, medians, CPU time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bench.peers.peer import MissingPeer, Peer

__all__ = ["Pair", "compare", "figure", "repeat"]

ROUNDS = 9
# Long enough for the clock of getrusage, short enough that both see the same machine.
SECONDS_A_TURN = 0.12
_COUNT_MAX = 1_000_000


class Pair(NamedTuple):
    """One operation of ours and its like at the peer."""

    what: str
    ours: Callable[[int], float]
    """CPU seconds of so many calls."""
    peer: tuple[str, ...]
    """Names of the peer's operation, best first: the next is taken where one is missing."""
    each: float = 1.0
    """Units one call of ours does: signatures, or megabytes."""
    peer_each: float | None = None
    """Units one call of the peer does, where it differs."""
    unit: str = "op/cpu s"
    note: str = ""


class _Turn(NamedTuple):
    pair: Pair
    count: int
    peer_what: str
    peer_count: int
    reason: str


def repeat(call: Callable[[], object]) -> Callable[[int], float]:
    """Return a stopwatch of ``call``: CPU seconds of this process, threads included."""

    def seconds(count: int) -> float:
        begun = time.process_time()
        for _ in range(count):
            call()
        return time.process_time() - begun

    return seconds


def compare(
    pairs: Sequence[Pair], peer: Peer | None, reason: str, *, about: str = ""
) -> list[dict[str, object]]:
    """Return a result for each pair; ``reason`` says why there is no peer at all."""
    turns = [_prepared(pair, peer, reason) for pair in pairs]
    ours: list[list[float]] = [[] for _ in turns]
    theirs: list[list[float]] = [[] for _ in turns]
    for _ in range(ROUNDS):
        for index, turn in enumerate(turns):
            pair = turn.pair
            ours[index].append(turn.count * pair.each / pair.ours(turn.count))
            if peer and turn.peer_what:
                each = pair.each if pair.peer_each is None else pair.peer_each
                seconds = peer.seconds(turn.peer_what, turn.peer_count)
                theirs[index].append(turn.peer_count * each / seconds)
    return [
        figure(
            turn.pair.what,
            ours[index],
            theirs[index],
            unit=turn.pair.unit,
            peer_name=_described(turn, peer, about),
        )
        for index, turn in enumerate(turns)
    ]


def figure(
    what: str, ours: Sequence[float], theirs: Sequence[float], *, unit: str, peer_name: str
) -> dict[str, object]:
    """Return one result of a benchmark with the spreads in its ``peer_name``."""
    own, peer = statistics.median(ours), statistics.median(theirs) if theirs else None
    spread = f"spread ours {min(ours):.4g} to {max(ours):.4g}"
    if theirs:
        spread += f", peer {min(theirs):.4g} to {max(theirs):.4g}"
    return {
        "what": what,
        "ours": float(f"{own:.6g}"),
        "peer": None if peer is None else float(f"{peer:.6g}"),
        "peer_name": f"{peer_name}; {spread}",
        "ratio": None if peer is None else round(own / peer, 3),
        "unit": unit,
    }


def _described(turn: _Turn, peer: Peer | None, about: str) -> str:
    parts = [f"{peer.name} {turn.peer_what}" if peer and turn.peer_what else turn.reason]
    parts += [part for part in (turn.pair.note, about) if part]
    return "; ".join(parts)


def _prepared(pair: Pair, peer: Peer | None, reason: str) -> _Turn:
    """Find how many calls fill a turn, which also warms both sides up."""
    count = _fitting(pair.ours)
    if not pair.peer:
        return _Turn(pair, count, "", 0, "no peer")
    for what in pair.peer if peer else ():
        assert peer is not None
        try:
            peer_count = _fitting(lambda many, what=what: peer.seconds(what, many))
        except MissingPeer as error:
            reason = f"{peer.name}: {error}"
            continue
        return _Turn(pair, count, what, peer_count, "")
    return _Turn(pair, count, "", 0, reason)


def _fitting(seconds: Callable[[int], float]) -> int:
    count = 1
    while count < _COUNT_MAX:
        spent = seconds(count)
        if spent > SECONDS_A_TURN / 4:
            return max(1, round(count * SECONDS_A_TURN / spent))
        count *= 4
    return count
