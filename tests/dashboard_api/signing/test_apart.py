"""Two applications cannot touch each other's keys by any data operation, and learn nothing of them.

``tax`` has every scope on its own keys. Whatever it asks of a key of ``payments`` gets the answer
it gets for a key that is not there.
"""

import json

import pytest
from fakes import ALL, application, site
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.applications.model import MANAGING, NO_KEY, OWN_KEYS, Application, Operation
from dashboard_api.signing import scopes
from dashboard_api.signing.desk import DATA
from schema.errors import FengsuiError

SITE = site()
TAX = Application(
    id="tax", name="tax", unit="u1", credentials=(), grants={OWN_KEYS: ALL, NO_KEY: ALL}
)  # fmt: skip
ABSENT = "payments.nothing"
THEIRS = ["payments.receipt", "payments.hashes", "payments.letters", "payments.vault",
          "payments.tag", "payments.bare", "site.timestamp", "site.ca"]  # fmt: skip
KEYLESS = {
    Operation.DIGEST,
    Operation.TIMESTAMP,
    Operation.ENVELOPE_VERIFY,
    Operation.ENVELOPE_SEAL,
}
ITEMS = {
    Operation.SIGN: [{"message": "aGk="}, {"e": "A" * 43 + "="}],
    Operation.SIGN_E: [{"e": "A" * 43 + "="}],
    Operation.VERIFY: [
        {"message": "aGk=", "signature": "MAYCAQECAQE="},
        {"e": "A" * 43 + "=", "signature": "A" * 86 + "==", "form": "raw", "version": 2},
    ],
    Operation.ENCRYPT: [{"plaintext": "aGk="}, {"plaintext": "aGk=", "aad": "aGk="}],
    Operation.DECRYPT: [{"ciphertext": "AAAA"}, {"ciphertext": "A" * 400, "version": 1}],
    Operation.HMAC: [{"message": "aGk="}],
    Operation.HMAC_VERIFY: [{"message": "aGk=", "mac": "A" * 43 + "="}],
    Operation.ENVELOPE_SIGN: [{"message": "aGk="}, {"message": "aGk=", "detached": True}],
    Operation.ENVELOPE_OPEN: [{"envelope": "MAMCAQE="}],
}


def refusal(operation, body):
    """What ``tax`` is told, with the key's own name taken out."""
    key = body["key"]
    with pytest.raises(FengsuiError) as caught:
        SITE.perform(operation, body, application=TAX)
    error = caught.value
    params = {name: value for name, value in error.params.items() if value != key}
    return error.code, str(error).replace(key, "?"), params


def test_every_data_operation_with_a_key_is_tried_here():
    assert set(ITEMS) | KEYLESS == DATA


@given(
    st.sampled_from([(operation, one) for operation, items in ITEMS.items() for one in items]),
    st.sampled_from(THEIRS),
)
def test_another_s_key_is_refused_as_one_that_is_not_there(tried, theirs):
    operation, item = tried
    told = refusal(operation, {"key": theirs, **item})
    assert told[0] == "dashboard_api.scope.missing"
    assert told == refusal(operation, {"key": ABSENT, **item})


@given(st.sampled_from(list(ITEMS)), st.lists(st.sampled_from(THEIRS), min_size=1, max_size=8))
def test_among_many_items_too_and_one_s_own_are_served(operation, theirs):
    items = [{"key": one, **ITEMS[operation][0]} for one in theirs]
    mine = {"key": "tax.receipt", "message": "aGk="}
    if operation is Operation.SIGN:
        items.append(mine)
    answers = json.loads(SITE.perform(operation, {"items": items}, application=TAX).body)["items"]
    refused = answers[: len(theirs)]
    assert {one["error"]["code"] for one in refused} == {"dashboard_api.scope.missing"}
    assert all("signature" in one for one in answers[len(theirs) :])


@given(st.sampled_from(sorted(ALL)), st.sampled_from([*THEIRS, ABSENT]))
def test_no_scope_of_one_s_own_reaches_another_s_key(operation, theirs):
    if operation is Operation.STATUS:
        return
    with pytest.raises(FengsuiError) as caught:
        scopes.key_of(TAX, operation, theirs)
    assert caught.value.code == "dashboard_api.scope.missing"


@given(st.sampled_from(sorted(ALL - {Operation.STATUS})), st.sampled_from(sorted(ALL - MANAGING)))
def test_a_grant_on_one_key_for_one_operation_is_of_no_other(granted, asked):
    one = application("tax", frozenset(), payments__receipt=frozenset({granted}))
    assert one.may(asked, "payments.receipt") == (granted is asked)
    assert not one.may(asked, "payments.hashes")
    assert not one.may(asked, "tax.receipt")
