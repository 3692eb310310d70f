"""Receipts and anchors: every field is under the signature."""

from __future__ import annotations

import msgspec
import pytest

from crypto.sm2 import PrivateKey
from schema import receipt
from schema.errors import FengsuiError
from schema.receipt import Anchor, Head, Receipt

HEAD = Head(sensor="web-1", enrolment=1, number=7, events=700, hash="ab" * 32)
OTHER = Head(sensor="web-2", enrolment=2, number=1, events=1, hash="cd" * 32)


@pytest.fixture(scope="module")
def signed(key: PrivateKey) -> Receipt:
    return receipt.sign_receipt(HEAD, 1_795_000_000_000_000, key)


@pytest.fixture(scope="module")
def anchor(key: PrivateKey) -> Anchor:
    return receipt.sign_anchor("证照中心", 1_795_000_000_000_000, (HEAD, OTHER), key)


def test_a_receipt_verifies_also_after_a_journey_as_json(key: PrivateKey, signed: Receipt) -> None:
    again = msgspec.json.decode(msgspec.json.encode(signed), type=Receipt)
    receipt.verify_receipt(again, key.public)
    assert again == signed


@pytest.mark.parametrize(
    "change",
    [
        {"head": OTHER},
        {"head": msgspec.structs.replace(HEAD, number=8)},
        {"head": msgspec.structs.replace(HEAD, events=701)},
        {"head": msgspec.structs.replace(HEAD, hash="00" * 32)},
        {"received_at": 0},
        {"key_id": "0" * 16},
        {"signature": "00"},
        {"signature": "no hex"},
        {"signature": ""},
    ],
    ids=str,
)
def test_a_changed_receipt_is_refused(
    key: PrivateKey, signed: Receipt, change: dict[str, object]
) -> None:
    with pytest.raises(FengsuiError) as caught:
        receipt.verify_receipt(msgspec.structs.replace(signed, **change), key.public)
    assert caught.value.code == "schema.receipt.invalid"


def test_a_receipt_of_another_key_is_refused(signed: Receipt) -> None:
    with pytest.raises(FengsuiError) as caught:
        receipt.verify_receipt(signed, PrivateKey.generate().public)
    assert caught.value.code == "schema.receipt.invalid"


def test_an_anchor_verifies_also_after_a_journey_as_json(anchor: Anchor) -> None:
    receipt.verify_anchor(msgspec.json.decode(msgspec.json.encode(anchor), type=Anchor))


@pytest.mark.parametrize(
    "change",
    [
        {"site": "other"},
        {"made_at": 0},
        {"heads": (HEAD,)},
        {"heads": (OTHER, HEAD)},
        {"key_id": "0" * 16},
        {"public_key": PrivateKey.generate().public.point.hex()},
        {"public_key": "04" + "00" * 64},
        {"public_key": "no hex"},
        {"signature": ""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_anchor_is_refused(anchor: Anchor, change: dict[str, object]) -> None:
    with pytest.raises(FengsuiError) as caught:
        receipt.verify_anchor(msgspec.structs.replace(anchor, **change))
    assert caught.value.code == "schema.anchor.invalid"


def test_an_anchor_of_an_earlier_version_still_holds(key: PrivateKey) -> None:
    # The bytes signed then: no word of the audit chain.
    point = key.public.point.hex()
    message = msgspec.json.encode(
        {"site": "s", "made_at": 1, "heads": (HEAD,), "public_key": point}, order="sorted"
    )
    text = msgspec.json.encode({
        "site": "s", "made_at": 1, "heads": [HEAD], "key_id": key.public.key_id,
        "public_key": point, "signature": key.sign(message, domain=receipt.ANCHOR_DOMAIN).hex(),
    })  # fmt: skip
    receipt.verify_anchor(msgspec.json.decode(text, type=receipt.Anchor))


@pytest.mark.parametrize("other", [None, receipt.AuditHead(n=8, hash="ab" * 32)])
def test_the_audit_head_of_an_anchor_cannot_be_taken_out_or_changed(
    key: PrivateKey, other: receipt.AuditHead | None
) -> None:
    head = receipt.AuditHead(n=7, hash="ab" * 32)
    anchor = receipt.sign_anchor("s", 1, (HEAD,), key, audit=head)
    receipt.verify_anchor(anchor)
    with pytest.raises(FengsuiError, match="anchor file was changed"):
        receipt.verify_anchor(msgspec.structs.replace(anchor, audit=other))
