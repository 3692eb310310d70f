"""Certificates and public keys as foreign messages carry them, for the data operations."""

from __future__ import annotations

from typing import Final

from crypto.errors import CryptoError
from crypto.sm2 import PublicKey
from dashboard_api.signing.shf.given import coded
from dashboard_api.signing.shf.wrong import wrong

_POINT_SIZE: Final = 65
_LINE: Final = 64


def public_key(data: bytes, where: str) -> PublicKey:
    """A public key: 04‖x‖y, x‖y, DER or PEM; raises ``dashboard_api.call.malformed``."""
    try:
        if len(data) == _POINT_SIZE - 1 and data[:1] != b"-":
            return PublicKey.from_point(b"\x04" + data)
        if len(data) == _POINT_SIZE and data[:1] == b"\x04":
            return PublicKey.from_point(data)
        if data[:1] == b"\x30":
            text = coded(data)
            lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
            data = "\n".join(
                ["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]
            ).encode()
        return PublicKey.from_pem(data)
    except (CryptoError, ValueError):
        raise wrong("shf_public", where) from None


def public_text(data: bytes, where: str) -> str:
    """A public key as the data operations take it."""
    return coded(public_key(data, where).point)


def certificate_text(data: bytes) -> str:
    """A certificate as the data operations take it: PEM as it is, DER in base64."""
    if data.lstrip().startswith(b"-----BEGIN"):
        return data.decode("utf-8", "replace")
    return coded(data)
