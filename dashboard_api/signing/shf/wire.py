"""Wire: the three ways signature servers carry their fields, and the answer in the same way.

``form``: application/x-www-form-urlencoded, as in the annexes of GM/T 0029; ``flat``: one JSON
object of the same fields; ``wrapped``: JSON with ``version``, ``reqType``, ``request`` and
``reqTime`` around them, as several makers have it. The message itself tells which it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode

import msgspec

from dashboard_api.signing.shf.given import FIELDS_MAX, Answer, Field
from dashboard_api.signing.shf.wrong import wrong

FORM_TYPE: Final = "application/x-www-form-urlencoded"
_ECHO_CHARS_MAX: Final = 32
"""Of version and reqType, which go back as they came."""

_DECODER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_VALUES: Final = msgspec.json.Decoder(str | int | bool | None)
_ECHOES: Final = msgspec.json.Decoder(str | int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How a request came, and so how its answer goes."""

    kind: Literal["form", "flat", "wrapped"] = "flat"
    version: str | int = 0
    type: str | int = ""

    def write(self, answer: Answer, at: int) -> bytes:
        """The answer; ``at`` is the time it is given, µs UTC."""
        plain = {
            name: value if isinstance(value, int) else f"{value}" for name, value in answer.items()
        }
        if self.kind == "form":
            return urlencode(plain).encode()
        if self.kind == "flat":
            return msgspec.json.encode(plain)
        return msgspec.json.encode(
            {
                "version": self.version,
                # Makers differ in which of the two the answer has.
                "reqType": self.type,
                "respType": self.type,
                "respond": plain,
                "respTime": datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y%m%d%H%M%SZ"),
            }
        )


def is_form(body: bytes) -> bool:
    """Whether a body is a form rather than JSON."""
    return body.lstrip()[:1] not in (b"{", b"[", b"")


def read(body: bytes) -> tuple[Wire, dict[str, Field]]:
    """How a request came and its fields; raises ``dashboard_api.call.malformed``."""
    if is_form(body):
        return Wire(kind="form"), _form(body)
    try:
        wire, found = _open(body)
        return wire, _values(found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise wrong("svs_body", "body") from None


def wire_of(body: bytes) -> Wire:
    """How a request came, as far as that can be told: for refusals, so it never raises."""
    if is_form(body):
        return Wire(kind="form")
    try:
        return _open(body)[0]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Wire()


def _open(body: bytes) -> tuple[Wire, dict[str, msgspec.Raw]]:
    found = _DECODER.decode(body)
    if "request" not in found:
        return Wire(), found
    version, kind = _echo(found.get("version")), _echo(found.get("reqType"))
    return Wire(kind="wrapped", version=version, type=kind), _DECODER.decode(found["request"])


def _form(body: bytes) -> dict[str, Field]:
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise wrong("svs_body", "body") from None
    fields: dict[str, Field] = {}
    for name, value in pairs:
        if name in fields:
            raise wrong("shf_twice", name[:32] if name.isascii() and name.isalnum() else "body")
        fields[name] = Field(value)
    return fields


def _values(found: dict[str, msgspec.Raw]) -> dict[str, Field]:
    if len(found) > FIELDS_MAX:
        raise wrong("shf_fields", "request", limit=FIELDS_MAX)
    fields: dict[str, Field] = {}
    for name, raw in found.items():
        value = _VALUES.decode(raw)
        # Java clients write null for what they do not send.
        if value is not None:
            fields[name] = Field(value)
    return fields


def _echo(raw: msgspec.Raw | None) -> str | int:
    if raw is None:
        return 0
    value = _ECHOES.decode(raw)
    return value[:_ECHO_CHARS_MAX] if isinstance(value, str) else value
