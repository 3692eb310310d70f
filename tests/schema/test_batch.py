"""Sealing and verifying a batch; every field that is changed must be noticed."""

from __future__ import annotations

import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from crypto.sm2 import PrivateKey, PublicKey
from schema import batch, limits, merkle
from schema.batch import Batch, Chain
from schema.errors import FengsuiError

Sealer = Callable[..., Batch]
PAYLOADS = [b'{"n":0}', b'{"n":1}', b'{"n":2}']


def replaced(one: Batch, **changes: object) -> Batch:
    """The batch with a header the sensor never signed."""
    header = msgspec.structs.replace(one.header, **changes)
    return Batch(
        header=header,
        header_bytes=msgspec.json.encode(header, order="sorted"),
        signature=one.signature,
        body=one.body,
    )


def failure(call: Callable[[], object]) -> str | None:
    """The code of the error the call ends in, None where it succeeds."""
    try:
        call()
    except FengsuiError as error:
        return error.code
    return None


def test_a_sealed_batch_comes_back_from_the_wire_and_verifies(
    key: PrivateKey, chain: Chain, seal: Sealer
) -> None:
    one = batch.from_bytes(batch.to_bytes(seal(chain, PAYLOADS)))
    batch.verify_signature(one, key.public)
    assert batch.verify_link(one, chain)
    assert batch.verify_body(one).payloads == PAYLOADS


def test_the_header_names_chain_count_and_positions(chain: Chain, seal: Sealer) -> None:
    first = seal(chain, PAYLOADS)
    second = seal(chain.after(first), PAYLOADS)
    assert (first.header.number, first.header.first_sequence) == (1, 0)
    assert (second.header.number, second.header.first_sequence) == (2, 3)
    assert first.header.previous == batch.GENESIS
    assert second.header.previous == first.hash
    assert second.header.positions == {"auth": batch.Position(generation="g1", offset=3)}


@pytest.mark.parametrize(
    "change",
    [
        {"realm": "demonstration"},
        {"sensor": "web-2"},
        {"enrolment": 2},
        {"number": 2},
        {"count": 2},
        {"first_sequence": 1},
        {"root": "0" * 64},
        {"previous": "1" * 64},
        {"min_time": 0},
        {"max_time": 3_000_000},
        {"low_watermark": 0},
        {"positions": {}},
        {"boot_id": "other"},
        {"key_id": "other"},
        {"schema_version": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_field_of_the_header_can_be_changed(
    key: PrivateKey, chain: Chain, seal: Sealer, change: dict[str, object]
) -> None:
    forged = replaced(seal(chain, PAYLOADS), **change)
    assert failure(lambda: batch.verify_signature(forged, key.public)) == (
        "schema.batch.signature_invalid"
    )


def test_another_key_did_not_sign_the_batch(chain: Chain, seal: Sealer) -> None:
    other = PrivateKey.generate().public
    assert failure(lambda: batch.verify_signature(seal(chain), other)) == (
        "schema.batch.signature_invalid"
    )


def test_a_repeat_of_the_head_is_no_new_batch(chain: Chain, seal: Sealer) -> None:
    one = seal(chain)
    assert not batch.verify_link(one, chain.after(one))


def test_two_batches_with_one_number_are_a_fork(chain: Chain, seal: Sealer) -> None:
    one, other = seal(chain, salt=1), seal(chain, salt=2)
    assert failure(lambda: batch.verify_link(other, chain.after(one))) == "schema.batch.forked"


def test_a_batch_before_its_turn_or_long_past_is_out_of_order(chain: Chain, seal: Sealer) -> None:
    first = seal(chain)
    second = seal(chain.after(first))
    third = seal(chain.after(first).after(second))
    assert failure(lambda: batch.verify_link(third, chain.after(first))) == (
        "schema.batch.out_of_order"
    )
    past = chain.after(first).after(second).after(third)
    assert failure(lambda: batch.verify_link(first, past)) == "schema.batch.out_of_order"


def test_a_batch_that_hangs_on_another_head_breaks_the_link(chain: Chain, seal: Sealer) -> None:
    one, other = seal(chain, salt=1), seal(chain, salt=2)
    following = seal(chain.after(other))
    assert failure(lambda: batch.verify_link(following, chain.after(one))) == (
        "schema.batch.link_broken"
    )
    skipped = replaced(seal(chain.after(one)), first_sequence=9)
    assert failure(lambda: batch.verify_link(skipped, chain.after(one))) == (
        "schema.batch.link_broken"
    )


@pytest.mark.parametrize("change", [{"realm": "demonstration"}, {"sensor": "x"}, {"enrolment": 9}])
def test_a_batch_of_another_chain_is_foreign(
    chain: Chain, seal: Sealer, change: dict[str, object]
) -> None:
    foreign = replaced(seal(chain), **change)
    assert failure(lambda: batch.verify_link(foreign, chain)) == "schema.batch.foreign"


@pytest.mark.parametrize(
    "payloads",
    [[PAYLOADS[1], PAYLOADS[0], PAYLOADS[2]], [*PAYLOADS[:2], b'{"n":9}']],
    ids=["swapped", "changed"],
)
def test_events_that_were_not_signed_are_noticed(
    chain: Chain, seal: Sealer, payloads: list[bytes]
) -> None:
    one, other = seal(chain, PAYLOADS), seal(chain, payloads)
    swapped = Batch(
        header=one.header,
        header_bytes=one.header_bytes,
        signature=one.signature,
        body=other.body,
    )
    assert failure(lambda: batch.verify_body(swapped)) == "schema.batch.root_mismatch"


def test_a_missing_event_is_noticed(chain: Chain, seal: Sealer) -> None:
    one, shorter = seal(chain, PAYLOADS), seal(chain, PAYLOADS[:2])
    cut = Batch(
        header=one.header,
        header_bytes=one.header_bytes,
        signature=one.signature,
        body=shorter.body,
    )
    assert failure(lambda: batch.verify_body(cut)) in {
        "schema.batch.body_unreadable",
        "schema.batch.root_mismatch",
    }


def test_a_redacted_event_leaves_its_leaf_and_the_batch_still_verifies(
    key: PrivateKey, chain: Chain, seal: Sealer
) -> None:
    one = seal(chain, PAYLOADS)
    redacted = batch.from_bytes(batch.to_bytes(batch.redact(batch.redact(one, [1]), [0])))
    batch.verify_signature(redacted, key.public)
    body, leaves = batch.verify_leaves(redacted)
    assert body.payloads == [None, None, PAYLOADS[2]]
    assert set(body.leaves) == {0, 1}
    assert leaves == batch.verify_leaves(one)[1]
    # Neither the text nor the salt that would let it be guessed is left.
    raw = zstandard.ZstdDecompressor().decompress(redacted.body)
    salts = batch.unpack_body(one.body, 3).salts
    assert PAYLOADS[0] not in raw
    assert salts[0] not in raw
    assert salts[2] in raw


def test_a_batch_is_never_empty_nor_over_its_limits(chain: Chain, seal: Sealer) -> None:
    assert failure(lambda: seal(chain, [])) == "schema.batch.too_large"
    many = [b"{}"] * (limits.BATCH_EVENTS_MAX + 1)
    assert failure(lambda: seal(chain, many)) == "schema.batch.too_large"


def test_what_could_not_be_unpacked_again_is_not_sealed(
    key: PrivateKey, chain: Chain, seal: Sealer
) -> None:
    half = bytes(limits.BODY_BYTES_MAX // 2)
    assert failure(lambda: seal(chain, [half, half])) == "schema.batch.too_large"
    whole = seal(chain, [half, half[: -2 * (merkle.SALT_BYTES + 5)]])
    assert sum(len(one or b"") for one in batch.verify_body(whole).payloads) < limits.BODY_BYTES_MAX


def test_a_header_over_its_limit_is_not_sealed(key: PrivateKey, chain: Chain) -> None:
    crowded = batch.Contents(
        payloads=[b"{}"],
        min_time=0,
        max_time=0,
        low_watermark=0,
        positions={
            f"{index:060d}": batch.Position(generation="g" * 200, offset=1) for index in range(1000)
        },
    )
    assert (
        failure(lambda: batch.seal(chain, crowded, key=key, boot_id="b", salts=bytes(16)))
        == "schema.batch.too_large"
    )


@pytest.mark.parametrize("declared", [True, False], ids=["size declared", "size unknown"])
def test_a_body_that_unpacks_past_the_limit_is_refused(declared: bool) -> None:
    compressor = zstandard.ZstdCompressor(write_content_size=declared)
    bomb = compressor.compress(bytes(limits.BODY_BYTES_MAX + 1))
    assert failure(lambda: batch.unpack_body(bomb, 1)) == "schema.batch.body_unreadable"


def test_a_body_that_says_it_is_over_the_limit_is_not_unpacked_to_find_out() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(4 * limits.BODY_BYTES_MAX))
    tracemalloc.start()
    try:
        assert failure(lambda: batch.unpack_body(bomb, 1)) == "schema.batch.body_unreadable"
        assert tracemalloc.get_traced_memory()[1] < limits.BODY_BYTES_MAX
    finally:
        tracemalloc.stop()


def test_an_unknown_form_of_event_is_unreadable() -> None:
    salts = bytes(16)
    for flag, chunk in ((1, b"no hash"), (2, bytes(32))):
        raw = bytes([flag]) + struct.pack("<I", len(chunk)) + salts + chunk
        packed = zstandard.compress(raw)
        assert failure(lambda packed=packed: batch.unpack_body(packed, 1)) == (
            "schema.batch.body_unreadable"
        )


@given(st.binary(max_size=200), st.integers(1, limits.BATCH_EVENTS_MAX), st.booleans())
def test_unpacking_never_fails_otherwise_than_by_its_error(
    raw: bytes, count: int, compressed: bool
) -> None:
    packed = zstandard.compress(raw) if compressed else raw

    def unpacked() -> None:
        body = batch.unpack_body(packed, count)
        assert len(body.payloads) == len(body.salts) == count

    assert failure(unpacked) in {None, "schema.batch.body_unreadable"}


@given(st.binary(max_size=300))
def test_no_bytes_make_the_wire_form_crash(raw: bytes) -> None:
    assert failure(lambda: batch.from_bytes(raw)) in {None, "schema.batch.malformed"}


@given(changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1))
def test_no_change_of_a_wire_form_makes_it_crash(
    changes: list[tuple[int, int]], chain: Chain, seal: Sealer
) -> None:
    raw = bytearray(batch.to_bytes(seal(chain, PAYLOADS)))
    for place, value in changes:
        raw[place % len(raw)] = value
    code = failure(lambda: batch.verify_body(batch.from_bytes(bytes(raw))))
    assert code is None or code.startswith("schema.batch.")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"count": 0},
        {"count": limits.BATCH_EVENTS_MAX + 1},
        {"number": "1"},
        {"number": 2**63},
        {"first_sequence": -1},
        {"enrolment": 2**32},
    ],
    ids=str,
)
def test_a_header_out_of_bounds_is_malformed(
    chain: Chain, seal: Sealer, change: dict[str, object]
) -> None:
    raw = batch.to_bytes(replaced(seal(chain), **change))
    assert failure(lambda: batch.from_bytes(raw)) == "schema.batch.malformed"


def test_bytes_after_the_batch_are_malformed(chain: Chain, seal: Sealer) -> None:
    raw = batch.to_bytes(seal(chain)) + b"\0"
    assert failure(lambda: batch.from_bytes(raw)) == "schema.batch.malformed"


def test_a_batch_sealed_by_the_first_release_still_proves_its_events() -> None:
    golden = Path(__file__).parent / "golden"
    expected = json.loads((golden / "batch.json").read_text("utf-8"))
    one = batch.from_bytes((golden / "batch.bin").read_bytes())
    batch.verify_signature(one, PublicKey.from_point(bytes.fromhex(expected["public_key"])))
    assert one.hash == expected["hash"]
    assert one.header_bytes.decode() == expected["header"]
    assert msgspec.json.encode(one.header, order="sorted") == one.header_bytes
    payloads = batch.verify_body(one).payloads
    assert [None if one is None else one.decode() for one in payloads] == expected["payloads"]
