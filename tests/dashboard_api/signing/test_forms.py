"""Forms: what is signed, encrypted and hashed here is what other programs read, and the reverse.

Most are played by the crypto package, which its own tests hold against published vectors and other
implementations; gmssl, which integrators come from, plays itself.
"""

from base64 import b64decode, b64encode

import pytest
from fakes import application, order, site
from gmssl import sm2 as gmssl_sm2
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm3
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID, Form, PrivateKey, PublicKey, signature_from_raw, signature_to_raw
from crypto.x509.authority import Authority, Profile
from dashboard_api.applications.model import Operation
from schema.errors import FengsuiError

SITE = site()
SIGN, VERIFY = Operation.SIGN, Operation.VERIFY
ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
ENCODED = {
    "base64": lambda data: b64encode(data).decode(),
    "hex": bytes.hex,
    "utf8": bytes.decode,
}
DECODED = {"base64": b64decode, "hex": bytes.fromhex}

binary = st.sampled_from(["base64", "hex"])
ids = st.just(DEFAULT_ID) | st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())


def receipt() -> PublicKey:
    return SITE.keys.signer("payments.receipt").key.public


def refused(code: str, operation: Operation, **item) -> FengsuiError | CryptoError:
    with pytest.raises((FengsuiError, CryptoError)) as caught:
        SITE.ask(operation, **item)
    assert caught.value.code == code, caught.value
    return caught.value


@settings(max_examples=60)
@given(st.binary(max_size=80), st.sampled_from(["der", "raw"]), binary, binary, ids)
def test_a_signature_of_every_form_verifies_elsewhere_and_here(
    message: bytes, form: str, encoding: str, output: str, domain: str
) -> None:
    said = {"message": ENCODED[encoding](message), "encoding": encoding, "id": domain}
    said |= {"key": "receipt", "form": form, "output": output}
    made = SITE.ask(SIGN, **said)
    signature = DECODED[output](made["signature"])
    der = signature if form == "der" else signature_from_raw(signature)
    receipt().verify(der, message, domain=domain)
    assert (made["form"], made["mode"], made["version"]) == (form, "message", 3)
    answer = SITE.ask(VERIFY, **said, signature=made["signature"])
    assert answer == {"valid": True, "key": "payments.receipt", "version": 3}


@given(st.text(max_size=30), st.booleans())
def test_text_is_signed_as_utf8(text: str, many: bool) -> None:
    item = {"key": "receipt", "message": text, "encoding": "utf8"}
    made = SITE.ask_many(SIGN, [item])[0] if many else SITE.ask(SIGN, **item)
    receipt().verify(b64decode(made["signature"]), text.encode(), domain=DEFAULT_ID)


@settings(max_examples=60)
@given(st.data())
def test_nothing_that_was_changed_verifies(data: st.DataObject) -> None:
    message = data.draw(st.binary(min_size=1, max_size=40))
    form = data.draw(st.sampled_from(["der", "raw"]))
    made = SITE.ask(SIGN, key="receipt", message=message.hex(), encoding="hex", form=form)
    signature = b64decode(made["signature"])
    if data.draw(st.booleans()):
        message = flipped(message, data)
    else:
        signature = flipped(signature, data)
    said = {"message": message.hex(), "encoding": "hex", "form": form}
    refused(
        "crypto.signature.invalid",
        VERIFY,
        key="receipt",
        signature=b64encode(signature).decode(),
        **said,
    )


def flipped(value: bytes, data: st.DataObject) -> bytes:
    # Sizes vary with the random numbers inside, so the draw must not depend on them.
    at = data.draw(st.integers(0, 8 * 1024 - 1)) % (8 * len(value))
    changed = bytearray(value)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


@pytest.mark.parametrize("how", ["public_key", "pem", "certificate", "certificate_pem", "key"])
def test_a_signature_made_elsewhere_verifies_under_whatever_names_its_key(how: str) -> None:
    if how == "key":
        key, said = SITE.keys.pairs["payments.receipt"][1][0], {"key": "payments.receipt"}
    else:
        key = PrivateKey.generate()
        der = SITE.certificate("elsewhere", Profile.SIGNING, key)
        said = {
            "public_key": {"public_key": b64encode(key.public.point).decode()},
            "pem": {"public_key": key.public.to_pem().decode()},
            "certificate": {"certificate": b64encode(der).decode()},
            "certificate_pem": {
                "certificate": "-----BEGIN CERTIFICATE-----\n"
                + b64encode(der).decode()
                + "\n-----END CERTIFICATE-----\n"
            },
        }[how]
    raw = signature_to_raw(key.sign(b"hello", domain=DEFAULT_ID))
    item = {"message": "hello", "encoding": "utf8", "form": "raw", **said}
    answer = SITE.ask(VERIFY, **item, signature=b64encode(raw).decode())
    expected = {"valid": True}
    if how == "key":
        expected |= {"key": "payments.receipt", "version": 1}
    assert answer == expected


def test_a_certificate_of_strangers_is_not_believed_unless_asked_so() -> None:
    other = site()
    key = PrivateKey.generate()
    der = other.certificate("stranger", Profile.SIGNING, key)
    signature = b64encode(key.sign(b"", domain=DEFAULT_ID)).decode()
    item = {"certificate": b64encode(der).decode(), "message": "", "signature": signature}
    refused("crypto.certificate.untrusted", VERIFY, **item)
    assert SITE.ask(VERIFY, **item, trust="none") == {"valid": True}
    wrong = SITE.certificate("letters", Profile.ENCRYPTION, key)
    item["certificate"] = b64encode(wrong).decode()
    refused("crypto.certificate.usage", VERIFY, **item)
    refused("crypto.certificate.usage", VERIFY, **item, trust="none")


def test_certificates_that_lead_to_the_root_may_stand_below_ones_own() -> None:
    key, middle_key = PrivateKey.generate(), PrivateKey.generate()
    ordered = order("middle", middle_key, SITE.keys.entropy)
    middle = Authority(SITE.authority.issue(Profile.INTERMEDIATE, ordered), middle_key)
    own = middle.issue(Profile.SIGNING, order("own", key, SITE.keys.entropy, days=300))
    item = {"message": "", "signature": b64encode(key.sign(b"", domain=DEFAULT_ID)).decode()}
    chain = own.to_pem() + middle.certificate.to_pem()
    assert SITE.ask(VERIFY, **item, certificate=chain.decode()) == {"valid": True}
    refused("crypto.certificate.untrusted", VERIFY, **item, certificate=own.to_pem().decode())
    backwards = middle.certificate.to_pem() + own.to_pem()
    refused("crypto.certificate.usage", VERIFY, **item, certificate=backwards.decode())


def test_a_digest_is_signed_and_verified_as_it_is() -> None:
    key = SITE.keys.signer("payments.hashes").key
    e = key.public.digest(b"hello", domain=DEFAULT_ID)
    made = SITE.ask(SIGN, key="hashes", e=e.hex(), encoding="hex")
    key.public.verify(b64decode(made["signature"]), b"hello", domain=DEFAULT_ID)
    said = {"key": "hashes", "signature": made["signature"]}
    assert SITE.ask(VERIFY, **said, e=e.hex(), encoding="hex")["valid"]
    assert SITE.ask(VERIFY, **said, message="hello", encoding="utf8")["valid"]
    error = refused("dashboard_api.call.malformed", SIGN, key="hashes", e="AA==")
    assert error.params["size"] == 1
    error = refused("dashboard_api.call.malformed", SIGN, key="hashes", e="x", encoding="utf8")
    assert error.params["reason"] == "binary"
    error = refused(
        "dashboard_api.call.malformed", SIGN, key="hashes", e=e.hex(), encoding="hex", id="other"
    )
    assert error.params["reason"] == "id_with_e"


@settings(max_examples=40)
@given(st.binary(min_size=1, max_size=80), st.sampled_from(list(Form)), binary)
def test_a_ciphertext_of_every_form_opens_elsewhere_and_here(
    plaintext: bytes, form: Form, output: str
) -> None:
    said = {"key": "letters", "form": form.value, "output": output}
    made = SITE.ask(ENCRYPT, **said, plaintext=plaintext.hex(), encoding="hex")
    ciphertext = DECODED[output](made["ciphertext"])
    key = SITE.keys.decrypters("payments.letters")[0].key
    assert key.decrypt(ciphertext, form=form) == plaintext
    opened = SITE.ask(DECRYPT, **said, ciphertext=made["ciphertext"])
    assert DECODED[output](opened["plaintext"]) == plaintext
    assert opened["version"] == 2


@pytest.mark.parametrize("form", ["c1c3c2", "c1c2c3"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_ciphertext_without_its_04_made_for_any_version_opens(form: str, version: int) -> None:
    key = SITE.keys.pairs["payments.letters"][1][version - 1].public
    bare = key.encrypt("旧数据".encode(), form=Form(form))[1:]
    opened = SITE.ask(
        DECRYPT, key="letters", ciphertext=b64encode(bare).decode(), form=form, output="utf8"
    )
    assert opened == {"plaintext": "旧数据", "key": "payments.letters", "version": version}


@pytest.mark.parametrize("output", ["base64", "hex"])
def test_a_sealing_key_takes_any_length_and_binds_additional_data(output: str) -> None:
    plaintext = bytes(range(256)) * 400
    said = {"key": "vault", "aad": "row 7", "encoding": "utf8", "output": output}
    made = SITE.ask(ENCRYPT, **{**said, "plaintext": plaintext.hex()})
    assert (made["form"], made["algorithm"], made["version"]) == ("fengsui-seal/1", "SM4-GCM", 2)
    opened = SITE.ask(DECRYPT, **said, ciphertext=made["ciphertext"])
    assert DECODED[output](opened["plaintext"]) == plaintext.hex().encode()
    for changed in ({"aad": "row 8"}, {"version": 1}):
        refused(
            "crypto.ciphertext.invalid",
            DECRYPT,
            **{**said, **changed, "ciphertext": made["ciphertext"]},
        )


@given(st.data())
def test_a_changed_ciphertext_never_opens(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(["letters", "vault"]))
    made = SITE.ask(ENCRYPT, key=key, plaintext="hello", encoding="utf8")
    changed = flipped(b64decode(made["ciphertext"]), data)
    with pytest.raises(CryptoError) as caught:
        SITE.ask(DECRYPT, key=key, ciphertext=b64encode(changed).decode())
    assert caught.value.code in ("crypto.ciphertext.invalid", "crypto.key.version")


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"key": "letters", "plaintext": "AA==", "aad": "AA=="}, "aad"),
        ({"key": "letters", "plaintext": "AA==", "form": "fengsui-seal/1"}, "form"),
        ({"key": "vault", "plaintext": "AA==", "form": "der"}, "form"),
        ({"plaintext": "AA=="}, "one_of"),
        ({"key": "letters", "public_key": "AA==", "plaintext": "AA=="}, "one_of"),
    ],
)
def test_what_does_not_go_together_is_named(item: dict[str, str], reason: str) -> None:
    assert refused("dashboard_api.call.malformed", ENCRYPT, **item).params["reason"] == reason


@pytest.mark.parametrize("size", [0, 64 * 1024 + 1])
def test_sm2_takes_only_what_it_can_carry(size: int) -> None:
    plaintext = b64encode(bytes(size)).decode()
    refused("crypto.plaintext.size", ENCRYPT, key="letters", plaintext=plaintext)


def test_a_plaintext_that_is_no_text_is_not_given_out_as_text() -> None:
    made = SITE.ask(ENCRYPT, key="letters", plaintext="ff", encoding="hex")
    error = refused(
        "dashboard_api.call.malformed",
        DECRYPT,
        key="letters",
        ciphertext=made["ciphertext"],
        output="utf8",
    )
    assert error.params["reason"] == "not_text"


def test_encrypting_to_a_foreign_key_or_certificate() -> None:
    key = PrivateKey.generate()
    der = SITE.certificate("reader", Profile.ENCRYPTION, key)
    for said in (
        {"public_key": key.public.point.hex(), "output": "hex"},
        {"certificate": b64encode(der).decode(), "output": "hex"},
    ):
        made = SITE.ask(ENCRYPT, plaintext="hello", encoding="utf8", **said)
        assert key.decrypt(bytes.fromhex(made["ciphertext"])) == b"hello"
        assert "key" not in made
    stranger = site().certificate("reader", Profile.ENCRYPTION, key)
    item = {"certificate": b64encode(stranger).decode(), "plaintext": "AA=="}
    refused("crypto.certificate.untrusted", ENCRYPT, **item)
    assert SITE.ask(ENCRYPT, **item, trust="none")["algorithm"] == "SM2"


@given(st.binary(max_size=60), binary)
def test_digests_are_sm3(message: bytes, output: str) -> None:
    made = SITE.ask(Operation.DIGEST, message=message.hex(), encoding="hex", output=output)
    assert DECODED[output](made["digest"]) == sm3.digest(message)


def test_codes_are_hmac_sm3_of_any_version_and_nothing_else_passes() -> None:
    secrets = SITE.keys.secrets["payments.tag"][1]
    made = SITE.ask(Operation.HMAC, key="tag", message="hello", encoding="utf8")
    assert b64decode(made["mac"]) == sm3.hmac(secrets[1], b"hello")
    said = {"key": "tag", "message": "hello", "encoding": "utf8", "output": "hex"}
    old = sm3.hmac(secrets[0], b"hello").hex()
    answer = SITE.ask(Operation.HMAC_VERIFY, **said, mac=old)
    assert answer == {"valid": True, "key": "payments.tag", "version": 1}
    error = refused("crypto.mac.invalid", Operation.HMAC_VERIFY, **said, mac=old, version=2)
    assert (error.params["hint"], error.params["found"]) == ("other_version", 1)
    error = refused("crypto.mac.invalid", Operation.HMAC_VERIFY, **said, mac="00" * 32)
    assert error.params["hint"] == "none"
    refused("crypto.key.version", Operation.HMAC_VERIFY, **said, mac=old, version=7)
    refused("dashboard_api.call.malformed", Operation.HMAC_VERIFY, **said, mac="00")


def test_keys_of_another_use_are_refused_by_their_use() -> None:
    message = {"message": "AA=="}
    refused("crypto.key.use", SIGN, key="letters", **message)
    refused("crypto.key.use", ENCRYPT, key="receipt", plaintext="AA==")
    refused("crypto.key.use", DECRYPT, key="tag", ciphertext="AA==")
    refused("crypto.key.use", Operation.HMAC, key="vault", **message)
    refused("crypto.key.unknown", SIGN, key="nothing", **message)


def test_two_applications_never_meet_in_a_key_of_one_name() -> None:
    tax = application("tax")
    done = SITE.perform(SIGN, {"key": "receipt", "message": ""}, application=tax)
    assert done.key == "tax.receipt"


def gmssl(key: PrivateKey) -> gmssl_sm2.CryptSM2:
    """The Python package integrators come from, with one of our keys."""
    return gmssl_sm2.CryptSM2(
        private_key=key.scalar().hex(), public_key=key.public.point[1:].hex(), mode=1
    )


def test_what_gmssl_signs_verifies_here_and_the_reverse() -> None:
    key = SITE.keys.pairs["payments.receipt"][1][-1]
    said = {"key": "receipt", "message": "hello", "encoding": "utf8"}
    said |= {"form": "raw", "output": "hex"}
    theirs = gmssl(key).sign_with_sm3(b"hello")
    assert SITE.ask(VERIFY, **said, signature=theirs)["valid"]
    ours = SITE.ask(SIGN, **said)["signature"]
    assert gmssl(key).verify_with_sm3(ours, b"hello")


def test_what_gmssl_encrypts_opens_here_and_the_reverse() -> None:
    key = SITE.keys.pairs["payments.letters"][1][-1]
    said = {"key": "letters", "form": "c1c3c2", "output": "hex"}
    theirs = gmssl(key).encrypt(b"hello").hex()
    opened = SITE.ask(DECRYPT, **said, ciphertext=theirs)["plaintext"]
    assert bytes.fromhex(opened) == b"hello"
    ours = SITE.ask(ENCRYPT, **said, plaintext="hello", encoding="utf8")["ciphertext"]
    # It knows no 04 in front of the point.
    assert gmssl(key).decrypt(bytes.fromhex(ours)[1:]) == b"hello"
