"""Receipt: the collector's counter-signature over a chain head, and anchors made of them.

The receipt key is not the sensor's, so a sensor (or a thief of its key) cannot rebuild a chain
behind a receipt. An anchor is a signed list of heads kept outside the platform: only it can show
a cut tail, a dropped sensor or a chain rebuilt with the platform's own keys.
"""

from __future__ import annotations

from typing import Final

import msgspec

from crypto import sm2
from crypto.errors import CryptoError
from schema.errors import FengsuiError

DOMAIN: Final = "fengsui/receipt/1"
ANCHOR_DOMAIN: Final = "fengsui/anchor/1"


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a chain stood: its last batch and how many events lie up to it."""

    sensor: str
    enrolment: int
    number: int
    events: int
    hash: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The head that is durably stored here, when (microseconds UTC), and the signature (hex)."""

    head: Head
    received_at: int
    key_id: str
    signature: str


class AuditHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the audit chain stood: its last entry's number and hash (hex)."""

    n: int
    hash: str


class JournalHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a signing process's journal stood: its last entry, and the SM3 (hex) of its group."""

    slot: int
    n: int
    hash: str


class Anchor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All heads of a data folder at one time."""

    site: str
    made_at: int
    heads: tuple[Head, ...]
    key_id: str
    public_key: str
    """Uncompressed point, hex; compare it with the printed one, never trust it alone."""
    signature: str
    audit: AuditHead | None = None
    """None in an anchor of a version that did not keep it, and where nothing was audited yet."""
    journals: tuple[JournalHead, ...] = ()
    """Empty in an anchor of a version that did not keep them, and where no application called."""


def _receipt_bytes(head: Head, received_at: int, key_id: str) -> bytes:
    return msgspec.json.encode(
        {"head": head, "received_at": received_at, "key_id": key_id}, order="sorted"
    )


def sign_receipt(head: Head, received_at: int, key: sm2.PrivateKey) -> Receipt:
    """Countersign a head."""
    key_id = key.public.key_id
    signature = key.sign(_receipt_bytes(head, received_at, key_id), domain=DOMAIN)
    return Receipt(head=head, received_at=received_at, key_id=key_id, signature=signature.hex())


def verify_receipt(receipt: Receipt, key: sm2.PublicKey) -> None:
    """Raise ``schema.receipt.invalid`` unless the collector's receipt key signed it."""
    message = _receipt_bytes(receipt.head, receipt.received_at, receipt.key_id)
    try:
        key.verify(bytes.fromhex(receipt.signature), message, domain=DOMAIN)
    except (CryptoError, ValueError) as error:
        raise FengsuiError(
            "schema.receipt.invalid",
            f"the receipt for batch {receipt.head.number} of {receipt.head.sensor} is not signed "
            "by this platform's receipt key",
            sensor=receipt.head.sensor,
            number=receipt.head.number,
        ) from error


def _anchor_bytes(
    site: str,
    made_at: int,
    heads: tuple[Head, ...],
    public_key: str,
    audit: AuditHead | None,
    journals: tuple[JournalHead, ...],
) -> bytes:
    told: dict[str, object] = {
        "site": site, "made_at": made_at, "heads": heads, "public_key": public_key,
    }  # fmt: skip
    # Without them the bytes are those of earlier versions, so that their anchors still hold.
    if audit is not None:
        told["audit"] = audit
    if journals:
        told["journals"] = journals
    return msgspec.json.encode(told, order="sorted")


def sign_anchor(
    site: str,
    made_at: int,
    heads: tuple[Head, ...],
    key: sm2.PrivateKey,
    *,
    audit: AuditHead | None = None,
    journals: tuple[JournalHead, ...] = (),
) -> Anchor:
    """An anchor over these heads."""
    public_key = key.public.point.hex()
    message = _anchor_bytes(site, made_at, heads, public_key, audit, journals)
    return Anchor(
        site=site,
        made_at=made_at,
        heads=heads,
        key_id=key.public.key_id,
        public_key=public_key,
        signature=key.sign(message, domain=ANCHOR_DOMAIN).hex(),
        audit=audit,
        journals=journals,
    )


def verify_anchor(anchor: Anchor) -> None:
    """Raise ``schema.anchor.invalid`` unless the anchor is whole as it was signed."""
    message = _anchor_bytes(
        anchor.site, anchor.made_at, anchor.heads, anchor.public_key, anchor.audit, anchor.journals
    )
    try:
        key = sm2.PublicKey.from_point(bytes.fromhex(anchor.public_key))
        if anchor.key_id != key.key_id:
            raise ValueError("the key id is not that of the key")
        key.verify(bytes.fromhex(anchor.signature), message, domain=ANCHOR_DOMAIN)
    except (CryptoError, ValueError) as error:
        raise FengsuiError("schema.anchor.invalid", "the anchor file was changed") from error
