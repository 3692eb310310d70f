"""Bodies: read strictly, refused whole with the place and what to send, never with the content."""

import json

import pytest
from fakes import site
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.applications.model import Operation
from dashboard_api.signing.bodies import Body
from dashboard_api.signing.call import BODY_BYTES_MAX, ITEMS_MAX
from dashboard_api.signing.items import EncryptItem, EnvelopeSealItem, SignItem, VerifyItem
from dashboard_api.signing.problems import problem_of
from dashboard_api.statuses import status_of
from schema.errors import FengsuiError

SIGN = Body(SignItem)
SECRET = "hunter2hunter2"


def refused(body: bytes, reader: Body = SIGN) -> FengsuiError:
    with pytest.raises(FengsuiError) as caught:
        reader.read(body)
    assert SECRET not in str(caught.value) + json.dumps(caught.value.params)
    return caught.value


@pytest.mark.parametrize(
    ("body", "reason", "where"),
    [
        (b"", "json", "body"),
        (b"{", "json", "body"),
        (b'{"key":"receipt","message":"hunter2hunter2"', "json", "body"),
        (b'{"key":"receipt"} x', "json", "body"),
        (b'{"key":"\xff"}', "json", "body"),
        (b'{"\xff":1}', "json", "body"),
        (b"\xef\xbb\xbf{}", "json", "body"),
        (b'{"items":' + b"[" * 100_000, "json", "body"),
        (b"[]", "type", "body"),
        (b'"hunter2hunter2"', "type", "body"),
        (b"{}", "missing", "key"),
        (b'{"key":"receipt","mesage":"hunter2hunter2"}', "unknown_field", "mesage"),
        (b'{"key":"receipt","hunter2hunter2":1}', "unknown_field", "?"),
        (b'{"key":"receipt","message":7}', "type", "message"),
        (b'{"key":"receipt","message":null}', "type", "message"),
        (b'{"key":"receipt","form":"hunter2hunter2"}', "value", "form"),
        (b'{"key":"Hunter2","message":""}', "name", "key"),
        (b'{"key":"a.b.c","message":""}', "name", "key"),
        (b'{"key":"receipt","id":"","message":""}', "length", "id"),
        (b'{"items":[{"key":"a"},{"key":1}]}', "type", "items[1].key"),
        (b'{"items":[{"key":"a"},{}]}', "missing", "items[1].key"),
        (b'{"items":7}', "type", "items"),
        (b'{"items":[7]}', "type", "items[0]"),
        (b'{"items":[]}', "empty", "items"),
        (b'{"items":[{"key":"a"}],"key":"a"}', "unknown_field", "key"),
    ],
)
def test_a_body_of_another_form_is_refused_with_its_place(
    body: bytes, reason: str, where: str
) -> None:
    error = refused(body)
    assert error.code == "dashboard_api.call.malformed"
    assert (error.params["reason"], error.params["where"]) == (reason, where)
    assert status_of(error.code) == 422
    assert problem_of(error, "zh").detail != problem_of(error, "en").detail


def test_limits_of_numbers_and_lists_are_told() -> None:
    error = refused(b'{"signature":"","version":0}', Body(VerifyItem))
    assert (error.params["reason"], error.params["expected"]) == ("range", ">= 1")
    error = refused(b'{"recipients":[],"message":""}', Body(EnvelopeSealItem))
    assert (error.params["reason"], error.params["expected"]) == ("length", ">= 1")


def test_too_many_items_or_bytes_are_refused() -> None:
    items = [{"key": "a", "message": ""}] * (ITEMS_MAX + 1)
    error = refused(json.dumps({"items": items}).encode())
    assert (error.code, status_of(error.code)) == ("dashboard_api.call.too_many", 413)
    assert len(SIGN.read(json.dumps({"items": items[1:]}).encode())) == ITEMS_MAX
    assert refused(bytes(BODY_BYTES_MAX + 1)).code == "dashboard_api.call.too_many"


def test_a_key_or_message_called_items_is_one_item() -> None:
    assert SIGN.read(b'{"key":"items","message":""}') == SignItem(key="items", message="")
    body = json.dumps({"plaintext": '"items"', "key": "items"}).encode()
    assert Body(EncryptItem).read(body) == EncryptItem(key="items", plaintext='"items"')


@given(st.text(max_size=30))
def test_what_is_not_base64_or_hexadecimal_is_refused_without_being_repeated(text: str) -> None:
    at = site()
    for encoding in ("base64", "hex"):
        item = {"key": "receipt", "message": f"%{SECRET}{text}", "encoding": encoding}
        with pytest.raises(FengsuiError) as caught:
            at.perform(Operation.SIGN, item)
        assert caught.value.params["reason"] == encoding
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", ["AA", "AA=", "A A=", "AA==\n", "_-==", "AA==AA==", "ＡＡ=="])
def test_base64_is_read_in_one_way_only(text: str) -> None:
    with pytest.raises(FengsuiError):
        site().ask(Operation.DIGEST, message=text)


@pytest.mark.parametrize("text", ["0", "0g", "00 00", "0x00", "００", "00\n"])
def test_hexadecimal_is_read_in_one_way_only(text: str) -> None:
    with pytest.raises(FengsuiError):
        site().ask(Operation.DIGEST, message=text, encoding="hex")
