"""What a stored key is: its use, its policy, its state; and the errors that tell them apart."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from crypto.errors import CryptoError
from crypto.status import MODULE

__all__ = ["ID_SIZE_MAX", "Key", "Policy", "State", "Use", "Version", "check_id", "refused"]

ID_SIZE_MAX: Final = 64
_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9._/-]{0,62}[a-z0-9])?")


class Use(Enum):
    """The one thing a key does; a key of one use never opens for another."""

    SIGN = "sign"
    """SM2 signatures."""
    ENCRYPT = "encrypt"
    """SM2 encryption."""
    EXCHANGE = "exchange"
    """SM2 key exchange."""
    SEAL = "seal"
    """SM4-GCM."""
    MAC = "mac"
    """HMAC-SM3."""

    @property
    def is_pair(self) -> bool:
        """Tell whether the key has a public half."""
        return self in (Use.SIGN, Use.ENCRYPT, Use.EXCHANGE)

    @property
    def secret_size(self) -> int:
        """Bytes of the secret: 16 for SM4, 32 for all others."""
        return 16 if self is Use.SEAL else 32


class State(Enum):
    """Where a key stands in its life."""

    ACTIVE = "active"
    DISABLED = "disabled"
    SCHEDULED = "scheduled"
    """Disabled, and to be destroyed at a set time unless that is cancelled."""
    DESTROYED = "destroyed"
    """Its secrets are wiped; its name, use and times stay as a tombstone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may be done with a key; fixed when it is made, since every row is bound to it."""

    sign_e: bool = False
    """Sign a digest computed elsewhere: whoever asks may have any message signed unseen."""
    decrypt: bool = True
    """Decrypt or open; without it the key only encrypts, until a new key with it is imported."""
    export: bool = False
    """Give the bare secret out, other than into the sealed backup."""
    expires_at_us: int | None = None
    """After this nothing new is signed, encrypted or sealed; old things still open and verify."""

    def to_text(self) -> str:
        """Return the canonical form that rows are bound to."""
        flags = [name for name in ("sign_e", "decrypt", "export") if getattr(self, name)]
        expiry = "" if self.expires_at_us is None else f"expires={self.expires_at_us}"
        return " ".join(["policy/1", *flags, *([expiry] if expiry else [])])

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the policy of a canonical form; raises ValueError for any other text."""
        words = text.split(" ")
        last = words[-1].removeprefix("expires=")
        policy = cls(
            sign_e="sign_e" in words,
            decrypt="decrypt" in words,
            export="export" in words,
            expires_at_us=int(last) if words[-1] != last else None,
        )
        if policy.to_text() != text:
            raise ValueError("not a policy in canonical form")
        return policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One generation of a key; ``public`` is the point of a pair."""

    number: int
    created_at_us: int
    public: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known of a key without opening it."""

    id: str
    use: Use
    policy: Policy
    state: State
    created_at_us: int
    destroy_at_us: int | None
    destroyed_at_us: int | None
    versions: tuple[Version, ...]
    module: str = MODULE
    """What holds it: software, not a certified module."""

    @property
    def latest(self) -> Version:
        """The version that signs, encrypts and seals; older ones verify and open only."""
        return self.versions[-1]


def check_id(key_id: str) -> None:
    """Raise ``crypto.key.name`` unless the id is a plain lower-case name."""
    if not _ID.fullmatch(key_id):
        raise CryptoError(
            "crypto.key.name",
            f"{key_id[:ID_SIZE_MAX]!r} is no key id: 1 to {ID_SIZE_MAX} of a-z 0-9 . _ / - with a "
            "letter or digit at both ends.",
        )


def refused(reason: str, key_id: str, words: str, **params: str | int) -> CryptoError:
    """Return ``crypto.key.<reason>`` about a key of the store."""
    return CryptoError(f"crypto.key.{reason}", f"Key {key_id} {words}.", {"id": key_id, **params})
