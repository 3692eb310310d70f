"""KeyStore: makes, keeps, rotates and destroys keys, and hands each out for its one use.

What was committed survives kill -9 and a power cut; a rotation happens whole or not at all. A
handle is for the moment: take it, use it, drop it. A key disabled afterwards is refused to the next
who asks, not to a handle already given; and a policy binds who comes through the store, since code
inside this process that was given a private key could still write it out. Times and randomness are
passed in; the store may be shared between threads, and several processes may open it at once.

CryptoError
  crypto.key.*       unknown, exists, name, use, policy, expired, disabled, scheduled, destroyed,
                     version, state, tampered, malformed
  crypto.master.*    wrong, missing, malformed, no_next
  crypto.keystore.*  exposed, newer, unreadable, unwritable, busy, full, not_empty
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from crypto import sm2
from crypto.errors import CryptoError
from crypto.keystore import rows
from crypto.keystore.handles import MacKey, SealingKey, Secrets, keeping
from crypto.keystore.master import MasterSource
from crypto.keystore.model import Key, Policy, State, Use, Version, check_id, refused
from crypto.keystore.vault import Vault, wipe
from crypto.ports import Clock, Entropy
from crypto.sm2 import PrivateKey, PublicKey

__all__ = ["KEYS_MAX", "VERSIONS_MAX", "WAIT_US_MIN", "KeyStore", "Record"]

_DAY_US: Final = 86_400_000_000
# A week: long enough that a weekend and a holiday cannot hide a deletion nobody wanted.
WAIT_US_MIN: Final = 7 * _DAY_US
# Changing the master key seals every row anew in one transaction: 20 000 rows take some seconds.
KEYS_MAX: Final = 10_000
VERSIONS_MAX: Final = 1_000

_USES: Final = {
    Use.SIGN: sm2.Policy(decrypt=False, exchange=False),
    Use.ENCRYPT: sm2.Policy(sign=False, exchange=False),
    Use.EXCHANGE: sm2.Policy(sign=False, decrypt=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A key with its secrets, on the way into a backup or out of one."""

    key: Key
    secrets: tuple[bytes, ...] = field(repr=False)
    """One for each version, in order; none for a destroyed key."""


class KeyStore:
    """Opens the store, made first when there is none, and its master key with it."""

    def __init__(self, path: Path, source: MasterSource, *, clock: Clock, entropy: Entropy) -> None:
        self._clock = clock
        self._entropy = entropy
        self._vault = Vault(path, source, clock=clock, entropy=entropy)

    def close(self) -> None:
        """Forget the master key and let go of the file."""
        self._vault.close()

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    # What there is

    def changes(self) -> int:
        """Return a number that is another after any change by another process or store.

        A look of some microseconds: whoever keeps what it opened asks this before using it.
        """
        return self._vault.changes()

    def all_keys(self) -> list[Key]:
        """Return every key, tombstones too."""
        with self._vault.reading() as connection:
            return rows.find_all(connection)

    def key(self, key_id: str) -> Key:
        """Return one key; raises ``crypto.key.unknown``."""
        with self._vault.reading() as connection:
            return rows.find(connection, key_id)

    # Life

    def create(self, key_id: str, use: Use, policy: Policy | None = None) -> Key:
        """Make a key; raises ``crypto.key.exists``."""
        return self.add(key_id, use, self._fresh(use), policy)

    def add(self, key_id: str, use: Use, secret: bytearray, policy: Policy | None = None) -> Key:
        """Take in a key made elsewhere, such as an encryption pair of a key centre; wipes it."""
        check_id(key_id)
        try:
            version = self._version(1, use, secret)
            key = Key(
                id=key_id,
                use=use,
                policy=policy or Policy(),
                state=State.ACTIVE,
                created_at_us=version.created_at_us,
                destroy_at_us=None,
                destroyed_at_us=None,
                versions=(version,),
            )
            with self._vault.writing() as connection:
                (count,) = connection.execute("SELECT count(*) FROM keys").fetchone()
                if count >= KEYS_MAX:
                    raise _full(f"{KEYS_MAX} keys")
                rows.insert_key(connection, key)
                self._vault.seal(connection, key, version, secret)
        finally:
            wipe(secret)
        return key

    def rotate(self, key_id: str) -> Key:
        """Make version n + 1; from now on older versions only verify, decrypt and open."""
        with self._vault.writing() as connection:
            key = rows.find(connection, key_id)
            self._check_active(key, protect=True)
            if key.latest.number >= VERSIONS_MAX:
                raise _full(f"{VERSIONS_MAX} versions of {key_id}")
            secret = self._fresh(key.use)
            try:
                version = self._version(key.latest.number + 1, key.use, secret)
                self._vault.seal(connection, key, version, secret)
            finally:
                wipe(secret)
        return replace(key, versions=(*key.versions, version))

    def disable(self, key_id: str) -> Key:
        """Refuse every use until ``enable``."""
        return self._move(key_id, State.DISABLED, State.ACTIVE)

    def enable(self, key_id: str) -> Key:
        """Allow the use of a disabled key again."""
        return self._move(key_id, State.ACTIVE, State.DISABLED)

    def schedule_deletion(self, key_id: str, wait_us: int) -> Key:
        """Refuse every use, and destroy the key after a wait of at least a week."""
        if wait_us < WAIT_US_MIN:
            raise refused(
                "state",
                key_id,
                f"is destroyed after a wait of at least {WAIT_US_MIN // _DAY_US} days",
                wait_us=wait_us,
            )
        return self._move(
            key_id,
            State.SCHEDULED,
            State.ACTIVE,
            State.DISABLED,
            destroy_at_us=self._clock.now() + wait_us,
        )

    def cancel_deletion(self, key_id: str) -> Key:
        """Keep the key after all; it stays disabled until ``enable``."""
        return self._move(key_id, State.DISABLED, State.SCHEDULED)

    def destroy_due(self) -> list[str]:
        """Wipe the keys whose wait is over and return their ids; what is gone is gone."""
        now = self._clock.now()
        with self._vault.writing() as connection:
            due = [
                key.id
                for key in rows.find_all(connection)
                if key.state is State.SCHEDULED and (key.destroy_at_us or 0) <= now
            ]
            for key_id in due:
                rows.set_state(connection, key_id, State.DESTROYED, destroyed_at_us=now)
        if due:
            self._vault.scrub()
        return due

    def rotate_master(self) -> int:
        """Seal every row under the source's next master key; returns how many rows there were.

        All in one transaction: after a crash at any moment either the old or the new master key
        opens all rows, and the source still has it.
        """
        return self._vault.change_master()

    # Use

    def signer(self, key_id: str) -> PrivateKey:
        """Return the latest version of a SIGN key."""
        return self._private(key_id, Use.SIGN, None, protect=True)

    def verifier(self, key_id: str, version: int | None = None) -> PublicKey:
        """Return the public half of a SIGN key, of any version."""
        return self._public(key_id, Use.SIGN, version, protect=False)

    def encrypter(self, key_id: str) -> PublicKey:
        """Return the public half of the latest version of an ENCRYPT key."""
        return self._public(key_id, Use.ENCRYPT, None, protect=True)

    def decrypter(self, key_id: str, version: int | None = None) -> PrivateKey:
        """Return an ENCRYPT key, of any version; raises ``crypto.key.policy``."""
        return self._private(key_id, Use.ENCRYPT, version, protect=False)

    def exchanger(self, key_id: str) -> PrivateKey:
        """Return the latest version of an EXCHANGE key."""
        return self._private(key_id, Use.EXCHANGE, None, protect=True)

    def sealing(self, key_id: str, *, kept: bool = False) -> SealingKey:
        """Return a SEAL key at work; ``kept`` as with ``mac``."""
        return SealingKey(key_id, self._secrets_of(key_id, Use.SEAL, kept=kept), self._entropy)

    def mac(self, key_id: str, *, kept: bool = False) -> MacKey:
        """Return a MAC key at work.

        A ``kept`` one opens each version once: for who asks for ``changes`` before each use.
        """
        return MacKey(key_id, self._secrets_of(key_id, Use.MAC, kept=kept))

    def export(self, key_id: str, version: int | None = None) -> bytearray:
        """Return the bare secret of a key whose policy allows it; the caller overwrites it."""
        key = self.key(key_id)
        if not key.policy.export:
            raise _policy(key, "export")
        return self._secret(key_id, key.use, version, protect=False)[2]

    # Backup

    def dump(self) -> list[Record]:
        """Return every key with its secrets, for a sealed backup."""
        with self._vault.reading() as connection:
            return [
                Record(key=key, secrets=self._secrets(connection, key))
                for key in rows.find_all(connection)
            ]

    def load(self, records: Sequence[Record]) -> None:
        """Fill an empty store, whole or not at all; raises ``crypto.keystore.not_empty``."""
        with self._vault.writing() as connection:
            if rows.find_all(connection):
                raise CryptoError(
                    "crypto.keystore.not_empty",
                    "The store has keys already: restore into a new data folder.",
                )
            for record in records:
                rows.insert_key(connection, record.key)
                for at, version in enumerate(record.key.versions):
                    if record.key.state is State.DESTROYED:
                        rows.insert_version(connection, record.key.id, version, None)
                    else:
                        self._vault.seal(connection, record.key, version, record.secrets[at])

    # Inside

    def _fresh(self, use: Use) -> bytearray:
        # SM2 scalars come from the engine, which draws them inside [1, n-2] and tests its source.
        if use.is_pair:
            return PrivateKey.generate().scalar()
        return bytearray(self._entropy.take(use.secret_size))

    def _version(self, number: int, use: Use, secret: bytearray) -> Version:
        """Check a secret and return what is public of it."""
        if len(secret) != use.secret_size:
            raise CryptoError(
                "crypto.key.malformed",
                f"A key for {use.value} has {use.secret_size} bytes.",
                {"size": len(secret)},
            )
        public = PrivateKey.from_scalar(secret).public.point if use.is_pair else None
        return Version(number=number, created_at_us=self._clock.now(), public=public)

    def _move(
        self, key_id: str, to: State, *allowed: State, destroy_at_us: int | None = None
    ) -> Key:
        with self._vault.writing() as connection:
            key = rows.find(connection, key_id)
            if key.state not in allowed:
                raise refused(
                    "state",
                    key_id,
                    f"is {key.state.value}, so it cannot become {to.value}",
                    state=key.state.value,
                )
            rows.set_state(connection, key_id, to, destroy_at_us=destroy_at_us)
            return rows.find(connection, key_id)

    def _check_use(self, key: Key, use: Use) -> None:
        if key.use is not use:
            raise refused("use", key.id, f"is for {key.use.value}, not for {use.value}")

    def _check_active(self, key: Key, *, protect: bool) -> None:
        if key.state is not State.ACTIVE:
            raise refused(key.state.value, key.id, f"is {key.state.value}: it is not used")
        expiry = key.policy.expires_at_us
        if protect and expiry is not None and self._clock.now() >= expiry:
            raise refused(
                "expired", key.id, "has expired: it verifies and opens, and makes nothing new"
            )

    def _secrets(self, connection: sqlite3.Connection, key: Key) -> tuple[bytes, ...]:
        if key.state is State.DESTROYED:
            return ()
        return tuple(bytes(self._vault.open(connection, key, one)) for one in key.versions)

    def _secret(
        self, key_id: str, use: Use, number: int | None, *, protect: bool
    ) -> tuple[Key, int, bytearray]:
        """Return a key and one version's secret, after every check; the caller wipes it."""
        with self._vault.reading() as connection:
            key = rows.find(connection, key_id)
            self._check_use(key, use)
            self._check_active(key, protect=protect)
            if not protect and use in (Use.ENCRYPT, Use.SEAL) and not key.policy.decrypt:
                raise _policy(key, "decrypt")
            version = _find_version(key, number)
            return key, version.number, self._vault.open(connection, key, version)

    def _secrets_of(self, key_id: str, use: Use, *, kept: bool) -> Secrets:
        key = self.key(key_id)
        self._check_use(key, use)

        def opened(version: int | None, protect: bool) -> tuple[int, bytearray]:
            return self._secret(key_id, use, version, protect=protect)[1:]

        if not kept:
            return opened
        once = keeping(opened)

        def checked(version: int | None, protect: bool) -> tuple[int, bytearray]:
            # The one thing that changes by time alone.
            self._check_active(key, protect=protect)
            return once(version, protect)

        return checked

    def _private(self, key_id: str, use: Use, number: int | None, *, protect: bool) -> PrivateKey:
        key, _, secret = self._secret(key_id, use, number, protect=protect)
        try:
            policy = replace(_USES[use], sign_e=use is Use.SIGN and key.policy.sign_e)
            return PrivateKey.from_scalar(secret, policy)
        finally:
            wipe(secret)

    def _public(self, key_id: str, use: Use, number: int | None, *, protect: bool) -> PublicKey:
        # The row is opened although the point stands in the clear: opening proves the point.
        with self._vault.reading() as connection:
            key = rows.find(connection, key_id)
            self._check_use(key, use)
            self._check_active(key, protect=protect)
            version = _find_version(key, number)
            wipe(self._vault.open(connection, key, version))
            return PublicKey.from_point(version.public or b"")


def _find_version(key: Key, number: int | None) -> Version:
    if number is None:
        return key.latest
    for version in key.versions:
        if version.number == number:
            return version
    raise refused("version", key.id, f"has no version {number}", version=number)


def _policy(key: Key, what: str) -> CryptoError:
    return refused("policy", key.id, f"has a policy that does not allow {what}", use=what)


def _full(what: str) -> CryptoError:
    return CryptoError("crypto.keystore.full", f"The store holds {what}, its limit.")
