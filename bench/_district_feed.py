"""The town's lines as the analytics tier reads them: parsed by the product's own formats, masked.

Runs in a process of its own and hands over a day at a time.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

from crypto import sm3
from schema import ids
from schema.event import TIME, Fields
from schema.times import from_text
from sensors.mask import Masker
from sensors.sources import Context, Format, open_format

RANGE: Final = Path(__file__).resolve().parent.parent / "range"
if str(RANGE) not in sys.path:
    sys.path.append(str(RANGE))

from district import geo  # noqa: E402 - beside the product, on a path of its own
from district.calendar import days_from  # noqa: E402
from district.episode import Episode  # noqa: E402
from district.run import FIRST_DAY, District, Today  # noqa: E402
from district.stream import EVENTS, Line, Statement, Stream  # noqa: E402
from district.systems import NAMES, makers  # noqa: E402

SENSOR: Final = "district"
SUBJECT_KEY: Final = bytes(range(32))
"""Of the made-up district: known to everybody, and worth nothing."""
UTC_OFFSET_MINUTES: Final = 480


class Wanted(NamedTuple):
    """Which town."""

    systems: tuple[str, ...]
    seed: int
    volume: float
    warm_up: int
    measured: int
    scenario: str
    """``drift``, ``campaign``, ``new_office``, or nothing."""
    view: str
    """``all``, or ``caller``: without the logs of the systems' own providers."""
    first: dt.date = FIRST_DAY

    @property
    def begins(self) -> int:
        """The first midnight, microseconds UTC."""
        return days_from(self.first, warm_up=1, measured=0, volume=1)[0].start


class Label(NamedTuple):
    """An attack, or one below its threshold, with all the names an alert on it may have."""

    id: str
    use_case: str
    kind: str
    start: int
    end: int
    strength: int
    entities: frozenset[str]


class Fed(NamedTuple):
    """One day."""

    number: int
    measured: bool
    start: int
    times: list[int]
    ids: list[bytes]
    events: list[Fields]
    enrichment: list[Fields]
    tagged: dict[str, str]
    """Episodes by event id."""
    collected: dict[str, set[str]]
    """Names that the episodes' own events gave them."""
    statements: list[Statement]
    episodes: list[Episode]
    unparsed: int


def keyed(value: str) -> str:
    """As the sensor keys it."""
    return sm3.hmac(SUBJECT_KEY, value.encode()).hex()


class _Reader:
    """Formats of all streams, and what their next offsets are."""

    def __init__(self, streams: Sequence[Stream], view: str) -> None:
        self._now = 0
        self._formats: dict[str, tuple[Format, Context] | None] = {}
        self._encodings = {stream.name: stream.encoding for stream in streams}
        for stream in streams:
            if view == "caller" and stream.view == "provider":
                continue
            context = Context(
                host=stream.host, utc_offset_minutes=UTC_OFFSET_MINUTES, now=lambda: self._now
            )
            made = None if stream.form == EVENTS else (open_format(stream.form), context)
            self._formats[stream.name] = made
        self._offsets: dict[str, int] = defaultdict(int)
        self._masker = Masker(SUBJECT_KEY)
        self._collect: dict[str, tuple[str, ...]] = {}

    def read(self, today: Today) -> Fed:
        for episode in today.episodes:
            if episode.kind != "lookalike":
                self._collect[episode.id] = episode.collect
        self._now = today.day.start
        events, episodes, positions = self._parsed(today.lines)
        self._masker.mask(events)
        moments = [from_text(str(fields[TIME])) for fields in events]
        names = ids.event_ids(SENSOR, 1, positions)
        order = sorted(range(len(events)), key=lambda at: moments[at])
        tagged: dict[str, str] = {}
        collected: dict[str, set[str]] = defaultdict(set)
        for at in order:
            if episodes[at] in self._collect:
                tagged[names[at].hex()] = episodes[at]
                for field in self._collect[episodes[at]]:
                    value = events[at].get(field)
                    if value is not None:
                        collected[episodes[at]].add(str(value))
        return Fed(
            number=today.day.number,
            measured=today.day.measured,
            start=today.day.start,
            times=[moments[at] for at in order],
            ids=[names[at] for at in order],
            events=[events[at] for at in order],
            enrichment=[_placed(events[at]) for at in order],
            tagged=tagged,
            collected=dict(collected),
            statements=list(today.statements),
            episodes=list(today.episodes),
            unparsed=sum(fields.get("event.action") == "unparsed" for fields in events),
        )

    def _parsed(
        self, lines: Sequence[Line]
    ) -> tuple[list[Fields], list[str], list[tuple[str, str, int]]]:
        of_stream: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            of_stream[line.stream].append(line)
        events: list[Fields] = []
        episodes: list[str] = []
        positions: list[tuple[str, str, int]] = []
        for stream, rows in of_stream.items():
            if stream not in self._formats:
                continue
            made = self._formats[stream]
            if made is None:
                events += [dict(line.text) for line in rows if isinstance(line.text, dict)]
            else:
                form, context = made
                raw = [
                    line.text.encode(self._encodings[stream])
                    for line in rows
                    if isinstance(line.text, str)
                ]
                for one in raw:
                    form.begins(one)
                events += form.parse(raw, context)
            first = self._offsets[stream]
            self._offsets[stream] = first + len(rows)
            positions += [(stream, "-", first + at) for at in range(len(rows))]
            episodes += [line.episode for line in rows]
        for place, fields in enumerate(events):
            fields["gov.sensor.source"] = positions[place][0]
        return events, episodes, positions


def _placed(fields: Fields) -> Fields:
    """What a geo file adds beside the signed fields."""
    address = fields.get("source.ip")
    found = geo.place(address) if isinstance(address, str) else None
    if found is None:
        return {}
    added: Fields = {
        "source.geo.country_iso_code": found.country,
        "source.as.number": found.as_number,
    }
    if found.region:
        added |= {
            "source.geo.region_name": found.region, "source.geo.city_name": found.city,
        }  # fmt: skip
    return added


def statements(wanted: Wanted) -> list[Statement]:
    """What registers hold before the first day."""
    return _district(wanted).statements(keyed)


def days(wanted: Wanted) -> Iterator[Fed]:
    """The town, day by day."""
    district = _district(wanted)
    reader = _Reader(district.streams, wanted.view)
    for today in district.run():
        yield reader.read(today)


def _district(wanted: Wanted) -> District:
    return District(
        makers(wanted.systems),
        seed=wanted.seed,
        volume=wanted.volume,
        warm_up=wanted.warm_up,
        measured=wanted.measured,
        scenario=wanted.scenario,
        first=wanted.first,
    )


def send(pipe: Connection, wanted: Wanted) -> None:
    """In a process of its own: the registers, each day, then None, as long as somebody reads."""
    with suppress(BrokenPipeError):
        pipe.send(statements(wanted))
        for fed in days(wanted):
            pipe.send(fed)
        pipe.send(None)


def names_of(label_entities: Sequence[str]) -> frozenset[str]:
    """The names as events have them: a number or an account in clear stands keyed there."""
    return frozenset(label_entities) | {keyed(one) for one in label_entities}


__all__ = ["NAMES", "Fed", "Label", "Wanted", "days", "names_of", "send", "statements"]
