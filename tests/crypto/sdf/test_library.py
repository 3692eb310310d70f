"""The adapter from end to end against the stand-in device: no real device was tried."""

import os
import subprocess

import pytest

from crypto import sm3, sm4
from crypto.keystore.hsm import DeviceMaster
from crypto.keystore.master import next_path
from crypto.keystore.model import Use
from crypto.keystore.store import KeyStore
from crypto.sdf.library import Device
from crypto.sdf.port import Algorithm
from crypto.sm2 import PrivateKey

PASSWORD = b"12345678"
DOMAIN = "fengsui/test/1"


def test_the_device_says_what_it_is(session):
    info = session.info()
    assert (info.issuer, info.name, info.serial) == (
        "Fengsui tests",
        "stand-in",
        "2026112500100001",
    )
    assert info.asymmetric == (Algorithm.SM2_SIGN | Algorithm.SM2_ENCRYPT, 256)
    assert info.buffer_bytes == 16 * 1024


def test_random_bytes_differ(session):
    assert len({session.random(32) for _ in range(10)}) == 10
    assert len(session.random(1)) == 1


@pytest.mark.parametrize("size", [0, -1, 4097])
def test_random_sizes_have_limits(session, refused, size):
    refused("crypto.sdf.size", lambda: session.random(size))


def test_a_device_signature_verifies_here_and_ours_there(session):
    with session.access(1, PASSWORD):
        signature = session.sign(1, b"message", domain=DOMAIN)
    session.sign_public(1).verify(signature, b"message", domain=DOMAIN)
    session.verify(session.sign_public(1), signature, b"message", domain=DOMAIN)
    key = PrivateKey.generate()
    session.verify(key.public, key.sign(b"m", domain=DOMAIN), b"m", domain=DOMAIN)


def test_a_wrong_signature_is_refused_by_the_device(session, refused):
    key = PrivateKey.generate()
    signature = key.sign(b"m", domain=DOMAIN)
    for call in (
        lambda: session.verify(key.public, signature, b"n", domain=DOMAIN),
        lambda: session.verify(key.public, signature, b"m", domain="other"),
        lambda: session.verify(session.sign_public(1), signature, b"m", domain=DOMAIN),
        lambda: session.verify(key.public, signature[:-1], b"m", domain=DOMAIN),
        lambda: session.verify(key.public, b"", b"m", domain=DOMAIN),
    ):
        refused("crypto.signature.invalid", call)


def test_a_private_key_needs_its_right(session, refused):
    def sign():
        return session.sign(1, b"m", domain=DOMAIN)

    error = refused("crypto.sdf.pardeny", sign)
    assert error.params["name"] == "SDR_PARDENY"
    with session.access(1, PASSWORD):
        sign()
    refused("crypto.sdf.pardeny", sign)

    def wrong():
        with session.access(1, b"87654321"):
            pass

    assert "87654321" not in str(refused("crypto.sdf.prkrerr", wrong))
    refused("crypto.sdf.keynotexist", lambda: session.sign_public(2))


def test_the_right_is_given_back_after_a_failure(session, refused):
    with pytest.raises(ValueError, match="mine"), session.access(1, PASSWORD):
        raise ValueError("mine")
    refused("crypto.sdf.pardeny", lambda: session.sign(1, b"m", domain=DOMAIN))


@pytest.mark.parametrize("size", [1, 16, 136, 200, 1024])
def test_encryption_works_both_ways(session, size):
    text = os.urandom(size)
    key = PrivateKey.generate()
    assert key.decrypt(session.encrypt(key.public, text)) == text
    with session.access(1, PASSWORD):
        ciphertext = session.encryption_public(1).encrypt(text)
        assert session.decrypt(1, ciphertext) == text
        assert session.decrypt(1, session.encrypt(session.encryption_public(1), text)) == text


def test_a_changed_ciphertext_does_not_open(session, refused):
    ciphertext = session.encryption_public(1).encrypt(b"text")
    changed = ciphertext[:-1] + bytes((ciphertext[-1] ^ 1,))
    with session.access(1, PASSWORD):
        refused("crypto.sdf.encdataerr", lambda: session.decrypt(1, changed))
        refused("crypto.ciphertext.invalid", lambda: session.decrypt(1, ciphertext[:-1]))
        refused("crypto.ciphertext.invalid", lambda: session.decrypt(1, b""))
    refused("crypto.sdf.size", lambda: session.encrypt(session.encryption_public(1), b""))


def test_digests_are_sm3_and_with_a_key_they_begin_with_z(session):
    data = os.urandom(100_000)
    assert session.digest([data[:5], data[5:]]) == sm3.digest(data)
    assert session.digest([]) == sm3.digest(b"")
    public = session.sign_public(1)
    assert session.digest([b"m"], public=public, domain=DOMAIN) == public.digest(
        b"m", domain=DOMAIN
    )


def test_an_sm4_key_made_inside_opens_what_it_encrypted(session):
    ours = PrivateKey.generate()
    ciphertext, inside = session.generate_key(ours.public)
    key = ours.decrypt(ciphertext)
    data, iv = os.urandom(64), os.urandom(16)
    encrypted = inside.encrypt(Algorithm.SM4_CBC, iv, data)
    assert encrypted == sm4.cbc_encrypt(key, iv, data, padding=sm4.Padding.NONE)
    assert inside.decrypt(Algorithm.SM4_CBC, iv, encrypted) == data
    block = inside.encrypt(Algorithm.SM4_ECB, b"", data[:16])
    assert inside.decrypt(Algorithm.SM4_ECB, b"", block) == data[:16]
    inside.destroy()


def test_the_callers_iv_is_not_written_over(session):
    _, inside = session.generate_key(PrivateKey.generate().public)
    iv = os.urandom(16)
    copy = bytes(bytearray(iv))
    first = inside.encrypt(Algorithm.SM4_CBC, iv, bytes(32))
    assert iv == copy
    assert inside.encrypt(Algorithm.SM4_CBC, iv, bytes(32)) == first


def test_wrapped_keys_come_back(session):
    data = os.urandom(32)
    wrapped, inside = session.generate_wrapped_key(1)
    again = session.import_wrapped_key(1, wrapped)
    assert (
        again.decrypt(Algorithm.SM4_ECB, b"", inside.encrypt(Algorithm.SM4_ECB, b"", data)) == data
    )
    key = os.urandom(16)
    with session.access(1, PASSWORD):
        imported = session.import_key(1, session.encryption_public(1).encrypt(key))
    iv = bytes(16)
    assert imported.encrypt(Algorithm.SM4_CBC, iv, data) == sm4.cbc_encrypt(
        key, iv, data, padding=sm4.Padding.NONE
    )


@pytest.mark.parametrize(("iv", "data"), [(b"", b""), (b"", b"x"), (b"x", bytes(16))])
def test_half_blocks_are_refused(session, refused, iv, data):
    _, inside = session.generate_wrapped_key(1)
    refused("crypto.sdf.size", lambda: inside.encrypt(Algorithm.SM4_CBC, iv, data))


@pytest.mark.parametrize(
    ("fault", "call"),
    [
        ("random", lambda session, key: session.random(32)),
        ("length", lambda session, key: session.encrypt(key.public, b"x")),
        ("length", lambda session, key: session.generate_key(key.public)),
        (
            "length",
            lambda session, key: session.decrypt(1, session.encryption_public(1).encrypt(b"x")),
        ),
        (
            "length",
            lambda session, key: session.generate_wrapped_key(1)[1].encrypt(
                Algorithm.SM4_ECB, b"", bytes(16)
            ),
        ),
    ],
)
def test_a_device_that_answers_nonsense_is_caught(session, refused, monkeypatch, fault, call):
    key = PrivateKey.generate()
    monkeypatch.setenv("STANDIN_FAULT", fault)
    with session.access(1, PASSWORD):
        refused("crypto.sdf.malformed", lambda: call(session, key))


def test_a_wrong_signature_never_leaves_the_adapter(session, refused, monkeypatch):
    monkeypatch.setenv("STANDIN_FAULT", "sign")
    with session.access(1, PASSWORD):
        refused("crypto.signature.invalid", lambda: session.sign(1, b"m", domain=DOMAIN))


def test_a_closed_session_is_refused(standin, refused):
    with Device(standin) as device:
        session = device.session()
        session.close()
        session.close()
        refused("crypto.sdf.closed", session.info)


@pytest.mark.parametrize("content", [None, b"", b"not a library"])
def test_what_is_no_library_is_refused(tmp_path, refused, content):
    path = tmp_path / "libvendor.so"
    if content is not None:
        path.write_bytes(content)
    assert str(path) in str(refused("crypto.sdf.library", lambda: Device(path)))


def test_a_function_the_library_lacks_is_named(standin, refused, tmp_path):
    source, library = tmp_path / "half.c", tmp_path / "libhalf.so"
    source.write_text("int SDF_OpenDevice(void **device) { *device = device; return 0; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    device = Device(library)
    error = refused("crypto.sdf.missing", device.session)
    assert error.params["function"] == "SDF_OpenSession"


# The key store under a device


class Dice:
    def take(self, size):
        return os.urandom(size)


class Clock:
    def now(self):
        return 0


def opened(tmp_path, session, password=PASSWORD):
    source = DeviceMaster(tmp_path / "master.sdf", session, index=1, password=lambda: password)
    return KeyStore(tmp_path / "keystore.db", source, clock=Clock(), entropy=Dice())


def test_the_store_opens_with_the_device_only(session, tmp_path, refused):
    with opened(tmp_path, session) as store:
        store.create("a", Use.MAC)
        code = store.mac("a").mac(b"x")
    with opened(tmp_path, session) as store:
        store.mac("a").check(code, b"x")
    refused("crypto.sdf.prkrerr", lambda: opened(tmp_path, session, b"wrong"))
    (tmp_path / "master.sdf").chmod(0o644)
    refused("crypto.key.exposed", lambda: opened(tmp_path, session))


class Forgetful:
    """A device that opens what was encrypted to it, but not as it was."""

    def __init__(self, session, text):
        self._session = session
        self._text = text

    def __getattr__(self, name):
        return getattr(self._session, name)

    def decrypt(self, index, ciphertext):
        return self._text


@pytest.mark.parametrize(
    ("text", "code"), [(bytes(32), "crypto.sdf.malformed"), (b"x", "crypto.master.malformed")]
)
def test_a_device_that_gives_back_something_else_is_found_out_at_once(
    session, tmp_path, refused, text, code
):
    refused(code, lambda: opened(tmp_path, Forgetful(session, text)))


def test_the_master_key_under_a_device_changes_safely(session, tmp_path, refused):
    path = tmp_path / "master.sdf"
    with opened(tmp_path, session) as store:
        store.create("a", Use.MAC)
        code = store.mac("a").mac(b"x")
        before = path.read_bytes()
        assert store.rotate_master() == 1
        assert path.read_bytes() != before
        assert not next_path(path).exists()
        DeviceMaster(path, session, index=1, password=lambda: PASSWORD).next(Dice())
    with opened(tmp_path, session) as store:
        store.mac("a").check(code, b"x")
    assert not next_path(path).exists()
    path.write_bytes(before)
    refused("crypto.master.wrong", lambda: opened(tmp_path, session))
    path.write_bytes(b"fengsui-master-sdf/1\nzz\n")
    refused("crypto.master.malformed", lambda: opened(tmp_path, session))
    path.unlink()
    refused("crypto.master.missing", lambda: opened(tmp_path, session))


def test_two_of_one_library_share_one_opening(standin, refused):
    """The stand-in opens once for a process: so does many a card."""
    first, second = Device(standin), Device(standin)
    first.close()
    first.close()
    refused("crypto.sdf.closed", first.session)
    with second.session() as session:
        assert session.info().name == "stand-in"
    second.close()
    with Device(standin) as anew, anew.session() as session:
        assert session.info().name == "stand-in"
