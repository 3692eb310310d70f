"""Streams of events as real logs have them: values that never come again, and values that do.

Every field belongs to a kind. ``time``: of the event, or of what it tells. ``identifier``: ids of
processes, sessions and handles, ports, GUIDs, record numbers. ``path``:
files, folders, registry keys, and the hashes of a file. ``text``: command lines, scripts, queries,
messages. ``name``: what comes from a small set by nature (users, descriptions of programs,
channels, shares, levels); names stay as they were recorded.

A *distinct* stream makes every time, identifier, path and text new in each event, so that nothing
kept of a value can help: a path gets a folder of its own before its last part (its beginning and
its end, which rules ask for, stay), a text gets new numbers and one new last argument. Real logs
are milder: system programs are started from the same path again and again.

A *repeating* stream draws its events with the few-are-many weights of real systems and makes so
many identifiers, paths and texts new that the share of values seen before within ``WINDOW``
events is the one measured on logs: each file of the shipped recording, read by the sensor's own
formats, and each public raw log is one vote. Times are new in each event here too.
"""

from __future__ import annotations

import random
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from bench._rule_data import Plain
from fengsui.demo import recording_folder
from schema.event import Fields
from sensors.replay import RecordedSource, Recording

Kind: TypeAlias = Literal["time", "identifier", "path", "text", "name"]
Shares: TypeAlias = dict[Kind, float]

WINDOW = 4096
"""How far back a value counts as seen before: as many as a modest cache of values holds."""

_SAMPLE = 40_000
"""Events read of each recorded file: several windows of the busiest."""

_POLL = 2000
_FLATTEN = 10
"""Weight of the n-th event is 1/(n + this): the commonest makes one in fifty."""

_IDENTIFIER = re.compile(
    r"(?:guid|processid|threadid|logonid|recordid|sourceport|ipport|handleid)$", re.IGNORECASE
)
_TIME = re.compile(r"time$", re.IGNORECASE)
_NAMES = frozenset(
    {"Channel", "Provider_Name", "Computer", "Keywords", "ShareName", "PipeName", "RuleName"}
)
_HASHES = frozenset({"Hashes", "Hash"})
_USER = re.compile(r"user|account|domain|logon|owner", re.IGNORECASE)
_TEXT = re.compile(
    r"commandline|scriptblock|payload|contextinfo|^data$|message|query|details|arguments|filter",
    re.IGNORECASE,
)
_CHANGING = re.compile(r"\b[0-9A-Fa-f]{8,}\b|[0-9]{3,}")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]")
_DECIMAL = re.compile(r"[0-9]")
_TEXT_LENGTH_MIN = 64

_LOG_KINDS: dict[str, Kind] = {
    "process.pid": "identifier",
    "source.port": "identifier",
    "url.path": "path",
    "url.original": "text",
    "url.query": "text",
    "process.command_line": "text",
    "gov.db.statement": "text",
    "message": "text",
    "host.name": "name",
    "user.name": "name",
    "process.name": "name",
    "event.action": "name",
    "http.request.method": "name",
    "user_agent.original": "name",
    "log.level": "name",
}
"""Kinds of the fields our formats read; the raw line itself is asked by no rule."""

_RAW: dict[str, re.Pattern[str]] = {
    "OpenSSH_2k": re.compile(
        r"\w+ +\d+ [\d:]+ (?P<host>\S+) (?P<program>\w+)\[(?P<pid>\d+)\]: (?P<message>.*)"
    ),
    "Apache_2k": re.compile(r"\[[^]]*\] \[(?P<level>\w+)\] (?P<message>.*)"),
    "Thunderbird_2k": re.compile(
        r"- \d+ \S+ (?P<host>\S+) \w+ \d+ [\d:]+ \S+ "
        r"(?P<program>[^\[:]+)(?:\[(?P<pid>\d+)\])?: (?P<message>.*)"
    ),
}
_RAW_KINDS: dict[str, Kind] = {
    "host": "name",
    "program": "name",
    "level": "name",
    "pid": "identifier",
    "message": "text",
}


def kind_of(field: str, value: object) -> Kind:
    """The kind of a Windows field."""
    if _TIME.search(field):
        return "time"
    if _IDENTIFIER.search(field):
        return "identifier"
    if not isinstance(value, str) or field in _NAMES or _USER.search(field):
        return "name"
    if _TEXT.search(field):
        return "text"
    if field in _HASHES or "\\" in value or "://" in value or value.startswith("/"):
        return "path"
    return "text" if len(value) >= _TEXT_LENGTH_MIN and " " in value else "name"


class Seen:
    """Counts values that came before within the window, by kind."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], int] = {}
        self._place = 0
        self._seen: Counter[Kind] = Counter()
        self._all: Counter[Kind] = Counter()

    def add(self, values: Mapping[str, object], kinds: Mapping[str, Kind]) -> None:
        """Take the next event; fields without a kind are left out, and empty values."""
        for field, value in values.items():
            kind = kinds.get(field)
            if kind is None or value == "":
                continue
            key = field, str(value)
            before = self._last.get(key)
            self._all[kind] += 1
            self._seen[kind] += before is not None and self._place - before <= WINDOW
            self._last[key] = self._place
        self._place += 1

    def begin(self) -> None:
        """Count anew; what was seen stays seen."""
        self._seen.clear()
        self._all.clear()

    def shares(self) -> Shares:
        """Of each kind that came, the share that had come before."""
        return {kind: self._seen[kind] / count for kind, count in self._all.items()}


class Measured(NamedTuple):
    """How much real logs repeat themselves."""

    shares: Shares
    """Mean over the logs that have the kind."""
    logs: dict[str, Shares]


def measure(raw: Mapping[str, Sequence[str]]) -> Measured:
    """The repetition of the shipped recording and of the public raw logs."""
    logs = {
        source.name.removesuffix(".log"): _of_source(source)
        for source in Recording(recording_folder()).sources
    }
    for name, lines in raw.items():
        seen = Seen()
        for line in lines:
            found = _RAW[name].match(line) if name in _RAW else None
            if found:
                seen.add({key: text or "" for key, text in found.groupdict().items()}, _RAW_KINDS)
        logs[name] = seen.shares()
    kinds: tuple[Kind, ...] = ("identifier", "path", "text", "name")
    votes = {kind: [found[kind] for found in logs.values() if kind in found] for kind in kinds}
    return Measured(
        shares={kind: statistics.fmean(found) for kind, found in votes.items() if found}, logs=logs
    )


def _of_source(source: RecordedSource) -> Shares:
    seen, left = Seen(), _SAMPLE
    while left > 0:
        polled: Sequence[Fields] = source.poll(min(_POLL, left)).events
        if not polled:
            break
        for fields in polled:
            seen.add(fields, _LOG_KINDS)
        left -= len(polled)
    return seen.shares()


class _Template:
    """One recorded event and what of it can be made new."""

    def __init__(self, event: Plain) -> None:
        self.event = event
        self.kinds: dict[str, Kind] = {field: kind_of(field, event[field]) for field in event}
        self._fresh: dict[Kind, list[tuple[str, Callable[[random.Random], str | int]]]] = {}
        for field, kind in self.kinds.items():
            value = event[field]
            if kind != "name" and value != "" and not isinstance(value, bool):
                self._fresh.setdefault(kind, []).append((field, _renewal(field, kind, value)))

    def renew(self, event: Plain, kind: Kind, dice: random.Random) -> None:
        """Give the event's fields of a kind values that never were."""
        for field, fresh in self._fresh.get(kind, ()):
            event[field] = fresh(dice)


def _renewal(field: str, kind: Kind, value: str | int) -> Callable[[random.Random], str | int]:
    if isinstance(value, int):
        bits = max(16, value.bit_length())
        return lambda dice: dice.getrandbits(bits)
    if field in _HASHES:
        return _hashes(value)
    if kind in ("time", "identifier"):
        return _with_digits(value)
    if kind == "path":
        head, slash, tail = value.rpartition("\\") if "\\" in value else value.rpartition("/")
        return lambda dice: f"{head}{slash}{dice.getrandbits(48):012x}{slash}{tail}"
    pieces = _CHANGING.split(value)
    lengths = [len(run) for run in _CHANGING.findall(value)]

    def text(dice: random.Random) -> str:
        told = [pieces[0]]
        for length, piece in zip(lengths, pieces[1:], strict=True):
            told.append(f"{dice.getrandbits(4 * length):0{length}x}")
            told.append(piece)
        told.append(f" -session {dice.getrandbits(48):012x}")
        return "".join(told)

    return text


def _hashes(value: str) -> Callable[[random.Random], str]:
    named = [part.rpartition("=")[0] for part in value.split(",")]
    sizes = [len(part.rpartition("=")[2]) for part in value.split(",")]
    return lambda dice: ",".join(
        f"{name}={dice.getrandbits(4 * size):0{size}X}"
        for name, size in zip(named, sizes, strict=True)
    )


def _with_digits(value: str) -> Callable[[random.Random], str]:
    """The same form with other digits: a GUID, a number, a time."""
    if value[4:5] == "-" and ":" in value:
        date, rest = value[:11], value[19:]
        return lambda dice: (
            f"{date}{dice.randrange(24):02}:{dice.randrange(60):02}:{dice.randrange(60):02}"
            f"{_decimal(rest, dice)}"
        )
    if value.startswith("0x"):
        return lambda dice: f"0x{_hexadecimal(value[2:], dice)}"
    if value.isdecimal():
        return lambda dice: _decimal(value, dice)
    return lambda dice: _hexadecimal(value, dice)


def _hexadecimal(value: str, dice: random.Random) -> str:
    digits = iter(f"{dice.getrandbits(4 * len(value)):0{len(value)}X}")
    return _HEXADECIMAL.sub(lambda _: next(digits), value)


def _decimal(value: str, dice: random.Random) -> str:
    digits = iter(f"{dice.randrange(10 ** (len(value) + 1)):0{len(value)}}")
    return _DECIMAL.sub(lambda _: next(digits), value)


class Stream:
    """Events without end, drawn from recorded ones; the same seed gives the same events."""

    def __init__(self, recorded: Sequence[Plain], target: Shares | None, *, seed: int) -> None:
        """A distinct stream where ``target`` is None, else one that repeats by these shares."""
        self._dice = random.Random(seed)
        self._templates = [_Template(event) for event in recorded]
        self._dice.shuffle(self._templates)
        places = range(len(self._templates))
        self._weights = (
            None if target is None else list(accumulate(1 / (place + _FLATTEN) for place in places))
        )
        self._renewed: Shares = {"time": 1.0, "identifier": 1.0, "path": 1.0, "text": 1.0}
        self._seen = Seen()
        if target is not None:
            self._calibrate(target)

    def _calibrate(self, target: Shares) -> None:
        """So many are renewed that the rest of what repeats by itself makes the target."""
        self._renewed.update(identifier=0.0, path=0.0, text=0.0)
        for _ in range(2):
            self._seen.begin()
            for _ in self._drawn(WINDOW):
                pass
        natural = self._seen.shares()
        self._seen.begin()
        for kind in ("identifier", "path", "text"):
            self._renewed[kind] = max(0.0, 1 - target.get(kind, 0.0) / natural.get(kind, 1.0))

    def lines(self, count: int) -> list[bytes]:
        """The next events as JSON."""
        encode = msgspec.json.Encoder().encode
        return [encode(event) for event in self._drawn(count)]

    def begin(self) -> None:
        """Count the repetition anew from here on."""
        self._seen.begin()

    def shares(self) -> Shares:
        """The repetition of what has come."""
        return self._seen.shares()

    def _drawn(self, count: int) -> Iterator[Plain]:
        dice = self._dice
        for template in dice.choices(self._templates, cum_weights=self._weights, k=count):
            event = dict(template.event)
            for kind, share in self._renewed.items():
                if share >= 1 or dice.random() < share:
                    template.renew(event, kind, dice)
            self._seen.add(event, template.kinds)
            yield event
