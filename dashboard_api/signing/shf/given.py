"""Given: the fields of one message of a foreign form, read strictly and by name."""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dashboard_api.signing.shf.wrong import wrong

Kind = Literal["Raw", "Base64", "Hex", "DateTime"]
"""How a value is written; a signature server's binary fields are always Base64."""
Value = str | int | bool | list[str]


class Base64(str):
    """A binary value of an answer, as the text it travels as."""

    __slots__ = ()


Answer = Mapping[str, str | int]
"""By field; a ``Base64`` is binary."""

FIELDS_MAX: Final = 32
"""Of one message: the longest one described has twelve."""
DIGITS_MAX: Final = 10
"""Of a number sent as text: none is longer than 32 bits, and int() of a long text is slow."""
TAGS_MAX: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter a call takes."""

    name: str
    words: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """One value as it was sent; ``kind`` None where the form has no types."""

    value: Value
    kind: Kind | None = None


class Given:
    """The fields of one message; every error names the field."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Field], takes: Sequence[Param]) -> None:
        """Raises ``dashboard_api.call.malformed`` for a field that is missing or not known."""
        for param in takes:
            if param.required and param.name not in fields:
                raise wrong("shf_missing", param.name)
        known = {param.name for param in takes}
        for name in fields:
            if name not in known:
                raise wrong(
                    "shf_unknown", _printable(name), expected=", ".join(one.name for one in takes)
                )
        self._fields = fields

    def has(self, name: str) -> bool:
        """Whether it was sent and is not empty."""
        found = self._fields.get(name)
        return found is not None and found.value not in ("", [])

    def text(self, name: str) -> str:
        """A text, empty where the field is not there."""
        found = self._fields.get(name)
        if found is None:
            return ""
        if found.kind not in (None, "Raw") or not isinstance(found.value, str):
            raise wrong("shf_type", name, expected=_TEXT if found.kind else "text")
        return _encodable(found.value, name)

    def texts(self, name: str) -> list[str]:
        """One text or several."""
        found = self._fields[name]
        if not isinstance(found.value, list):
            return [self.text(name)]
        if found.kind not in (None, "Raw") or not 0 < len(found.value) <= TAGS_MAX:
            raise wrong("shf_type", name, expected=f"Raw, 1–{TAGS_MAX}")
        return [_encodable(one, name) for one in found.value]

    def data(self, name: str) -> bytes:
        """Bytes, none where the field is not there."""
        found = self._fields.get(name)
        if found is None:
            return b""
        if not isinstance(found.value, str) or found.kind == "DateTime":
            raise wrong("shf_type", name, expected=_BINARY if found.kind else "Base64")
        if found.kind == "Raw":
            return _encodable(found.value, name).encode()
        return _hex(found.value, name) if found.kind == "Hex" else _base64(found.value, name)

    def encoded(self, name: str) -> str:
        """Bytes as the data operations take them."""
        return coded(self.data(name))

    def number(self, name: str, default: int = 0) -> int:
        """A whole number, decimal or 0x…"""
        found = self._fields.get(name)
        if found is None or found.value == "":
            return default
        value = found.value
        if found.kind not in (None, "Raw") or isinstance(value, (bool, list)):
            raise wrong("shf_type", name, expected="Raw, 0–4294967295")
        if isinstance(value, str):
            value = _number(value, name)
        if not 0 <= value < 2**32:
            raise wrong("shf_range", name, expected="0–4294967295")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """TRUE or FALSE, 1 or 0, in either case."""
        found = self._fields.get(name)
        if found is None or found.value == "":
            return default
        known = _FLAGS.get(str(found.value).lower())
        if known is None:
            raise wrong("shf_type", name, expected="TRUE / FALSE")
        return known

    def counted(self, name: str, length: str) -> bytes:
        """Bytes whose length another field states, where it does."""
        found = self.data(name)
        if length in self._fields and (stated := self.number(length)) != len(found):
            raise wrong("shf_length", length, stated=stated, size=len(found))
        return found


_TEXT: Final = "Raw, text"
_BINARY: Final = "Base64 / Hex / Raw"
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}


def coded(data: bytes) -> str:
    """Bytes as the data operations take them."""
    return b64encode(data).decode()


def binary(data: bytes) -> Base64:
    """A binary value of an answer."""
    return Base64(coded(data))


def _base64(text: str, name: str) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except ValueError:
        raise wrong("shf_base64", name) from None


def _hex(text: str, name: str) -> bytes:
    # bytes.fromhex passes over blanks, and would read what the caller may not have meant.
    if text and not (text.isascii() and text.isalnum()):
        raise wrong("shf_hex", name)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise wrong("shf_hex", name) from None


def _number(text: str, name: str) -> int:
    hexadecimal = text[:2].lower() == "0x"
    digits = text[2:] if hexadecimal else text
    if not (0 < len(digits) <= DIGITS_MAX and digits.isascii() and digits.isalnum()):
        raise wrong("shf_range", name, expected="0–4294967295")
    try:
        return int(digits, 16 if hexadecimal else 10)
    except ValueError:
        raise wrong("shf_range", name, expected="0–4294967295") from None


def _encodable(text: str, name: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8 form, so nobody could say what was signed.
        raise wrong("shf_type", name, expected="UTF-8") from None
    return text


def _printable(name: str) -> str:
    """An unknown name is the caller's own text: shortened, and plain."""
    return "".join(one if one.isprintable() and ord(one) < 128 else "?" for one in name[:32]) or "?"
