"""Sealed: SM4-GCM around every record, on top of any bus, since brokers speak no national cipher.

A sealed record is a mark, the key's id, a nonce and the sealed value; topic and key of the record
are authenticated with it, so a record moved to another topic or under another key is refused.
Partition and offset are not: order and completeness are what the sensors' chains prove.

    FengsuiError
    ├── collector.seal.key          a key file of another form
    ├── collector.seal.key_unknown  sealed with a key this process does not hold
    ├── collector.seal.plain        not sealed at all
    └── collector.seal.invalid      cut, changed, or moved to another topic or key
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from crypto import keys, sm3, sm4
from crypto.errors import CryptoError
from schema import bus
from schema.bus import BusReader, BusWriter, Place, Record
from schema.errors import FengsuiError
from schema.ports import Entropy

MARK: Final = b"FS4\x01"
KEY_ID_BYTES: Final = 8
OWN_BYTES: Final = len(MARK) + KEY_ID_BYTES + sm4.NONCE_SIZE + sm4.TAG_SIZE
"""What sealing adds to a value."""

RECORDS_PER_KEY_MAX: Final = 2**32
"""With random nonces the mode asks for a new key after so many (NIST SP 800-38D, 8.3): at a
thousand batches a second that is 49 days. It counts over all who hold the key."""

_KEY_ID_DOMAIN: Final = b"fengsui/bus-seal/1\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealKey:
    """A key and the id that follows from it."""

    id: bytes
    secret: bytes = field(repr=False)

    @staticmethod
    def of(secret: bytes) -> SealKey:
        """The key of 16 secret bytes."""
        return SealKey(id=sm3.digest(_KEY_ID_DOMAIN + secret)[:KEY_ID_BYTES], secret=secret)


def create_key(path: Path, entropy: Entropy) -> SealKey:
    """Make a key file, mode 0600; raises what :func:`crypto.keys.create` raises."""
    key = SealKey.of(entropy.take(sm4.KEY_SIZE))
    keys.create(path, key.secret.hex().encode() + b"\n")
    return key


def load_key(path: Path) -> SealKey:
    """The key of a file; raises ``collector.seal.key`` and what :func:`crypto.keys.read` raises."""
    try:
        secret = bytes.fromhex(keys.read(path).decode("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != sm4.KEY_SIZE:
        # From nothing: the cause would carry what stands in the file.
        raise FengsuiError(
            "collector.seal.key",
            f"{path} is no sealing key ({2 * sm4.KEY_SIZE} hexadecimal digits): make one with "
            "`fengsui cluster key`, or put the right file back",
            path=str(path),
        ) from None
    return SealKey.of(secret)


def _bound(topic: str, key: bytes) -> bytes:
    name = topic.encode()
    return len(name).to_bytes(2, "big") + name + key


class Sealing:
    """Seals with the first key, opens with any of them."""

    def __init__(self, seal_keys: Sequence[SealKey], entropy: Entropy) -> None:
        if not seal_keys:
            raise FengsuiError("collector.seal.key", "no sealing key: set bus.seal_key_files")
        self._first = seal_keys[0]
        self._keys = {key.id: key for key in seal_keys}
        self._entropy = entropy

    def seal(self, topic: str, key: bytes, value: bytes) -> bytes:
        """The sealed value of a record."""
        nonce = self._entropy.take(sm4.NONCE_SIZE)
        first = self._first
        sealed = sm4.seal(first.secret, nonce, value, _bound(topic, key))
        return b"".join((MARK, first.id, nonce, sealed))

    def open(self, record: Record) -> Record:
        """The record as it was sent; raises ``collector.seal.*`` naming its place."""
        raw, place = record.value, record.place
        where: dict[str, str | int] = {
            "topic": place.topic,
            "partition": place.partition,
            "offset": record.offset,
        }
        at = f"record {record.offset} of {place.topic} partition {place.partition}"
        if not raw.startswith(MARK):
            raise FengsuiError(
                "collector.seal.plain",
                f"{at} is not sealed, and the policy here is that all are: set bus.seal for "
                "whoever wrote it",
                **where,
            )
        nonce_at = len(MARK) + KEY_ID_BYTES
        text_at = nonce_at + sm4.NONCE_SIZE
        key = self._keys.get(raw[len(MARK) : nonce_at])
        if key is None and len(raw) >= OWN_BYTES:
            key_id = raw[len(MARK) : nonce_at].hex()
            raise FengsuiError(
                "collector.seal.key_unknown",
                f"{at} is sealed with key {key_id}, which is not among bus.seal_key_files: add it "
                "there",
                key_id=key_id,
                **where,
            )
        try:
            if key is None or len(raw) < OWN_BYTES:
                raise CryptoError("crypto.ciphertext.invalid", "It is too short.")
            opened = sm4.open(
                key.secret, raw[nonce_at:text_at], raw[text_at:], _bound(place.topic, record.key)
            )
        except CryptoError as error:
            raise FengsuiError(
                "collector.seal.invalid",
                f"{at} is not what was sealed: cut, changed, or moved here from another topic or "
                "key; find out who may write to the brokers",
                **where,
            ) from error
        return record._replace(value=opened)


class SealedWriter:
    """Seals what it hands on."""

    def __init__(self, inner: BusWriter, sealing: Sealing) -> None:
        self._inner = inner
        self._sealing = sealing

    def send(self, place: Place, *, key: bytes, value: bytes) -> None:
        if len(key) + len(value) + OWN_BYTES > bus.RECORD_BYTES_MAX:
            # Refused by the length it would have: sealing megabytes first would be for nothing.
            self._inner.send(place, key=key, value=bytes(OWN_BYTES) + value)
        self._inner.send(place, key=key, value=self._sealing.seal(place.topic, key, value))

    def flush(self) -> None:
        self._inner.flush()

    def close(self) -> None:
        self._inner.close()


class SealedReader:
    """Opens what it reads. A record that does not open is raised once and passed over.

    Records read before it come first; it is then raised alone, and the next read goes on.
    """

    def __init__(self, inner: BusReader, sealing: Sealing) -> None:
        self._inner = inner
        self._sealing = sealing
        self._rest: list[Record] = []

    def read(self, *, records_max: int, wait_seconds: float) -> Sequence[Record]:
        waiting = self._rest or list(
            self._inner.read(records_max=records_max, wait_seconds=wait_seconds)
        )
        waiting, later = waiting[:records_max], waiting[records_max:]
        opened: list[Record] = []
        for at, record in enumerate(waiting):
            try:
                opened.append(self._sealing.open(record))
            except FengsuiError:
                if opened:
                    self._rest = waiting[at:] + later
                    return opened
                self._rest = waiting[at + 1 :] + later
                raise
        self._rest = later
        return opened

    def commit(self) -> None:
        # The inner reader would commit what lies here unread; the commit after it covers all.
        if not self._rest:
            self._inner.commit()

    def lag(self) -> Mapping[Place, int]:
        lags = dict(self._inner.lag())
        for record in self._rest:
            lags[record.place] = lags.get(record.place, 0) + 1
        return lags

    def close(self) -> None:
        self._inner.close()
