"""Passwords: what a good one is, and argon2id hashes of them.

The parameters are OWASP's for argon2id with little memory (19 MiB, 2 passes): a guess costs an
attacker as much, and a login does not push the platform over its memory.
"""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from schema.errors import FengsuiError

CHARS_MIN: Final = 12
"""GB/T 22239 asks for complexity; length is the part of it that holds."""
CHARS_MAX: Final = 128
"""Longer ones only cost time to hash."""
_DISTINCT_MIN: Final = 5

_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NOBODY: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ibw$"
    "UZpa5pPhRd3dM2zXoCCxdKgE9VgR9NqXMu1yC1kQ4hw"
)
"""Checked for unknown names, so that they take as long as known ones. Nothing hashes to it."""


def check_new(password: str, name: str) -> None:
    """Raise ``dashboard_api.password.weak`` unless the password may be set."""
    lowered = password.lower()
    why = ""
    if not CHARS_MIN <= len(password) <= CHARS_MAX:
        why = f"it has {CHARS_MIN} to {CHARS_MAX} characters"
    elif name.lower() in lowered:
        why = "it does not hold the user's name"
    elif len(set(password)) < _DISTINCT_MIN:
        why = f"it has at least {_DISTINCT_MIN} different characters"
    if why:
        raise FengsuiError("dashboard_api.password.weak", f"choose another password: {why}")


def hash_new(password: str) -> str:
    """The hash to store."""
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether the password belongs to the stored hash; takes as long without one."""
    try:
        _hasher.verify(stored or _NOBODY, password[:CHARS_MAX])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None
