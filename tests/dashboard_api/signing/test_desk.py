"""The desk: every data operation, one item or many, its scopes, and what its audit entry says."""

import json
from base64 import b64decode, b64encode
from dataclasses import replace

import pytest
from fakes import ALL, FakeSite, application, site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto import sm3
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey
from crypto.x509.authority import Profile
from dashboard_api.applications.model import DEFAULT, OWN_KEYS, Operation
from dashboard_api.signing.desk import DATA
from dashboard_api.signing.document import ENTRIES
from dashboard_api.signing.ports import Done
from schema.errors import FengsuiError

SITE = site()
READER = PrivateKey.generate()
MESSAGE = b64encode(b"receipt 000001").decode()


def refused(code: str, operation: Operation, **item) -> FengsuiError | CryptoError:
    with pytest.raises((FengsuiError, CryptoError)) as caught:
        SITE.perform(operation, item)
    assert caught.value.code == code, caught.value
    return caught.value


@given(st.sampled_from(sorted(DATA)), st.binary(max_size=200))
def test_any_bytes_as_a_body_are_done_or_refused_by_name(operation: Operation, body: bytes) -> None:
    done_or_refused(SITE, operation, body)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
_NAMES = sorted(
    {name for entry in ENTRIES for name in entry.item.__struct_fields__} | {"items", "other"}
)
_FIELDS = st.sampled_from(_NAMES)
_VALUES = (
    _ANY
    | st.sampled_from(["receipt", "letters", "vault", "tag", "hashes", "payments.receipt", "x.y"])
    | st.sampled_from(["der", "raw", "hex", "utf8", "base64", "pem", "gm", "none", "c1c3c2"])
    | st.binary(max_size=120).map(lambda data: b64encode(data).decode())
    | st.binary(max_size=70).map(bytes.hex)
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(DATA)),
    st.lists(st.dictionaries(_FIELDS, _VALUES, max_size=6), min_size=1, max_size=3),
    st.booleans(),
)
def test_any_fields_are_done_or_refused_by_name(
    operation: Operation, items: list[dict[str, object]], many: bool
) -> None:
    body = json.dumps({"items": items} if many else items[0]).encode()
    done_or_refused(SITE, operation, body)


def good_items() -> dict[Operation, dict[str, object]]:
    """One item of each operation that the desk carries out."""
    receipt = {"key": "receipt", "message": MESSAGE}
    certificate = b64encode(SITE.certificate("reader", Profile.ENCRYPTION, READER)).decode()
    sealed = SITE.ask(Operation.ENVELOPE_SEAL, recipients=[certificate], message=MESSAGE)
    own = SITE.keys.decrypters("payments.letters")[0].key
    theirs = b64encode(SITE.certificate("letters", Profile.ENCRYPTION, own)).decode()
    letter = SITE.ask(Operation.ENVELOPE_SEAL, recipients=[theirs], message=MESSAGE)
    assert sealed != letter
    return {
        Operation.SIGN: receipt,
        Operation.SIGN_E: {"key": "hashes", "e": "00" * 32, "encoding": "hex"},
        Operation.VERIFY: {
            **receipt, "signature": SITE.ask(Operation.SIGN, **receipt)["signature"],
            "form": "der", "id": "1234567812345678",
        },
        Operation.ENCRYPT: {"certificate": certificate, "plaintext": MESSAGE, "form": "c1c3c2"},
        Operation.DECRYPT: {
            "key": "vault",
            "ciphertext": SITE.ask(Operation.ENCRYPT, key="vault", plaintext="")["ciphertext"],
        },
        Operation.DIGEST: {"message": MESSAGE},
        Operation.HMAC: {"key": "tag", "message": MESSAGE},
        Operation.HMAC_VERIFY: {
            "key": "tag", "message": MESSAGE, "version": 2,
            "mac": SITE.ask(Operation.HMAC, key="tag", message=MESSAGE)["mac"],
        },
        Operation.ENVELOPE_SIGN: {**receipt, "output": "pem"},
        Operation.ENVELOPE_VERIFY: {
            "envelope": SITE.ask(Operation.ENVELOPE_SIGN, **receipt)["envelope"]
        },
        Operation.ENVELOPE_SEAL: {"recipients": [certificate, theirs], "message": MESSAGE},
        Operation.ENVELOPE_OPEN: {"key": "letters", "envelope": letter["envelope"]},
        Operation.TIMESTAMP: {"message": MESSAGE},
    }  # fmt: skip


GOOD = good_items()


@pytest.mark.parametrize("operation", sorted(DATA))
def test_every_operation_is_carried_out_one_by_one_and_many_at_once(operation: Operation) -> None:
    one = SITE.perform(operation, GOOD[operation])
    assert (one.failed, len(one.payloads)) == (0, 1)
    assert one.algorithm
    many = SITE.perform(operation, {"items": [GOOD[operation]] * 3})
    assert (many.failed, many.payloads) == (0, one.payloads * 3)
    assert {many.key, many.version, many.algorithm, many.mode} == {
        one.key, one.version, one.algorithm, one.mode
    }  # fmt: skip
    assert all("error" not in answer for answer in json.loads(many.body)["items"])


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(sorted(DATA)), st.data())
def test_a_good_item_with_anything_changed_is_done_or_refused_by_name(
    operation: Operation, data: st.DataObject
) -> None:
    item = dict(GOOD[operation])
    for _ in range(data.draw(st.integers(1, 2))):
        field = data.draw(st.sampled_from([*sorted(GOOD[operation]), *_NAMES]))
        value = item.get(field)
        how = data.draw(st.sampled_from(["drop", "other", "flip", "cut"]))
        if how == "drop":
            item.pop(field, None)
        elif how == "other" or not isinstance(value, str) or not value:
            item[field] = data.draw(_VALUES)
        elif how == "flip":
            at = data.draw(st.integers(0, 4095)) % len(value)
            item[field] = value[:at] + data.draw(st.sampled_from("AaZz09+/=")) + value[at + 1 :]
        else:
            item[field] = value[: 4 * data.draw(st.integers(0, len(value) // 4))]
    done_or_refused(SITE, operation, json.dumps(item).encode())


def done_or_refused(at: FakeSite, operation: Operation, body: bytes) -> None:
    try:
        done = at.perform(operation, body)
    except (FengsuiError, CryptoError):
        return
    assert isinstance(done, Done)
    json.loads(done.body)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_items_are_answered_in_their_order(messages: list[bytes]) -> None:
    items = [{"message": one.hex(), "encoding": "hex"} for one in messages]
    answers = SITE.ask_many(Operation.DIGEST, items)
    assert [b64decode(one["digest"]) for one in answers] == [sm3.digest(one) for one in messages]


@settings(max_examples=30)
@given(
    st.lists(
        st.sampled_from(["receipt", "bare", "missing", "letters", "tax.receipt", "!"]),
        min_size=1,
        max_size=12,
    )
)
def test_each_signature_of_a_batch_is_of_its_own_item(keys: list[str]) -> None:
    items = [
        {"key": "receipt", "message": "not base64!"}
        if key == "!"
        else {"key": key, "message": b64encode(bytes([n])).decode()}
        for n, key in enumerate(keys)
    ]
    answers = SITE.ask_many(Operation.SIGN, items)
    assert len(answers) == len(items)
    for n, (key, answer) in enumerate(zip(keys, answers, strict=True)):
        code = {
            "missing": "crypto.key.unknown",
            "letters": "crypto.key.use",
            "tax.receipt": "dashboard_api.scope.missing",
            "!": "dashboard_api.call.malformed",
        }.get(key)
        if code:
            assert answer["error"]["code"] == code
            continue
        public = SITE.keys.signer(f"payments.{key}").key.public
        public.verify(b64decode(answer["signature"]), bytes([n]), domain="1234567812345678")


def test_a_refused_item_says_which_it_is_and_touches_no_other() -> None:
    items = [{"key": "receipt", "message": MESSAGE} for _ in range(3)]
    items[1]["message"] = "====secret"
    done = SITE.perform(Operation.SIGN, {"items": items})
    answers = json.loads(done.body)["items"]
    assert "signature" in answers[0]
    assert "signature" in answers[2]
    error = answers[1]["error"]
    assert set(error) == {"code", "title", "detail", "params"}
    assert error["params"]["item"] == 1
    assert error["params"]["where"] == "items[1].message"
    assert "secret" not in json.dumps(error)
    assert done.failed == 1
    assert done.payloads == (b"receipt 000001", b"", b"receipt 000001")


@pytest.mark.parametrize(
    ("languages", "start"),
    [
        ("zh-CN", "items[0].message：不是标准 Base64"),
        ("en", "items[0].message: not standard base64"),
    ],
)
def test_an_items_error_is_told_in_the_callers_language(languages: str, start: str) -> None:
    body = {"items": [{"key": "receipt", "message": "%"}]}
    done = SITE.perform(Operation.SIGN, body, languages=languages)
    assert json.loads(done.body)["items"][0]["error"]["detail"].startswith(start)


def test_the_entry_names_key_version_place_algorithm_and_mode() -> None:
    done = SITE.perform(Operation.SIGN, {"key": "receipt", "message": MESSAGE})
    assert (done.key, done.version, done.place) == ("payments.receipt", 3, "software")
    assert (done.algorithm, done.mode) == ("SM2-SM3", "message")
    assert done.payloads == (b"receipt 000001",)
    assert done.status == 200


def test_the_entry_of_a_batch_names_every_key_it_used() -> None:
    items = [{"key": key, "message": MESSAGE} for key in ("receipt", "bare", "receipt")]
    done = SITE.perform(Operation.SIGN, {"items": items})
    assert (done.key, done.version) == ("payments.receipt,payments.bare", 0)
    done = SITE.perform(Operation.SIGN, {"items": items[:1]})
    assert (done.key, done.version) == ("payments.receipt", 3)


@pytest.mark.parametrize(
    ("operation", "item"),
    [
        (Operation.SIGN, {"message": MESSAGE}),
        (Operation.SIGN, {"e": sm3.digest(b"").hex(), "encoding": "hex"}),
        (Operation.VERIFY, {"message": MESSAGE, "signature": MESSAGE}),
        (Operation.ENCRYPT, {"plaintext": MESSAGE}),
        (Operation.DECRYPT, {"ciphertext": MESSAGE}),
        (Operation.HMAC, {"message": MESSAGE}),
        (Operation.HMAC_VERIFY, {"message": MESSAGE, "mac": "00" * 32, "output": "hex"}),
        (Operation.ENVELOPE_SIGN, {"message": MESSAGE}),
        (Operation.ENVELOPE_OPEN, {"envelope": MESSAGE}),
    ],
)
@pytest.mark.parametrize("key", ["tax.receipt", "tax.nothing", "site.timestamp"])
def test_without_a_grant_anothers_key_is_refused_whether_or_not_it_is_there(
    operation: Operation, item: dict[str, str], key: str
) -> None:
    error = refused("dashboard_api.scope.missing", operation, key=key, **item)
    assert error.params["key"] == key


def test_a_digest_needs_its_own_scope_and_the_keys_policy() -> None:
    item = {"key": "hashes", "e": sm3.digest(b"m").hex(), "encoding": "hex"}
    plain = application(own=DEFAULT)
    with pytest.raises(FengsuiError, match="no grant for sign_e"):
        SITE.perform(Operation.SIGN, item, application=plain)
    assert SITE.ask(Operation.SIGN, **item)["mode"] == "digest"
    refused("crypto.key.policy", Operation.SIGN, **{**item, "key": "receipt"})
    only = application(own=frozenset({Operation.SIGN_E}))
    assert SITE.perform(Operation.SIGN, item, application=only).mode == "digest"
    with pytest.raises(FengsuiError, match="no grant for sign "):
        SITE.perform(Operation.SIGN, {"key": "hashes", "message": ""}, application=only)


@pytest.mark.parametrize(
    ("operation", "item"),
    [
        (Operation.DIGEST, {"message": MESSAGE}),
        (Operation.TIMESTAMP, {"message": MESSAGE}),
        (Operation.ENVELOPE_VERIFY, {"envelope": MESSAGE}),
        (Operation.ENVELOPE_SEAL, {"recipients": ["x"], "message": MESSAGE}),
        (Operation.VERIFY, {"public_key": "x", "message": MESSAGE, "signature": MESSAGE}),
        (Operation.ENCRYPT, {"certificate": "x", "plaintext": MESSAGE}),
    ],
)
def test_operations_without_a_key_need_their_grant_too(
    operation: Operation, item: dict[str, object]
) -> None:
    bare = replace(application(), grants={OWN_KEYS: ALL})
    with pytest.raises(FengsuiError) as caught:
        SITE.perform(operation, item, application=bare)
    assert caught.value.code == "dashboard_api.scope.missing"


def test_a_grant_for_one_key_of_another_opens_that_key_alone() -> None:
    granted = application(tax__receipt=frozenset({Operation.SIGN}))
    body = {"key": "tax.receipt", "message": MESSAGE}
    assert json.loads(SITE.perform(Operation.SIGN, body, application=granted).body)
    with pytest.raises(FengsuiError):
        SITE.perform(Operation.ENVELOPE_SIGN, body, application=granted)
    with pytest.raises(FengsuiError):
        SITE.perform(Operation.SIGN, {**body, "key": "tax.letters"}, application=granted)


def test_a_managing_operation_is_no_call_on_data() -> None:
    refused("dashboard_api.path.unknown", Operation.KEYS_MANAGE)


def test_disabled_and_expired_keys_are_refused_as_the_store_refuses_them() -> None:
    keys = SITE.keys
    keys.broken["payments.bare"] = "disabled"
    try:
        refused("crypto.key.disabled", Operation.SIGN, key="bare", message=MESSAGE)
        answer = SITE.ask_many(Operation.SIGN, [{"key": "bare", "message": MESSAGE}] * 2)
        assert [one["error"]["code"] for one in answer] == ["crypto.key.disabled"] * 2
    finally:
        keys.broken.clear()
