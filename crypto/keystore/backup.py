"""The store's sealed backup: to a recovery public key, whose private half the officers share.

FSKEYBK1 ‖ recovery point ‖ time ‖ length ‖ SM2 ciphertext ‖ nonce ‖ SM4-GCM(records): a fresh SM4
key is encrypted to the recovery key, and everything before the sealed records is their additional
data. Making a backup needs the public half only, so a machine that is taken gives no backup away.

What it does not prove: who made it. Anyone with the public half can make a file that opens; so the
SM3 of each backup is kept apart and compared before a restore.

CryptoError: ``crypto.backup.malformed`` · ``.recovery`` (another recovery key) · ``.changed``
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final

from crypto import sm4
from crypto.errors import CryptoError
from crypto.keystore.model import Key, Policy, State, Use, Version, check_id
from crypto.keystore.store import KEYS_MAX, VERSIONS_MAX, Record
from crypto.ports import Clock, Entropy
from crypto.sm2 import PrivateKey, PublicKey

__all__ = ["SIZE_MAX", "Header", "open_backup", "read_header", "seal_backup"]

# 10 000 keys with some versions each; more would not be restored by hand.
SIZE_MAX: Final = 64 * 1024 * 1024
_MAGIC: Final = b"FSKEYBK1"
_POINT_SIZE: Final = 65
_TIME_SIZE: Final = 8
_LENGTH_SIZE: Final = 2
_WRAPPED_AT: Final = len(_MAGIC) + _POINT_SIZE + _TIME_SIZE + _LENGTH_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a backup says before it is opened; proved by opening it."""

    recovery: PublicKey
    made_at_us: int


def seal_backup(
    records: list[Record], recovery: PublicKey, *, clock: Clock, entropy: Entropy
) -> bytes:
    """Return the sealed backup of ``KeyStore.dump``."""
    key = entropy.take(sm4.KEY_SIZE)
    nonce = entropy.take(sm4.NONCE_SIZE)
    wrapped = recovery.encrypt(key)
    head = b"".join(
        (
            _MAGIC,
            recovery.point,
            clock.now().to_bytes(_TIME_SIZE, "big"),
            len(wrapped).to_bytes(_LENGTH_SIZE, "big"),
            wrapped,
            nonce,
        )
    )
    body = json.dumps([_written(record) for record in records], separators=(",", ":")).encode()
    return head + sm4.seal(key, nonce, body, head)


def read_header(backup: bytes) -> Header:
    """Return what the backup says of itself, unproved; raises ``crypto.backup.malformed``."""
    return _split(backup)[0]


def open_backup(backup: bytes, recovery: PrivateKey) -> list[Record]:
    """Return the records for ``KeyStore.load``."""
    header, wrapped, head, body = _split(backup)
    if header.recovery != recovery.public:
        raise CryptoError(
            "crypto.backup.recovery",
            f"The backup is sealed to recovery key {header.recovery.key_id}, and this is "
            f"{recovery.public.key_id}.",
            {"expected": header.recovery.key_id, "given": recovery.public.key_id},
        )
    try:
        key = recovery.decrypt(wrapped)
        text = sm4.open(key, head[-sm4.NONCE_SIZE :], body, head)
    except CryptoError:
        raise CryptoError(
            "crypto.backup.changed", "The backup is not as it was written: take another copy."
        ) from None
    try:
        records = [_read(item) for item in json.loads(text)]
    except (ValueError, TypeError, KeyError, CryptoError) as error:
        # Only the text's own maker can cause this; the cause may quote a secret, so it is cut.
        raise _malformed(f"its records cannot be read ({type(error).__name__})") from None
    if len(records) > KEYS_MAX or any(len(one.key.versions) > VERSIONS_MAX for one in records):
        raise _malformed("it holds more than a store may")
    return records


def _split(backup: bytes) -> tuple[Header, bytes, bytes, bytes]:
    """Return the header, the wrapped key, everything bound, and the sealed records."""
    if len(backup) > SIZE_MAX or not backup.startswith(_MAGIC) or len(backup) < _WRAPPED_AT:
        raise _malformed(f"it does not begin with {_MAGIC.decode()} or is of no possible size")
    point = backup[len(_MAGIC) : len(_MAGIC) + _POINT_SIZE]
    time = backup[len(_MAGIC) + _POINT_SIZE : _WRAPPED_AT - _LENGTH_SIZE]
    size = int.from_bytes(backup[_WRAPPED_AT - _LENGTH_SIZE : _WRAPPED_AT], "big")
    end = _WRAPPED_AT + size + sm4.NONCE_SIZE
    if len(backup) < end + sm4.TAG_SIZE:
        raise _malformed("it is cut short")
    try:
        recovery = PublicKey.from_point(point)
    except CryptoError as error:
        raise _malformed("the recovery key in it is none") from error
    header = Header(recovery=recovery, made_at_us=int.from_bytes(time, "big"))
    return header, backup[_WRAPPED_AT : _WRAPPED_AT + size], backup[:end], backup[end:]


def _written(record: Record) -> dict[str, Any]:
    key = record.key
    return {
        "id": key.id,
        "use": key.use.value,
        "policy": key.policy.to_text(),
        "state": key.state.value,
        "created_at": key.created_at_us,
        "destroy_at": key.destroy_at_us,
        "destroyed_at": key.destroyed_at_us,
        "module": key.module,
        "versions": [
            {
                "version": version.number,
                "created_at": version.created_at_us,
                "public": None if version.public is None else version.public.hex(),
                "secret": base64.b64encode(record.secrets[at]).decode() if record.secrets else None,
            }
            for at, version in enumerate(key.versions)
        ],
    }


def _read(item: dict[str, Any]) -> Record:
    versions = item["versions"]
    key = Key(
        id=item["id"],
        use=Use(item["use"]),
        policy=Policy.from_text(item["policy"]),
        state=State(item["state"]),
        created_at_us=int(item["created_at"]),
        destroy_at_us=item["destroy_at"],
        destroyed_at_us=item["destroyed_at"],
        versions=tuple(
            Version(
                number=int(one["version"]),
                created_at_us=int(one["created_at"]),
                public=None if one["public"] is None else bytes.fromhex(one["public"]),
            )
            for one in versions
        ),
        module=str(item["module"]),
    )
    check_id(key.id)
    gone = key.state is State.DESTROYED
    secrets = () if gone else tuple(_secret(key, one, at) for at, one in enumerate(versions))
    return Record(key=key, secrets=secrets)


def _secret(key: Key, item: dict[str, Any], at: int) -> bytes:
    """Return a version's secret, whose public half is proved to be its own."""
    try:
        secret = base64.b64decode(item["secret"], validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if len(secret) != key.use.secret_size:
        raise ValueError("a secret of another length")
    public = PrivateKey.from_scalar(secret).public.point if key.use.is_pair else None
    if public != key.versions[at].public:
        raise ValueError("the public half is not the private half's")
    return secret


def _malformed(reason: str) -> CryptoError:
    return CryptoError("crypto.backup.malformed", f"Not a backup of a key store: {reason}.")
