"""A push client is known by its token, which is kept as a digest and can be taken away."""

import pytest
from collected import Site

from collector.clients import CLIENTS_MAX, Client, Clients
from schema.errors import FengsuiError


@pytest.fixture
def clients(site: Site) -> Clients:
    return Clients(site.database, clock=site.clock, entropy=site.entropy)


def test_a_token_names_its_client(clients: Clients) -> None:
    token = clients.add("portal", "cert")
    assert clients.of_token(token) == Client(id="portal", unit="cert")
    assert clients.all() == [Client(id="portal", unit="cert")]


def test_a_new_token_replaces_the_old(clients: Clients) -> None:
    old = clients.add("portal", "cert")
    new = clients.add("portal", "cert")
    assert clients.of_token(new).id == "portal"
    with pytest.raises(FengsuiError, match="bearer token"):
        clients.of_token(old)


def test_a_revoked_client_is_refused(clients: Clients) -> None:
    token = clients.add("portal", "cert")
    clients.revoke("portal")
    with pytest.raises(FengsuiError) as caught:
        clients.of_token(token)
    assert caught.value.code == "collector.client.token_invalid"
    with pytest.raises(FengsuiError, match="no client"):
        clients.revoke("nobody")


def test_a_clients_id_is_a_plain_name(clients: Clients) -> None:
    with pytest.raises(FengsuiError) as caught:
        clients.add("a b", "cert")
    assert caught.value.code == "collector.client.name"


def test_one_client_too_many_is_refused_and_a_known_one_is_not(
    site: Site, clients: Clients
) -> None:
    clients.add("portal", "cert")
    rows = [(f"c{number}", b"%d" % number) for number in range(CLIENTS_MAX - 1)]
    site.database.write(
        lambda state: state.executemany(
            "INSERT INTO app_clients (id, unit, token_hash, created_at) VALUES (?, 'u', ?, 0)", rows
        )
    )
    with pytest.raises(FengsuiError, match="the most there may be"):
        clients.add("one-more", "cert")
    assert clients.of_token(clients.add("portal", "cert")).id == "portal"
