"""Hints: a signature that does not verify is told what probably went wrong with it."""

import re
from base64 import b64encode

import pytest
from fakes import SECOND, site
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm2, sm3
from crypto.engines.curve import CURVE_BYTES
from crypto.sm2 import DEFAULT_ID, Policy, PrivateKey, signature_to_raw
from dashboard_api.applications.model import Operation
from dashboard_api.signing import hints
from dashboard_api.signing.problems import problem_of
from dashboard_api.signing.sentences import HINTS
from dashboard_api.signing.verify_desk import EXPLAINED_MAX
from schema.errors import FengsuiError

SITE = site()
KEY = PrivateKey.generate(Policy(sign_e=True))
POINT = KEY.public.point.hex()
TEXT = "缴费凭证"
MESSAGE = TEXT.encode()
DER = KEY.sign(MESSAGE, domain=DEFAULT_ID)
RAW = signature_to_raw(DER)
R, S = RAW[:32], RAW[32:]


def refusal(**item) -> FengsuiError:
    said = {"public_key": POINT, "message": MESSAGE.hex(), "encoding": "hex", "output": "hex"}
    if "e" in item:
        del said["message"]
    if "certificate" in item or "key" in item:
        del said["public_key"]
    SITE.clock.at += SECOND
    with pytest.raises(FengsuiError) as caught:
        SITE.ask(Operation.VERIFY, **{**said, **item})
    assert caught.value.code == "crypto.signature.invalid"
    return caught.value


def padded(r: bytes, s: bytes) -> bytes:
    """DER with zeros in front that should not be there."""
    both = b"".join(b"\x02" + bytes([len(n) + 2]) + b"\0\0" + n for n in (r, s))
    return b"\x30" + bytes([len(both)]) + both


def signed_e(e: bytes) -> str:
    return KEY.sign_e(e).hex()


WITHOUT_ID = sm3.digest(
    sm3.digest(b"\0\0" + CURVE_BYTES + KEY.public.point[1:]) + MESSAGE
)  # fmt: skip

CASES = {
    "raw_said_der": ({"signature": RAW.hex()}, {"hint": "form", "found": "raw"}),
    "der_said_raw": (
        {"signature": DER.hex(), "form": "raw"},
        {"hint": "form", "found": "der"},
    ),
    "padded": ({"signature": padded(R, S).hex()}, {"hint": "malformed"}),
    "trailing": ({"signature": (DER + b"\0").hex()}, {"hint": "malformed"}),
    "long_length": (
        {"signature": (b"\x30\x81" + DER[1:]).hex()},
        {"hint": "malformed"},
    ),
    "no_z": ({"signature": signed_e(sm3.digest(MESSAGE))}, {"hint": "no_z"}),
    "default_id": (
        {"signature": DER.hex(), "id": "payer"},
        {"hint": "id", "found": DEFAULT_ID},
    ),
    "hexadecimal_id": (
        {"signature": KEY.sign(MESSAGE, domain=DEFAULT_ID.encode().hex()).hex()},
        {"hint": "id", "found": "31323334353637383132333435363738"},
    ),
    "empty_id": ({"signature": signed_e(WITHOUT_ID)}, {"hint": "id", "found": "(empty)"}),
    "digest_as_message": (
        {"signature": DER.hex(), "message": KEY.public.digest(MESSAGE, domain=DEFAULT_ID).hex()},
        {"hint": "digest"},
    ),
    "message_as_digest": (
        {"signature": KEY.sign(b"m" * 32, domain=DEFAULT_ID).hex(), "e": (b"m" * 32).hex()},
        {"hint": "message"},
    ),
    "text_of_the_field": (
        {"signature": KEY.sign(MESSAGE.hex().encode(), domain=DEFAULT_ID).hex()},
        {"hint": "encoding", "field": "message", "found": "utf8"},
    ),
    "base64_said_text": (
        {
            "signature": DER.hex(),
            "message": b64encode(MESSAGE).decode(),
            "encoding": "utf8",
        },
        {"hint": "encoding", "field": "message", "found": "base64"},
    ),
    "hex_said_base64": (
        {
            "signature": RAW.hex(),
            "output": "base64",
            "public_key": b64encode(KEY.public.point).decode(),
        },
        {"hint": "encoding", "field": "signature", "option": "output", "found": "hex"},
    ),
    "newline": (
        {"signature": KEY.sign(MESSAGE + b"\n", domain=DEFAULT_ID).hex()},
        {"hint": "newline"},
    ),
    "without_newline": (
        {"signature": DER.hex(), "message": (MESSAGE + b"\r\n").hex()},
        {"hint": "newline"},
    ),
    "swapped": ({"signature": (S + R).hex(), "form": "raw"}, {"hint": "order"}),
    "little_endian": (
        {"signature": (R[::-1] + S[::-1]).hex(), "form": "raw"},
        {"hint": "order"},
    ),
    "form_and_no_z": (
        {"signature": signature_to_raw(KEY.sign_e(sm3.digest(MESSAGE))).hex()},
        {"hint": "no_z", "also": "form"},
    ),
    "unreadable": ({"signature": "00" * 70}, {"hint": "unreadable", "size": 70}),
    "short": ({"signature": "", "form": "raw"}, {"hint": "unreadable", "size": 0}),
    "another_message": ({"signature": KEY.sign(b"x", domain=DEFAULT_ID).hex()}, {"hint": "none"}),
    "another_key": (
        {"signature": PrivateKey.generate().sign(MESSAGE, domain=DEFAULT_ID).hex()},
        {"hint": "none"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mix_up_is_named_in_both_languages(case: str) -> None:
    item, expected = CASES[case]
    error = refusal(**item)
    assert expected.items() <= error.params.items(), error.params
    chinese, english = (problem_of(error, languages) for languages in ("zh-CN", "en"))
    assert chinese.detail.startswith("签名无效")
    assert english.detail.startswith("the signature is invalid")
    assert english.detail == error.args[0]
    assert not re.search(r"\{\w+\}", chinese.detail + english.detail)


def test_another_version_of_the_key_is_named() -> None:
    old = SITE.keys.pairs["payments.receipt"][1][0]
    signature = old.sign(MESSAGE, domain=DEFAULT_ID).hex()
    error = refusal(key="receipt", version=3, signature=signature)
    assert (error.params["hint"], error.params["found"]) == ("other_version", 1)
    assert error.params["key"] == "payments.receipt"


def test_a_mistake_under_an_older_version_is_found_too() -> None:
    old = SITE.keys.pairs["payments.receipt"][1][1]
    error = refusal(
        key="receipt", signature=signature_to_raw(old.sign(MESSAGE, domain=DEFAULT_ID)).hex()
    )
    assert error.params["hint"] == "form"


def test_every_hint_has_a_case_here() -> None:
    seen = {str(expected["hint"]) for _, expected in CASES.values()}
    assert seen | {"other_version", "untried"} == set(HINTS)


def test_causes_are_looked_for_in_so_many_failures_a_second() -> None:
    item = {"public_key": POINT, "message": "00", "encoding": "hex", "output": "hex"}
    asked = [{**item, "signature": DER.hex()}] * (EXPLAINED_MAX + 5)
    for _ in range(2):
        SITE.clock.at += SECOND
        answers = SITE.ask_many(Operation.VERIFY, asked)
        found = [one["error"]["params"]["hint"] for one in answers]
        assert found == ["none"] * EXPLAINED_MAX + ["untried"] * 5


def test_an_explanation_costs_a_bounded_number_of_verifications() -> None:
    class Counted(sm2.PublicKey):
        count = 0

        def verify_e(self, signature: bytes, e: bytes) -> None:
            Counted.count += 1
            super().verify_e(signature, e)

    keys = [Counted(PrivateKey.generate().public.point) for _ in range(16)]
    claim = hints.Claim(
        keys=keys,
        others=[(n, key) for n, key in enumerate(keys)],
        signature=DER,
        text=DER.hex(),
        form="der",
        output="hex",
        id="payer",
        message=bytes(32),
        message_text="00" * 32,
        encoding="hex",
        e=b"",
        about={},
    )
    assert hints.explain(claim).params["hint"] == "none"
    assert 0 < Counted.count <= hints.TRIES_MAX


@settings(max_examples=200)
@given(st.binary(max_size=80), st.sampled_from(["der", "raw"]))
def test_any_signature_bytes_are_refused_with_a_known_hint(signature: bytes, form: str) -> None:
    assert refusal(signature=signature.hex(), form=form).params["hint"] in HINTS
