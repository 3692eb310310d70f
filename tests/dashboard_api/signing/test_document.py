"""The document of the data operations: true of what the desk takes and gives."""

import json

import pytest
from fakes import site as signing_site
from fastapi.openapi.utils import get_openapi
from jsonschema import Draft202012Validator
from standin import StandIn

from dashboard_api.applications.model import Operation
from dashboard_api.signing.desk import DATA
from dashboard_api.signing.document import ENTRIES, paths, schemas, security_schemes
from dashboard_api.signing.document_examples import EXAMPLES

STATUSES = {"200", "401", "403", "404", "409", "410", "413", "422", "429", "503", "default"}
COMPONENTS = {"schemas": {**schemas(), "Problem": {"type": "object"}}}


def valid(value: object, schema: dict[str, object]) -> bool:
    whole = {**schema, "components": COMPONENTS}
    return Draft202012Validator(whole).is_valid(value)


def test_every_data_operation_is_described_once() -> None:
    assert {one.operation for one in ENTRIES} == DATA - {Operation.SIGN_E}
    assert len({one.path for one in ENTRIES}) == len(ENTRIES) == len(paths())


@pytest.mark.parametrize("path", sorted(paths()))
def test_examples_are_valid_by_their_own_schemas(path: str) -> None:
    operation = paths()[path]["post"]
    asked = operation["requestBody"]["content"]["application/json"]
    assert valid(asked["example"], asked["schema"])
    answered = operation["responses"]["200"]["content"]["application/json"]
    assert valid(answered["example"], answered["schema"])
    assert set(operation["responses"]) == STATUSES
    assert {name for one in operation["security"] for name in one} == set(security_schemes())


@pytest.mark.parametrize("path", ["verify", "digest"])
def test_examples_without_a_key_come_out_as_they_stand(path: str) -> None:
    asked, answered = EXAMPLES[path]
    operation = next(one.operation for one in ENTRIES if one.path == path)
    assert signing_site().ask(operation, **asked) == answered


def test_no_schema_is_named_like_another_of_the_api(site: StandIn) -> None:
    others = get_openapi(title="", version="", routes=site.app.api.routes)["components"]["schemas"]
    assert "Problem" in others
    assert not set(others) & set(schemas())


def test_what_a_struct_cannot_say_stands_in_the_schema() -> None:
    schema = {"$ref": "#/components/schemas/SignItem"}
    assert valid({"key": "receipt", "message": ""}, schema)
    assert not valid({"key": "receipt"}, schema)
    assert not valid({"key": "receipt", "message": "", "e": ""}, schema)
    assert not valid({"key": "Receipt", "message": ""}, schema)
    assert not valid({"key": "receipt", "message": "", "more": 1}, schema)


def test_the_answers_the_desk_gives_are_valid_by_the_document() -> None:
    at = signing_site()
    message = "aGVsbG8="
    sealed = at.ask(Operation.ENCRYPT, key="letters", plaintext=message)["ciphertext"]
    calls = [
        (Operation.SIGN, {"key": "receipt", "message": message}),
        (Operation.SIGN, {"key": "hashes", "e": "00" * 32, "encoding": "hex"}),
        (Operation.ENCRYPT, {"key": "vault", "plaintext": message}),
        (Operation.DECRYPT, {"key": "letters", "ciphertext": sealed}),
        (Operation.HMAC, {"key": "tag", "message": message}),
        (Operation.ENVELOPE_SIGN, {"key": "receipt", "message": message, "output": "pem"}),
        (Operation.TIMESTAMP, {"message": message}),
    ]
    for operation, item in calls:
        path = next(one.path for one in ENTRIES if one.operation is operation)
        content = paths()[f"/v1/crypto/{path}"]["post"]["responses"]["200"]["content"]
        schema = content["application/json"]["schema"]
        assert valid(at.ask(operation, **item), schema), operation
        many = json.loads(at.perform(operation, {"items": [item, {**item, **_broken(item)}]}).body)
        assert "error" in many["items"][1]
        assert valid(many, schema), operation


def _broken(item: dict[str, str]) -> dict[str, str]:
    field = next(name for name in ("message", "e", "plaintext", "ciphertext") if name in item)
    return {field: "%"}
