"""The pages behind the gateway: a question with a quote reaches the database, an honest one not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from district.sharing import gateway
from district.sharing.catalogue import HIDDEN, LATER, OLD
from district.sharing.gateway import ANSWER_BYTES, SEARCH
from district.town import Town

if TYPE_CHECKING:
    from living.sharing.pages import Pages

pytestmark = pytest.mark.service
TRIED = (
    f"{SEARCH}?name=%27+or+%271%27%3D%271&n=0",
    f"{SEARCH}?name=%27+and+sleep(3)--&n=1",
    f"{SEARCH}?name=%27%20or%201%3D1&n=2",
)
HONEST = tuple(
    f"{SEARCH}?{asked}"
    for asked in (
        "name=O%27Brien", "name=Union+Selected+Goods", "q=order+by+phone", "q=sleep+aid",
    )
)  # fmt: skip
DUMP = f"{SEARCH}?name=x%27+union+all+select+name,id_no,phone+from+person--0"


@pytest.fixture(scope="module")
def pages(postgres_port: int) -> Iterator[Pages]:
    import pg8000.dbapi
    from living.sharing.pages import Pages

    def connect(database: str) -> pg8000.dbapi.Connection:
        return pg8000.dbapi.connect(
            user="postgres", host="127.0.0.1", port=postgres_port, database=database
        )

    with contextlib.closing(connect("postgres")) as admin:
        admin.autocommit = True
        admin.cursor().execute("drop database if exists sharing_pages")
        admin.cursor().execute("create database sharing_pages")
    with contextlib.closing(connect("sharing_pages")) as connection:
        yield Pages("127.0.0.1", connection, Town(1))


def asked(pages: Pages, uri: str) -> tuple[int, int]:
    from living.serving import Call

    given = pages.answer(Call(method="GET", target=uri, headers={}, body=b"", address="10.30.1.25"))
    assert given is not None
    return given.status, len(given.body)


@pytest.mark.parametrize("uri", [*TRIED, *HONEST])
def test_the_search_fails_and_answers_as_the_generated_one_says(pages: Pages, uri: str) -> None:
    assert asked(pages, uri) == gateway.answer(uri)


def test_a_union_really_returns_the_table(pages: Pages) -> None:
    status, size = asked(pages, DUMP)
    assert status == 200
    said = gateway.answer(DUMP)[1]
    assert ANSWER_BYTES < said * 0.9 < size < said * 1.1


@pytest.mark.parametrize("uri", [
    f"{OLD[0]}?page=1", HIDDEN[0], LATER[3], "/console/index.html", "/console/help.html",
    "/healthz",
])  # fmt: skip
def test_old_hidden_and_listed_pages_are_served_in_their_size(pages: Pages, uri: str) -> None:
    assert asked(pages, uri) == gateway.answer(uri)


def test_a_node_that_is_being_restarted_breaks_off(pages: Pages) -> None:
    from living.serving import Call

    call = Call(method="GET", target=f"{SEARCH}?debug=fail", headers={}, body=b"", address="")
    assert pages.answer(call) is None


def test_nothing_can_be_written_through_the_search(pages: Pages) -> None:
    uri = f"{SEARCH}?name=x%27;+delete+from+person--"
    assert asked(pages, uri)[0] == 500
    assert asked(pages, DUMP)[1] > ANSWER_BYTES
