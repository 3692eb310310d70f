"""MappingFormat: records read as a mapping file says; nothing of a record is lost.

A column without a field becomes ``labels.<column>``, and so does one whose value its field cannot
hold. A record that is not of the shape, or tells no time, is kept as ``unparsed``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import re2

from schema import event, times
from schema.errors import FengsuiError
from schema.event import Fields, Value
from sensors.keyed import KEYED, replaced, spellings
from sensors.sources import record
from sensors.sources.contract import Context
from sensors.sources.mapping.columns import Cell, Columns, splitter
from sensors.sources.mapping.description import Description, FieldMap, read_file, shipped
from sensors.sources.mapping.moment import minutes_of, moment
from sensors.sources.mapping.values import converter, text

SECRET: Final = "<<secret>>"  # noqa: S105 # what stands in its place
LABEL_CHARS_MAX: Final = 96
"""A column's name behind ``labels.``: names are the writer's, too."""
LABELS_MAX: Final = 64
"""Columns without a field that one event carries; further ones stay in ``event.original``."""
_OPEN: Final = KEYED | {event.TIME, event.DATASET}
"""Fields no secret is taken out of: a time stays one, whatever a password is."""
_SECRET_MIN: Final = 4
"""A shorter secret cannot be told from other text: the whole line is hidden."""


def open_format(name: str) -> MappingFormat:
    """The format of a shipped mapping's name, or of a file's path.

    Raises ``sensors.mapping.unknown``, ``.unreadable`` and ``.refused``.
    """
    if "/" in name or name.endswith(".toml"):
        return MappingFormat(read_file(Path(name)))
    found = shipped().get(name)
    if found is None:
        raise FengsuiError(
            "sensors.mapping.unknown",
            f"there is no mapping {name!r}: name a file by its path, or one of "
            f"{', '.join(shipped()) or 'none'}",
            name=name,
        )
    return MappingFormat(found)


class _Entry:
    """One field of a description, ready to be asked."""

    __slots__ = ("_find", "_turn", "_values", "_when", "map")

    def __init__(self, given: FieldMap) -> None:
        self.map = given
        self._find = re2.compile(given.pattern).search if given.pattern else None
        self._turn = converter(given.to, given.as_)
        self._values = given.values
        self._when = tuple(
            (name, frozenset((texts,) if isinstance(texts, str) else texts))
            for name, texts in given.when.items()
        )

    def value(self, columns: Columns) -> Value | None:
        """The field's value in this record; None for none."""
        for name, texts in self._when:
            if str(columns.get(name, "")) not in texts:
                return None
        if self.map.value is not None:
            return self.map.value
        cell = columns.get(self.map.from_)
        if cell is None or cell == "":
            return None
        if self._values or self.map.otherwise is not None:
            turned = self._values.get(_spelt(cell), self.map.otherwise)
            if turned is not None:
                return turned
        if self._find:
            found = self._find(str(cell))
            cell = found[1] if found else None
            if not cell:
                return None
        return self._turn(cell)


class MappingFormat(record.LineFormat):
    """A format made from a description."""

    def __init__(self, description: Description) -> None:
        super().__init__()
        self.description = description
        self.dataset = description.dataset
        self._split: Callable[[str], Columns | None] = splitter(description)
        self._entries = tuple(map(_Entry, description.field))
        told = description.time.from_
        self._used = {entry.map.from_ for entry in self._entries} | set(
            (told,) if isinstance(told, str) else told
        )
        self._secrets = description.secrets

    def parse(self, records: Sequence[bytes], context: Context) -> list[Fields]:
        """See :class:`sensors.sources.contract.Format`."""
        if self.description.encoding == "utf-8":
            return super().parse(records, context)
        again = [_as_utf8(raw, self.description.encoding) for raw in records]
        events = super().parse([raw for raw, _ in again], context)
        for fields, (_, sound) in zip(events, again, strict=True):
            if not sound:
                fields["gov.line.undecodable"] = True
        return events

    def origins(self, raw: bytes) -> dict[str, str]:
        """The column each field of a record came from; a constant's is empty."""
        columns = self._split(_as_utf8(raw, self.description.encoding)[0].decode()) or {}
        found: dict[str, str] = {event.TIME: " ".join(sorted(filter(self._is_time, columns)))}
        for entry in self._entries:
            if entry.value(columns) is not None:
                found.setdefault(entry.map.to, entry.map.from_)
        for name in columns:
            found.setdefault(f"labels.{name[:LABEL_CHARS_MAX]}", name)
        return found

    def _line(self, line: str, context: Context) -> Fields | None:
        description = self.description
        if description.remarks and line.startswith(description.remarks):
            fields = self._unparsed(line, context)
            fields["event.action"] = "remark"
            return fields
        columns = self._split(line)
        if columns is None:
            return None
        if description.delivered:
            time = times.to_text(context.now())
        else:
            zone = minutes_of(description.time.zone, context.utc_offset_minutes)
            time = moment(columns, description.time, zone)
        is_assumed = not time and description.time.missing != ""
        if is_assumed:
            time = times.to_text(context.now())
        if not time:
            return None
        self._last_time = time
        hidden = self._hidden(columns)
        fields = {
            event.TIME: time,
            event.DATASET: self.dataset,
            event.ORIGINAL: line,
            "event.action": "logged",
            "host.name": context.host,
        }
        if is_assumed:
            fields["gov.time.assumed"] = True
        self._map(columns, fields)
        return record.scrubbed(_without(fields, hidden) if hidden else fields)

    def _map(self, columns: Columns, fields: Fields) -> None:
        done: set[str] = set()
        held: set[str] = set()
        for entry in self._entries:
            if entry.map.to in done:
                held.add(entry.map.from_)
                continue
            value = entry.value(columns)
            if value is not None:
                fields[entry.map.to] = value
                done.add(entry.map.to)
                held.add(entry.map.from_)
        labels = 0
        for name, cell in columns.items():
            if name in held or name in self._secrets or (name in self._used and cell == ""):
                continue
            if name in self._used and self._is_time(name):
                continue
            value = text(cell)
            if value is not None and labels < LABELS_MAX:
                fields.setdefault(f"labels.{name[:LABEL_CHARS_MAX]}", value)
                labels += 1

    def _is_time(self, name: str) -> bool:
        told = self.description.time.from_
        return name == told if isinstance(told, str) else name in told

    def _hidden(self, columns: Columns) -> list[str]:
        """The secrets of this record, the longest first."""
        found = [str(columns[name]) for name in self._secrets if columns.get(name)]
        return sorted(found, key=len, reverse=True)


def _without(fields: Fields, hidden: Sequence[str]) -> Fields:
    """The fields without the secrets, in every spelling; keyed ones are the mask's to hide."""
    for secret in hidden:
        known = spellings(secret)
        for name, value in fields.items():
            if name in _OPEN:
                continue
            if isinstance(value, list):
                fields[name] = [replaced(item, known, SECRET) for item in value]
            elif isinstance(value, str):
                is_short = len(secret) < _SECRET_MIN
                if not is_short:
                    fields[name] = replaced(value, known, SECRET)
                elif name == event.ORIGINAL:
                    fields[name] = SECRET
    return fields


def _spelt(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return ",".join(cell) if isinstance(cell, list) else str(cell)


def _as_utf8(raw: bytes, encoding: str) -> tuple[bytes, bool]:
    """The record's bytes in UTF-8, and whether it was sound in its own encoding."""
    try:
        return raw.decode(encoding).encode(), True
    except UnicodeDecodeError:
        return raw.decode(encoding, "backslashreplace").encode(), False
