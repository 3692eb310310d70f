"""Lines: where in a rule file the thing stands that a refusal speaks of.

A refusal carries a JSON pointer (RFC 6901) to the offending key; with the file's bytes it is turned
into a line. The file is read a second time only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from analytics.language import rulefile
from schema.errors import FengsuiError

REFUSED: Final = "analytics.rule.refused"
POINTER: Final = "pointer"
"""Parameter of a refusal that says which key is meant."""


def pointer(*keys: str | int) -> str:
    """The pointer that leads through these keys."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def refused(why: str, at: str = "") -> FengsuiError:
    """The error for a rule that cannot be used; ``at`` points to the key that is to blame."""
    return FengsuiError(REFUSED, why, **({POINTER: at} if at else {}))


def inside(error: FengsuiError, *keys: str | int) -> FengsuiError:
    """The refusal of a part, with its pointer made to lead from the whole."""
    return refused(str(error.args[0]), pointer(*keys) + str(error.params.get(POINTER, "")))


def keys_to(whole: object, part: object) -> tuple[str | int, ...]:
    """The keys that lead to the first part like this one; none where there is no such part."""
    if isinstance(whole, dict):
        inner: Iterable[tuple[str | int, object]] = whole.items()
    elif isinstance(whole, list):
        inner = enumerate(whole)
    else:
        return ()
    for key, value in inner:
        if value == part:
            return (key,)
        found = keys_to(value, part)
        if found:
            return (key, *found)
    return ()


@contextmanager
def within(*keys: str | int) -> Iterator[None]:
    """Refusals raised inside speak of what lies behind these keys."""
    try:
        yield
    except FengsuiError as error:
        raise inside(error, *keys) from error


def located(error: FengsuiError, raw: bytes) -> FengsuiError:
    """The refusal with the line its pointer leads to, in the message and as ``line``."""
    if "line" in error.params:
        return error
    at = str(error.params.get(POINTER, ""))
    line = line_of(raw, at)
    message = f"{error.args[0]} (line {line})"
    return FengsuiError(error.code, message, **{**error.params, "line": line})


def line_of(raw: bytes, at: str) -> int:
    """The line the pointer leads to, or of the deepest key on the way that is there."""
    parts = at.split("/")[1:]
    return rulefile.line_at(raw, [part.replace("~1", "/").replace("~0", "~") for part in parts])
