"""Citizens' numbers and classified text never leave the sensor: masked in place before sealing.

Every string of an event is looked at: fields, lists, ``event.original``, and the keys of labels,
which business systems choose. A number becomes ``<<id:…>>`` with sixteen hex digits of its
HMAC-SM3 under the site's subject key, so that rules can join on it and nobody can read it; a
field with a classified marking becomes ``<<classified>>`` as a whole. Fields that the catalogue
marks as keyed are keyed first, see :mod:`sensors.keyed`, and citizens' numbers are told to
:mod:`sensors.adjacency` before nobody can compare them any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

from crypto import sm3
from schema import event as events_schema
from schema import native, privacy
from schema.event import Fields
from schema.fields import catalogue
from sensors import keyed
from sensors.adjacency import Adjacency
from sensors.sources import record

__all__ = ["CLASSIFIED", "MARKING_RULE", "Masker"]

CLASSIFIED: Final = "<<classified>>"
MARKING_RULE: Final = "classified-marking/1"
"""``gov.mask.rule``: which rule hid the text."""

_DIGITS_MIN: Final = privacy.DIGITS_MIN
_LABELS: Final = "labels."
_CLEAN_MAX: Final = 16 * 1024
"""Texts remembered as clean; forgotten together when full. Addresses, names, paths repeat."""
_CLEAN_CHARS_MAX: Final = 96
"""Longer texts are whole lines: hashing one to look it up costs as much as searching it."""
_ROUNDS_MAX: Final = 3
"""Searches of one text. A masked number is bounded by << and >>, so one is enough; this many
find what a mistake here would leave."""
_MEASURED_CHARS: Final = 8 * 1024
"""Events with a masked text past this are measured again: a mask is longer than a number."""
_NUMBER_MIN: Final = 10**10
"""The smallest integer with as many digits as a mobile number."""
_INTEGER: Final = re.compile(r"-?[0-9]{11,20}")
"""A 64-bit integer with as many digits."""
_INTEGERS: Final = frozenset(
    name for name, field in catalogue().items() if field.type in {"integer", "boolean"}
)
_OWN_LABELS: Final = frozenset({"labels.repeated", "labels.remote_host"})
_KNOWN: Final = frozenset(catalogue()) | _OWN_LABELS
# Written by the sensor itself, never from a line.
_SKIPPED: Final = frozenset({events_schema.TIME, events_schema.GENERATION})


class Masker:
    """Masks events under the site's subject key; during a rotation under the one before as well."""

    def __init__(self, subject_key: bytes, previous_key: bytes | None = None) -> None:
        self._key = subject_key
        self._previous_key = previous_key
        self._clean: set[str] = set()
        self._adjacency = Adjacency()

    def __repr__(self) -> str:
        return "Masker(subject_key=<secret>)"

    def mask(self, events: list[Fields]) -> None:
        """Mask the events in place; a list that several of them share is replaced, not changed.

        In order: whether a number follows another is told by the order of the events.
        """
        looked_at, names = _looked_at(events)
        first: dict[int, keyed.Keyed] = {}
        if not keyed.KEYED.isdisjoint(names):
            first = {id(one.fields): one for one in keyed.key_fields(events, self._key)}
            looked_at, names = _looked_at(events)
        texts = list(self._unknown(events, looked_at, names - _KNOWN))
        found = privacy.find_many(texts)
        self._remember(texts, found)
        dirty = {texts[index] for index in found}
        values = dirty | {int(text) for text in dirty if _INTEGER.fullmatch(text)}
        for fields in events if dirty or first else ():
            own = first.get(id(fields))
            if (own and own.number) or _holds(fields, dirty, values):
                masking = _Masking(self._key, self._previous_key)
                masking.mask(fields, keyed_number=own.number if own else "")
                if masking.citizen:
                    self._adjacency.tell(fields, masking.citizen)
            if own:
                own.finish()

    def _unknown(self, events: list[Fields], texts: set[str], names: set[str]) -> set[str]:
        """Each text of the events that may hold something and is not known to be clean, once."""
        texts.update(text for name in names if (text := _searched(name)))
        if any(map(privacy.names_person, names)):
            texts.update(chain.from_iterable(map(_named, events)))
        return texts - self._clean

    def _remember(self, texts: list[str], found: Mapping[int, object]) -> None:
        if len(self._clean) > _CLEAN_MAX:
            self._clean.clear()
        short = {text for text in texts if len(text) <= _CLEAN_CHARS_MAX}
        short.difference_update(texts[index] for index in found)
        self._clean |= short


def _looked_at(events: list[Fields]) -> tuple[set[str], set[str]]:
    """The values of the events that are long or strange enough, and the names of all fields."""
    if native.scan:
        return native.scan.texts(events)
    try:
        values = set(chain.from_iterable([fields.values() for fields in events]))
    except TypeError:
        # A list among them: such events are of few sources.
        values = set(chain.from_iterable(map(_texts, events)))
    return {text for value in values if (text := _searched(value))}, set(
        chain.from_iterable(events)
    )


def _searched(value: object) -> str:
    """The value as text, or nothing where it is too short and too plain to hold anything."""
    if type(value) is str:
        return value if len(value) >= _DIGITS_MIN or not value.isascii() else ""
    return str(value) if type(value) is int and not -_NUMBER_MIN < value < _NUMBER_MIN else ""


def _holds(fields: Fields, dirty: set[str], values: set[str | int]) -> bool:
    """Whether a dirty text stands in the event; ``values`` are the texts as values spell them."""
    if fields.keys() <= _KNOWN:
        try:
            return not values.isdisjoint(fields.values())
        except TypeError:
            pass  # A list among them.
    return not dirty.isdisjoint(_texts(fields))


def _texts(fields: Fields) -> Iterator[str]:
    """Every text of an event: values, items of lists, large integers, names of unknown fields."""
    for name, value in fields.items():
        if isinstance(value, list):
            yield from value
        else:
            yield _searched(value)
        if name not in _KNOWN:
            yield name
    yield from _named(fields)


def _named(fields: Fields) -> Iterator[str]:
    """The values of unknown fields whose name makes a number a citizen's, with such a word."""
    for name, value in fields.items():
        if name not in _KNOWN and privacy.names_person(name):
            for item in value if isinstance(value, list) else [value]:
                yield f"{privacy.CONTEXT}{item}"


class _Masking:
    """The masking of one event: what was found so far, in the order it was found."""

    def __init__(self, key: bytes, previous_key: bytes | None) -> None:
        self._key = key
        self._previous_key = previous_key
        self._numbers: dict[tuple[str, str], str] = {}
        self._hidden = ""

    @property
    def citizen(self) -> str:
        """The first citizen's number found, in normal form; empty for none."""
        return next((value for kind, value in self._numbers if kind == "citizen_id"), "")

    def mask(self, fields: Fields, *, keyed_number: str = "") -> None:
        """Mask every field; a citizen's number that was keyed before comes behind those found."""
        names = sorted(fields, key=lambda name: name != events_schema.ORIGINAL)
        for name in names:
            if name not in _SKIPPED:
                self._field(fields, name)
        for name in names:
            if name not in _KNOWN:
                self._name(fields, name)
        if keyed_number:
            self._digest("citizen_id", keyed_number)
        self._tell(fields)
        if sum(len(value) for value in fields.values() if isinstance(value, str)) > _MEASURED_CHARS:
            record.shrink(fields)

    def _field(self, fields: Fields, name: str) -> None:
        value = fields[name]
        if isinstance(value, str):
            fields[name] = self._value(name, value)
        elif isinstance(value, list):
            fields[name] = [self._value(name, item) for item in value]
        elif not isinstance(value, bool) and abs(value) >= _NUMBER_MIN:
            self._integer(fields, name, str(value))

    def _integer(self, fields: Fields, name: str, text: str) -> None:
        """A number written as one. Durations and sizes look like mobiles, hardly like citizens."""
        kinds = {finding.kind for finding in privacy.find(text)}
        if name not in _INTEGERS:
            masked = self._value(name, text)
            if masked != text:
                fields[name] = masked
        elif "citizen_id" in kinds:
            del fields[name]
            fields[f"labels.{name}"] = self._text(text)

    def _name(self, fields: Fields, name: str) -> None:
        """A label whose name is what must not be told."""
        masked = self._text(name)
        if masked != name and name in fields:
            value = fields.pop(name)
            if not masked.startswith(_LABELS):
                masked = _LABELS + masked
            free = masked
            for number in range(2, len(fields) + 3):
                if free not in fields:
                    break
                free = f"{masked}.{number}"
            fields[free] = value

    def _value(self, name: str, text: str) -> str:
        """The text of a field, whose name may be the word that makes a number a citizen's."""
        masked = self._text(text)
        if masked == text and name not in _KNOWN and privacy.names_person(name):
            masked = self._text(privacy.CONTEXT + text).removeprefix(privacy.CONTEXT)
        return masked

    def _text(self, text: str) -> str:
        for _ in range(_ROUNDS_MAX):
            findings = privacy.find(text)
            if not findings:
                break
            if any(finding.kind == "classified" for finding in findings):
                self._hidden = self._hidden or text
                return CLASSIFIED
            parts: list[str] = []
            at = 0
            for finding in findings:
                parts += (text[at : finding.start], self._placeholder(finding))
                at = finding.end
            text = "".join((*parts, text[at:]))
        return text

    def _placeholder(self, finding: privacy.Finding) -> str:
        digest = self._digest(finding.kind, finding.value)
        return f"<<{keyed.TAGS[finding.kind]}:{digest[: keyed.HEX_CHARS]}>>"

    def _digest(self, kind: str, value: str) -> str:
        number = (kind, value)
        if number not in self._numbers:
            self._numbers[number] = sm3.hmac(self._key, value.encode()).hex()
        return self._numbers[number]

    def _tell(self, fields: Fields) -> None:
        """Add what was masked, in the words of the catalogue."""
        if self._hidden:
            fields["gov.mask.rule"] = MARKING_RULE
            fields["gov.mask.length"] = len(self._hidden)
            fields["gov.mask.hmac"] = sm3.hmac(self._key, self._hidden.encode()).hex()
        if not self._numbers:
            return
        told = fields.get("gov.pii.types")
        kinds = {kind for kind, _ in self._numbers} | set(told if isinstance(told, list) else ())
        fields["gov.pii.types"] = sorted(kinds)
        fields["gov.pii.count"] = len(self._numbers)
        for (kind, value), digest in self._numbers.items():
            if kind == "citizen_id":
                fields["gov.subject.id_hmac"] = digest
                if self._previous_key is not None:
                    before = sm3.hmac(self._previous_key, value.encode()).hex()
                    fields["gov.subject.id_hmac_previous"] = before
                break
