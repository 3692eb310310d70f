"""Authorization headers: read exactly, refused otherwise, and the text that is signed."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crypto import sm3
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey, PublicKey, signature_from_raw
from dashboard_api.applications.model import ID
from dashboard_api.signing.authorization import (
    AUTHORIZATION_CHARS_MAX,
    DOMAIN,
    BearerToken,
    SignedRequest,
    application_of,
    parse,
    signed_text,
    token_hash,
)
from schema.errors import FengsuiError

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/signing/requests.json").read_text("utf-8")
)
REQUESTS = pytest.mark.parametrize("request_", VECTORS["requests"], ids=lambda one: one["comment"])
TOKEN = "A" * 43
APPLICATIONS = st.from_regex(ID, fullmatch=True)
NONCES = st.from_regex(r"[A-Za-z0-9_-]{16,64}", fullmatch=True)
SIGNED = st.builds(
    SignedRequest,
    APPLICATIONS,
    st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    st.integers(1, 9_999_999_999),
    NONCES,
    st.binary(min_size=64, max_size=64),
)


def header(shown: SignedRequest) -> str:
    return (
        f"Fengsui-SM2 credential={shown.credential},timestamp={shown.timestamp},"
        f"nonce={shown.nonce},signature={base64.b64encode(shown.signature).decode()}"
    )


GOOD = header(SignedRequest("payments", "0123456789abcdef", 1795651200, "n" * 16, b"\1" * 64))


def refusal(authorization: str) -> str:
    with pytest.raises(FengsuiError) as caught:
        parse(authorization)
    assert application_of(authorization) == ""
    return caught.value.code


@settings(deadline=None)
@given(
    st.text()
    | st.builds("Bearer {}".format, st.text())
    | st.builds("Bearer fsk1.{}.{}".format, st.text(), st.text(min_size=43, max_size=43))
    | st.builds("Fengsui-SM2 credential={}".format, st.text())
    | st.builds(
        "Fengsui-SM2 credential=a.{:016x},timestamp={},nonce={},signature={}".format,
        st.integers(0, 2**64 - 1),
        st.integers() | st.text(),
        st.text(),
        st.text(),
    )
)
@example("Bearer fsk1.a." + "٣" * 43)
@example(GOOD + "\n")
def test_any_text_is_read_or_refused_by_a_code(text: str) -> None:
    named = application_of(text)
    if named:
        assert parse(text).application == named
        return
    with pytest.raises(FengsuiError) as caught:
        parse(text)
    assert caught.value.code == f"dashboard_api.credential.{'malformed' if text else 'missing'}"
    # What was sent may be a secret with a slip in it.
    assert caught.value.params.get("scheme", "") in ("", "bearer", "fengsui-sm2")


@settings(deadline=None)
@given(SIGNED)
def test_a_signed_header_reads_back_as_what_was_written(shown: SignedRequest) -> None:
    assert parse(header(shown)) == shown
    assert application_of(header(shown)) == shown.application
    assert len(header(shown)) <= AUTHORIZATION_CHARS_MAX


@settings(deadline=None)
@given(APPLICATIONS)
def test_a_token_reads_back_with_the_application_it_names(application: str) -> None:
    token = f"fsk1.{application}.{TOKEN}"
    assert parse(f"Bearer {token}") == BearerToken(application, token)


def test_the_scheme_may_stand_in_either_case_and_nothing_else_may() -> None:
    assert parse(f"bearer fsk1.a.{TOKEN}") == BearerToken("a", f"fsk1.a.{TOKEN}")
    assert parse(GOOD.replace("Fengsui-SM2", "FENGSUI-sm2")) == parse(GOOD)
    assert refusal(f"Bearer FSK1.a.{TOKEN}") == "dashboard_api.credential.malformed"


def test_the_longest_header_is_read_and_one_character_more_is_not() -> None:
    longest = header(SignedRequest("a" * 24, "0" * 16, 9_999_999_999, "n" * 64, b"\1" * 64))
    assert isinstance(parse(longest), SignedRequest)
    assert len(longest) == AUTHORIZATION_CHARS_MAX - 1
    assert refusal(longest.replace("nonce=n", "nonce=nn")) == "dashboard_api.credential.malformed"


@pytest.mark.parametrize(
    "changed",
    [GOOD[:cut] for cut in range(1, len(GOOD))]
    + [
        GOOD + "=",
        GOOD + "\n",
        " " + GOOD,
        GOOD.replace(",", ", "),
        GOOD.replace(" ", "  "),
        GOOD.replace("timestamp=1", "timestamp=01"),
        GOOD.replace("timestamp=1", "timestamp=-1"),
        GOOD.replace("timestamp=1", "timestamp=１"),
        GOOD.replace("abcdef", "ABCDEF"),
        GOOD.replace("payments", "Payments"),
        GOOD.replace("payments", "a" * 25),
        GOOD.replace("nonce=n", "nonce="),
        GOOD.replace("nonce=n", "nonce=+"),
        GOOD.replace("AQ==", "AR=="),
        GOOD.replace("timestamp", "Timestamp"),
        GOOD + "," + GOOD.partition(" ")[2],
    ],
)
def test_a_header_with_one_thing_wrong_is_malformed(changed: str) -> None:
    assert refusal(changed) == "dashboard_api.credential.malformed"


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {TOKEN}",
        f"Bearer fsk1.{TOKEN}",
        f"Bearer fsk1.a.{TOKEN[1:]}",
        f"Bearer fsk1.a.{TOKEN}A",
        f"Bearer fsk2.a.{TOKEN}",
        f"Bearer fsk1.a.b.{TOKEN}",
        "Basic YTpi",
    ],
)
def test_a_token_of_another_form_is_malformed(authorization: str) -> None:
    assert refusal(authorization) == "dashboard_api.credential.malformed"


def test_a_token_shows_itself_in_no_representation() -> None:
    assert TOKEN not in repr(parse(f"Bearer fsk1.a.{TOKEN}"))


PARTS = st.fixed_dictionaries(
    {
        "method": st.from_regex(r"[A-Z]{1,8}", fullmatch=True),
        "target": st.from_regex(r"/[!-~]{0,40}", fullmatch=True),
        "timestamp": st.integers(1, 9_999_999_999),
        "nonce": NONCES,
        "credential": st.from_regex(r"[a-z]{1,24}\.[0-9a-f]{16}", fullmatch=True),
        "body": st.binary(max_size=40),
    }
)


def text_of(parts: dict) -> bytes:
    named = dict(parts)
    return signed_text(named.pop("method"), named.pop("target"), **named)


@settings(deadline=None)
@given(PARTS, PARTS)
def test_two_requests_that_differ_anywhere_have_different_texts(one: dict, other: dict) -> None:
    assert (text_of(one) == text_of(other)) == (one == other)
    for part in one:
        assert (text_of(one | {part: other[part]}) == text_of(one)) == (one[part] == other[part])


@settings(deadline=None)
@given(PARTS, st.sampled_from(["method", "target"]), st.text(min_size=1))
@example(
    {"method": "GET", "target": "/", "timestamp": 1, "nonce": "", "credential": "", "body": b""},
    "target",
    "/\n1",
)
def test_no_part_can_pass_for_the_next_line(parts: dict, part: str, text: str) -> None:
    if all("!" <= character <= "~" for character in text):
        lines = text_of(parts | {part: text}).split(b"\n")
        assert len(lines) == 7
        assert text.encode() in lines
        return
    with pytest.raises(FengsuiError) as caught:
        text_of(parts | {part: text})
    assert caught.value.code == "dashboard_api.target.malformed"


@REQUESTS
def test_a_vector_has_the_text_and_header_that_are_made_here(request_: dict) -> None:
    text = signed_text(
        request_["method"],
        request_["target"],
        timestamp=request_["timestamp"],
        nonce=request_["nonce"],
        credential=VECTORS["credential"],
        body=request_["body"].encode(),
    )
    assert text.decode() == request_["text"]
    shown = parse(request_["authorization"])
    assert isinstance(shown, SignedRequest)
    assert (shown.credential, shown.nonce) == (VECTORS["credential"], request_["nonce"])
    assert base64.b64encode(shown.signature).decode() == request_["signature"]


@REQUESTS
def test_a_vectors_signature_is_one_of_its_key_over_its_text(request_: dict) -> None:
    key = PublicKey(bytes.fromhex(VECTORS["public"]))
    text = request_["text"].encode()
    der = signature_from_raw(base64.b64decode(request_["signature"]))
    assert VECTORS["id"] == DOMAIN
    assert key.key_id == VECTORS["key_id"]
    assert key.digest(text, domain=DOMAIN).hex() == request_["e"]
    assert sm3.digest(bytes.fromhex(VECTORS["z"]) + text).hex() == request_["e"]
    key.verify(der, text, domain=DOMAIN)
    with pytest.raises(CryptoError):
        key.verify(der, text + b"\n", domain=DOMAIN)


def test_the_vectors_key_is_the_one_that_stands_there() -> None:
    key = PrivateKey.from_scalar(bytes.fromhex(VECTORS["private"]))
    assert key.public.point.hex() == VECTORS["public"]


def test_the_vectors_token_is_kept_as_the_sm3_of_its_whole_text() -> None:
    bearer = VECTORS["bearer"]
    shown = parse(bearer["authorization"])
    assert shown == BearerToken(VECTORS["application"], bearer["token"])
    assert token_hash(bearer["token"]).hex() == bearer["sm3"]
    assert bearer["sm3"][:16] == bearer["credential"]
