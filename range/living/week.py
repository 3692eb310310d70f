"""Week: writes what the town left behind as a recording that the product replays."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import zstandard
from district.episode import Episode
from district.run import Today
from district.stream import EVENTS, Line, Statement, Stream

from crypto import sm3
from living import mmdb, registers
from living.part import Made
from schema import event
from schema.times import to_text
from sensors.mask import Masker
from sensors.sources import Context, Format, open_format

__all__ = ["SUBJECT_KEY", "UTC_OFFSET", "Week", "keyed"]

SUBJECT_KEY: Final = bytes(range(32))
"""Of made-up persons: known to everybody, and worth nothing. The one the benchmark has."""
UTC_OFFSET: Final = "+08:00"
_OFFSET_MINUTES: Final = 480
_LEVEL: Final = 19


def keyed(value: str) -> str:
    """A number or an account as the sensor keys it."""
    return sm3.hmac(SUBJECT_KEY, value.encode()).hex()


class Week:
    """Takes day after day, then writes the folder."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = {stream.name: stream for stream in streams}
        self._lines: dict[str, list[Line]] = defaultdict(list)
        self._episodes: list[Episode] = []
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._days: list[tuple[int, int]] = []

    def take(self, today: Today) -> None:
        """A day of the recorded week."""
        self._days.append((today.day.start, today.day.start + 86_400_000_000))
        self._episodes += today.episodes
        for line in today.lines:
            self._lines[line.stream].append(line)
            if line.episode:
                self._counts[line.episode][line.stream] += 1

    def write(
        self,
        folder: Path,
        *,
        name: str,
        made: Mapping[str, Made],
        statements: Iterable[Statement],
        facts: Mapping[str, object],
    ) -> dict[str, object]:
        """The recording; returns its label document without attacks."""
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.zst"):
            old.unlink()
        sources = [
            self._write(folder, stream, made[stream.name])
            for stream in self._streams.values()
            if self._lines[stream.name]
        ]
        (folder / "geo.mmdb").write_bytes(mmdb.places())
        rows = registers.write(statements, folder / "registers")
        recording = {
            "name": name,
            "timezone": "Asia/Shanghai",
            "utc_offset": UTC_OFFSET,
            "start": _second(self._days[0][0]),
            "end": _second(self._days[-1][1]),
            "lines": sum(len(lines) for lines in self._lines.values()),
            "subject_key": SUBJECT_KEY.hex(),
            "registers": rows,
            "persons": "made up; county codes of citizens' numbers are assigned nowhere",
            **facts,
        }
        document = {
            "format": "range-labels/2",
            "recording": recording,
            "sources": sources,
            "attacks": self._labels("attack"),
            "below": self._labels("below"),
            "near_misses": self._labels("lookalike"),
        }
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        (folder / "labels.json").write_text(text, encoding="utf-8")
        return {"recording": recording, "sources": sources}

    def _write(self, folder: Path, stream: Stream, made: Made) -> dict[str, object]:
        lines = self._lines[stream.name]
        content = b"".join(_encoded(stream, line) + b"\n" for line in lines)
        path = folder / f"{stream.name}.zst"
        # One thread gives the same bytes each time.
        path.write_bytes(zstandard.ZstdCompressor(level=_LEVEL).compress(content))
        return {
            "file": path.name, "source": stream.form, "host": stream.host, "view": stream.view,
            "records": len(lines), "lines": content.count(b"\n"),
            "first": _second(lines[0].at), "last": _second(lines[-1].at),
            **{key: value for key, value in asdict(made).items() if value},
        }  # fmt: skip

    def _labels(self, kind: str) -> list[dict[str, object]]:
        chosen = [one for one in self._episodes if one.kind == kind]
        collected = self._collected(chosen) if kind != "lookalike" else {}
        return [
            self._label(one, collected.get(one.id, set()))
            for one in sorted(chosen, key=lambda one: (one.start, one.id))
        ]

    def _label(self, one: Episode, collected: set[str]) -> dict[str, object]:
        label: dict[str, object] = {
            "id": one.id, "kind": one.use_case, "start": _second(one.start),
            "end": _second(one.end + 999_999),
        }  # fmt: skip
        if one.kind == "lookalike":
            return label
        names = {*one.entities, *collected}
        return label | {
            "strength_permille": one.strength,
            "lines": {f"{name}.zst": n for name, n in sorted(self._counts[one.id].items())},
            "entities": {"any": sorted({*names, *map(keyed, one.entities)})},
        }

    def _collected(self, episodes: Iterable[Episode]) -> dict[str, set[str]]:
        """What the systems gave out in these episodes, as our own sensor reads them."""
        wanted = {one.id: one.collect for one in episodes if one.collect}
        found: dict[str, set[str]] = defaultdict(set)
        for name, lines in self._lines.items():
            tagged = [line for line in lines if line.episode in wanted]
            for line, fields in zip(tagged, self._parsed(name, tagged), strict=True):
                for field in wanted[line.episode]:
                    if (value := fields.get(field)) is not None:
                        found[line.episode].add(str(value))
        return found

    def _parsed(self, name: str, lines: Sequence[Line]) -> list[event.Fields]:
        stream = self._streams[name]
        events = self._read(stream, lines)
        Masker(SUBJECT_KEY).mask(events)
        return events

    @staticmethod
    def _read(stream: Stream, lines: Sequence[Line]) -> list[event.Fields]:
        if stream.form == EVENTS:
            return [dict(line.text) for line in lines if not isinstance(line.text, str)]
        form: Format = open_format(stream.form)
        now: Callable[[], int] = lambda: lines[0].at  # noqa: E731 - one moment for all
        context = Context(host=stream.host, utc_offset_minutes=_OFFSET_MINUTES, now=now)
        return form.parse([_encoded(stream, line) for line in lines], context) if lines else []


def _encoded(stream: Stream, line: Line) -> bytes:
    if isinstance(line.text, str):
        return line.text.encode(stream.encoding)
    return event.encode(line.text)


def _second(at: int) -> str:
    return to_text(at // 1_000_000 * 1_000_000).split(".")[0] + "Z"


def sums(folder: Path) -> None:
    """``SHA256SUMS`` of every file."""
    names = sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    )  # fmt: skip
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    text = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    (folder / "SHA256SUMS").write_text(text, encoding="ascii")
