"""Classified markings (密级): a level with a star behind it, as in ``秘密★10年`` (GB/T 9704).

The star tells a marking from a word: 商业秘密, 国家秘密 and 绝密文件 are none.
"""

from __future__ import annotations

import re
from typing import Final

_LEVELS: Final = "绝絕机機秘祕"
_STARS: Final = "★☆*⭐✩✪✫✬✭✮✯✰⋆"

MARKING: Final = re.compile(rf"[{_LEVELS}]\s{{0,4}}密\s{{0,4}}[{_STARS}]")
"""In folded text, see :mod:`schema.folding`."""


def marking(text: str) -> str:
    """The first classified marking in the text as it is written there, or nothing.

    For texts of any length: at the speed of one pattern, without folding.
    """
    lower = text.lower()
    if not any(all(part in lower for part in parts) for parts in _SECRET_PARTS):
        return ""
    found = _WRITTEN_MARKING.search(text)
    return found[0] if found else ""


_PLAIN_GAP: Final = r"[\s+\u00ad\u200b-\u200f\u2060\ufeff]{0,4}"
_PLAIN_MARKING: Final = re.compile(
    _PLAIN_GAP.join((f"[{_LEVELS}]", "密", f"[{_STARS}＊]")),
)


def plain_marking(text: str) -> str:
    """The first marking that a reader of the text sees, or nothing.

    For whole documents: :func:`marking` knows bytes written as escapes too, and takes a second
    for a megabyte that is made to cost it.
    """
    found = _PLAIN_MARKING.search(text)
    return found[0] if found else ""


# One of these stands in every text that holds 密: itself, or as UTF-8, GBK or UTF-16 digits.
_SECRET_PARTS: Final = (("密",), ("e5", "af", "86"), ("c3", "dc"), ("5bc6",))
_ESCAPE: Final = r"(?:%(?:25){0,4}|\\x)"


def _written(chars: str) -> str:
    """A pattern for any of the characters, plain or escaped as ``folding`` undoes it."""
    spellings = [f"[{chars}]"]
    for char in chars:
        encoded = (char.encode("utf-8"), char.encode("gb18030"))
        spellings.extend("".join(rf"{_ESCAPE}{byte:02x}" for byte in raw) for raw in encoded)
        spellings.append(rf"(?:\\u|%u){ord(char):04x}")
    return f"(?:{'|'.join(spellings)})"


_BLANK: Final = _written(" \t\u3000")
# Between the characters also those nobody sees, which folding takes out.
_WRITTEN_GAP: Final = rf"(?:[\s+\u00ad\u200b-\u200f\u2060\ufeff]|{_BLANK}){{0,4}}"
_WRITTEN_MARKING: Final = re.compile(
    _WRITTEN_GAP.join((_written(_LEVELS), _written("密"), _written(_STARS + "＊"))),
    re.IGNORECASE,
)
