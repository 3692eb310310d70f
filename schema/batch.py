"""Batch: events sealed together by their sensor, and the one place that seals and verifies them.

A batch is a signed header (canonical JSON) and a compressed body. The header holds the Merkle
root of the events, the hash of the header before it and the positions of all sources, which are
the sensor's only checkpoint. Wire form: three length-prefixed parts, header, signature, body.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
import zstandard

from crypto import sm2, sm3
from crypto.errors import CryptoError
from schema import limits, merkle
from schema.errors import FengsuiError

FORMAT: Final = 1
SCHEMA_VERSION: Final = 1
DOMAIN: Final = "fengsui/batch/1"
GENESIS: Final = "0" * 64
"""The previous-header hash of a chain's first batch."""

_EVENT: Final = 0
_REDACTED: Final = 1
_LENGTHS: Final = struct.Struct("<III")


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far a source has been sealed: the file generation and the next byte offset."""

    generation: str
    offset: int


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the sensor signs. Times are microseconds UTC, hashes lower-case hex."""

    format: int
    schema_version: int
    realm: str
    """``duty`` or ``demonstration``; a data folder accepts its own realm only."""
    sensor: str
    enrolment: Annotated[int, msgspec.Meta(ge=0, le=limits.ENROLMENT_MAX)]
    """Grows by one at each re-enrolment; part of every event id."""
    key_id: str
    boot_id: str
    number: Annotated[int, msgspec.Meta(ge=0, le=limits.NUMBER_MAX)]
    """Dense from 1; goes on through a re-enrolment."""
    first_sequence: Annotated[int, msgspec.Meta(ge=0, le=limits.NUMBER_MAX)]
    """Dense from 0 inside an enrolment."""
    count: int
    root: str
    previous: str
    min_time: int
    max_time: int
    low_watermark: int
    """No later batch of this sensor holds an event before this time, within its lateness."""
    positions: dict[str, Position]


_header_encoder: Final = msgspec.json.Encoder(order="sorted")
_header_decoder: Final = msgspec.json.Decoder(Header)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as it travels and lies on disk: byte for byte what the sensor sealed."""

    header: Header
    header_bytes: bytes
    signature: bytes
    body: bytes

    @property
    def hash(self) -> str:
        """SM3 of the signed header: what the next batch links to."""
        return sm3.digest(self.header_bytes).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The unpacked events; a redacted one has no payload, only its leaf."""

    salts: list[bytes]
    payloads: list[bytes | None]
    leaves: dict[int, bytes]
    """Leaf hash by index, for redacted events only."""


def pack_body(body: Body) -> bytes:
    """Compress salts and payloads: flags, lengths, salts, then the payloads end to end."""
    count = len(body.payloads)
    flags = bytearray(count)
    chunks: list[bytes] = []
    for index, payload in enumerate(body.payloads):
        if payload is None:
            flags[index] = _REDACTED
            chunks.append(body.leaves[index])
        else:
            chunks.append(payload)
    lengths = struct.pack(f"<{count}I", *map(len, chunks))
    raw = b"".join((bytes(flags), lengths, *body.salts, *chunks))
    return zstandard.ZstdCompressor(level=1).compress(raw)


def _unpacked(packed: bytes, count: int) -> tuple[bytes, tuple[int, ...]]:
    """A body's bytes and the lengths of its payloads; the payloads begin where they must."""
    try:
        # The limit below holds only where a frame does not say how large it is.
        if zstandard.frame_content_size(packed) > limits.BODY_BYTES_MAX:
            raise _unreadable("it is over its limit")
        raw = zstandard.ZstdDecompressor().decompress(
            packed, max_output_size=limits.BODY_BYTES_MAX, allow_extra_data=False
        )
        lengths = struct.unpack_from(f"<{count}I", raw, count)
    except (zstandard.ZstdError, struct.error) as error:
        raise _unreadable(str(error)) from error
    if count * (1 + 4 + merkle.SALT_BYTES) + sum(lengths) != len(raw):
        raise _unreadable("its lengths do not add up")
    return raw, lengths


def unpack_payload(packed: bytes, count: int, index: int) -> bytes | None:
    """One event of a body, None when redacted; raises ``schema.batch.body_unreadable``."""
    raw, lengths = _unpacked(packed, count)
    if raw[index] != _EVENT:
        return None
    start = count * (1 + 4 + merkle.SALT_BYTES) + sum(lengths[:index])
    return raw[start : start + lengths[index]]


def unpack_body(packed: bytes, count: int) -> Body:
    """The events of a body; raises ``schema.batch.body_unreadable``."""
    raw, lengths = _unpacked(packed, count)
    flags = raw[:count]
    start = count * (1 + 4)
    salts = [raw[at : at + merkle.SALT_BYTES] for at in range(start, start + count * 16, 16)]
    at = start + count * merkle.SALT_BYTES
    payloads: list[bytes | None] = []
    leaf_by_index: dict[int, bytes] = {}
    for length in lengths:
        payloads.append(raw[at : at + length])
        at += length
    if any(flags):
        for index, flag in enumerate(flags):
            if flag:
                leaf_by_index[index] = payloads[index] or b""
                payloads[index] = None
                if flag != _REDACTED or len(leaf_by_index[index]) != merkle.HASH_BYTES:
                    raise _unreadable(f"event {index} has an unknown form")
    return Body(salts=salts, payloads=payloads, leaves=leaf_by_index)


def _unreadable(why: str) -> FengsuiError:
    return FengsuiError("schema.batch.body_unreadable", f"the body of a batch is unreadable: {why}")


def leaf_hashes(body: Body) -> list[bytes]:
    """Leaf hashes of all events, those of redacted ones as they were kept."""
    hashes = merkle.leaves(body.salts, [payload or b"" for payload in body.payloads])
    for index, kept in body.leaves.items():
        hashes[index] = kept
    return hashes


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Where a sensor's chain stands: what its next header must carry on from."""

    realm: str
    sensor: str
    enrolment: int
    number: int = 0
    next_sequence: int = 0
    hash: str = GENESIS

    def after(self, batch: Batch) -> Chain:
        """The chain once this batch is its head."""
        header = batch.header
        return Chain(
            realm=self.realm,
            sensor=self.sensor,
            enrolment=self.enrolment,
            number=header.number,
            next_sequence=header.first_sequence + header.count,
            hash=batch.hash,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a sensor puts into its next batch. Times in microseconds UTC."""

    payloads: Sequence[bytes]
    min_time: int
    max_time: int
    low_watermark: int
    positions: dict[str, Position]


def seal(
    chain: Chain, contents: Contents, *, key: sm2.PrivateKey, boot_id: str, salts: bytes
) -> Batch:
    """Sign the next batch of the chain. ``salts`` are 16 fresh random bytes for each event.

    Raises ``schema.batch.too_large`` past the limits.
    """
    count = len(contents.payloads)
    if not 0 < count <= limits.BATCH_EVENTS_MAX:
        raise FengsuiError(
            "schema.batch.too_large",
            f"a batch holds 1 to {limits.BATCH_EVENTS_MAX} events, not {count}",
            count=count,
        )
    # Flag, length and salt of each event lie beside its payload.
    size = sum(map(len, contents.payloads)) + count * (1 + 4 + merkle.SALT_BYTES)
    if size > limits.BODY_BYTES_MAX:
        raise FengsuiError(
            "schema.batch.too_large",
            f"a batch unpacks to at most {limits.BODY_BYTES_MAX} bytes, not {size}",
            size=size,
        )
    salt_list = [salts[at : at + 16] for at in range(0, count * 16, 16)]
    header = Header(
        format=FORMAT,
        schema_version=SCHEMA_VERSION,
        realm=chain.realm,
        sensor=chain.sensor,
        enrolment=chain.enrolment,
        key_id=key.public.key_id,
        boot_id=boot_id,
        number=chain.number + 1,
        first_sequence=chain.next_sequence,
        count=count,
        root=merkle.root(merkle.leaves(salt_list, contents.payloads)).hex(),
        previous=chain.hash,
        min_time=contents.min_time,
        max_time=contents.max_time,
        low_watermark=contents.low_watermark,
        positions=contents.positions,
    )
    header_bytes = _header_encoder.encode(header)
    if len(header_bytes) > limits.HEADER_BYTES_MAX:
        raise FengsuiError(
            "schema.batch.too_large",
            f"a header has at most {limits.HEADER_BYTES_MAX} bytes, not {len(header_bytes)}: "
            f"{len(contents.positions)} sources are too many",
            size=len(header_bytes),
        )
    return Batch(
        header=header,
        header_bytes=header_bytes,
        signature=key.sign(header_bytes, domain=DOMAIN),
        body=pack_body(Body(salts=salt_list, payloads=list(contents.payloads), leaves={})),
    )


def verify_signature(batch: Batch, key: sm2.PublicKey) -> None:
    """Raise ``schema.batch.signature_invalid`` unless the enrolled key signed this header."""
    try:
        key.verify(batch.signature, batch.header_bytes, domain=DOMAIN)
    except CryptoError as error:
        raise FengsuiError(
            "schema.batch.signature_invalid",
            f"batch {batch.header.number} of {batch.header.sensor} is not signed by its key",
            sensor=batch.header.sensor,
            number=batch.header.number,
        ) from error


def verify_link(batch: Batch, chain: Chain) -> bool:
    """Whether the batch carries the chain on; False for an exact repeat of its head.

    Raises ``schema.batch.forked`` for another batch with the head's number, ``.out_of_order`` for
    a number that is not next, ``.link_broken`` for a wrong previous hash or sequence, and
    ``.foreign`` for another realm, sensor or enrolment.
    """
    header = batch.header
    where: dict[str, str | int] = {"sensor": header.sensor, "number": header.number}
    if (header.realm, header.sensor, header.enrolment) != (
        chain.realm,
        chain.sensor,
        chain.enrolment,
    ):
        raise FengsuiError(
            "schema.batch.foreign",
            f"batch {header.number} is of {header.realm}/{header.sensor}/{header.enrolment}, "
            f"expected {chain.realm}/{chain.sensor}/{chain.enrolment}",
            **where,
        )
    if header.number == chain.number and chain.number:
        if batch.hash == chain.hash:
            return False
        raise forked(header)
    if header.number != chain.number + 1:
        raise FengsuiError(
            "schema.batch.out_of_order",
            f"batch {header.number} of {header.sensor} came where {chain.number + 1} is next",
            **where,
        )
    if header.previous != chain.hash or header.first_sequence != chain.next_sequence:
        raise FengsuiError(
            "schema.batch.link_broken",
            f"batch {header.number} of {header.sensor} does not link to the batch before it",
            **where,
        )
    return True


def forked(header: Header) -> FengsuiError:
    """The error for a batch that claims another's number."""
    return FengsuiError(
        "schema.batch.forked",
        f"two different batches claim number {header.number} of {header.sensor}",
        sensor=header.sensor,
        number=header.number,
    )


def verify_body(batch: Batch) -> Body:
    """The events of the batch, once they match the signed count and root.

    Raises ``schema.batch.body_unreadable`` or ``schema.batch.root_mismatch``.
    """
    return verify_leaves(batch)[0]


def verify_leaves(batch: Batch) -> tuple[Body, list[bytes]]:
    """As :func:`verify_body`, with the leaf hashes that were worked out on the way."""
    body = unpack_body(batch.body, batch.header.count)
    leaf_list = leaf_hashes(body)
    if merkle.root(leaf_list).hex() != batch.header.root:
        raise FengsuiError(
            "schema.batch.root_mismatch",
            f"the events of batch {batch.header.number} of {batch.header.sensor} "
            "are not those its sensor signed",
            sensor=batch.header.sensor,
            number=batch.header.number,
        )
    return body, leaf_list


def redact(batch: Batch, indexes: Sequence[int]) -> Batch:
    """The same signed batch with those events reduced to their leaf hashes."""
    body = unpack_body(batch.body, batch.header.count)
    leaf_list = leaf_hashes(body)
    payloads, salts, kept = list(body.payloads), list(body.salts), dict(body.leaves)
    for index in indexes:
        payloads[index], salts[index], kept[index] = None, bytes(16), leaf_list[index]
    packed = pack_body(Body(salts=salts, payloads=payloads, leaves=kept))
    return Batch(
        header=batch.header,
        header_bytes=batch.header_bytes,
        signature=batch.signature,
        body=packed,
    )


def to_bytes(batch: Batch) -> bytes:
    """The wire form."""
    lengths = _LENGTHS.pack(len(batch.header_bytes), len(batch.signature), len(batch.body))
    return b"".join((lengths, batch.header_bytes, batch.signature, batch.body))


def from_bytes(raw: bytes) -> Batch:
    """A batch of its wire form; raises ``schema.batch.malformed``. Nothing is verified yet."""
    try:
        header_size, signature_size, body_size = _LENGTHS.unpack_from(raw)
        start = _LENGTHS.size
        if header_size > limits.HEADER_BYTES_MAX or body_size > limits.BODY_BYTES_MAX:
            raise ValueError("a part is over its limit")
        if start + header_size + signature_size + body_size != len(raw):
            raise ValueError("its parts do not add up")
        header_bytes = raw[start : start + header_size]
        header = _header_decoder.decode(header_bytes)
        if header.format != FORMAT:
            raise ValueError(f"format {header.format} is not known here")
        if not 0 < header.count <= limits.BATCH_EVENTS_MAX:
            raise ValueError(f"{header.count} events")
    except (struct.error, ValueError, msgspec.DecodeError) as error:
        raise FengsuiError("schema.batch.malformed", f"not a batch: {error}") from error
    body_start = start + header_size + signature_size
    return Batch(
        header=header,
        header_bytes=header_bytes,
        signature=raw[start + header_size : body_start],
        body=raw[body_start:],
    )
