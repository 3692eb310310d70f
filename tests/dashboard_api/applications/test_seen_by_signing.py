"""What administrators decide is what a signing process goes by from its next call on."""

import base64
from contextlib import closing

import pytest

from crypto import sm3
from crypto.sm2 import PrivateKey, signature_to_raw
from dashboard_api.applications.credentials import DOMAIN, NewKey, proof_text
from dashboard_api.applications.model import DEFAULT, OFF_BY_DEFAULT, Operation, Quota
from dashboard_api.applications.records import Hand
from dashboard_api.signing import authorization
from dashboard_api.signing.call import Call
from dashboard_api.signing.callers import KnownCallers
from dashboard_api.signing.directory import StateDirectory, open_read_only
from schema.errors import FengsuiError
from schema.times import DAY, SECOND

HAND = Hand("sysadmin", "p1")


class AnyNonce:
    """Takes every nonce: which were used is not the matter here."""

    def require_sound(self):
        pass

    def note(self, credential, nonce, timestamp):
        pass

    def commit(self):
        pass


class Process:
    """A signing process beside the site: it reads the state file and nothing else."""

    def __init__(self, state, clock):
        self.directory = StateDirectory(state)
        self.callers = KnownCallers(self.directory, AnyNonce(), clock)
        self.clock = clock

    def application(self, name="payments"):
        self.directory.refresh()
        return self.directory.application(name)

    def identify(self, authorization):
        self.directory.refresh()
        call = Call(
            id=1, operation=Operation.DIGEST, method="POST", target="/v1/crypto/digest",
            authorization=authorization, languages="en", body=b"{}",
        )  # fmt: skip
        return self.callers.identify(call)

    def signed(self, private, name="payments"):
        credential = f"{name}.{private.public.key_id}"
        timestamp, nonce = self.clock.now() // SECOND, "n" * 16
        text = authorization.signed_text(
            "POST", "/v1/crypto/digest", timestamp=timestamp, nonce=nonce, credential=credential,
            body=b"{}",
        )  # fmt: skip
        raw = signature_to_raw(private.sign(text, domain=authorization.DOMAIN))
        return (
            f"Fengsui-SM2 credential={credential},timestamp={timestamp},nonce={nonce},"
            f"signature={base64.b64encode(raw).decode()}"
        )

    def refusal(self, authorization):
        with pytest.raises(FengsuiError) as caught:
            self.identify(authorization)
        return caught.value.code.removeprefix("dashboard_api.")


@pytest.fixture
def process(site):
    site.applications.register(HAND, "payments", name="支付平台", unit="finance")
    with closing(open_read_only(site.database.path)) as state:
        yield Process(state, site.clock)


def enrol(site, private):
    text = proof_text("payments", private.public.key_id)
    key = NewKey(public=private.public, proof=private.sign(text, domain=DOMAIN))
    return site.applications.enrol_key(HAND, "payments", key)


def test_a_token_is_believed_until_it_is_revoked(site, process):
    token, issued = site.applications.issue_token(HAND, "payments")
    caller = process.identify(f"Bearer {token}")
    assert (caller.application.id, caller.credential) == ("payments", issued.id)
    site.applications.revoke(HAND, "payments", issued.id)
    assert process.refusal(f"Bearer {token}") == "credential.unknown"
    assert process.application().credentials == ()


def test_a_token_is_believed_until_it_ends(site, process):
    token, _ = site.applications.issue_token(HAND, "payments", expires_at=site.clock.now() + DAY)
    site.clock.forward(24 * 3600 - 1)
    process.identify(f"Bearer {token}")
    site.clock.forward(1)
    assert process.refusal(f"Bearer {token}") == "credential.expired"


def test_the_hash_of_a_token_is_the_same_on_both_sides(site, process):
    token, _ = site.applications.issue_token(HAND, "payments")
    (held,) = process.application().credentials
    assert held.token_hash == sm3.digest(token.encode()) == authorization.token_hash(token)


def test_an_enrolled_key_signs_requests_until_it_is_revoked(site, process):
    private = PrivateKey.generate()
    assert process.refusal(process.signed(private)) == "credential.unknown"
    issued = enrol(site, private)
    assert process.identify(process.signed(private)).credential == issued.id
    (held,) = process.application().credentials
    assert (held.id, held.public) == (private.public.key_id, private.public.point)
    site.applications.revoke(HAND, "payments", issued.id)
    assert process.refusal(process.signed(private)) == "credential.unknown"


def test_grants_quota_and_switch_are_seen(site, process):
    fresh = process.application()
    assert fresh.grants == {"*": DEFAULT, "-": DEFAULT}
    assert all(fresh.may(one, "payments.seal") for one in DEFAULT)
    assert not any(fresh.may(one, "payments.seal") for one in OFF_BY_DEFAULT)
    assert not any(fresh.may(one, "tax.seal") for one in Operation if one != Operation.STATUS)
    decrypt = {"payments.seal": frozenset({Operation.DECRYPT})}
    site.applications.put_some_grants(HAND, "payments", decrypt)
    assert process.application().may(Operation.DECRYPT, "payments.seal")
    assert not process.application().may(Operation.DECRYPT, "payments.other")
    quota = Quota(per_second=1, per_day=2, opens_per_minute=3)
    site.applications.set_quota(HAND, "payments", quota)
    assert process.application().quota == quota
    token, _ = site.applications.issue_token(HAND, "payments")
    site.applications.disable(HAND, "payments")
    assert process.refusal(f"Bearer {token}") == "application.disabled"
    site.applications.enable(HAND, "payments")
    process.identify(f"Bearer {token}")
