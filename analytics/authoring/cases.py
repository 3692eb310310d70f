"""Cases: what must fire a rule and what must not, run through the engine as a site would.

``cases.jsonl`` beside a rule file has one case a line: ``name``, ``kind`` (fires, near_miss,
late), ``events`` and the ``alerts`` that stand at the end. An event has ``at`` (``+90s``, ``+2h``
behind :data:`START`) and its fields; ``repeat`` and ``every`` make a row of it, in which ``{n}``
counts from 1 and ``{n%20}`` goes round. ``late`` marks an event that arrives when the watermark
has passed it already. ``until`` says how far time goes on after the events, so that deadlines
fall; ``registers`` and ``indicators`` are what is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from analytics import ruleset
from analytics.engine import Engine, Output
from analytics.guards import Row
from analytics.memory import NEVER
from analytics.patterns import Absence
from analytics.replay import Standing, Train
from analytics.rule import NO_ENTITY, Rule
from schema import ids
from schema.alert import Alert
from schema.errors import FengsuiError
from schema.event import AcceptedBatch, Fields, Value
from schema.times import DAY, HOUR, MINUTE, SECOND, from_text, to_text

__all__ = [
    "FILE",
    "LATENESS_US",
    "START",
    "Case",
    "Indicator",
    "Moment",
    "Ran",
    "RegisterRow",
    "Wanted",
    "expected",
    "moments",
    "outcome",
    "read",
    "run",
    "run_moments",
    "seconds",
]

FILE: Final = "cases.jsonl"
START: Final = from_text("2026-11-20T08:00:00.000000Z")
"""When a case begins: a Friday afternoon in Beijing."""

LATENESS_US: Final = MINUTE
"""How late an event of a case may come: the engine's own budget."""

BATCH: Final = 1000
"""Events of a case that are fed at once."""

CASES_MAX: Final = 1000
"""Cases of one file: the longest shipped one has 40."""

LINE_BYTES_MAX: Final = 256 * 1024
"""One case: an event of the longest allowed kind, with room for its neighbours."""

EVENTS_MAX: Final = 50_000
"""Events of one case once its rows are written out: five times the largest exact count."""

_SENSOR: Final = "case"
_COUNTER: Final = re.compile(r"\{n(?:%([1-9]\d{0,5}))?\}")
_OFFSET: Final = re.compile(r"\+?(\d{1,8})(s|m|h|d)")
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_TIMING: Final = ("at", "repeat", "every", "late")

Outcome: TypeAlias = "list[tuple[str, int, int]]"
"""(entity, count, events of the least set) of each alert, in order."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alert that stands at the end."""

    entity: str
    count: int
    events: int
    """Events of its least set."""


class RegisterRow(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"begin": "from", "end": "to"},
):
    """A row of a register, and from when to when it holds; from the beginning where unsaid."""

    key: tuple[str, ...]
    row: dict[str, Value] = {}
    begin: str = "+0s"
    end: str = ""


class Indicator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value that is a threat indicator, of whichever field."""

    value: str
    confidence: int = 80


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One case of a rule."""

    name: str
    kind: Literal["fires", "near_miss", "late"]
    events: tuple[dict[str, Value], ...]
    alerts: tuple[Wanted, ...]
    until: str = ""
    registers: dict[str, tuple[RegisterRow, ...]] = {}
    indicators: tuple[Indicator, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One event of a case at its time."""

    time: int
    late: bool
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What stands once a case is over."""

    alerts: tuple[Alert, ...]
    moments: Mapping[str, Moment]
    """The events of the case by id."""


def read(path: Path) -> list[Case]:
    """The cases of a file; raises ``analytics.case.malformed`` with file and line."""
    cases: list[Case] = []
    names: set[str] = set()
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                cases.append(_case(line, names))
            except (msgspec.DecodeError, FengsuiError, UnicodeDecodeError) as error:
                raise _malformed(f"{path}:{number}: {error}", path, number) from error
            if number > CASES_MAX:
                raise _malformed(f"{path}: more than {CASES_MAX} cases", path, number)
    return cases


def _malformed(why: str, path: Path, line: int) -> FengsuiError:
    return FengsuiError("analytics.case.malformed", why, path=str(path), line=line)


def _wrong(why: str) -> FengsuiError:
    return FengsuiError("analytics.case.malformed", why)


def _case(line: bytes, names: set[str]) -> Case:
    if len(line) > LINE_BYTES_MAX:
        raise _wrong(f"a case has at most {LINE_BYTES_MAX} bytes")
    case = msgspec.json.decode(line, type=Case)
    if case.name in names:
        raise _wrong(f"another case is named {case.name[:80]!r} too")
    names.add(case.name)
    if bool(case.alerts) != (case.kind == "fires") and case.kind != "late":
        raise _wrong("a case that fires has alerts, a near miss has none")
    events = sum(_repeat(template) for template in case.events)
    if not 0 <= events <= EVENTS_MAX:
        raise _wrong(f"a case has at most {EVENTS_MAX} events")
    if not case.events and not case.until:
        raise _wrong("a case has events, or says until when nothing comes")
    for template in case.events:
        _check_times(template)
    if case.until:
        seconds(case.until)
    for rows in case.registers.values():
        for row in rows:
            seconds(row.begin)
            if row.end:
                seconds(row.end)
    return case


def _check_times(template: Mapping[str, Value]) -> None:
    if "at" not in template:
        raise _wrong("an event says when it is: at")
    seconds(str(template["at"]))
    seconds(str(template.get("every", "0s")))
    if "event.dataset" not in template:
        raise _wrong("an event says of which log it is: event.dataset")


def _repeat(template: Mapping[str, Value]) -> int:
    repeat = template.get("repeat", 1)
    if not isinstance(repeat, int) or isinstance(repeat, bool) or repeat < 1:
        raise _wrong("repeat is a number from 1 on")
    return repeat


def seconds(offset: str) -> int:
    """Microseconds of ``+90s``, ``+2h``, or of ``90s``; raises ``analytics.case.malformed``."""
    found = _OFFSET.fullmatch(offset)
    if found is None:
        raise _wrong(f"{offset[:40]!r} is not an offset such as +90s or +2h")
    return int(found[1]) * _UNITS[found[2]]


def moments(case: Case) -> list[Moment]:
    """The events of a case by time."""
    found = [moment for template in case.events for moment in _expand(template)]
    return sorted(found, key=lambda moment: moment.time)


def _expand(template: Mapping[str, Value]) -> Iterator[Moment]:
    begin = START + seconds(str(template["at"]))
    every = seconds(str(template.get("every", "0s")))
    late = bool(template.get("late", False))
    fields = {name: value for name, value in template.items() if name not in _TIMING}
    for number in range(1, _repeat(template) + 1):
        time = begin + every * (number - 1)
        filled = {name: _filled(value, number) for name, value in fields.items()}
        yield Moment(time=time, late=late, fields={"@timestamp": to_text(time), **filled})


def _filled(value: Value, number: int) -> Value:
    if not isinstance(value, str):
        return value
    return _COUNTER.sub(lambda at: str(number % int(at[1]) if at[1] else number), value)


class _CaseFacts:
    """What a case says is known: the same at every time but for the rows' own times."""

    def __init__(self, case: Case) -> None:
        self._registers = {
            name: [(row.key, _begin(row), _end(row), row.row) for row in rows]
            for name, rows in case.registers.items()
        }
        self._indicators = {one.value.lower(): one.confidence for one in case.indicators}

    def row(self, register: str, key: tuple[str, ...], time: int) -> Row | None:
        for held, begin, end, row in self._registers.get(register, ()):
            if held == key and begin <= time < end:
                return row
        return None

    def keys(self, register: str, time: int) -> Sequence[tuple[str, ...]]:
        rows = self._registers.get(register, ())
        return [key for key, begin, end, _ in rows if begin <= time < end]

    def confidence(self, field: str, value: str, time: int) -> int | None:
        del field, time
        return self._indicators.get(value.lower())

    def known(self, register: str, time: int) -> bool:
        del time
        return register in self._registers


def _begin(row: RegisterRow) -> int:
    return START + seconds(row.begin)


def _end(row: RegisterRow) -> int:
    return START + seconds(row.end) if row.end else NEVER


def run(
    rule: Rule, case: Case, *, train: Train, partitions: int = 1, in_order: bool = False
) -> Ran:
    """What stands once the case is over; ``in_order`` forgets what came late.

    Raises ``analytics.case.malformed`` where a late event comes too late to be judged.
    """
    happened = moments(case)
    if in_order:
        happened = [Moment(time=one.time, late=False, fields=one.fields) for one in happened]
    return run_moments(rule, case, happened, train=train, partitions=partitions)


def run_moments(
    rule: Rule, case: Case, happened: Iterable[Moment], *, train: Train, partitions: int = 1
) -> Ran:
    """As :func:`run`, of these events in place of the case's own."""
    engine = Engine(ruleset.of([rule]), partitions=partitions, required=[_SENSOR])
    _inform(engine, rule, case)
    feeding = _Feeding(engine, train)
    ordered = list(happened)
    on_time = [one for one in ordered if not one.late]
    late = [one for one in ordered if one.late]
    for start in range(0, len(on_time), BATCH):
        part = on_time[start : start + BATCH]
        last = start + BATCH >= len(on_time)
        feeding.feed(part, low=part[-1].time + last * SECOND)
    if late:
        _check_late(late, engine.watermark)
        feeding.feed(late, low=engine.watermark)
    if case.until:
        engine.heartbeat(_SENSOR, START + seconds(case.until))
        feeding.step(engine.advance)
    feeding.step(engine.finish)
    return Ran(alerts=tuple(feeding.standing.alerts.values()), moments=feeding.fed)


def _inform(engine: Engine, rule: Rule, case: Case) -> None:
    """Tell the engine what the case says is known."""
    engine.know(_CaseFacts(case))
    if isinstance(rule.pattern, Absence):
        rows = case.registers.get(rule.pattern.register, ())
        engine.watch(
            rule.pattern.register, [(row.key, _begin(row), _end(row)) for row in rows], START
        )


def _check_late(late: Sequence[Moment], watermark: int) -> None:
    for moment in late:
        behind = watermark - moment.time
        if not 0 < behind <= LATENESS_US:
            raise _wrong(f"a late event comes {behind // SECOND} s behind the others: 1 to 60")


class _Feeding:
    """One engine, fed batch by batch, and what stands so far."""

    def __init__(self, engine: Engine, train: Train) -> None:
        self._engine, self._train = engine, train
        self._batches = 0
        self.standing = Standing()
        self.fed: dict[str, Moment] = {}

    def feed(self, part: Sequence[Moment], *, low: int) -> None:
        first = len(self.fed)
        names = [ids.event_id(_SENSOR, 1, "case", "-", first + at) for at in range(len(part))]
        self._batches += 1
        self.fed.update(zip((name.hex() for name in names), part, strict=True))
        self._engine.feed(
            AcceptedBatch(
                sensor=_SENSOR,
                number=self._batches,
                first_sequence=first,
                low_watermark=low,
                received_at=low,
                indexes=range(len(part)),
                ids=names,
                times=[moment.time for moment in part],
                events=[moment.fields for moment in part],
                enrichment=[{} for _ in part],
            )
        )
        self.step(self._engine.advance)

    def step(self, step: Callable[[], Output]) -> None:
        """Step, and step again for as long as a model has to be trained first."""
        while True:
            output = step()
            self.standing.take(output)
            if not output.training:
                return
            for request in output.training:
                self._engine.install(self._train(request))


def outcome(alerts: Iterable[Alert]) -> Outcome:
    """Alerts as cases write them."""
    return sorted(
        (
            NO_ENTITY if alert.entity_field == NO_ENTITY else alert.entity,
            alert.count,
            len(alert.events),
        )
        for alert in alerts
    )


def expected(case: Case) -> Outcome:
    """What the case says must stand at the end."""
    return sorted((alert.entity, alert.count, alert.events) for alert in case.alerts)
