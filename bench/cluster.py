"""The distributed form in steady state: what an event costs each component, and how long it takes.

Real brokers, a real search node, workers and sensors of their own, all on this machine. First
rounds of stages one after another, in CPU time (rsyslog with its Kafka and Elasticsearch modules
beside them, on the same lines), then a live run on the wall's clock at a pace that half fills it,
then one at the greatest pace of ``CLUSTER_RATES`` that it carries. docs/scale.md plans from these
figures. Says so where there is no Java or no rsyslog.

``CLUSTER_EVENTS``, ``CLUSTER_ROUNDS``, ``CLUSTER_SECONDS`` and ``CLUSTER_RATES`` choose the size.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import _cluster_ground as grounds
from bench import _cluster_live as live
from bench import _cluster_peers as peers
from bench import _cluster_rates as rates
from bench._cluster_ground import Ground
from bench._cluster_live import Live
from bench._cluster_rates import Costs
from bench.peers import rsyslog
from bench.peers.peer import MissingPeer

EVENTS = int(os.environ.get("CLUSTER_EVENTS", "150000"))
"""Of a round: nearly every line of the recording's web server once."""
ROUNDS = int(os.environ.get("CLUSTER_ROUNDS", "3"))
"""None leaves the rounds of stages out."""
WARM_EVENTS = 20_000
"""Through everything first: broker and search node compile what they do often."""
SECONDS = float(os.environ.get("CLUSTER_SECONDS", "60"))
RATES = tuple(
    int(one) for one in os.environ.get("CLUSTER_RATES", "10000,7500,5000,2500").split(",")
)
"""Events a second of the live runs, greatest first: the first that is carried is the district's
line, and half of it the load of the latencies."""
WORKERS = 1
BEHIND_SECONDS_MAX = 3.0
"""How far the centre may be behind when the last line is sealed: what is not carried lags more."""

LABELS = {
    "sensor_to_bus": "read, parse, mask, seal, spool, ship",
    "collector": "bus to segments and search node, all of the client's work",
    "index_client": "of it: build and send the bulk",
    "publish": "accepted batches to the workers",
    "decided": "alerts back into the state of record",
    "worker": "all of a worker's process",
    "matching": "of it: the stage that matches events, as in bench stages",
    "stepping": "of it: the stage that steps over hits",
    "elasticsearch": "the search node's process, merges too",
    "kafka": "the broker's process, workers' transactions too",
}


def run() -> list[dict[str, object]]:
    """Rates, costs, sizes, latencies and the district's line."""
    return measure(events=EVENTS, rounds=ROUNDS, seconds=SECONDS, paces=RATES, warm=WARM_EVENTS)


def measure(
    *, events: int, rounds: int, seconds: float, paces: Sequence[int], warm: int
) -> list[dict[str, object]]:
    """The benchmark in another size."""
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as name:
        folder = Path(name)
        with grounds.ground(folder) as ground:
            return _rates(ground, events, rounds, warm) + _lives(ground, seconds, paces)


def _rates(ground: Ground, events: int, rounds: int, warm: int) -> list[dict[str, object]]:
    if not rounds:
        return []
    try:
        peer, missing = rsyslog.fetched(), ""
    except MissingPeer as error:
        peer, missing = None, str(error)
    if warm:
        rates.measure(ground, warm)
    ours: list[Costs] = []
    theirs: list[dict[str, float]] = []
    for _ in range(rounds):
        ours.append(rates.measure(ground, events))
        if peer:
            theirs.append(peers.measure(ground, peer, events))
    name = f"{peer.name}, no parsing, masking or proof" if peer else missing
    rows = []
    for what, told in LABELS.items():
        own = [one.cpu[what] for one in ours]
        other = [one[what] for one in theirs if what in one]
        about = f"{told}; {events} events; spread {min(own):.1f} to {max(own):.1f}"
        if other:
            about = f"{name}; {about}, peer {min(other):.1f} to {max(other):.1f}"
        rows.append(_row(f"{what}_us", own, other, about, "us CPU/event"))
        rows.append(_row(f"{what}_rate", own, other, told, "events/cpu s", _rate))
        per_million = f"cpu_seconds_per_million_{what}"
        rows.append(_row(per_million, own, other, told, "CPU s"))
    for what in ours[0].size:
        sizes = [one.size[what] for one in ours]
        other = [one["index_bytes"] for one in theirs] if what == "index" else []
        rows.append(_row(f"disk_{what}", sizes, other, name if other else "none", "bytes/event"))
    return rows


def _rate(us: float) -> float:
    return 1e6 / us if us else 0.0


def _lives(ground: Ground, seconds: float, paces: Sequence[int]) -> list[dict[str, object]]:
    found: Live | None = None
    pace = 0
    tried = []
    for pace in paces:
        found = live.run(ground, rate=pace, seconds=seconds, workers=WORKERS)
        tried.append(f"{pace}/s: {found.taken / found.written:.1%} taken in when sealed")
        if found.written - found.taken <= BEHIND_SECONDS_MAX * pace:
            break
    if found is None:
        return []
    load = os.getloadavg()[0]
    told = f"none; all on {os.cpu_count()} cores, load {load:.1f}; {'; '.join(tried)}"
    rows = [
        _one("district_line", found.taken / found.seconds, told, "events/s"),
        _one("district_line_share_lost", found.written - found.taken_in_the_end, told, "events"),
    ]
    used = "none; while the district's line ran"
    rows += [_one(f"live_cores_{name}", one, used, "cores") for name, one in found.cores.items()]
    rows += [_one(f"live_memory_{name}", one, used, "MiB") for name, one in found.memory.items()]
    half = live.run(ground, rate=max(1, pace // 2), seconds=seconds, workers=WORKERS)
    told = (
        f"none; {pace // 2} events/s of {live.SENSORS} sensors for {seconds:.0f} s, "
        f"{len(half.final)} marks, {half.missing} missing; from writing the line, all on this "
        f"machine at load {os.getloadavg()[0]:.1f}"
    )
    for what, values in (("provisional", half.shown), ("final", half.final)):
        for percent in (50, 99):
            one = live.percentile(values, percent)
            rows.append(_one(f"latency_{what}_p{percent}", one, told, "s"))
    return rows


def _row(
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    about: str,
    unit: str,
    shown: Callable[[float], float] = lambda one: one,
) -> dict[str, object]:
    own = statistics.median(ours)
    peer = statistics.median(theirs) if theirs else None
    return {
        "what": what,
        "ours": round(shown(own), 2),
        "peer": None if peer is None else round(shown(peer), 2),
        "peer_name": about if peer is not None else f"none; {about}",
        "ratio": None if peer is None or not own else round(peer / own, 2),
        "unit": unit,
    }


def _one(what: str, ours: float, about: str, unit: str) -> dict[str, object]:
    return {
        "what": what,
        "ours": round(ours, 2),
        "peer": None,
        "peer_name": about,
        "ratio": None,
        "unit": unit,
    }
