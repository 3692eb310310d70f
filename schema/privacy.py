"""Finds citizens' numbers, mobile numbers, bank cards and classified markings in any text.

Used twice on every event: by the sensor, which masks what is found before it seals, and by the
collector, which looks again. Rules and traps: GB 11643 (18 digits: region, date, check digit),
the mobile numbering plan, Luhn under the card prefixes in use, and 密级 followed by a star
(GB/T 9704: ``秘密★10年``). Pure: no clock, so a replay finds what the sensor found.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import takewhile
from typing import Final, Literal, TypeAlias

from schema.folding import Folded, fold, fold_text, has_escapes
from schema.marking import MARKING, marking

__all__ = [
    "CONTEXT",
    "DIGITS_MIN",
    "Finding",
    "Kind",
    "find",
    "find_many",
    "marking",
    "names_person",
    "suspicious",
]

Kind: TypeAlias = Literal["classified", "citizen_id", "card", "phone"]
_RANK: Final[dict[Kind, int]] = {"classified": 0, "citizen_id": 1, "card": 2, "phone": 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands at ``text[start:end]``, in the spelling it was written in."""

    kind: Kind
    start: int
    end: int
    value: str = field(repr=False)
    """The number in its one normal form: a citizen's 18 characters with upper-case X, a mobile's
    11 digits, a card's digits. Empty for a marking. Never print it."""


# Every number sought has at least eleven digits; spaces, hyphens and + may stand between them.
DIGITS_MIN: Final = 11
_DIGITS: Final = b"0" * DIGITS_MIN
_TO_ZERO: Final = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
_SEPARATORS: Final = b" -+\t"
_GROUP: Final = 16
"""Texts looked at together: wide enough to spread the cost of a call, narrow enough that a hit
sends few clean ones to the closer look."""


def suspicious(text: str) -> bool:
    """Whether the text may hold anything; False is certain, True wants :func:`find`."""
    if _looks_dirty(fold_text(text, escapes=False)):
        return True
    return has_escapes(text) and _looks_dirty(fold_text(text, escapes=True))


def _looks_dirty(folded: str) -> bool:
    if "密" in folded and MARKING.search(folded):
        return True
    raw = folded.encode("utf-8", "surrogatepass")
    return _DIGITS in raw.translate(_TO_ZERO, _SEPARATORS)


def find_many(texts: Sequence[str]) -> dict[int, list[Finding]]:
    """The findings of each text that has any, by its index."""
    suspects: list[int] = []
    costly: list[int] = []
    for start in range(0, len(texts), _GROUP):
        group = range(start, min(start + _GROUP, len(texts)))
        joined = "\n".join(texts[start : start + _GROUP])
        if not _is_costly(joined):
            if _looks_dirty(joined):
                suspects.extend(group)
            continue
        plain = [at for at in group if not _is_costly(texts[at])]
        costly.extend(at for at in group if _is_costly(texts[at]))
        if plain and _looks_dirty("\n".join([texts[at] for at in plain])):
            suspects.extend(plain)
    for start in range(0, len(costly), _GROUP):
        chosen = costly[start : start + _GROUP]
        if suspicious("\n".join([texts[at] for at in chosen])):
            suspects.extend(chosen)
    found = {at: find(texts[at]) for at in sorted(suspects)}
    return {at: findings for at, findings in found.items() if findings}


def _is_costly(text: str) -> bool:
    """Whether folding may change the text."""
    return not text.isascii() or has_escapes(text)


_PROVINCES: Final = (("1", "1-5"), ("2", "1-3"), ("3", "1-7"), ("4", "1-6"), ("5", "0-4"))
_PROVINCES_2: Final = (("6", "1-5"), ("7", "1"), ("8", "1-3"))
# Between two digits of a number written in groups; three at most, as in "3505 - 0219".
_GAP: Final = r"[ +\-\t]{0,3}"


def _province(gap: str) -> str:
    pairs = (f"{first}{gap}[{second}]" for first, second in (*_PROVINCES, *_PROVINCES_2))
    return f"(?:{'|'.join(pairs)})"


_RUN: Final = re.compile(r"[0-9][0-9 +\-\t]{9,}[0-9]")
_DIGIT: Final = "[0-9]"
_CITIZEN_PARTS: Final = (
    _province(_GAP),
    *([_DIGIT] * 4),
    f"(?:1{_GAP}9|2{_GAP}0)",
    *([_DIGIT] * 2),
    f"(?:0{_GAP}[1-9]|1{_GAP}[0-2])",
    "[0-3]",
    *([_DIGIT] * 4),
    "[0-9Xx]",
)
# A look-ahead, so that candidates may overlap: "1234 3505…" must not swallow the number behind.
# Province, century, month and day are part of the pattern: few candidates reach the arithmetic.
_CITIZEN: Final = re.compile(rf"(?<![0-9])(?=({_GAP.join(_CITIZEN_PARTS)})(?![0-9]))")
_OLD_CITIZEN: Final = re.compile(
    rf"(?<![0-9])({_province('')}[0-9]{{4}})([0-9]{{2}}(?:0[1-9]|1[0-2])[0-3][0-9][0-9]{{3}})(?![0-9])"
)
# The fifteen-digit form has no check digit: only a word nearby makes it a citizen's number.
_OLD_CONTEXT: Final = re.compile(
    r"身份|证件|證件|公民|id_?-?card|id_?no|idnum|sfz|zjhm|cert_?no|citizen|identity", re.IGNORECASE
)
_CONTEXT_CHARS: Final = 20
_PHONE: Final = re.compile(
    r"(?<![0-9])(?<![0-9]\.)(?:(?:\+|00)?86[ \-]?)?"
    r"(1[3-9][0-9](?:[0-9]{8}|[ \-][0-9]{4}[ \-][0-9]{4}))(?!\.?[0-9])"
)
# 62 is UnionPay's range; 9558 an older one of the largest issuer. 13 to 19 digits, ISO/IEC 7812.
_CARD: Final = re.compile(r"(?<![0-9])(?=((?:62|9558)(?:[ \-+]?[0-9]){9,17}))")
_CARD_DIGITS: Final = range(13, 20)
# What the mask writes in place of a number is not searched again.
_PLACEHOLDER: Final = re.compile(r"<<(?:id|phone|card|key):[0-9a-f]{16}>>")
_WORD: Final = frozenset(string.ascii_letters + string.digits)
_WORD_CHARS: Final = 64
"""How far a word is read on each side of a number: as long as the longest hash in use."""
_NOT_DIGIT: Final = re.compile(r"[^0-9Xx]+")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"


CONTEXT: Final = "id_no="
"""Put before a value whose field's name is the word that makes it a citizen's number."""


def names_person(field_name: str) -> bool:
    """Whether the name of a field is such a word, as in ``labels.id_card``."""
    return _OLD_CONTEXT.search(field_name) is not None


def find(text: str) -> list[Finding]:
    """All findings in order of place; they do not overlap."""
    if not suspicious(text):
        return []
    found = _scan(fold(text, escapes=False))
    if has_escapes(text):
        # As well, not instead: in LIKE '%35…' the percent sign is no escape.
        found += _scan(fold(text, escapes=True))
    return _merged(found)


def _scan(folded: Folded) -> list[Finding]:
    text = _PLACEHOLDER.sub(lambda found: "\0" * len(found[0]), folded.text)
    raw = list(_markings(text))
    for run in _RUN.finditer(text):
        # One character more on the left for the + of +86, two on the right for an X and its bound.
        window = max(0, run.start() - 1), run.end() + 2
        for scan in (_citizens, _old_citizens, _cards, _phones):
            raw.extend(scan(text, *window))
    return [
        Finding(kind, folded.starts[start], folded.ends[end - 1], value)
        for kind, start, end, value in raw
    ]


_Raw: TypeAlias = tuple[Kind, int, int, str]


def _merged(found: list[Finding]) -> list[Finding]:
    """One finding where several overlap: the gravest kind, over the whole stretch."""
    merged: list[Finding] = []
    for item in sorted(found, key=lambda finding: (finding.start, finding.end)):
        if not merged or item.start >= merged[-1].end:
            merged.append(item)
            continue
        last = merged.pop()
        grave = min(last, item, key=lambda finding: _RANK[finding.kind])
        merged.append(Finding(grave.kind, last.start, max(last.end, item.end), grave.value))
    return merged


def _markings(text: str) -> Iterator[_Raw]:
    for found in MARKING.finditer(text):
        yield "classified", found.start(), found.end(), ""


def _citizens(text: str, low: int, high: int) -> Iterator[_Raw]:
    for found in _CITIZEN.finditer(text, low, high):
        start, end = found.span(1)
        number = _NOT_DIGIT.sub("", found[1]).upper()
        if _is_citizen(number) and _stands_alone(text, start, end, hex_word=True):
            yield "citizen_id", start, end, number


def _old_citizens(text: str, low: int, high: int) -> Iterator[_Raw]:
    for found in _OLD_CITIZEN.finditer(text, low, high):
        start, end = found.span()
        before = text[max(0, start - _CONTEXT_CHARS) : start]
        if _OLD_CONTEXT.search(before) and _stands_alone(text, start, end, hex_word=True):
            body = f"{found[1]}19{found[2]}"
            if _is_date(body[6:14]):
                yield "citizen_id", start, end, body + _check_digit(body)


def _cards(text: str, low: int, high: int) -> Iterator[_Raw]:
    for found in _CARD.finditer(text, low, high):
        start = found.start(1)
        digits = ""
        # Groups behind the card may be joined to it: each place where a group ends is tried.
        for at, char in enumerate(found[1], start):
            digits += char if char.isdigit() else ""
            at_end = not text[at + 1 : at + 2].isdigit()
            if char.isdigit() and at_end and len(digits) in _CARD_DIGITS and _luhn(digits):
                if _stands_alone(text, start, at + 1, hex_word=False):
                    yield "card", start, at + 1, digits
                break


def _phones(text: str, low: int, high: int) -> Iterator[_Raw]:
    for found in _PHONE.finditer(text, low, high):
        if _stands_alone(text, *found.span(), hex_word=False):
            yield "phone", found.start(), found.end(), _NOT_DIGIT.sub("", found[1])


def _stands_alone(text: str, start: int, end: int, *, hex_word: bool) -> bool:
    """Whether the number is a word, or has letters alone beside it, as in ``tel13800138000``.

    With digits beside it the word is an order number or a hash; with hexadecimal letters alone
    it may be a piece of one, which only a check digit (``hex_word``) rules out.
    """
    before = text[max(0, start - _WORD_CHARS) : start]
    after = text[end : end + _WORD_CHARS]
    beside = [
        *takewhile(_WORD.__contains__, reversed(before)),
        *takewhile(_WORD.__contains__, after),
    ]
    if any(char.isdigit() for char in beside):
        return False
    return hex_word or not beside or any(char not in "abcdefABCDEF" for char in beside)


def _is_citizen(number: str) -> bool:
    return (
        len(number) == 18
        and number[:17].isdigit()
        and _check_digit(number[:17]) == number[17]
        and _is_date(number[6:14])
    )


def _check_digit(body: str) -> str:
    return _CHECK[
        sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11
    ]


def _is_date(digits: str) -> bool:
    """A day of 1900 to 2099. Days to come are let in: without a clock, and on the safe side."""
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def _luhn(digits: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
