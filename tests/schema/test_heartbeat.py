"""Heartbeats: signed under their own domain, changed by nobody."""

from __future__ import annotations

import msgspec
import pytest

from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey
from schema import batch, heartbeat
from schema.errors import FengsuiError
from schema.heartbeat import Heartbeat, Signed


@pytest.fixture(scope="module")
def beat(key: PrivateKey) -> Heartbeat:
    return Heartbeat(
        realm="duty",
        sensor="web-1",
        enrolment=1,
        key_id=key.public.key_id,
        head="0" * 64,
        time=1_795_000_000_000_000,
        low_watermark=1_794_999_999_000_000,
    )


def test_a_heartbeat_comes_back_verified(key: PrivateKey, beat: Heartbeat) -> None:
    assert heartbeat.verify(heartbeat.sign(beat, key), key.public) == beat


def test_a_changed_heartbeat_is_refused(key: PrivateKey, beat: Heartbeat) -> None:
    signed = heartbeat.sign(beat, key)
    later = msgspec.json.encode(msgspec.structs.replace(beat, low_watermark=0), order="sorted")
    with pytest.raises(CryptoError):
        heartbeat.verify(Signed(payload=later, signature=signed.signature), key.public)


def test_a_heartbeat_of_another_key_is_refused(key: PrivateKey, beat: Heartbeat) -> None:
    with pytest.raises(CryptoError):
        heartbeat.verify(heartbeat.sign(beat, PrivateKey.generate()), key.public)


def test_a_signed_batch_header_is_no_heartbeat(key: PrivateKey, beat: Heartbeat) -> None:
    payload = msgspec.json.encode(beat, order="sorted")
    signed = Signed(payload=payload, signature=key.sign(payload, domain=batch.DOMAIN))
    with pytest.raises(CryptoError):
        heartbeat.verify(signed, key.public)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"time":"x"}', b"\xff"])
def test_other_bytes_signed_by_the_key_are_malformed(key: PrivateKey, payload: bytes) -> None:
    signed = Signed(payload=payload, signature=key.sign(payload, domain=heartbeat.DOMAIN))
    with pytest.raises(FengsuiError) as caught:
        heartbeat.verify(signed, key.public)
    assert caught.value.code == "schema.heartbeat.malformed"
