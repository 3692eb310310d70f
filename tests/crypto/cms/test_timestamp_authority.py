from pki import NOW, holder, key, refused, sub, trust

from crypto import _asn1, _oid, sm3
from crypto.cms.signed_data import SignedData
from crypto.cms.signer import Signer
from crypto.cms.timestamp import TimeStampRequest, verify_response
from crypto.cms.timestamp_authority import granted, respond, stamp
from crypto.x509.authority import Profile

SERVICE = Signer(holder(Profile.TIME_STAMPING), key(Profile.TIME_STAMPING.value))
ASKED = TimeStampRequest(digest=sm3.digest(b"m"), nonce=5)


def test_an_answer_grants_and_carries_the_token_with_its_certificate():
    response = respond(ASKED, SERVICE, serial=1, time_us=NOW, policy="1.2.3")
    _asn1.check(response)
    with _asn1.Reader(response) as whole, whole.inside() as body:
        assert body.inside().unsigned() == 0
        message = SignedData.from_der(body.raw())
    assert message.content_type == _oid.TST_INFO
    assert message.certificates == (SERVICE.certificate,)


def test_another_policy_is_refused():
    strict = TimeStampRequest(digest=ASKED.digest, policy="1.2.4")
    refused(
        "crypto.timestamp.policy",
        lambda: respond(strict, SERVICE, serial=1, time_us=NOW, policy="1.2.3"),
    )


def test_a_bare_token_is_what_an_answer_carries():
    said = {"serial": 1, "time_us": NOW, "policy": "1.2.3"}
    token = stamp(ASKED, SERVICE, authorities=[sub().certificate], **said)
    assert set(SignedData.from_der(token).certificates) == {SERVICE.certificate, sub().certificate}
    verified = verify_response(granted(token), ASKED, trust=trust(intermediates=()))
    assert verified.token == token
