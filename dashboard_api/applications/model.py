"""Application: a business system that calls the national-crypto service, and what it may do.

A key belongs to the application in front of the dot of its id: ``payments.receipt``. Without a
grant nobody touches another's key, and learns not even whether there is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

OWN_KEYS: Final = "*"
"""In a grant: every key of the application's own."""
NO_KEY: Final = "-"
"""In a grant: operations that need no key, such as a digest or a foreign public key."""
SITE: Final = "site"
"""Owner of the site's own keys; no application has this id."""

ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?")
"""Of an application: 1 to 24 characters."""
KEY_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,36}[a-z0-9])?")
"""Of a key within its application: 1 to 38 characters, so that the whole id fits the key store."""


class Operation(StrEnum):
    """One thing an application may be granted; each is one scope."""

    SIGN = "sign"
    SIGN_E = "sign_e"
    """Sign a digest computed elsewhere: whoever may can have any message signed unseen."""
    VERIFY = "verify"
    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"
    DIGEST = "digest"
    HMAC = "hmac"
    HMAC_VERIFY = "hmac_verify"
    ENVELOPE_SIGN = "envelope_sign"
    ENVELOPE_VERIFY = "envelope_verify"
    ENVELOPE_SEAL = "envelope_seal"
    ENVELOPE_OPEN = "envelope_open"
    TIMESTAMP = "timestamp"
    KEYS_READ = "keys_read"
    KEYS_MANAGE = "keys_manage"
    """Make, import, rotate, enable and disable; ask for destruction and export."""
    CERTIFICATES_READ = "certificates_read"
    CERTIFICATES_MANAGE = "certificates_manage"
    STATUS = "status"
    """Status and the application's own usage; every application may."""


OPENS: Final = frozenset({Operation.DECRYPT, Operation.ENVELOPE_OPEN})
"""What gives plaintext out: limited apart, against guessing by many tries."""
OFF_BY_DEFAULT: Final = OPENS | {
    Operation.SIGN_E,
    Operation.KEYS_MANAGE,
    Operation.CERTIFICATES_MANAGE,
}
DEFAULT: Final = frozenset(Operation) - OFF_BY_DEFAULT
"""What a new application may do with its own keys and without a key."""
MANAGING: Final = frozenset(
    {
        Operation.KEYS_READ,
        Operation.KEYS_MANAGE,
        Operation.CERTIFICATES_READ,
        Operation.CERTIFICATES_MANAGE,
        Operation.STATUS,
    }
)
"""Decided by a signing process, carried out by the API process, which owns keys and records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much an application may ask for; one item of a batch counts as one."""

    per_second: int = 1000
    per_day: int = 0
    """0 for no limit."""
    opens_per_minute: int = 600
    """Decryptions and opened envelopes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What an application proves itself by. Times in microseconds UTC."""

    id: str
    """16 hexadecimal digits: the key id of the point, or of the token's hash."""
    token_hash: bytes | None = None
    """SM3 of a bearer token."""
    public: bytes | None = field(default=None, repr=False)
    """The point, 65 bytes, whose key signs requests."""
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application as it stands now."""

    id: str
    name: str
    unit: str
    credentials: tuple[Credential, ...]
    """At most four: two kinds, and room to change each without a stop."""
    grants: Mapping[str, frozenset[Operation]]
    """By key id, ``OWN_KEYS`` or ``NO_KEY``."""
    quota: Quota = Quota()
    disabled: bool = False

    def may(self, operation: Operation, key: str = NO_KEY) -> bool:
        """Whether a grant allows the operation with that key (its whole id)."""
        if operation is Operation.STATUS:
            return True
        if operation in self.grants.get(key, ()):
            return True
        return key.partition(".")[0] == self.id and operation in self.grants.get(OWN_KEYS, ())

    def key_id(self, name: str) -> str:
        """The whole id of a key it names: without a dot one of its own."""
        return name if "." in name else f"{self.id}.{name}"
