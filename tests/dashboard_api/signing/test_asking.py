"""Who asks for a managing operation, tried on a route of its own."""

import dataclasses
from typing import Annotated

import msgspec
import pytest
from fastapi import Depends, FastAPI
from standin import Browser

from dashboard_api import problem
from dashboard_api.access.principal import Principal, Scope
from dashboard_api.access.roles import Permission, Role
from dashboard_api.applications.model import Operation
from dashboard_api.context import Context
from dashboard_api.metrics import Metrics
from dashboard_api.signing.asking import Asker, Asking
from dashboard_api.signing.call import Admitted, Reply
from dashboard_api.signing.refusal import reply_to
from schema.errors import FengsuiError

TOKEN = {"Authorization": "Bearer fsk1.payments.x"}


class FakeSigning:
    """Admits what bears a token, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    async def call(self, operation, *, languages, authorization, key="", form="", **rest):
        self.asked.append((operation, rest["method"], rest["target"], key, rest["body"]))
        if "wrong" in authorization:
            error = FengsuiError("dashboard_api.scope.missing", "no", operation="x", key="y")
            return reply_to(1, error, languages)
        found = Admitted(application="payments", unit="tax", credential="0" * 16, key=key)
        return Reply(1, 200, msgspec.json.encode(found))


@pytest.fixture
def signing():
    return FakeSigning()


@pytest.fixture
def client(site, signing):
    api = FastAPI()
    services = dataclasses.replace(site.services, signing=signing)
    api.state.context = Context(services=services, metrics=Metrics(), root_path="")
    problem.install(api, ())
    asking = Asking(Permission.AUDIT_READ, Operation.KEYS_MANAGE, key="name")

    @api.post("/keys/{name}:rotate")
    @api.post("/keys")
    def rotate(asker: Annotated[Asker, Depends(asking)]) -> dict[str, str]:
        asker.must_hold("tax")
        return {"actor": asker.actor, "owner": asker.owner}

    return Browser(api)


def code(answer):
    return answer.status_code, answer.json()["code"]


def test_an_application_is_asked_about_the_key_of_the_path(client, signing):
    answer = client.post("/keys/receipt:rotate?now=1", headers=TOKEN, content=b"{}")
    assert answer.json() == {"actor": "application:payments", "owner": "payments"}
    target = "/keys/receipt:rotate?now=1"
    assert signing.asked == [(Operation.KEYS_MANAGE, "POST", target, "receipt", b"{}")]


def test_or_about_the_key_of_the_body(client, signing):
    client.post("/keys", headers=TOKEN, json={"key": "new", "use": "sign"})
    assert signing.asked[0][3] == "new"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"key": 5}', b"\xff"])
def test_a_body_without_a_key_asks_about_none(client, signing, body):
    assert client.post("/keys", headers=TOKEN, content=body).status_code == 200
    assert signing.asked[0][3] == ""


def test_what_the_signing_process_refuses_is_refused(client):
    answer = client.post("/keys", headers={"Authorization": "wrong"})
    assert code(answer) == (403, "dashboard_api.scope.missing")


def test_without_a_credential_the_session_counts(site, client, signing):
    assert code(client.post("/keys")) == (401, "dashboard_api.session.missing")
    officer = site.officer()
    cookies = {"Cookie": f"fengsui_session={officer.cookies['fengsui_session']}"}
    assert code(client.post("/keys", headers=cookies)) == (403, "dashboard_api.permission.missing")
    assert signing.asked == []


def test_a_credential_beside_a_session_is_the_one_that_counts(site, client):
    officer = site.officer()
    cookies = {"Cookie": f"fengsui_session={officer.cookies['fengsui_session']}"}
    answer = client.post("/keys", headers=cookies | TOKEN)
    assert answer.json()["owner"] == "payments"


def test_a_site_where_nobody_signs_says_so(site, client):
    context = client._app.state.context
    services = dataclasses.replace(context.services, signing=None)
    client._app.state.context = Context(services=services, metrics=Metrics(), root_path="")
    assert code(client.post("/keys", headers=TOKEN)) == (404, "dashboard_api.signing.absent")


def test_a_person_is_held_to_their_units():
    person = Principal(
        id="1",
        name="li",
        display_name="李",
        roles=frozenset({Role.OFFICER}),
        scope=Scope(("tax",)),
        must_set_password=False,
    )
    asker = Asker(person=person)
    asker.must_hold("tax")
    assert (asker.actor, asker.owner) == ("li", "")
    with pytest.raises(FengsuiError, match="unit"):
        asker.must_hold("social")
