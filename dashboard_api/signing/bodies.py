"""Bodies: the JSON of a call as one item or as ``items``, read strictly.

A body that has not the form of its operation is refused whole and nothing of it is done; what is
wrong inside an item that has the form is that item's own error.
"""

from __future__ import annotations

import re
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from dashboard_api.signing.call import BODY_BYTES_MAX, ITEMS_MAX
from dashboard_api.signing.items import Item
from dashboard_api.signing.problems import malformed, refused
from dashboard_api.signing.sentences import TOO_MANY
from schema.errors import FengsuiError

T = TypeVar("T", bound=Item)

_PLACE: Final = re.compile(r" - at `\$([^`]*)`$")
_BYTE: Final = re.compile(r"\(byte (\d+)\)")
_UNKNOWN: Final = re.compile(r"^Object contains unknown field `([a-z_]{1,32})`")
_MISSING: Final = re.compile(r"^Object missing required field `([a-z_0-9]+)`")
_EXPECTED: Final = re.compile(r"^Expected (.*?)(?:, got `\w+`)?$")
_WORDS: Final = {
    "`str`": "a string",
    "`int`": "a whole number",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "an object",
}


class _Batch(Struct, Generic[T], frozen=True, forbid_unknown_fields=True):
    items: list[T]


class _Shape(Struct, frozen=True):
    items: msgspec.Raw | UnsetType = UNSET


_SHAPE: Final = msgspec.json.Decoder(_Shape)


class Body(Generic[T]):
    """Reads the bodies of one operation."""

    __slots__ = ("_many", "_one")

    def __init__(self, item: type[T]) -> None:
        batch: Any = _Batch
        self._one = msgspec.json.Decoder(item)
        self._many: msgspec.json.Decoder[_Batch[T]] = msgspec.json.Decoder(batch[item])

    def read(self, body: bytes) -> T | list[T]:
        """One item, or a list of 1 to ``ITEMS_MAX``; raises ``dashboard_api.call.*``."""
        if len(body) > BODY_BYTES_MAX:
            raise refused(TOO_MANY, limit=f"{BODY_BYTES_MAX} bytes")
        try:
            # Inside a JSON string the quotes would be escaped, so most single items end here.
            if b'"items"' not in body or _SHAPE.decode(body).items is UNSET:
                return self._one.decode(body)
            items = self._many.decode(body).items
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            found = _BYTE.search(str(error))
            raise malformed("json", "body", byte=int(found[1]) if found else 0) from None
        if len(items) > ITEMS_MAX:
            raise refused(TOO_MANY, limit=f"{ITEMS_MAX} items")
        if not items:
            raise malformed("empty", "items")
        return items


def _invalid(message: str) -> FengsuiError:
    """The decoder's finding in our words; what was sent is left out."""
    place = _PLACE.search(message)
    where = place[1].removeprefix(".") if place else ""
    what = _PLACE.sub("", message)
    if found := _MISSING.match(what):
        return malformed("missing", _join(where, found[1]))
    if what.startswith("Object contains unknown field"):
        found = _UNKNOWN.match(what)
        return malformed("unknown_field", _join(where, found[1] if found else "?"))
    where = where or "body"
    if "matching regex" in what:
        return malformed("name", where)
    if what.startswith("Invalid enum value"):
        return malformed("value", where)
    found = _EXPECTED.match(what)
    expected = found[1] if found else "what openapi.json says"
    if " of length " in expected:
        return malformed("length", where, expected=expected.partition(" of length ")[2])
    if expected.startswith("`int` "):
        return malformed("range", where, expected=expected.removeprefix("`int` "))
    return malformed("type", where, expected=_WORDS.get(expected, expected))


def _join(where: str, field: str) -> str:
    return f"{where}.{field}" if where else field
