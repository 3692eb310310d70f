"""NTV: the messages of GM/T 0136-2024, a list of Name, Type and Value under ``Data``."""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from dashboard_api.signing.shf.given import FIELDS_MAX, Answer, Base64, Field, Kind
from dashboard_api.signing.shf.wrong import wrong

_KINDS: Final = {kind.lower(): kind for kind in get_args(Kind)}


class _Entry(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    name: str
    type: str
    value: msgspec.Raw


class _Message(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    data: list[_Entry]


_DECODER: Final = msgspec.json.Decoder(_Message)
_VALUES: Final = msgspec.json.Decoder(str | int | list[str])


def read(body: bytes) -> dict[str, Field]:
    """The fields of a message by name; raises ``dashboard_api.call.malformed``."""
    try:
        entries = _DECODER.decode(body).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise wrong("shf_json", "body") from None
    if len(entries) > FIELDS_MAX:
        raise wrong("shf_fields", "Data", limit=FIELDS_MAX)
    fields: dict[str, Field] = {}
    for entry in entries:
        name = entry.name if entry.name.isascii() and entry.name.isalnum() else "Name"
        if entry.name in fields:
            raise wrong("shf_twice", name[:32])
        kind = _KINDS.get(entry.type.lower())
        if kind is None:
            raise wrong("shf_type", name[:32], expected=" / ".join(_KINDS.values()))
        try:
            value = _VALUES.decode(entry.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise wrong("shf_type", name[:32], expected=kind) from None
        fields[entry.name] = Field(value, kind)
    return fields


class _Told(msgspec.Struct, frozen=True, rename="pascal"):
    name: str
    type: Kind
    value: str


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    data: list[_Told]


def write(answer: Answer) -> bytes:
    """The message of an answer."""
    return msgspec.json.encode(
        _Answer(
            data=[
                _Told(
                    name=name,
                    type="Base64" if isinstance(value, Base64) else "Raw",
                    value=f"{value}",
                )
                for name, value in answer.items()
            ]
        )
    )
