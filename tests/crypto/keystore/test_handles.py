"""A sealed text opens whole or not at all, and tells nothing of others under the same key."""

import pytest

from crypto.keystore.model import Use


@pytest.fixture
def seal(store):
    store.create("s", Use.SEAL)
    store.create("t", Use.SEAL)
    return store.sealing("s")


@pytest.fixture
def mac(store):
    store.create("m", Use.MAC)
    return store.mac("m")


def test_what_was_sealed_opens(seal):
    for text in (b"", b"x", bytes(100_000)):
        assert seal.open(seal.seal(text, b"place"), b"place") == text


def test_the_same_text_is_never_sealed_the_same(seal):
    assert len({seal.seal(b"x", b"") for _ in range(50)}) == 50


def test_every_changed_byte_is_noticed(seal, refused):
    sealed = seal.seal(b"text", b"place")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]
        # Within the first four bytes it names a version that does not exist.
        code = "crypto.key.version" if at < 4 else "crypto.ciphertext.invalid"
        refused(code, lambda c=changed: seal.open(c, b"place"))


def test_another_place_another_key_and_a_cut_text_are_refused(seal, store, refused):
    sealed = seal.seal(b"text", b"place")
    refused("crypto.ciphertext.invalid", lambda: seal.open(sealed, b"elsewhere"))
    refused("crypto.ciphertext.invalid", lambda: store.sealing("t").open(sealed, b"place"))
    for size in range(len(sealed)):
        refused("crypto.ciphertext.invalid", lambda s=size: seal.open(sealed[:s], b"place"))


def test_a_code_fits_its_data_and_key_only(mac, store, refused):
    code = mac.mac(b"data")
    mac.check(code, b"data")
    refused("crypto.mac.invalid", lambda: mac.check(code, b"date"))
    refused("crypto.mac.invalid", lambda: mac.check(code[:-1], b"data"))
    refused("crypto.mac.invalid", lambda: mac.check(code[:-1] + bytes((code[-1] ^ 1,)), b"data"))
    store.create("n", Use.MAC)
    refused("crypto.mac.invalid", lambda: store.mac("n").check(code, b"data"))


def test_a_disabled_key_is_refused_to_a_handle_too(seal, store, refused):
    sealed = seal.seal(b"x", b"")
    store.disable("s")
    refused("crypto.key.disabled", lambda: seal.open(sealed, b""))
