"""Scanner: in which of many values which of many literals stand.

Two ways to the same answer: hyperscan over all values at once, and RE2 over one after another
where hyperscan is not to be had. Both look in folded texts only, see
:mod:`analytics.matching.literals`, and may say too much, never too little.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final, Protocol, TypeAlias

import re2

from analytics.matching.literals import Wanted

Hit: TypeAlias = tuple[int, int]
"""(place of the value, place of the literal); the same one may come more than once"""

SEPARATOR: Final = "\x1f"
"""Stands before, between and after values that are looked at as one text. One inside a value can
only make a literal be found that is not there."""

CHARS_AT_ONCE: Final = 128 * 1024
"""Length of such a text: from a few thousand on, a call costs nothing beside its characters."""

HITS_SPARE: Final = 256
"""Hits of one scan beyond one for each byte. More of them, some of the same literals again and
again, cost more than to look for each literal alone; honest values have one in fifty bytes."""

SET_CHARS_MAX: Final = 32 * 1024
"""Bytes of the literals of one RE2 set; more of them take several."""

SET_BYTES_MIN: Final = 512 * 1024
SET_BYTES_PER_CHAR: Final = 256
"""Memory of an RE2 set, taken as values need it; past it the automaton begins anew. A set that
cannot work in it is refused when it is made, as measured below 128 bytes a character."""


class Scanner(Protocol):
    """Finds literals in values. One thread at a time may use it."""

    def scan(self, texts: Sequence[str]) -> Sequence[Hit]:
        """Every literal of each folded value, at least once."""


MakeScanner: TypeAlias = Callable[[Sequence[Wanted]], Scanner]


def best_scanner() -> MakeScanner:
    """Hyperscan's where it is installed and the processor is one it knows, else RE2's."""
    try:
        import hyperscan

        HyperscanScanner([Wanted("anywhere", "probe")])
    except ImportError:
        return Re2Scanner
    except hyperscan.error:
        return Re2Scanner
    return HyperscanScanner


class HyperscanScanner:
    """Many values as one text, in one pass."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        import hyperscan

        self._wanted = wanted
        self._ended = hyperscan.ScanTerminated
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[_between_separators(literal) for literal in wanted],
            ids=list(range(len(wanted))),
            elements=len(wanted),
            flags=0,
            literal=True,
        )

    def scan(self, texts: Sequence[str]) -> Sequence[Hit]:
        found: list[Hit] = []
        first, chars = 0, 0
        for place, text in enumerate(texts):
            chars += len(text)
            if chars >= CHARS_AT_ONCE:
                found += self._scan_joined(texts, first, place + 1)
                first, chars = place + 1, 0
        if first < len(texts):
            found += self._scan_joined(texts, first, len(texts))
        return found

    def _scan_joined(self, texts: Sequence[str], first: int, last: int) -> Sequence[Hit]:
        part = texts[first:last]
        joined = SEPARATOR.join(["", *part, ""])
        raw = joined.encode("utf-8", "surrogatepass")
        if len(raw) == len(joined):
            lengths = list(map(len, part))
        else:
            lengths = [len(text.encode("utf-8", "surrogatepass")) for text in part]
        found: list[tuple[int, int]] = []
        limit = HITS_SPARE + len(raw)
        add = found.append

        def hit(literal: int, _start: int, stop: int, _flags: int, _context: object) -> bool | None:
            add((stop, literal))
            return True if len(found) > limit else None

        try:
            self._database.scan(raw, match_event_handler=hit)
        except self._ended:
            if len(part) == 1:
                return [(first, literal) for literal in _one_by_one(self._wanted, part[0])]
            middle = (first + last) // 2
            return [
                *self._scan_joined(texts, first, middle),
                *self._scan_joined(texts, middle, last),
            ]
        # Places of the separators; the one behind a value belongs to it.
        stops = list(accumulate(lengths, lambda before, length: before + 1 + length, initial=0))
        before = first - 1
        return [(bisect_left(stops, stop - 1) + before, literal) for stop, literal in found]


class Re2Scanner:
    """One value after another, each in one pass for each set of literals."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self._sets: list[tuple[re2.Set, Sequence[int]]] = []
        part: list[int] = []
        chars = 0
        for place, literal in enumerate(wanted):
            if chars + _bytes(literal) > SET_CHARS_MAX and part:
                self._sets.append((re2_set([wanted[number] for number in part]), part))
                part, chars = [], 0
            part.append(place)
            chars += _bytes(literal)
        if part:
            self._sets.append((re2_set([wanted[number] for number in part]), part))

    def scan(self, texts: Sequence[str]) -> Sequence[Hit]:
        return [
            (place, numbers[found])
            for known, numbers in self._sets
            for place, text in enumerate(texts)
            for found in known.Match(text) or ()
        ]


def re2_set(wanted: Sequence[Wanted]) -> re2.Set:
    """An RE2 set of literals, none of them empty and together no longer than the limit."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = SET_BYTES_MIN + SET_BYTES_PER_CHAR * sum(map(_bytes, wanted))
    made = re2.Set.SearchSet(options)
    for literal in wanted:
        before = r"\A" if literal.place in ("start", "whole") else ""
        behind = r"\z" if literal.place in ("end", "whole") else ""
        made.Add(f"{before}{re2.escape(literal.text)}{behind}")
    made.Compile()
    return made


def _bytes(literal: Wanted) -> int:
    return len(literal.text.encode())


def _one_by_one(wanted: Sequence[Wanted], text: str) -> Iterator[int]:
    for number, literal in enumerate(wanted):
        if literal.text in text:
            yield number


def _between_separators(literal: Wanted) -> bytes:
    before = SEPARATOR if literal.place in ("start", "whole") else ""
    behind = SEPARATOR if literal.place in ("end", "whole") else ""
    return f"{before}{literal.text}{behind}".encode("utf-8", "surrogatepass")
