"""Page: its fingerprint, and links in it that a visitor does not see.

Fingerprint: SM3 of the bytes after line ends became LF, blanks and tabs at the ends of lines and
empty lines at the end went, and what the listed expressions find was cut out.

A link counts as dark if it leads to a domain that is neither registered nor below one that is, and
it or an element around it says, in its own ``style`` or attributes: ``hidden``; ``display: none``;
``visibility: hidden`` or ``collapse``; ``opacity`` below a twentieth; a font, width or height of
one pixel or less; a place, indent or margin 500 pixels or more outside; transparent text, or text
in the colour of the background where both are written there. Style sheets and scripts are not read:
what they hide is not seen here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

import re2

from crypto import sm3
from schema.errors import FengsuiError

DARK_MAX: Final = 32
"""Domains told of one page; one is enough to act."""
DEPTH_MAX: Final = 512
"""Of elements within each other; browsers stop there too."""
PIECE_CHARS: Final = 4096
PENDING_CHARS_MAX: Final = 16 * 1024
"""Of one tag or comment that does not end: the parser looks through it again with each piece."""
READ_SECONDS_MAX: Final = 2.0
"""Of one page's links; looked at between pieces."""
EXPRESSIONS_MAX: Final = 16
EXPRESSION_CHARS_MAX: Final = 512
OUTSIDE_PX: Final = -500.0

_VOID: Final = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_LINKS: Final = {"a": "href", "area": "href", "iframe": "src"}
_COLOURS: Final = {"white": "#ffffff", "black": "#000000"}


class Normaliser:
    """Cuts what changes by itself; raises ``sensors.probe.volatile`` for an unsound expression."""

    def __init__(self, expressions: Sequence[str]) -> None:
        # RE2 takes linear time, whatever the page: the writer of a page may be an attacker.
        options = re2.Options()
        options.log_errors = False
        try:
            if len(expressions) > EXPRESSIONS_MAX:
                raise ValueError(f"more than {EXPRESSIONS_MAX}")
            if any(len(one) > EXPRESSION_CHARS_MAX for one in expressions):
                raise ValueError(f"longer than {EXPRESSION_CHARS_MAX} characters")
            self._cut = [re2.compile(one.encode(), options) for one in expressions]
        except (ValueError, re2.error) as error:
            raise FengsuiError(
                "sensors.probe.volatile", f"volatile expressions of a probe: {error}"
            ) from error

    def fingerprint(self, body: bytes) -> str:
        """SM3 of the page as it is compared, in hexadecimal."""
        lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        text = b"\n".join(line.rstrip(b" \t") for line in lines).rstrip(b"\n")
        for expression in self._cut:
            text = expression.sub(b"", text)
        return sm3.digest(text).hex()


@dataclass(frozen=True, slots=True)
class Dark:
    """Domains of dark links, sorted; ``is_read`` tells whether all of the page was read."""

    domains: tuple[str, ...]
    is_read: bool


def dark_links(body: bytes, registered: Collection[str], *, elapsed: Callable[[], float]) -> Dark:
    """The dark links of a page; takes any bytes, raises nothing. ``elapsed`` is in seconds."""
    reader = _Reader(registered)
    text, until = body.decode("utf-8", "replace"), elapsed() + READ_SECONDS_MAX
    is_read = True
    for at in range(0, len(text), PIECE_CHARS):
        try:
            reader.feed(text[at : at + PIECE_CHARS])
        except (AssertionError, ValueError):
            # What the standard library's parser does not understand it tells by these.
            is_read = False
        pending = 0 if reader.cdata_elem else len(reader.rawdata)
        if pending > PENDING_CHARS_MAX or elapsed() > until or reader.is_too_deep:
            is_read = False
        if not is_read:
            break
    # Not closed: at the end the parser may take a time that grows with the square of the rest.
    return Dark(tuple(sorted(reader.found)), is_read)


@dataclass(frozen=True, slots=True)
class _Element:
    name: str
    is_hidden: bool
    colour: str
    background: str


class _Reader(HTMLParser):
    def __init__(self, registered: Collection[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[str] = set()
        self.is_too_deep = False
        self._registered = registered
        self._open: list[_Element] = [_Element("", is_hidden=False, colour="", background="")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in reversed(attrs)}
        element = _element(tag, given, self._open[-1])
        link = given.get(_LINKS.get(tag, ""), "")
        if link and element.is_hidden and len(self.found) < DARK_MAX:
            domain = _domain(link)
            if domain and not self._is_registered(domain):
                self.found.add(domain)
        if tag not in _VOID:
            if len(self._open) >= DEPTH_MAX:
                self.is_too_deep = True
            else:
                self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # Browsers take the stroke of <div/> for nothing.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        for at in range(len(self._open) - 1, 0, -1):
            if self._open[at].name == tag:
                del self._open[at:]
                return

    def _is_registered(self, domain: str) -> bool:
        return any(domain == one or domain.endswith(f".{one}") for one in self._registered)


def _domain(link: str) -> str:
    try:
        return (urlsplit(link.strip()).hostname or "")[:253]
    except ValueError:
        return ""


def _element(tag: str, given: dict[str, str], outer: _Element) -> _Element:
    style: dict[str, str] = {}
    for declaration in given.get("style", "").lower().split(";"):
        name, _, value = declaration.partition(":")
        style[name.strip()] = value.replace("!important", "").strip()
    colour = _colour(style.get("color", "")) or outer.colour
    painted = _colour(style.get("background-color", "") or style.get("background", ""))
    background = painted or outer.background
    hidden = (
        outer.is_hidden
        or "hidden" in given
        or _is_styled_away(style)
        or any(_is_tiny(given.get(side, "")) for side in ("width", "height"))
        or colour == "transparent"
        or (bool(colour) and colour == background)
    )
    return _Element(tag, is_hidden=hidden, colour=colour, background=background)


def _is_styled_away(style: dict[str, str]) -> bool:
    opacity = _number(style.get("opacity", ""))
    return (
        style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or (opacity is not None and opacity < 0.05)
        or any(_is_tiny(style.get(one, "")) for one in ("font-size", "width", "height"))
        or any(_is_outside(style.get(one, "")) for one in _PLACES)
    )


_PLACES: Final = ("left", "top", "right", "bottom", "text-indent", "margin-left", "margin-top")


def _is_tiny(value: str) -> bool:
    pixels = _number(value.removesuffix("px").strip())
    return pixels is not None and pixels <= 1


def _is_outside(value: str) -> bool:
    pixels = _number(value.removesuffix("px").strip())
    return pixels is not None and pixels <= OUTSIDE_PX


def _number(text: str) -> float | None:
    try:
        return float(text) if len(text) <= 16 else None
    except ValueError:
        return None


def _colour(text: str) -> str:
    known = _COLOURS.get(text, text)
    if len(known) == 4 and known.startswith("#"):
        known = "#" + "".join(2 * digit for digit in known[1:])
    return known if known not in ("inherit", "initial", "unset") else ""
