"""Ports of a signing process: where its keys, callers and records come from.

Every raise is a ``FengsuiError`` or ``CryptoError`` whose code the caller of the service sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from crypto.keystore.handles import MacKey, SealingKey
from crypto.sm2 import Form, PublicKey
from dashboard_api.applications.model import Application
from dashboard_api.signing.call import Call


class Signer(Protocol):
    """A private signing key, wherever it is: ``crypto.sm2.PrivateKey`` and device keys."""

    @property
    def public(self) -> PublicKey:
        """Its public half."""

    def sign(self, message: bytes, *, domain: str) -> bytes:
        """Return a canonical DER signature."""

    def sign_many(self, messages: Sequence[bytes], *, domain: str) -> list[bytes]:
        """Return a signature for each message."""

    def sign_e(self, e: bytes) -> bytes:
        """Sign a digest; raises ``crypto.key.policy`` unless the key allows it."""


class Decrypter(Protocol):
    """A private key that decrypts, wherever it is: ``crypto.sm2.PrivateKey`` and device keys."""

    @property
    def public(self) -> PublicKey:
        """Its public half."""

    def decrypt(self, ciphertext: bytes, *, form: Form = Form.DER) -> bytes:
        """Return the plaintext; raises ``crypto.ciphertext.invalid`` for whatever reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A key at hand. ``place`` is ``software`` or ``device``."""

    id: str
    version: int
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSigner(Held):
    """A signing key at hand; ``chain`` is DER, its own certificate first, empty without one."""

    key: Signer
    chain: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDecrypter(Held):
    """A decrypting key at hand."""

    key: Decrypter


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPublic(Held):
    """A public half at hand."""

    key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSealer(Held):
    """An SM4 key at hand."""

    key: SealingKey


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMac(Held):
    """An HMAC-SM3 key at hand."""

    key: MacKey


class Keys(Protocol):
    """Keys by their whole id, as they stand at the last ``refresh``; raises ``crypto.key.*``."""

    def refresh(self) -> None:
        """See every change committed before now; called once before each group of calls."""

    def signer(self, key_id: str) -> HeldSigner:
        """The latest version of a signing key."""

    def verifiers(self, key_id: str) -> Sequence[HeldPublic]:
        """The public halves of a signing key, newest first."""

    def use(self, key_id: str) -> str:
        """What the key is for: ``sign``, ``encrypt``, ``exchange``, ``seal`` or ``mac``."""

    def encrypter(self, key_id: str) -> HeldPublic:
        """The public half of the latest version of an encryption key."""

    def decrypters(self, key_id: str) -> Sequence[HeldDecrypter]:
        """Every version of an encryption key, newest first."""

    def sealer(self, key_id: str) -> HeldSealer:
        """An SM4 key."""

    def mac(self, key_id: str) -> HeldMac:
        """An HMAC-SM3 key."""

    def anchors(self) -> Sequence[bytes]:
        """Certificates (DER) the site trusts as roots: its own, and those imported as such."""

    def revocation_lists(self) -> Sequence[bytes]:
        """Revocation lists (DER) at hand."""


class Directory(Protocol):
    """The applications as they stand at the last ``refresh``."""

    def refresh(self) -> None:
        """See every change committed before now."""

    def application(self, application_id: str) -> Application | None:
        """One application, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a call was made by, once that is certain."""

    application: Application
    credential: str


class Callers(Protocol):
    """Tells who calls."""

    def identify(self, call: Call) -> Caller:
        """Return who it is; raises ``dashboard_api.credential.*``, ``.timestamp.*``, ``.nonce.*``.

        A nonce is used up from here on, and durably by ``commit``.
        """

    def commit(self) -> None:
        """Put the nonces used up since the last commit on stable storage; raises ``OSError``."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a call did: its answer, and what its audit entry says of it, never a payload."""

    body: bytes
    status: int = 200
    key: str = ""
    version: int = 0
    place: str = ""
    """``software``, ``device``; empty where no key was used."""
    algorithm: str = ""
    """``SM2-SM3``, ``SM2``, ``SM4-GCM``, ``SM3``, ``HMAC-SM3``."""
    mode: str = ""
    """``message``, ``digest``, ``der``…: what an assessor asks for."""
    payloads: tuple[bytes, ...] = ()
    """What was signed, verified, sealed… item by item: only their HMAC-SM3 is kept."""
    failed: int = 0
    """Items that were refused."""
    retry_seconds: int = 0


class Desk(Protocol):
    """Carries one call out for an application; pure but for the keys' own randomness."""

    def perform(self, application: Application, call: Call) -> Done:
        """Return what was done; raises what was wrong with a call of one item."""


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """One audit entry of a signing process, without its place in the chain."""

    at: int
    """Microseconds UTC."""
    application: str
    """Empty where nobody was believed."""
    credential: str
    operation: str
    key: str
    version: int
    place: str
    algorithm: str
    mode: str
    result: str
    """``done``, or the code it was refused with."""
    items: int
    failed: int
    payload_macs: tuple[bytes, ...]
    """HMAC-SM3 of each item's payload under the journal's own key."""


class Journal(Protocol):
    """The audit chain of one signing process."""

    def add(self, mark: Mark) -> None:
        """Note an entry for the next commit."""

    def commit(self) -> None:
        """Put what was noted on stable storage as one group; raises ``OSError``, and then for good:

        until it is opened anew nothing is signed.
        """

    def mac(self, payloads: Sequence[bytes]) -> tuple[bytes, ...]:
        """HMAC-SM3 of each payload."""
