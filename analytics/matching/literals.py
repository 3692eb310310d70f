"""Literals: texts of which one must stand in a value where an atom holds.

They are what a scanner looks for. A value in which none stands need not be asked; one in which
some stand is asked in full, so a literal may be too weak but never too strong.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from analytics.expression import Atom
from analytics.matching.expressions import required_texts
from analytics.matching.values import lowered, wildcard_pieces

Place: TypeAlias = Literal["whole", "start", "end", "anywhere"]

CHARS_MAX: Final = 256
"""Of a longer literal this much is looked for: hyperscan refuses those of 16,000, and none of the
public rules has one of more than this."""

_LOOKALIKES: Final = (("ſ", "s"), ("ς", "σ"))
"""RE2 takes a long s for an s where case does not matter, and Python makes two different letters
of a capital sigma: looked for as one, neither is missed."""


class Wanted(NamedTuple):
    """A folded text and where in a folded value it must stand."""

    place: Place
    text: str


def fold(text: str) -> str:
    """The text as literals are compared with it."""
    text = lowered(text)
    if not text.isascii():
        for letter, same in _LOOKALIKES:
            text = text.replace(letter, same)
    return text


def literals(atom: Atom) -> tuple[Wanted, ...]:
    """Of these at least one stands in each value for which the atom holds; none where unknown."""
    text = str(atom.value)
    match atom.op:
        case "equals":
            return (Wanted("whole", fold(text)),)
        case "contains":
            found = [Wanted("anywhere", fold(text))]
        case "startswith":
            found = [Wanted("start", fold(text))]
        case "endswith":
            found = [Wanted("end", fold(text))]
        case "wildcard":
            found = [_longest_piece(wildcard_pieces(text))]
        case "regex":
            found = [Wanted("anywhere", fold(part)) for part in required_texts(text)]
        case _:
            return ()
    found = [without_nul(_shortened(wanted)) for wanted in found]
    return tuple(found) if all(wanted.text for wanted in found) else ()


def _shortened(wanted: Wanted) -> Wanted:
    kept = slice(-CHARS_MAX, None) if wanted.place == "end" else slice(CHARS_MAX)
    return Wanted(wanted.place, wanted.text[kept])


def without_nul(wanted: Wanted) -> Wanted:
    """Hyperscan's binding ends a literal at its first NUL: what is looked for holds none."""
    if "\0" not in wanted.text:
        return wanted
    return Wanted("anywhere", max(wanted.text.split("\0"), key=len))


def _longest_piece(pieces: list[str]) -> Wanted:
    last = len(pieces) - 1
    place = max(range(0, last + 1, 2), key=lambda place: len(pieces[place]))
    if last == 0:
        return Wanted("whole", fold(pieces[0]))
    where: Place = "start" if place == 0 else "end" if place == last else "anywhere"
    return Wanted(where, fold(pieces[place]))
