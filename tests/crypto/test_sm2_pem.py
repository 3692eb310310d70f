"""PEM in and out, and the system's openssl program as the second implementation."""

import shutil
import subprocess
from pathlib import Path

import pytest

from crypto import _der
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey, PublicKey

DOMAIN = "fengsui/batch/1"
P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")


def openssl(folder: Path, *arguments: str) -> bytes:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def refused(code, call):
    with pytest.raises(CryptoError) as caught:
        call()
    assert caught.value.code == code
    return caught.value


def test_a_private_key_survives_pem(key):
    pem = key.to_pem()
    twin = PrivateKey.from_pem(pem)
    assert twin.to_pem() == pem
    assert twin.public == key.public
    twin.public.verify(key.sign(b"m", domain=DOMAIN), b"m", domain=DOMAIN)


def test_a_public_key_survives_pem(key):
    assert PublicKey.from_pem(key.public.to_pem()) == key.public


def test_an_encrypted_key_opens_with_its_password_only(key):
    pem = key.to_pem("口令".encode())
    assert b"ENCRYPTED" in pem
    assert PrivateKey.from_pem(pem, "口令".encode()).public == key.public
    refused("crypto.key.encrypted", lambda: PrivateKey.from_pem(pem))
    error = refused("crypto.key.password", lambda: PrivateKey.from_pem(pem, b"another"))
    assert "another" not in f"{error!r}{error.__cause__!r}"


def test_an_empty_password_is_refused(key):
    refused("crypto.key.password", lambda: key.to_pem(b""))


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\n*\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        b"x" * 20000,
    ],
    ids=["empty", "no end", "no content", "no key", "no base64", "other label", "too long"],
)
def test_what_is_no_private_key_is_refused(pem):
    refused("crypto.key.malformed", lambda: PrivateKey.from_pem(pem))


def test_two_keys_in_one_text_are_refused(key, other_key):
    private, public = key.to_pem() + other_key.to_pem(), key.public.to_pem() * 2
    refused("crypto.key.malformed", lambda: PrivateKey.from_pem(private))
    refused("crypto.key.malformed", lambda: PublicKey.from_pem(public))


def test_a_public_key_of_another_curve_or_form_is_refused(key):
    point = key.public.point
    for der in (
        P256_SPKI + point,
        _der.encode_spki(point) + b"\0",
        _der.encode_spki(point)[:-1],
        _der.encode_spki(point[:-1] + bytes((point[-1] ^ 1,))),
        b"",
    ):
        pem = _der.encode_pem("PUBLIC KEY", der)
        refused("crypto.key.malformed", lambda p=pem: PublicKey.from_pem(p))
    refused("crypto.key.malformed", lambda: PublicKey.from_pem(key.to_pem()))


@needs_openssl
def test_openssl_reads_our_pem_and_writes_the_same(key, tmp_path):
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    (tmp_path / "sealed.pem").write_bytes(key.to_pem(b"secret"))
    assert openssl(tmp_path, "pkey", "-in", "key.pem") == key.to_pem()
    assert openssl(tmp_path, "pkey", "-in", "key.pem", "-pubout") == key.public.to_pem()
    opened = openssl(tmp_path, "pkey", "-in", "sealed.pem", "-passin", "pass:secret")
    assert opened == key.to_pem()


@needs_openssl
def test_we_read_the_keys_that_openssl_writes(tmp_path):
    openssl(tmp_path, "ecparam", "-genkey", "-name", "SM2", "-out", "sec1.pem")
    openssl(tmp_path, "pkey", "-in", "sec1.pem", "-pubout", "-out", "public.pem")
    openssl(tmp_path, "pkcs8", "-topk8", "-nocrypt", "-in", "sec1.pem", "-out", "pkcs8.pem")
    openssl(
        tmp_path, "pkcs8", "-topk8", "-in", "sec1.pem", "-out", "sealed.pem",
        "-v2", "aes-256-cbc", "-passout", "pass:secret",
    )  # fmt: skip
    public = PublicKey.from_pem((tmp_path / "public.pem").read_bytes())
    for name, password in (("sec1.pem", None), ("pkcs8.pem", None), ("sealed.pem", b"secret")):
        key = PrivateKey.from_pem((tmp_path / name).read_bytes(), password)
        assert key.public == public
        assert key.to_pem() == (tmp_path / "pkcs8.pem").read_bytes()


@needs_openssl
@pytest.mark.parametrize("kind", ["P-256", "RSA"])
def test_a_private_key_of_another_kind_is_refused(kind, tmp_path):
    choice = ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "P-256" else ["RSA"]
    pem = openssl(tmp_path, "genpkey", "-algorithm", *choice)
    refused("crypto.key.malformed", lambda: PrivateKey.from_pem(pem))


@needs_openssl
def test_openssl_verifies_our_signature_and_not_for_another_domain(key, tmp_path):
    (tmp_path / "public.pem").write_bytes(key.public.to_pem())
    (tmp_path / "message").write_bytes(b"a message")
    (tmp_path / "signature").write_bytes(key.sign(b"a message", domain=DOMAIN))
    verify = ["dgst", "-sm3", "-verify", "public.pem", "-signature", "signature"]
    openssl(tmp_path, *verify, "-sigopt", f"distid:{DOMAIN}", "message")
    with pytest.raises(AssertionError):
        openssl(tmp_path, *verify, "-sigopt", "distid:fengsui/audit/1", "message")


@needs_openssl
def test_we_verify_the_signature_of_openssl(key, tmp_path):
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    (tmp_path / "message").write_bytes(b"a message")
    signature = openssl(
        tmp_path, "dgst", "-sm3", "-sign", "key.pem", "-sigopt", f"distid:{DOMAIN}", "message"
    )
    key.public.verify(signature, b"a message", domain=DOMAIN)
    refused(
        "crypto.signature.invalid",
        lambda: key.public.verify(signature, b"a message", domain="fengsui/audit/1"),
    )


@needs_openssl
def test_encryption_is_understood_both_ways(key, tmp_path):
    (tmp_path / "key.pem").write_bytes(key.to_pem())
    (tmp_path / "public.pem").write_bytes(key.public.to_pem())
    (tmp_path / "plain").write_bytes(b"a short secret")
    (tmp_path / "ours").write_bytes(key.public.encrypt(b"a short secret"))
    opened = openssl(tmp_path, "pkeyutl", "-decrypt", "-inkey", "key.pem", "-in", "ours")
    assert opened == b"a short secret"
    theirs = openssl(
        tmp_path, "pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem", "-in", "plain"
    )
    assert key.decrypt(theirs) == b"a short secret"
