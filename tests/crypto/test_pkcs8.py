import shutil
import subprocess
import time

import pytest
from pki import SAMPLES, SHARED, key, needs_shared, refused, sample, shared

from crypto import _asn1, _der, _oid, _pbes2, pkcs8, sm2
from crypto.pkcs8 import Style
from crypto.sm2 import PrivateKey

ROUNDS = pkcs8.ITERATIONS_WRITTEN_MIN
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("openssl/sec1.key", None),
        ("openssl/plain.key", None),
        ("openssl/aes.key", b"secret"),
        ("openssl/sm4.key", b"secret"),
        ("openssl/sha1.key", b"secret"),
    ],
)
def test_one_key_in_each_of_openssl_s_forms_is_one_key(name, password):
    plain = sample("openssl/plain.key")
    assert PrivateKey.from_pem(sample(name), password).to_pem() == plain


def test_a_key_under_sm2_s_own_identifier_is_read():
    loaded = PrivateKey.from_pem(sample("openssl/sm2-identifier.key"))
    assert loaded.public.point.hex().startswith("04a242655c5f5e42")


def test_a_key_sealed_by_gmsm_with_hmac_sm3_is_read():
    sealed, plain = sample("gmsm/enc-sm3.key"), sample("gmsm/enc.key")
    assert PrivateKey.from_pem(sealed, b"secret").public == PrivateKey.from_pem(plain).public
    assert sm2.PrivateKey.from_pem(sealed, b"secret").public == PrivateKey.from_pem(plain).public


def test_keys_of_gmssl_are_read_and_written_byte_for_byte():
    sealed, plain = sample("gmssl/sealed.key"), sample("gmssl/plain.key")
    opened = PrivateKey.from_pem(sealed, b"secret")
    assert opened.public == sm2.PublicKey.from_pem(sample("gmssl/public.pem"))
    assert opened.to_pem(style=Style.GMSSL) == plain
    ours = opened.to_pem(b"secret", style=Style.GMSSL, iterations=65536)
    # Salt, IV and what they seal are new each time; all bytes around them are GmSSL's.
    assert masked(ours) == masked(sealed)


def masked(pem: bytes) -> bytes:
    """Return a sealed key with the content of its three octet strings zeroed."""
    _, der = _der.decode_pem(pem, ("ENCRYPTED PRIVATE KEY",))
    with _asn1.Reader(der) as whole, whole.inside() as body, body.inside() as scheme:
        scheme.raw()
        with scheme.inside() as both:
            derivation, cipher = both.inside(), both.inside()
            derivation.raw()
            cipher.raw()
            strings = [derivation.inside().octets(), cipher.octets()]
        strings.append(body.octets())
    for string in strings:
        der = der.replace(string, bytes(len(string)))
    return der


@needs_shared
def test_the_keys_of_tongsuo_fit_its_certificates():
    from crypto.x509.certificate import Certificate

    for name in ("client_sign", "client_enc", "server_sign", "server_enc"):
        certificate = Certificate.from_pem(shared(f"sm2/{name}.crt"))
        certificate.check_key(PrivateKey.from_pem(shared(f"sm2/{name}.key")).public)
    files = sorted(SHARED.glob("*.key"))
    assert (
        len([PrivateKey.from_pem(file.read_bytes()) for file in files if "pub" not in file.name])
        == 5
    )


@pytest.mark.parametrize("style", Style)
def test_a_sealed_key_opens_with_its_password_only(style):
    pem = key("any").to_pem("口令".encode(), style=style, iterations=ROUNDS)
    assert PrivateKey.from_pem(pem, "口令".encode()).public == key("any").public
    refused("crypto.key.encrypted", lambda: PrivateKey.from_pem(pem))
    for wrong in range(40):  # about one in 256 leaves a padding behind
        refused("crypto.key.password", lambda wrong=wrong: PrivateKey.from_pem(pem, b"%d" % wrong))


def test_der_needs_no_label():
    for style in Style:
        for password in (None, b"secret"):
            pem = key("any").to_pem(password, style=style, iterations=ROUNDS)
            _, der = _der.decode_pem(pem, pkcs8.LABELS)
            assert PrivateKey.from_pem(der, password).public == key("any").public
    _, der = _der.decode_pem(sample("openssl/sec1.key"), pkcs8.LABELS)
    assert PrivateKey.from_pem(der).to_pem() == sample("openssl/plain.key")


def test_the_two_styles_name_their_own_hmac_and_the_curve_where_gmssl_wants_it():
    hmac = {Style.OPENSSL: "1.2.840.113549.2.9", Style.GMSSL: "1.2.156.10197.1.401.2"}
    for style, identifier in hmac.items():
        pem = key("any").to_pem(b"secret", style=style, iterations=ROUNDS)
        _, der = _der.decode_pem(pem, pkcs8.LABELS)
        assert _asn1.oid(identifier) in der
        assert _asn1.oid(_oid.SM4_CBC) in der
    curve = _asn1.explicit(0, _asn1.oid(_oid.SM2))
    _, der = _der.decode_pem(key("any").to_pem(style=Style.GMSSL), pkcs8.LABELS)
    assert curve in der


@needs_openssl
def test_openssl_opens_what_is_sealed_for_it_and_not_what_is_sealed_for_gmssl(tmp_path):
    for style, opened in ((Style.OPENSSL, True), (Style.GMSSL, False)):
        file = tmp_path / style.name
        file.write_bytes(key("any").to_pem(b"secret", style=style, iterations=ROUNDS))
        done = subprocess.run(
            ["openssl", "pkey", "-in", str(file), "-passin", "pass:secret"],
            capture_output=True,
            check=False,
        )
        # The day an openssl reads GmSSL's form, docs and this line change.
        assert (done.returncode == 0 and done.stdout == key("any").to_pem()) == opened


@pytest.mark.parametrize("iterations", [0, 1, 16, 999, 4_000_001, 2**31, 2**63])
def test_a_count_of_rounds_outside_the_limits_is_refused_at_once(iterations):
    began = time.process_time()
    error = refused(
        "crypto.key.iterations",
        lambda: _pbes2.open_sealed(der_with_rounds(iterations), b"secret"),
    )
    assert error.params["iterations_max"] == pkcs8.ITERATIONS_MAX
    assert time.process_time() - began < 1


def der_with_rounds(iterations: int) -> bytes:
    prf = _oid.algorithm(Style.OPENSSL.value, _asn1.null())
    kdf = _oid.algorithm(
        "1.2.840.113549.1.5.12",
        _asn1.sequence(_asn1.octets(bytes(16)), _asn1.integer(iterations), prf),
    )
    cipher = _oid.algorithm(_oid.SM4_CBC, _asn1.octets(bytes(16)))
    scheme = _oid.algorithm("1.2.840.113549.1.5.13", _asn1.sequence(kdf, cipher))
    return _asn1.sequence(scheme, _asn1.octets(bytes(32)))


def test_hmac_sm3_of_the_interpreter_and_of_the_package_derive_the_same_key():
    arguments = "口令".encode(), bytes(range(16)), 1000, 16
    assert _pbes2._derive("sm3", *arguments) == _pbes2._derive_by_package(*arguments)


def test_a_service_may_take_a_lower_limit():
    pem = key("any").to_pem(b"secret", iterations=ROUNDS + 1)
    refused(
        "crypto.key.iterations", lambda: PrivateKey.from_pem(pem, b"secret", iterations_max=ROUNDS)
    )


def test_too_few_rounds_are_not_written():
    for iterations in (10, ROUNDS - 1, pkcs8.ITERATIONS_MAX + 1):
        refused(
            "crypto.key.iterations",
            lambda iterations=iterations: key("any").to_pem(b"secret", iterations=iterations),
        )
    refused("crypto.key.password", lambda: key("any").to_pem(b""))


PRF = _oid.algorithm(Style.OPENSSL.value, _asn1.null())
SALT, COUNT = _asn1.octets(bytes(16)), _asn1.integer(2000)
SM4 = _oid.algorithm(_oid.SM4_CBC, _asn1.octets(bytes(16)))


def sealed_der(
    *parameters: bytes, cipher: bytes = SM4, kdf: str = "1.2.840.113549.1.5.12"
) -> bytes:
    derivation = _oid.algorithm(kdf, _asn1.sequence(*parameters))
    scheme = _oid.algorithm("1.2.840.113549.1.5.13", _asn1.sequence(derivation, cipher))
    return _asn1.sequence(scheme, _asn1.octets(bytes(32)))


@pytest.mark.parametrize(
    "der",
    [
        _asn1.sequence(_oid.algorithm("1.2.840.113549.1.5.3"), _asn1.octets(bytes(32))),
        sealed_der(SALT, COUNT, PRF, kdf="1.3.6.1.4.1.11591.4.11"),
        sealed_der(SALT, COUNT, _oid.algorithm("1.2.840.113549.2.7", _asn1.null())),
        sealed_der(SALT, COUNT, _oid.algorithm("1.2.3")),
        sealed_der(SALT, COUNT, _asn1.integer(32), PRF),
        sealed_der(_asn1.octets(bytes(7)), COUNT, PRF),
        sealed_der(_asn1.octets(bytes(65)), COUNT, PRF),
        sealed_der(SALT, COUNT, PRF, PRF),
        sealed_der(SALT, COUNT, PRF, cipher=_oid.algorithm("1.2.3", _asn1.octets(bytes(16)))),
        sealed_der(SALT, COUNT, PRF, cipher=_oid.algorithm(_oid.SM4_CBC, _asn1.octets(bytes(8)))),
        sealed_der(SALT, COUNT, PRF, cipher=_oid.algorithm(_oid.SM4_CBC)),
    ],
    ids=[
        "PBES1", "scrypt", "default written out", "unknown HMAC", "size of another cipher",
        "short salt", "long salt", "two HMACs", "unknown cipher", "short IV", "no IV",
    ],
)  # fmt: skip
def test_another_way_of_sealing_is_refused(der):
    refused("crypto.key.malformed", lambda: PrivateKey.from_pem(der, b"secret"))


def test_a_stated_key_size_that_is_the_cipher_s_is_read():
    der = sealed_der(SALT, COUNT, _asn1.integer(16), PRF)
    refused("crypto.key.password", lambda: PrivateKey.from_pem(der, b"secret"))


def test_attributes_beside_a_key_are_passed_over():
    _, der = _der.decode_pem(sample("openssl/plain.key"), pkcs8.LABELS)
    body = _asn1.Reader(der).inside()
    fields = body.raw() + body.raw() + body.raw()
    name = _asn1.sequence(_asn1.oid("1.2.840.113549.1.9.20"), _asn1.set_of([_asn1.octets(b"x")]))
    named = _asn1.sequence(fields, _asn1.explicit(0, name))
    assert PrivateKey.from_pem(named).to_pem() == sample("openssl/plain.key")


def test_a_foreign_public_half_is_refused():
    point, other = key("any").public.point, key("other").public.point
    _, der = _der.decode_pem(key("any").to_pem(), pkcs8.LABELS)
    mixed = der.replace(point, other)
    refused("crypto.key.malformed", lambda: PrivateKey.from_pem(mixed))
    refused(
        "crypto.key.malformed", lambda: PrivateKey.from_pem(der.replace(point, point[:-1] + b"\0"))
    )
    refused(
        "crypto.key.malformed",
        lambda: sm2.PrivateKey.from_pem(_der.encode_pem("PRIVATE KEY", mixed)),
    )


def test_a_key_that_names_no_curve_or_another_is_refused():
    _, sec1 = _der.decode_pem(sample("openssl/sec1.key"), pkcs8.LABELS)
    scalar = _asn1.octets(bytes(31) + b"\1")
    bare = _asn1.sequence(_asn1.integer(1), scalar)
    p256 = _asn1.explicit(0, _asn1.oid("1.2.840.10045.3.1.7"))
    for der in (
        bare,
        _asn1.sequence(_asn1.integer(1), scalar, p256),
        _asn1.sequence(_asn1.integer(2), scalar),
        sec1 + b"\0",
        sec1[:-1],
        b"",
        bytes(pkcs8.SIZE_MAX + 1),
    ):
        refused("crypto.key.malformed", lambda der=der: PrivateKey.from_pem(der))


def test_a_scalar_out_of_range_is_refused():
    for scalar in (bytes(32), b"\xff" * 32, bytes(31), bytes(33)):
        der = _asn1.sequence(
            _asn1.integer(1),
            _asn1.octets(scalar),
            _asn1.explicit(0, _asn1.oid(_oid.SM2)),
        )
        refused("crypto.key.malformed", lambda der=der: PrivateKey.from_pem(der))


def test_an_opened_key_shows_no_secret_and_can_be_wiped():
    _, der = _der.decode_pem(sample("openssl/plain.key"), pkcs8.LABELS)
    opened = pkcs8.read(der, "PRIVATE KEY", None)
    assert opened.scalar.hex() not in repr(opened)
    assert repr(bytes(opened.scalar)) not in repr(opened)
    opened.wipe()
    assert not any(opened.scalar)


def test_samples_are_where_they_are_looked_for():
    assert (SAMPLES / "README.md").exists()
