"""A gateway is known by its own token, which is changed without a stop and taken back at once."""

import pytest

from collector.state.database import Database
from dashboard_api.grants import gateways as module
from dashboard_api.grants.gateways import OVERLAP_US, Gateways
from schema.errors import FengsuiError


class Clock:
    at = 1_000_000

    def now(self):
        return self.at


class Entropy:
    def __init__(self):
        self.taken = 0

    def take(self, size):
        self.taken += 1
        return bytes([self.taken]) * size


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "state")
    yield opened
    opened.close()


@pytest.fixture
def gateways(database, clock):
    return Gateways(database, clock=clock, entropy=Entropy())


def refused(code, act, *given, **named):
    with pytest.raises(FengsuiError) as caught:
        act(*given, **named)
    return caught.value.code == f"dashboard_api.gateway.{code}"


def test_a_gateway_is_found_by_its_token_and_asks_about_nothing_at_first(gateways):
    found = gateways.of_token(gateways.add("apisix", "data"))
    assert (found.id, found.unit, found.services) == ("apisix", "data", ())
    assert not found.may_ask("marriage")


def test_its_services_hold_from_the_next_question_on(gateways):
    token = gateways.add("apisix", "data", ["births"])
    gateways.set_services("apisix", ["marriage", "marriage"])
    found = gateways.of_token(token)
    assert found.services == ("marriage",)
    assert (found.may_ask("marriage"), found.may_ask("births")) == (True, False)
    gateways.set_services("apisix", ["*"])
    assert gateways.of_token(token).may_ask("births")


def test_after_a_rotation_the_old_token_holds_for_an_hour_and_never_longer(gateways, clock):
    old = gateways.add("apisix", "data")
    new = gateways.rotate("apisix")
    clock.at += OVERLAP_US - 1
    assert gateways.of_token(old).id == gateways.of_token(new).id == "apisix"
    clock.at += 1
    assert refused("token_invalid", gateways.of_token, old)
    assert gateways.of_token(new).id == "apisix"


def test_a_token_in_wrong_hands_ends_at_once(gateways):
    old = gateways.add("apisix", "data")
    gateways.rotate("apisix", at_once=True)
    assert refused("token_invalid", gateways.of_token, old)


def test_a_revoked_gateway_is_believed_by_no_token_and_stays_revoked(gateways):
    old = gateways.add("apisix", "data")
    new = gateways.rotate("apisix")
    assert gateways.revoke("apisix").revoked_at
    assert refused("token_invalid", gateways.of_token, old)
    assert refused("token_invalid", gateways.of_token, new)
    assert refused("revoked", gateways.rotate, "apisix")
    assert refused("revoked", gateways.set_services, "apisix", ["*"])
    assert refused("revoked", gateways.revoke, "apisix")
    assert refused("exists", gateways.add, "apisix", "data")


def test_the_token_is_nowhere_in_the_file(gateways, database):
    token = gateways.add("apisix", "data")
    database.close()
    assert token.rpartition(".")[2].encode() not in database.path.read_bytes()


def test_another_process_reads_what_stands_there(gateways, database, clock):
    token = gateways.add("apisix", "data")
    assert Gateways(database, clock=clock, entropy=Entropy()).of_token(token).id == "apisix"


def test_an_unfit_id_too_many_gateways_and_unfit_services_are_refused(gateways, monkeypatch):
    assert refused("name", gateways.add, "Kong!", "data")
    assert refused("services", gateways.add, "kong", "data", ["*", "births"])
    assert refused("unknown", gateways.rotate, "kong")
    monkeypatch.setattr(module, "GATEWAYS_MAX", 1)
    gateways.add("apisix", "data")
    assert refused("too_many", gateways.add, "kong", "data")
