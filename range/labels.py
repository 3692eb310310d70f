"""Writes a recording: compressed logs, the label file and the check sums.

Which line belongs to which attack is known exactly, not guessed: every attacking connection's own
address and port were noted when it was opened, and the servers log them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import zstandard
from attacks import ATTACKS, Attack
from clock import Warp
from mistakes import NEAR_MISSES
from rawlogs import read_raw
from restamp import Line, restamped, retime
from town import HOST, START

__all__ = ["FILES", "Facts", "Trace", "attack_of", "write_recording"]

FILES = {
    "sshd": "sshd.log",
    "nginx_access": "nginx-access.log",
    "nginx_error": "nginx-error.log",
    "postgresql_text": "postgresql.log",
    "postgresql_json": "postgresql-share.json",
}
_SERVERS = {"sshd": "ssh", "nginx": "web", "pg-pay": "pay", "pg-share": "share"}
_AFTER_S = 1.0  # true seconds in which a server may still log the end of a closed connection
# Statements of an injection reach the database through the portal's own pooled sessions.
_THROUGH_PORTAL = {"A08", "A17"}
_HOW = (
    "Only timestamps were changed. True times (minutes) were mapped onto the recorded day by one "
    "rising piecewise linear function shared by all files; lines of one connection that follow "
    "each other within 0.12 s (0.015 s in a database session) kept their true distances; each file "
    "was then sorted by new time."
)


@dataclass(frozen=True, slots=True)
class Trace:
    """Which connection did what, in true seconds."""

    server: str
    source: str
    port: int
    label: str
    begin: float
    end: float

    @property
    def key(self) -> str:
        """Return the name restamp gives the same connection."""
        return f"{_SERVERS[self.server]} {self.source} {self.port}"


class Facts(TypedDict):
    """What the driver noted while recording."""

    first_s: float
    knots: list[tuple[float, float]]
    traces: list[list[object]]
    failures: dict[str, int]
    versions: dict[str, str]
    seed: int


def attack_of(line: Line, traces: Mapping[str, Sequence[Trace]]) -> str:
    """Return the attack whose connection wrote the line, or an empty text."""
    for trace in traces.get(line.key, ()):
        if trace.begin - _AFTER_S <= line.true_s <= trace.end + _AFTER_S:
            return trace.label
    return ""


def write_recording(raw: Path, out: Path) -> None:
    """Restamp the true logs in `raw` and write the recording into `out`."""
    facts: Facts = json.loads((raw / "facts.json").read_text(encoding="utf-8"))
    files = read_raw(raw)
    warp = Warp(facts["knots"])
    first_s = facts["first_s"]
    retime([line for lines in files.values() for line in lines], warp, first_s=first_s)
    traces = [Trace(*item) for item in facts["traces"]]  # type: ignore[arg-type]
    labelled = [trace for trace in traces if trace.label]
    by_key: dict[str, list[Trace]] = {}
    for trace in labelled:
        by_key.setdefault(trace.key, []).append(trace)
    windows = _windows(labelled, warp, first_s)
    counts: dict[str, Counter[str]] = {}
    sources = []
    for kind, lines in files.items():
        ordered = restamped(kind, lines)
        for line, text in ordered:
            label = attack_of(line, by_key) or _through_portal(kind, line, windows)
            if label.startswith("A"):
                counts.setdefault(label, Counter())[FILES[kind]] += 1 + text.count(b"\n")
        sources.append(_write(out / f"{FILES[kind]}.zst", kind, ordered))
    document = _document(facts, sources, windows, counts)
    (out / "labels.json").write_text(_json(document), encoding="utf-8")
    _sums(out)
    print(_summary(document))


def _through_portal(kind: str, line: Line, windows: Mapping[str, tuple[float, float]]) -> str:
    if kind != "postgresql_json" or b'"user":"share_app"' not in line.text:
        return ""
    if b'"error_severity":"ERROR"' not in line.text:
        return ""
    for label in _THROUGH_PORTAL & windows.keys():
        begin, end = windows[label]
        if begin <= line.new_s <= end:
            return label
    return ""


def _windows(traces: Iterable[Trace], warp: Warp, first_s: float) -> dict[str, tuple[float, float]]:
    """Return first and last recorded second of each label, whole seconds, rounded outwards."""
    windows: dict[str, tuple[float, float]] = {}
    for trace in traces:
        begin = math.floor(first_s + warp(trace.begin))
        end = math.ceil(first_s + warp(trace.end))
        known = windows.get(trace.label, (begin, end))
        windows[trace.label] = (min(known[0], begin), max(known[1], end))
    return windows


def _write(path: Path, kind: str, ordered: Sequence[tuple[Line, bytes]]) -> dict[str, object]:
    content = b"".join(text + b"\n" for _, text in ordered)
    # Level 19 with one thread gives the same bytes each time.
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(content))
    return {
        "file": path.name,
        "source": kind,
        "lines": content.count(b"\n"),
        "records": len(ordered),
        "host": HOST,
        "first": _utc(ordered[0][0].new_s),
        "last": _utc(ordered[-1][0].new_s),
    }


def _document(
    facts: Facts,
    sources: list[dict[str, object]],
    windows: Mapping[str, tuple[float, float]],
    counts: Mapping[str, Counter[str]],
) -> dict[str, object]:
    total = sum(int(str(source["lines"])) for source in sources)
    attacked = sum(sum(counter.values()) for counter in counts.values())
    return {
        "format": "range-labels/1",
        "recording": {
            "name": "district-day",
            "timezone": "Asia/Shanghai",
            "utc_offset": "+08:00",
            "year": START.year,
            "start": min(str(source["first"]) for source in sources),
            "end": max(str(source["last"]) for source in sources),
            "lines": total,
            "attack_lines": attacked,
            "honest_share_percent": round(100 * (1 - attacked / total), 2),
            "versions": facts["versions"],
            "seed": facts["seed"],
            "restamped": True,
            "restamped_how": _HOW,
            "true_seconds": round(facts["knots"][-1][0] - facts["knots"][0][0]),
            "persons": "made up; citizen numbers use county code 99, which is assigned nowhere",
        },
        "sources": sources,
        "attacks": [
            _attack(attack, windows[attack.id], counts.get(attack.id, Counter()))
            for attack in ATTACKS
            if attack.id in windows
        ],
        "near_misses": [_near_miss(entry, windows) for entry in NEAR_MISSES],
    }


def _attack(
    attack: Attack, window: tuple[float, float], counter: Counter[str]
) -> dict[str, object]:
    entities: dict[str, list[str]] = {"source.ip": list(attack.sources)}
    if attack.users:
        entities["user.name"] = list(attack.users)
    return {
        "id": attack.id,
        "kind": attack.kind,
        "start": _utc(window[0]),
        "end": _utc(window[1]),
        "sources": [f"{name}.zst" for name in sorted(counter)],
        "lines": dict(sorted((f"{name}.zst", count) for name, count in counter.items())),
        "entities": entities,
        "expected": {"zh": attack.expected_zh, "en": attack.expected_en},
        "by": "range/attackers.py",
    }


def _near_miss(
    entry: tuple[str, float, float, str, str, str], windows: Mapping[str, tuple[float, float]]
) -> dict[str, object]:
    label, begin_s, end_s, who, english, chinese = entry
    first = START.timestamp()
    begin, end = windows.get(label, (first + begin_s, first + end_s))
    field = "source.ip" if who.startswith("127.") else "user.name"
    return {
        "id": label,
        "start": _utc(begin),
        "end": _utc(end),
        "entities": {field: [who]} if who else {},
        "what": {"zh": chinese, "en": english},
        "by": "range/mistakes.py",
    }


def _utc(at_s: float) -> str:
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _sums(out: Path) -> None:
    names = sorted(path.name for path in out.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256((out / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


def _summary(document: dict[str, object]) -> str:
    return _json({key: document[key] for key in ("recording", "sources")})
