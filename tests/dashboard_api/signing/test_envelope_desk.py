"""Envelopes and time stamps: made here and read by the crypto package, and the reverse."""

from base64 import b64decode, b64encode

import pytest
from fakes import DAY, NOW, FakeSite, order, site
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm3
from crypto.cms import Form, enveloped_data, signer
from crypto.cms.signed_data import SignedData
from crypto.cms.signer import Signer
from crypto.cms.timestamp import TimeStamp, TimeStampRequest, verify_response
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey
from crypto.x509.authority import Authority, Profile
from crypto.x509.certificate import Certificate
from crypto.x509.chain import Trust
from crypto.x509.revocation import Revocation, RevocationList
from dashboard_api.applications.model import Operation
from dashboard_api.signing.envelope_desk import SIGNERS_MAX
from dashboard_api.signing.stamp_desk import POLICY
from schema.errors import FengsuiError

SITE = site()
SIGN, VERIFY = Operation.ENVELOPE_SIGN, Operation.ENVELOPE_VERIFY
SEAL, OPEN = Operation.ENVELOPE_SEAL, Operation.ENVELOPE_OPEN
STAMP = Operation.TIMESTAMP


def trust(at: FakeSite = SITE) -> Trust:
    return Trust(roots=(at.authority.certificate,), at_us=NOW)


def refused(code: str, operation: Operation, *, at: FakeSite = SITE, **item) -> None:
    with pytest.raises((FengsuiError, CryptoError)) as caught:
        at.ask(operation, **item)
    assert caught.value.code == code, caught.value


def letters(at: FakeSite = SITE, version: int = 2) -> tuple[PrivateKey, bytes]:
    key = at.keys.pairs["payments.letters"][1][version - 1]
    return key, at.certificate("letters", Profile.ENCRYPTION, key)


@pytest.mark.parametrize("oids", ["gm", "rfc"])
@pytest.mark.parametrize("detached", [True, False])
@pytest.mark.parametrize("output", ["base64", "hex", "pem"])
def test_a_signed_envelope_verifies_elsewhere_and_here(
    oids: str, detached: bool, output: str
) -> None:
    said = {"message": "缴费凭证", "encoding": "utf8"}
    made = SITE.ask(SIGN, key="receipt", oids=oids, detached=detached, output=output, **said)
    text = made["envelope"]
    der = {
        "base64": b64decode,
        "hex": bytes.fromhex,
        "pem": lambda pem: b64decode("".join(pem.splitlines()[1:-1])),
    }[output](text)
    read = SignedData.from_der(der)
    assert read.form is {"gm": Form.NATIONAL, "rfc": Form.INTERNATIONAL}[oids]
    assert (read.content is None) == detached
    read.verify("缴费凭证".encode(), trust=trust())
    # A PEM block carries its own encoding.
    asked = "hex" if output == "hex" else "base64"
    answer = SITE.ask(VERIFY, envelope=text, output=asked, **(said if detached else {}))
    assert answer["valid"]
    assert answer["signers"][0]["key_id"] == SITE.keys.signer("payments.receipt").key.public.key_id
    if not detached:
        back = b64decode if asked == "base64" else bytes.fromhex
        assert back(answer["message"]).decode() == "缴费凭证"


def test_the_certificates_above_go_along_so_that_the_root_is_enough() -> None:
    at = site()
    key, middle_key = PrivateKey.generate(), PrivateKey.generate()
    entropy = at.keys.entropy
    middle = Authority(
        at.authority.issue(Profile.INTERMEDIATE, order("middle", middle_key, entropy)), middle_key
    )
    own = middle.issue(Profile.SIGNING, order("own", key, entropy, days=300))
    at.keys.pairs["payments.deep"] = "sign", [key]
    at.keys.chains["payments.deep"] = (own.der, middle.certificate.der, at.keys.roots[0])
    made = at.ask(SIGN, key="deep", message="AA==")
    assert at.ask(VERIFY, envelope=made["envelope"])["valid"]
    held = SignedData.from_der(b64decode(made["envelope"])).certificates
    assert set(held) == {own, middle.certificate}


def test_whoever_signed_must_be_trusted_now() -> None:
    at = site()
    made = at.ask(SIGN, key="receipt", message="AA==")["envelope"]
    refused("crypto.certificate.untrusted", VERIFY, at=SITE, envelope=made)
    assert SITE.ask(VERIFY, envelope=made, trust="none")["valid"]
    own = Certificate.from_der(at.keys.chains["payments.receipt"][0])
    revoked = RevocationList.build(
        at.authority.certificate,
        at.authority.key,
        entries=[Revocation(own.serial, NOW - DAY)],
        number=1,
        this_update_us=NOW - DAY,
        next_update_us=NOW + DAY,
    )
    at.keys.lists.append(revoked.der)
    refused("crypto.certificate.revoked", VERIFY, at=at, envelope=made)
    at.clock.at = NOW + 2 * DAY
    refused("crypto.crl.stale", VERIFY, at=at, envelope=made)
    at.keys.lists.clear()
    at.clock.at = NOW + 366 * DAY
    refused("crypto.certificate.expired", VERIFY, at=at, envelope=made)


@settings(max_examples=40)
@given(st.integers(0, 1 << 20))
def test_a_changed_envelope_never_verifies(at: int) -> None:
    made = b64decode(
        SITE.ask(SIGN, key="receipt", message=b64encode(b"m" * 40).decode())["envelope"]
    )
    changed = bytearray(made)
    changed[at // 8 % len(made)] ^= 1 << at % 8
    try:
        answer = SITE.ask(VERIFY, envelope=b64encode(changed).decode())
    except (FengsuiError, CryptoError):
        return
    # What no signature covers may differ (the version, say); the message and its signer may not.
    assert b64decode(answer["message"]) == b"m" * 40
    assert answer["signers"][0]["key_id"] == SITE.keys.signer("payments.receipt").key.public.key_id


def test_the_wrong_message_beside_an_envelope_is_refused() -> None:
    made = SITE.ask(SIGN, key="receipt", message="AA==", detached=True)["envelope"]
    refused("crypto.message.signature", VERIFY, envelope=made, message="AQ==")
    refused("crypto.message.content", VERIFY, envelope=made)
    refused("crypto.message.malformed", VERIFY, envelope="AA==")
    refused("dashboard_api.call.malformed", VERIFY, envelope="-----BEGIN X-----")


def test_a_time_stamp_is_not_taken_for_a_message_of_its_authority() -> None:
    token = SITE.ask(STAMP, message="AA==")["token"]
    refused("crypto.message.content", VERIFY, envelope=token)


def test_an_envelope_with_a_crowd_of_signers_is_refused() -> None:
    signers = []
    for n in range(SIGNERS_MAX + 1):
        key = PrivateKey.generate()
        der = SITE.certificate(f"s{n}", Profile.SIGNING, key)
        signers.append(Signer(Certificate.from_der(der), key))
    crowd, most = (signer.sign(b"m", some) for some in (signers, signers[1:]))
    refused("crypto.message.signer", VERIFY, envelope=b64encode(crowd).decode())
    answer = SITE.ask(VERIFY, envelope=b64encode(most).decode())
    assert len(answer["signers"]) == SIGNERS_MAX


def test_a_key_without_a_certificate_signs_no_envelope() -> None:
    refused("dashboard_api.key.uncertified", SIGN, key="bare", message="AA==")


@pytest.mark.parametrize("oids", ["gm", "rfc"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_sealed_envelope_opens_for_its_recipients(oids: str, version: int) -> None:
    key, der = letters(version=version)
    other = PrivateKey.generate()
    others = SITE.certificate("other", Profile.ENCRYPTION, other)
    made = SITE.ask(
        SEAL,
        recipients=[b64encode(others).decode(), Certificate.from_der(der).to_pem().decode()],
        message="缴费凭证",
        encoding="utf8",
        oids=oids,
    )
    sealed = b64decode(made["envelope"])
    for certificate, holder in ((der, key), (others, other)):
        content = enveloped_data.decrypt(sealed, Certificate.from_der(certificate), holder)
        assert content.decode() == "缴费凭证"
    opened = SITE.ask(OPEN, key="letters", envelope=made["envelope"], output="utf8")
    assert opened == {"message": "缴费凭证", "key": "payments.letters", "version": version}


def test_an_envelope_for_others_or_changed_does_not_open() -> None:
    der = SITE.certificate("other", Profile.ENCRYPTION, PrivateKey.generate())
    text = b64encode(der).decode()
    made = SITE.ask(SEAL, recipients=[text], message="AA==")
    refused("crypto.message.recipient", OPEN, key="letters", envelope=made["envelope"])
    refused("crypto.message.malformed", OPEN, key="letters", envelope="AA==")
    refused("crypto.key.use", OPEN, key="receipt", envelope=made["envelope"])
    stranger = site().certificate("x", Profile.ENCRYPTION, PrivateKey.generate())
    refused(
        "crypto.certificate.untrusted",
        SEAL,
        recipients=[text, b64encode(stranger).decode()],
        message="AA==",
    )
    signing = SITE.keys.chains["payments.receipt"][0]
    refused(
        "crypto.certificate.usage", SEAL, recipients=[b64encode(signing).decode()], message="AA=="
    )


def test_a_time_stamp_holds_for_its_message_and_names_the_time() -> None:
    answer = SITE.ask(STAMP, message="hello", encoding="utf8")
    stamp = TimeStamp.from_der(b64decode(answer["token"]))
    authority = stamp.verify(sm3.digest(b"hello"), trust=trust())
    assert authority.der == SITE.keys.chains["site.timestamp"][0]
    assert stamp.time_us // 1_000_000 == NOW // 1_000_000
    assert answer["time"] == "2026-11-18T11:06:40.000000Z"
    assert (answer["policy"], answer["serial"]) == (POLICY, f"{stamp.serial:x}")
    digest = sm3.digest(b"hello").hex()
    again = SITE.ask(STAMP, digest=digest, encoding="hex", output="hex")
    assert TimeStamp.from_der(bytes.fromhex(again["token"])).digest == stamp.digest
    assert again["serial"] != answer["serial"]


def test_a_request_of_rfc_3161_gets_a_whole_response() -> None:
    request = TimeStampRequest(digest=sm3.digest(b"hello"), nonce=42)
    answer = SITE.ask(STAMP, request=b64encode(request.to_der()).decode())
    stamp = verify_response(b64decode(answer["response"]), request, trust=trust())
    assert stamp.token == b64decode(answer["token"])
    asked = TimeStampRequest(digest=sm3.digest(b"hello"), policy="1.2.3")
    refused("crypto.timestamp.policy", STAMP, request=b64encode(asked.to_der()).decode())
    refused("crypto.timestamp.malformed", STAMP, request="AA==")
    refused("dashboard_api.call.malformed", STAMP)
    refused("dashboard_api.call.malformed", STAMP, message="", digest="")


def test_a_site_without_a_certified_clock_says_so() -> None:
    at = site()
    del at.keys.chains["site.timestamp"]
    refused("dashboard_api.key.uncertified", STAMP, at=at, message="AA==")
    del at.keys.pairs["site.timestamp"]
    refused("crypto.key.unknown", STAMP, at=at, message="AA==")
