import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gmssl import sm3 as gmssl_sm3
from hypothesis import given
from hypothesis import strategies as st

from crypto import sm3
from crypto.engines import _packages

pytestmark = pytest.mark.usefixtures("engine")

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "sm" / "sm3.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("vector", VECTORS["digests"], ids=lambda v: f"{len(v['message']) // 2}B")
def test_digest_gives_the_answer_of_the_standard(vector):
    message = bytes.fromhex(vector["message"])
    assert sm3.digest(message).hex() == vector["digest"]
    assert sm3.new(message).hexdigest() == vector["digest"]
    assert _packages.FallbackHash(message).hexdigest() == vector["digest"]


@pytest.mark.parametrize("vector", VECTORS["macs"], ids=lambda v: f"{len(v['key']) // 2}B")
@pytest.mark.parametrize("source", ["hashlib", "cryptography"])
def test_hmac_gives_the_answer_of_the_standard(vector, source, monkeypatch):
    monkeypatch.setattr(_packages, "SM3_SOURCE", source)
    mac = sm3.hmac(bytes.fromhex(vector["key"]), bytes.fromhex(vector["message"]))
    assert mac.hex() == vector["mac"]


@given(st.binary(max_size=300))
def test_digest_agrees_with_a_second_implementation(message):
    assert sm3.digest(message).hex() == gmssl_sm3.sm3_hash(list(message))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_engines_agree_and_copies_are_independent(first, second):
    states = [sm3.new(first), _packages.FallbackHash(first)]
    for state in states:
        twin = state.copy()
        twin.update(second)
        assert twin.digest() == sm3.digest(first + second)
        assert state.digest() == sm3.digest(first)
        assert (state.name, state.digest_size, state.block_size) == ("sm3", 32, 64)


@given(st.lists(st.binary(max_size=100)), st.binary(max_size=80))
def test_digest_many_equals_one_digest_each(chunks, prefix):
    assert sm3.digest_many(chunks, prefix) == [sm3.digest(prefix + chunk) for chunk in chunks]


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_hmac_equals_the_formula(key, data):
    short = key if len(key) <= 64 else sm3.digest(key)
    inner, outer = (bytes(b ^ pad for b in short.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    assert sm3.hmac(key, data) == sm3.digest(outer + sm3.digest(inner + data))


def test_kdf_gives_the_key_stream_of_the_standard(vectors):
    vector = vectors["sm2"]["encryption"]
    secret = bytes.fromhex(vector["shared_x"] + vector["shared_y"])
    plaintext, masked = vector["plaintext_text"].encode(), bytes.fromhex(vector["c2"])
    stream = sm3.kdf(secret, len(plaintext))
    assert bytes(a ^ b for a, b in zip(plaintext, stream, strict=True)) == masked


def test_kdf_of_a_longer_key_begins_with_the_shorter():
    assert sm3.kdf(b"secret", 100)[:33] == sm3.kdf(b"secret", 33)


@pytest.mark.parametrize("length", [0, -1, 32 * (2**32 - 1)])
def test_kdf_refuses_a_length_outside_the_counter(length):
    with pytest.raises(ValueError, match="length"):
        sm3.kdf(b"secret", length)


def test_engine_falls_back_when_hashlib_has_no_sm3(monkeypatch):
    def without_sm3(name: str, data: bytes = b"") -> object:
        raise ValueError(f"unsupported hash type {name}")

    monkeypatch.setattr(hashlib, "new", without_sm3)
    name, make = _packages._choose()
    assert name == "cryptography"
    assert make().hexdigest() == VECTORS["digests"][0]["digest"]


def test_importing_digests_and_keys_loads_no_heavy_package():
    script = "import sys, crypto.sm2, crypto.sm3, crypto.keys; print('cryptography' in sys.modules)"
    root = Path(sm3.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
