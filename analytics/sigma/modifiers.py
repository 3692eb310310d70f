"""Modifiers: how a field's values are changed before they are compared.

pySigma's own, and ours where the specification says more: every dash for ``windash``, UTF-16 of any
text before ``base64``, escaped percent signs and known values for ``expand``, and ``startswith`` or
``endswith`` that hold an expression to an end of the value.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import ClassVar, Final, TypeAlias

from sigma.modifiers import (
    SigmaContainsModifier,
    SigmaEndswithModifier,
    SigmaModifier,
    SigmaStartswithModifier,
    SigmaValueModifier,
    modifier_mapping,
)
from sigma.types import (
    Placeholder as Stub,
)
from sigma.types import (
    SigmaExpansion,
    SigmaFieldReference,
    SigmaRegularExpression,
    SigmaString,
    SigmaType,
)

from analytics.sigma.lines import refused

Placeholder: TypeAlias = Callable[[str], "tuple[str, ...] | None"]
"""The values a placeholder stands for, as Sigma writes strings; None for an unknown one."""

Modifier: TypeAlias = type[SigmaModifier]  # type: ignore[type-arg] # any of them

DASHES: Final = ("-", "/", "–", "—", "―")
"""Windows programs take all of these for the dash before an option."""

DASHES_MAX: Final = 3
"""Dashes of one value that are exchanged: the combinations are fivefold for each."""

EXPANSIONS_MAX: Final = 1000
"""Strings that the placeholders of one value may stand for together."""

_DASH: Final = re.compile(r"\B[-/–—―]\b")
"""A dash before an option: no letter before it, one behind it. The dashes inside of
``--with-name`` and the slashes of a path are not exchanged."""

_PERCENT: Final = re.compile(r"(\\*)%")
_Text: TypeAlias = SigmaString | SigmaRegularExpression | SigmaFieldReference


def no_placeholder(_: str) -> None:
    """Where no placeholder has a value."""


def expand(text: str, placeholder: Placeholder) -> list[str]:
    """Every string the text stands for once its ``%placeholders%`` have values.

    A percent sign behind a backslash is a plain one. Raises ``analytics.rule.refused`` for a
    placeholder without values, by its name.
    """
    choices: list[Sequence[str]] = []
    for plain, name in _tokens(text):
        if name is None:
            choices.append((plain,))
            continue
        values = placeholder(name)
        if not values:
            raise refused(f"placeholder %{name}% has no value here")
        choices.append(values)
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > EXPANSIONS_MAX:
        raise refused(f"its placeholders stand for {count} strings, over {EXPANSIONS_MAX}")
    return ["".join(parts) for parts in product(*choices)]


def _tokens(text: str) -> Iterator[tuple[str, str | None]]:
    """(plain text, None) and ("", name of a placeholder), in order."""
    start, opened = 0, -1
    plain = ""
    for found in _PERCENT.finditer(text):
        at = found.end() - 1
        if len(found[1]) % 2:
            if opened < 0:
                plain += text[start : at - 1] + "%"
                start = at + 1
            continue
        if opened < 0:
            opened = at
        elif at == opened + 1:
            # Two in a row name nothing: the first is plain, the second may open a name.
            opened = at
        else:
            yield plain + text[start:opened], None
            yield "", text[opened + 1 : at]
            plain, start, opened = "", at + 1, -1
    yield plain + text[start:], None


class _Windash(SigmaValueModifier[SigmaString, SigmaExpansion]):
    def modify(self, val: SigmaString) -> SigmaExpansion:
        marked = val.replace_with_placeholder(_DASH, "dash")
        if sum(isinstance(part, Stub) for part in marked.s) > DASHES_MAX:
            raise refused(f"windash exchanges at most {DASHES_MAX} dashes of one value")
        every: list[SigmaType] = list(marked.replace_placeholders(lambda _: iter(DASHES)))
        return SigmaExpansion(every)


class _Utf16(SigmaValueModifier[SigmaString, SigmaString]):
    """UTF-16 as a text that has a character for each byte, which is what base64 then encodes."""

    encoding: ClassVar[str] = "utf-16le"
    mark: ClassVar[bytes] = b""

    def modify(self, val: SigmaString) -> SigmaString:
        encoded_next = any(issubclass(one, _Base64) for one in self.detection_item.modifiers)
        if not encoded_next and not all(
            isinstance(part, str) and part.isascii() for part in val.s if isinstance(part, str)
        ):
            raise refused("UTF-16 of a text that is not ASCII is no text: add base64 behind it")
        wide = SigmaString()
        wide.s = [
            part.encode(self.encoding).decode("latin-1") if isinstance(part, str) else part
            for part in val.s
        ]
        if self.mark:
            mark = self.mark.decode("latin-1") if encoded_next else "\ufeff"
            wide = mark + wide
        return wide


class _Utf16Big(_Utf16):
    encoding = "utf-16be"


class _Utf16Marked(_Utf16):
    mark = b"\xff\xfe"


class _Base64(SigmaValueModifier[SigmaString, SigmaType]):
    def data(self, value: SigmaString) -> bytes:
        if any(not isinstance(part, str) for part in value.s):
            raise refused("a value with wildcards has no base64")
        wide = any(issubclass(one, _Utf16) for one in self.applied_modifiers)
        return "".join(map(str, value.s)).encode("latin-1" if wide else "utf-8")

    def modify(self, val: SigmaString) -> SigmaType:
        return SigmaString(b64encode(self.data(val)).decode())


class _Base64Offset(_Base64):
    """The part of the encoded text that is the same wherever the value stands in it."""

    _skip: ClassVar[tuple[int, ...]] = (0, 2, 3)
    """Characters at the front that also hold bits of the bytes before the value."""
    _cut: ClassVar[tuple[int | None, ...]] = (None, -3, -2)
    """Characters at the end that also hold bits of the bytes behind it, by length modulo three."""

    def modify(self, val: SigmaString) -> SigmaType:
        data = self.data(val)
        forms: list[SigmaType] = []
        for offset in range(3):
            encoded = b64encode(b" " * offset + data).decode()
            fixed = encoded[self._skip[offset] : self._cut[(len(data) + offset) % 3]]
            if not fixed:
                raise refused("the value is too short for base64offset: give three bytes or more")
            forms.append(SigmaString(fixed))
        return SigmaExpansion(forms)


def _anchored(value: SigmaRegularExpression, front: str, back: str) -> SigmaRegularExpression:
    value.regexp = SigmaString(f"{front}(?:{value.regexp}){back}", escape=False)
    value.compile()
    return value


class _Startswith(SigmaStartswithModifier):
    def modify(self, val: _Text) -> _Text:
        if isinstance(val, SigmaRegularExpression):
            return _anchored(val, r"\A", "")
        return super().modify(val)


class _Endswith(SigmaEndswithModifier):
    def modify(self, val: _Text) -> _Text:
        if isinstance(val, SigmaRegularExpression):
            return _anchored(val, "", r"\z")
        return super().modify(val)


class _Contains(SigmaContainsModifier):
    def modify(self, val: _Text) -> _Text:
        # An expression is found anywhere as it is.
        return val if isinstance(val, SigmaRegularExpression) else super().modify(val)


MODIFIERS: Final[dict[str, Modifier]] = {
    **{name: found for name, found in modifier_mapping.items() if name != "expand"},
    "base64": _Base64,
    "base64offset": _Base64Offset,
    "contains": _Contains,
    "endswith": _Endswith,
    "startswith": _Startswith,
    "utf16": _Utf16Marked,
    "utf16be": _Utf16Big,
    "utf16le": _Utf16,
    "wide": _Utf16,
    "windash": _Windash,
}
"""By name. ``expand`` is done before all others, see :func:`expand`."""
