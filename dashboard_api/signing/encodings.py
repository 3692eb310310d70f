"""Encodings: bytes as the text of a JSON field, and back: base64, hexadecimal or UTF-8.

Reading is strict, since a lax reader signs something else than the caller meant; an error names the
field and what to send, and never repeats what was sent.
"""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from typing import Final, Literal

from dashboard_api.signing.problems import malformed

Encoding = Literal["base64", "hex", "utf8"]
"""How a message-like field is written."""
Binary = Literal["base64", "hex"]
"""How a call's binary fields are written: signatures, ciphertexts, codes, points."""

PEM_BLOCKS_MAX: Final = 8
"""A certificate and those above it: as deep as a chain is followed. The rest is not read."""

_PEM_LINE: Final = 64
_PEM_BEGIN: Final = "-----BEGIN "


def read(text: str, encoding: Encoding, field: str, option: str = "encoding") -> bytes:
    """The bytes of a field; ``option`` is the field that chooses the encoding.

    Raises ``dashboard_api.call.malformed``.
    """
    if encoding == "base64":
        try:
            return a2b_base64(text, strict_mode=True)
        except ValueError:
            raise malformed("base64", field, option=option) from None
    if encoding == "utf8":
        return text.encode()
    return _hexadecimal(text, field, option)


def read_exactly(
    text: str, encoding: Encoding, field: str, size: int, option: str = "encoding"
) -> bytes:
    """The bytes of a binary field of one size, such as a digest."""
    if encoding == "utf8":
        raise malformed("binary", field, size=size)
    found = read(text, encoding, field, option)
    if len(found) != size:
        raise malformed("size", field, expected=f"{size} bytes", size=len(found))
    return found


def write(data: bytes, encoding: Binary) -> str:
    """The text of a binary field of an answer."""
    return b64encode(data).decode() if encoding == "base64" else data.hex()


def write_text(data: bytes, encoding: Encoding) -> str:
    """The text of a plaintext; raises ``dashboard_api.call.malformed`` when it is not UTF-8."""
    if encoding != "utf8":
        return write(data, encoding)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise malformed("not_text", "output") from None


def binary(encoding: Encoding) -> Binary:
    """How binary fields are read beside a plaintext that may be asked for as text."""
    return "hex" if encoding == "hex" else "base64"


def is_pem(text: str) -> bool:
    """Whether a field holds PEM rather than the encoding of the call."""
    return text.lstrip().startswith(_PEM_BEGIN)


def read_pem(text: str, field: str, *labels: str) -> list[bytes]:
    """The DER of every block of the first label there is, in order; at least one."""
    for label in labels:
        parts = text.split(f"-----BEGIN {label}-----")[1:]
        if parts:
            return [_block(part, label, field) for part in parts[:PEM_BLOCKS_MAX]]
    raise malformed("pem", field, expected=" / ".join(labels))


def _block(part: str, label: str, field: str) -> bytes:
    body, ended, _ = part.partition(f"-----END {label}-----")
    try:
        if ended:
            return a2b_base64("".join(body.split()), strict_mode=True)
    except ValueError:
        pass
    raise malformed("pem", field, expected=label)


def write_pem(der: bytes, label: str) -> str:
    """One PEM block (RFC 7468)."""
    text = b64encode(der).decode()
    lines = [text[at : at + _PEM_LINE] for at in range(0, len(text), _PEM_LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def _hexadecimal(text: str, field: str, option: str) -> bytes:
    # bytes.fromhex alone passes over blanks, and would read what the caller may not have meant.
    if text and (not text.isascii() or not text.isalnum()):
        raise malformed("hex", field, option=option)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise malformed("hex", field, option=option) from None
