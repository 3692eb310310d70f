"""Small services of the living exchange: they answer, stop for good, and reach who is there."""

from __future__ import annotations

import http.client
import random
import socket
from pathlib import Path

import pytest
from district.calendar import SECOND_US
from district.sharing.acts import Upload
from district.sharing.catalogue import ITEMS, ROW_LIMIT
from district.sharing.exchange import Answer
from district.sharing.parties import Parties
from district.sharing.system import UPLOADS
from district.stream import Sink
from district.town import Town, citizen_number
from living.clock import Clock

pytest.importorskip("pg8000", reason="pg8000 is not installed (range/README.md)")

from living.serving import Call, Given, Service
from living.sharing import content, node
from living.sharing.targets import Targets
from living.sharing.uploads import Uploads

AT = 1_794_900_000 * SECOND_US
HERE = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


def echo(call: Call) -> Given | None:
    if call.target == "/break":
        return None
    if call.target == "/fail":
        raise ZeroDivisionError
    return Given(status=200, body=b"%s %s from %s" % (
        call.method.encode(), call.body, call.address.encode()
    ))  # fmt: skip


def _again(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/", body=b"text")
    connection.getresponse()


def test_a_service_answers_on_one_connection_until_it_is_stopped() -> None:
    service = Service(HERE, free_port(), echo)
    service.start()
    connection = http.client.HTTPConnection(HERE, service.port, timeout=5)
    try:
        for _ in range(2):
            connection.request("POST", "/", body=b"text")
            assert connection.getresponse().read() == b"POST text from 127.0.0.1"
        service.stop()
        # What was connected is broken off, and nobody listens any more.
        with pytest.raises((OSError, http.client.HTTPException)):
            _again(connection)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HERE, service.port), timeout=5)
        service.start()
        connection.close()
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"GET  from 127.0.0.1"
    finally:
        connection.close()
        service.stop()


def test_a_defect_is_kept_and_a_broken_answer_is_none() -> None:
    service = Service(HERE, free_port(), echo)
    service.start()
    try:
        connection = http.client.HTTPConnection(HERE, service.port, timeout=5)
        connection.request("GET", "/fail")
        assert connection.getresponse().status == 500
        assert [type(error) for error in service.troubles] == [ZeroDivisionError]
        connection.close()
        connection.request("GET", "/break")
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()
    finally:
        service.stop()


def answer(fields: tuple[str, ...], rows: int, code: int = 0) -> Answer:
    size = 96 + rows * (40 + 36 * len(fields))
    return Answer(status=200, size=size, rows=rows, fields=fields, code=code, message="OK", line="")


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.service)
@pytest.mark.parametrize("rows", [0, 1, ROW_LIMIT])
def test_an_answer_has_the_size_that_the_log_tells_and_is_read_back(
    item: object, rows: int
) -> None:
    dice = random.Random(1)
    for fields in (item.fields, item.approved, item.approved[:2]):
        given = answer(fields if rows else (), rows)
        body = content.body(given, [citizen_number(dice) for _ in range(rows)])
        assert len(body) == given.size
        told = content.read(200, body)
        assert (told.code, told.rows, told.fields) == (0, rows, given.fields)


def test_a_page_of_the_gateway_itself_is_an_error_to_the_caller() -> None:
    told = content.read(502, b"<html>502 Bad Gateway</html>")
    assert (told.code, told.message, told.rows) == (502, "HTTP_502", 0)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_call_back_is_fetched_from_whoever_is_there(tmp_path: Path, scheme: str) -> None:
    targets = Targets(tmp_path)
    url = f"{scheme}://{HERE}:{free_port()}/done"
    with targets.at(url, HERE):
        assert node.fetched(url, HERE, source=HERE)
    assert targets.reached == 1
    assert not node.fetched(url, HERE, source=HERE)


def test_where_a_server_listens_already_it_is_that_one_which_is_fetched(tmp_path: Path) -> None:
    targets = Targets(tmp_path)
    seen: list[str] = []

    def answer(call: Call) -> Given:
        seen.append(call.target)
        return Given(status=200, body=b"keys")

    service = Service(HERE, free_port(), answer)
    service.start()
    try:
        url = f"http://{HERE}:{service.port}/admin/keys"
        with targets.at(url, HERE):
            assert node.fetched(url, HERE, source=HERE)
    finally:
        service.stop()
    assert (seen, targets.reached) == (["/admin/keys"], 0)


def uploaded(folder: Path, *acts: Upload) -> list[dict[str, object]]:
    sink, protected = Sink(), Parties(Town(1)).protected
    uploads = Uploads(folder, protected=protected, clock=Clock(AT), sink=sink)
    try:
        for act in acts:
            uploads.hand_in(act)
    finally:
        uploads.stop()
    assert all(line.stream == UPLOADS for line in sink.lines)
    return [dict(line.text) for line in sink.lines if isinstance(line.text, dict)]


def upload(name: str, head: str, content: str = "1/ab") -> Upload:
    return Upload(user="wei.li", unit="110099001", name=name, head=head, content=content)


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pdf"])
def test_a_marking_in_a_real_file_is_found_and_the_file_isolated(tmp_path: Path, name: str
                                                                 ) -> None:  # fmt: skip
    (event,) = uploaded(tmp_path, upload(name, "机密★10年 关于有关工作部署的通知"))
    assert (event["event.action"], event["event.reason"]) == ("file_refused", "classified_marking")
    assert "机密★10年" in str(event["message"])
    assert str(event["file.path"]).startswith(str(tmp_path / "isolated"))
    assert str(event["@timestamp"]).startswith("2026-11-17T07:20:0")


def test_plain_papers_pass_and_a_protected_file_does_not(tmp_path: Path) -> None:
    names = ("application.pdf", "minutes.docx", "list.xlsx", "scan-01.jpg")
    events = uploaded(
        tmp_path,
        *(upload(name, "保密工作责任制学习材料：机密、秘密的区别。") for name in names),
        upload("attachment-0.docx", "附件材料", "classified file 3"),
    )
    assert [one["event.action"] for one in events] == ["file_uploaded"] * 4 + ["file_refused"]
    assert all(int(str(one["file.size"])) > 20_000 for one in events[:4])
    assert events[4]["event.reason"] == "protected_file"
