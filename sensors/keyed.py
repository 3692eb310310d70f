"""Keyed fields: what the catalogue marks as keyed leaves the sensor as its HMAC-SM3 alone.

Bearer tokens, payees' accounts, certificate holders: a parser writes such a field as it came. Here
its value becomes the whole HMAC-SM3 under the subject key, and wherever it stands in another text
of the event it becomes ``<<key:…>>`` with the first sixteen hex digits. A value that is a citizen's
number, a mobile or a card is keyed in its normal form, so that it is the same in every spelling and
a citizen's equals ``gov.subject.id_hmac``; the mask finds those in the other fields by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple
from urllib.parse import quote

from crypto import sm3
from schema import event as events_schema
from schema import privacy
from schema.event import Fields
from schema.fields import catalogue

__all__ = ["HEX_CHARS", "KEYED", "TAGS", "Keyed", "key_fields", "replaced", "spellings"]

KEYED: Final = frozenset(name for name, field in catalogue().items() if field.keyed)
HEX_CHARS: Final = 16
"""Of an HMAC in a placeholder."""
WHOLE_MIN: Final = 8
"""A value this long is replaced wherever it stands; a shorter one as a word of its own only, since
it is part of other numbers by chance."""
_OTHERS: Final = frozenset({"event.reason", events_schema.ORIGINAL})
_OWN: Final = ("event.", "host.", "gov.mask.", "gov.sensor.")
_NAMES: Final = frozenset({
    "user.id", "user.name", "user.target.id", "organization.id", "service.name", "url.domain",
    "gov.app.id", "gov.share.requester_id", "gov.subject.id_hmac",
})  # fmt: skip
_PLAIN: Final = frozenset({"ip", "time", "integer", "boolean"})
_KEPT: Final = {
    name
    for name, field in catalogue().items()
    if field.type in _PLAIN or (name.startswith(_OWN) and name not in _OTHERS)
} | (KEYED | _NAMES)
"""Fields a value is not taken out of: who did what. Else whoever sends a token chooses which name
his own event loses, by sending the name as the token."""
TAGS: Final = {"citizen_id": "id", "phone": "phone", "card": "card"}
"""Of numbers in placeholders, by kind."""
_WORD: Final = "[0-9A-Za-z]"


class Keyed(NamedTuple):
    """What was keyed of one event."""

    fields: Fields
    number: str
    """The first citizen's number among the values, in normal form; empty for none."""
    left: Sequence[tuple[str, str]]
    """Values that the mask should find by itself, and what stands for them where it does not."""

    def finish(self) -> None:
        """Once the mask is done: hide what stands where a number by itself would not be one."""
        _hide(self.fields, self.left)


def key_fields(events: Sequence[Fields], key: bytes) -> list[Keyed]:
    """Key the fields of all events that have any, in place, and hide what they held."""
    return [_key(fields, key) for fields in events if not KEYED.isdisjoint(fields)]


def _key(fields: Fields, key: bytes) -> Keyed:
    number = ""
    plain: list[tuple[str, str]] = []
    left: list[tuple[str, str]] = []
    for name in sorted(KEYED.intersection(fields)):
        text = _text(fields[name])
        if not text:
            del fields[name]
            continue
        finding = _number(name, text)
        value = finding.value if finding else text
        digest = sm3.hmac(key, value.encode("utf-8", "surrogatepass")).hex()
        fields[name] = digest
        tag = TAGS[finding.kind] if finding else "key"
        (left if finding else plain).append((text, f"<<{tag}:{digest[:HEX_CHARS]}>>"))
        if finding and finding.kind == "citizen_id" and not number:
            number = value
    _hide(fields, plain)
    return Keyed(fields, number, left)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)).strip()
    return str(value).strip()


def _number(name: str, text: str) -> privacy.Finding | None:
    """The number that the whole value is, if it is one; the field's name may say so."""
    context = privacy.CONTEXT if privacy.names_person(name) or name.endswith(".id_hmac") else ""
    start, whole = len(context), context + text
    for finding in privacy.find(whole):
        if finding.kind != "classified" and (finding.start, finding.end) == (start, len(whole)):
            return finding
    return None


def _hide(fields: Fields, hidden: Sequence[tuple[str, str]]) -> None:
    """Put each placeholder where its value stands: the longest first, in all its spellings."""
    for text, placeholder in sorted(hidden, key=lambda one: -len(one[0])):
        known = spellings(text)
        for name in [name for name in fields if name not in _KEPT]:
            value = fields[name]
            if isinstance(value, str):
                fields[name] = replaced(value, known, placeholder)
            elif isinstance(value, list):
                fields[name] = [replaced(item, known, placeholder) for item in value]
            elif str(value) == text and not isinstance(value, bool):
                fields[name] = placeholder
            if name not in catalogue():
                told = replaced(name, known, placeholder)
                if told != name:
                    fields[told] = fields.pop(name)


def spellings(text: str) -> tuple[str, ...]:
    """A value as it stands, as JSON escapes it and as a URL does, the longest first."""
    if text.isascii() and text.isalnum():
        return (text,)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    ascii_only = escaped.encode("ascii", "backslashreplace").decode()
    found = {text, escaped, escaped.replace("/", "\\/"), ascii_only}
    with suppress(UnicodeEncodeError):
        encoded = quote(text, safe="")
        found |= {encoded, encoded.lower(), quote(text, safe="/")}
    return tuple(sorted(found, key=len, reverse=True))


def replaced(text: str, known: Sequence[str], placeholder: str) -> str:
    """The text with the placeholder wherever one of the spellings stands; a short one must be a
    word of its own."""
    for spelling in known:
        if spelling in text:
            if len(spelling) >= WHOLE_MIN:
                text = text.replace(spelling, placeholder)
            else:
                text = re.sub(rf"(?<!{_WORD}){re.escape(spelling)}(?!{_WORD})", placeholder, text)
    return text
