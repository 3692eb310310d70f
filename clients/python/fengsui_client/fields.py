"""Fields: a JSON object read by name and kind, so that no untyped value goes further."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TypeVar, cast

from fengsui_client.errors import BadAnswer

__all__ = ["Fields"]

T = TypeVar("T")


class Fields:
    """One JSON object; whatever is not as asked for raises ``BadAnswer``. More fields are fine."""

    __slots__ = ("_data",)

    def __init__(self, data: dict[str, object]) -> None:
        self._data = data

    @classmethod
    def of(cls, value: object) -> Fields:
        """The object a document is."""
        if not isinstance(value, dict):
            raise BadAnswer("the answer is not a JSON object")
        return cls(cast("dict[str, object]", value))

    def has(self, name: str) -> bool:
        """Whether it is there and not null."""
        return self._data.get(name) is not None

    def text(self, name: str) -> str:
        return self._a(str, name)

    def text_or_none(self, name: str) -> str | None:
        return self.text(name) if self.has(name) else None

    def whole(self, name: str) -> int:
        return self._a(int, name)

    def whole_or_none(self, name: str) -> int | None:
        return self.whole(name) if self.has(name) else None

    def truth(self, name: str) -> bool:
        return self._a(bool, name)

    def binary(self, name: str) -> bytes:
        """Bytes in base64."""
        try:
            return b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError):
            raise BadAnswer(f"field {name} of the answer is not base64") from None

    def inner(self, name: str) -> Fields:
        return Fields.of(self._data.get(name))

    def list_of(self, name: str) -> list[Fields]:
        return [Fields.of(one) for one in self._a(list, name)]

    def texts(self, name: str) -> list[str]:
        return [str(one) for one in self._a(list, name)]

    def facts(self, name: str) -> dict[str, str | int]:
        """The parameters of a problem."""
        found = self._data.get(name)
        if not isinstance(found, dict):
            return {}
        return {str(key): one for key, one in found.items() if isinstance(one, str | int)}

    def _a(self, kind: type[T], name: str) -> T:
        found = self._data.get(name)
        if not isinstance(found, kind):
            raise BadAnswer(f"the answer has no field {name} of kind {kind.__name__}")
        return found
