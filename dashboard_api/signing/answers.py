"""Answers: what each data operation gives back for one item."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from dashboard_api.signing.items import CipherForm, Form
from dashboard_api.signing.problems import ItemProblem


class Signature(Struct, frozen=True, kw_only=True, gc=False):
    """A signature, and all one needs to verify it."""

    signature: str
    form: Form
    key: str
    version: int
    algorithm: Literal["SM2-SM3"] = "SM2-SM3"
    mode: Literal["message", "digest"] = "message"


class Verified(Struct, frozen=True, kw_only=True, gc=False):
    """The signature or code is valid; one that is not is an error that says why."""

    valid: bool = True
    key: str | UnsetType = UNSET
    version: int | UnsetType = UNSET


class Ciphertext(Struct, frozen=True, kw_only=True, gc=False):
    """A ciphertext and its form."""

    ciphertext: str
    form: CipherForm
    algorithm: Literal["SM2", "SM4-GCM"]
    key: str | UnsetType = UNSET
    version: int | UnsetType = UNSET


class Plaintext(Struct, frozen=True, kw_only=True, gc=False):
    """What was encrypted."""

    plaintext: str
    key: str
    version: int


class Hash(Struct, frozen=True, kw_only=True, gc=False):
    """A digest, 32 bytes."""

    digest: str
    algorithm: Literal["SM3"] = "SM3"


class Mac(Struct, frozen=True, kw_only=True, gc=False):
    """A code, 32 bytes."""

    mac: str
    key: str
    version: int
    algorithm: Literal["HMAC-SM3"] = "HMAC-SM3"


class Envelope(Struct, frozen=True, kw_only=True, gc=False):
    """A signed or sealed message: DER in the encoding asked for, or PEM."""

    envelope: str
    key: str | UnsetType = UNSET
    version: int | UnsetType = UNSET


class EnvelopeSigner(Struct, frozen=True, kw_only=True, gc=False):
    """Who signed an envelope."""

    subject: str
    serial: str
    """Of the certificate, in hexadecimal."""
    key_id: str
    """The first 8 bytes of SM3(point), in hexadecimal."""


class VerifiedEnvelope(Struct, frozen=True, kw_only=True, gc=False):
    """Every signature of the envelope is valid; ``message`` is what an attached one holds."""

    valid: bool = True
    signers: list[EnvelopeSigner]
    message: str | UnsetType = UNSET


class Opened(Struct, frozen=True, kw_only=True, gc=False):
    """What an envelope held."""

    message: str
    key: str
    version: int


class Token(Struct, frozen=True, kw_only=True, gc=False):
    """A time stamp: TimeStampToken in DER; ``response`` is the whole answer to a request."""

    token: str
    time: str
    """RFC 3339, UTC, microseconds."""
    serial: str
    """In hexadecimal; never repeated."""
    policy: str
    response: str | UnsetType = UNSET


class Failed(Struct, frozen=True, kw_only=True, gc=False):
    """An item that was refused; the others of the call are not touched by it."""

    error: ItemProblem
