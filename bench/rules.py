"""Sigma rules over Windows events: our matcher from Python against the Rust crate rsigma-eval.

Ours: the JSON lines of a batch decoded by msgspec, then ``analytics.matching.plan(…).match``. The
peer: the same lines read by serde_json, then the crate's own ``evaluate_batch``; both two thousand
events a batch, one thread, CPU time. Every turn has events that neither side has had before, both
sides the same ones, in turns; the medians count. Neither side routes by log source: every rule is
asked of every event, under the field names it was written with (the crate's routing, like ours,
would ask fewer; it is another question). A rule that one side refuses is asked of neither.

``process_creation``: the Windows process-creation rules over Sysmon's process creations;
``all_rules``: every rule over all events. What distinct and repeating mean, and how the
repetition was measured on logs, stands in ``bench/_rule_streams.py``; the shares are printed.
``hits_differing`` counts pairs of event and rule that one side alone fires, in one turn of each
stream; they are written to ``.cache/bench/``, each with its side.

``cost_per_rule``: a sample of the process-creation rules (of all rules where the name says so),
each asked alone of decoded events, less what a rule of an absent field costs. Together they share
work, so it bounds from above what a rule adds.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from analytics.expression import Atom, Node
from analytics.matching import plan
from analytics.matching import scanner as scanning
from analytics.matching.port import Plan, Question
from bench import _rule_data as data
from bench import _rule_streams as streams
from bench._rule_conditions import condition_of
from bench.peers import fetch
from bench.peers.peer import MissingPeer, Peer
from bench.peers.rounds import figure
from fengsui.memory import settle
from schema.event import Fields

ROUNDS: Final = 7
EVENTS: Final = 8000
"""Of one turn: a quarter of a second or more at either side."""
BATCH: Final = 2000
COSTED_RULES: Final = 300
COSTED_EVENTS: Final = 1000
DIFFERENCES: Final = data.ROOT / ".cache" / "bench"

_decode = msgspec.json.Decoder(Fields).decode_lines


class Size(NamedTuple):
    """How much is measured; the tests ask for less."""

    rounds: int = ROUNDS
    events: int = EVENTS
    rules: int | None = None
    """Of each set, None for all."""
    costed: int = COSTED_RULES
    differences: Path = DIFFERENCES


class Ruled(NamedTuple):
    """Rules that both sides hold, and our plan of them."""

    name: str
    ids: list[str]
    conditions: list[Node]
    plan: Plan
    peer: Peer | None
    note: str


def run() -> list[dict[str, object]]:
    """Events a CPU second of each stream, hits that differ, and what a rule costs."""
    return measure(Size())


def measure(size: Size) -> list[dict[str, object]]:
    """The benchmark in another size; raises ``fengsui.bench.data_absent``."""
    recorded = data.events()
    files = data.rule_files()
    repetition = streams.measure(data.raw_logs())
    created = [event for event in recorded if data.is_process_creation(event)]
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as scratch:
        for name, chosen, source in (
            ("process_creation", [file for file in files if file.process_creation], created),
            ("all_rules", files, recorded),
        ):
            ruled = _ruled(name, chosen[: size.rules], Path(scratch))
            settle()
            try:
                results += _compared(ruled, source, repetition.shares, size, Path(scratch))
                results += _costs(ruled, source, size.costed)
            finally:
                if ruled.peer:
                    ruled.peer.close()
    return results + _told(repetition)


def _ruled(name: str, files: Sequence[data.RuleFile], scratch: Path) -> Ruled:
    """Load the rules at both sides and keep those that both hold."""
    peer, reason, refused = _peer(files, scratch)
    ids: list[str] = []
    conditions: list[Node] = []
    ours_refused = 0
    for file in files:
        found = condition_of(file.path.read_bytes())
        if found is None:
            ours_refused += 1
        elif file.path not in refused:
            ids.append(found[0])
            conditions.append(found[1])
    made = plan([Question(place, 1, one) for place, one in enumerate(conditions)])
    note = f"{len(ids)} rules; refused by us {ours_refused}, by the peer {len(refused)}"
    note += f"; ours {backend(made)}"
    return Ruled(name, ids, conditions, made, peer, f"{reason or (peer and peer.name)}; {note}")


def backend(made: Plan) -> str:
    """Which matcher a plan is, and what it searches with."""
    name = type(made).__module__.removeprefix("analytics.matching.")
    if name != "python":
        return name
    scanner = scanning.best_scanner()
    return f"{name} with {getattr(scanner, '__name__', scanner)}"


def _peer(files: Sequence[data.RuleFile], scratch: Path) -> tuple[Peer | None, str, set[Path]]:
    try:
        peer = fetch.start("rsigma")
    except MissingPeer as error:
        return None, f"rsigma-eval cannot be had here: {error}", set()
    listed = scratch / "rules.txt"
    listed.write_text("\n".join(str(file.path) for file in files), encoding="utf-8")
    _, _, refused = peer.ask("rules", str(listed).encode())
    return peer, "", {Path(line.split(": ")[0]) for line in refused.decode().splitlines()}


def _compared(
    ruled: Ruled,
    recorded: Sequence[data.Plain],
    repetition: streams.Shares,
    size: Size,
    scratch: Path,
) -> list[dict[str, object]]:
    rounds, events = size.rounds, size.events
    results = []
    for form, target in (("distinct", None), ("repeating", repetition)):
        what = f"{ruled.name}_{form}"
        stream = streams.Stream(recorded, target, seed=20261125)
        # The first turn warms both sides up, and is where their hits are compared.
        lines = stream.lines(events)
        differing = _hits(ruled, lines, size.differences / f"rules-{what}.jsonl", scratch)
        stream.begin()
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(rounds):
            lines = stream.lines(events)
            ours.append(events / _our_seconds(ruled.plan, lines))
            if ruled.peer:
                theirs.append(events / _peer_seconds(ruled.peer, lines, scratch))
        shares = ", ".join(f"{kind} {share:.2f}" for kind, share in stream.shares().items())
        note = f"{ruled.note}; seen before within {streams.WINDOW} events: {shares}"
        results.append(figure(what, ours, theirs, unit="events/cpu s", peer_name=note))
        if differing:
            results.append(differing)
    return results


def _batches(lines: Sequence[bytes]) -> list[bytes]:
    return [b"\n".join(lines[place : place + BATCH]) for place in range(0, len(lines), BATCH)]


def _our_seconds(made: Plan, lines: Sequence[bytes]) -> float:
    batches = _batches(lines)
    begun = time.process_time()
    for batch in batches:
        made.match(_decode(batch))
    return time.process_time() - begun


def _peer_seconds(peer: Peer, lines: Sequence[bytes], scratch: Path) -> float:
    _give(peer, lines, scratch)
    return peer.seconds("parse_and_evaluate", 1)


def _give(peer: Peer, lines: Sequence[bytes], scratch: Path) -> None:
    path = scratch / "events.jsonl"
    path.write_bytes(b"\n".join(lines))
    peer.ask("events", str(path).encode())


def _hits(
    ruled: Ruled, lines: Sequence[bytes], path: Path, scratch: Path
) -> dict[str, object] | None:
    """How many pairs of event and rule one side alone has; None without a peer."""
    mine = set()
    for number, batch in enumerate(_batches(lines)):
        for place, rule, _ in ruled.plan.match(_decode(batch)):
            mine.add((number * BATCH + place, ruled.ids[rule]))
    if ruled.peer is None:
        return None
    _give(ruled.peer, lines, scratch)
    told = scratch / "hits.txt"
    ruled.peer.ask("hits", str(told).encode())
    known = set(ruled.ids)
    theirs = {
        (place, rule)
        for place, line in enumerate(told.read_text(encoding="utf-8").splitlines())
        for rule in line.split()
        if rule in known
    }
    written = [
        {"event": place, "rule": rule, "only": side, "fields": msgspec.Raw(lines[place])}
        for side, pairs in (("ours", mine - theirs), ("peer", theirs - mine))
        for place, rule in sorted(pairs)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.Encoder().encode_lines(written))
    note = f"of {len(mine | theirs)} pairs of event and rule, {len(lines)} events; see {path.name}"
    what = path.stem.removeprefix("rules-")
    return _row(f"{what}_hits_differing", len(mine ^ theirs), note, "pairs")


def _costs(ruled: Ruled, recorded: Sequence[data.Plain], costed: int) -> list[dict[str, object]]:
    """Microseconds an event of rules asked alone."""
    stream = streams.Stream(recorded, None, seed=1)
    events = [event for batch in _batches(stream.lines(COSTED_EVENTS)) for event in _decode(batch)]
    nothing = _cost(Atom("no.such.field", "equals", "x"), events)
    step = max(1, len(ruled.conditions) // costed)
    places = range(0, len(ruled.conditions), step)
    costs = sorted(
        (max(0.0, _cost(ruled.conditions[place], events) - nothing), ruled.ids[place])
        for place in places
    )
    dearest = costs[-1]
    suffix = "_all_rules" if ruled.name == "all_rules" else ""
    note = f"{len(costs)} rules of {len(ruled.ids)}, each alone; distinct events, decoding apart"
    picked = {
        "p50": (costs[len(costs) // 2][0], ""),
        "p99": (costs[len(costs) * 99 // 100][0], ""),
        "max": (dearest[0], f"; {dearest[1]}"),
    }
    return [
        _row(f"cost_per_rule_{what}{suffix}", cost, f"{note}{more}", "us/event")
        for what, (cost, more) in picked.items()
    ]


def _cost(condition: Node, events: list[Fields]) -> float:
    made = plan([Question(0, 1, condition)])
    made.match(events[:10])
    begun = time.process_time()
    made.match(events)
    return (time.process_time() - begun) / len(events) * 1e6


def _told(repetition: streams.Measured) -> list[dict[str, object]]:
    """What was measured on logs, by kind of field."""
    return [
        _row(
            f"repetition_{kind}",
            share,
            ", ".join(f"{log} {of[kind]:.2f}" for log, of in repetition.logs.items() if kind in of),
            f"share of values seen before within {streams.WINDOW} events",
        )
        for kind, share in repetition.shares.items()
    ]


def _row(what: str, ours: float, note: str, unit: str) -> dict[str, object]:
    return {
        "what": what,
        "ours": float(f"{ours:.4g}"),
        "peer": None,
        "peer_name": f"none; {note}",
        "ratio": None,
        "unit": unit,
    }
