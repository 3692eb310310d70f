"""Applications ask on a Unix socket; every answer is an event, sealed without the text."""

from __future__ import annotations

import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import crafted
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import sm3
from schema import times
from schema.batch import Position
from schema.errors import FengsuiError
from sensors.mask import CLASSIFIED, MARKING_RULE, Masker
from sensors.upload import Answer, Checker, Protected, Question, UploadSource, ask, protocol

NOW = times.from_text("2026-11-26T02:00:00.000000Z")
CITIZEN = "350502199003071236"


class Desk:
    """A source that listens in a folder, and the application beside it."""

    def __init__(self, folder: Path, **limits: float) -> None:
        self.folder = folder
        (folder / "uploads").mkdir()
        self.socket = folder / "run" / "upload.sock"
        checker = Checker(Protected(None), isolate=folder / "isolated",
                          folders=[folder / "uploads"])  # fmt: skip
        self.source = UploadSource(
            "upload", self.socket, checker, host="web-01", now=lambda: NOW, **limits
        )
        self.source.poll(0)

    def put(self, content: bytes, name: str = "7.docx") -> str:
        path = self.folder / "uploads" / name
        path.write_bytes(content)
        return str(path)

    def ask(self, content: bytes, **more: str) -> Answer:
        said = {"user": "c000001", "app": "portal", "matter": "M-101", "unit": "110099001"}
        return ask(self.socket, Question(file=self.put(content), **(said | more)), seconds=20)

    def send(self, raw: bytes) -> list[Answer]:
        with socket.socket(socket.AF_UNIX) as application:
            application.settimeout(20)
            application.connect(str(self.socket))
            application.sendall(raw)
            application.shutdown(socket.SHUT_WR)
            with application.makefile("rb") as lines:
                return [msgspec.json.decode(line, type=Answer) for line in lines]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.source.stop()


def test_an_allowed_upload_is_an_event(desk: Desk) -> None:
    content = crafted.word(crafted.PLAIN)
    digest = sm3.digest(content).hex()
    assert desk.ask(content, name="通知.docx") == Answer(allow=True, sm3=digest)
    polled = desk.source.poll(10)
    assert polled.places == [("stream", 0)]
    assert polled.events == [
        {
            "@timestamp": "2026-11-26T02:00:00.000000Z",
            "event.action": "file_uploaded",
            "event.dataset": "upload.scan",
            "event.outcome": "success",
            "file.hash.sm3": digest,
            "file.name": "通知.docx",
            "file.path": str(desk.folder / "uploads" / "7.docx"),
            "file.size": len(content),
            "gov.app.id": "portal",
            "gov.matter.code": "M-101",
            "host.name": "web-01",
            "organization.id": "110099001",
            "user.id": "c000001",
        }
    ]


def test_a_refused_upload_is_sealed_without_its_text(desk: Desk) -> None:
    content = crafted.word("关于某事的报告 " + crafted.MARKED)
    answer = desk.ask(content, name=f"{CITIZEN}的材料.docx")
    assert (answer.allow, answer.reason) == (False, "classified_marking")
    (fields,) = events = list(desk.source.poll(10).events)
    Masker(bytes(32)).mask(events)
    assert fields["event.action"] == "file_refused"
    assert fields["event.outcome"] == "failure"
    assert fields["event.reason"] == "classified_marking"
    assert fields["file.path"] == str(desk.folder / "isolated" / answer.sm3)
    assert fields["message"] == CLASSIFIED
    assert fields["gov.mask.rule"] == MARKING_RULE
    hidden = "关于某事的报告 " + crafted.MARKED + "\n"
    assert fields["gov.mask.length"] == len(hidden)
    assert fields["gov.mask.hmac"] == sm3.hmac(bytes(32), hidden.encode()).hex()
    told = str(fields)
    assert "秘密" not in told
    assert "报告" not in told
    assert CITIZEN not in told


def test_a_check_that_was_not_done_is_said_in_the_event(desk: Desk) -> None:
    assert not desk.ask(b"PK\x03\x04 broken").allow
    (fields,) = desk.source.poll(10).events
    assert fields["event.action"] == "file_refused"
    assert fields["event.reason"] == "not_checked:damaged"


def test_the_counter_is_dense_and_goes_on_after_a_restart(desk: Desk) -> None:
    desk.source.restore(Position(generation="stream", offset=41))
    for _ in range(3):
        desk.ask(b"text")
    first, second = desk.source.poll(2), desk.source.poll(2)
    assert [*first.places, *second.places] == [("stream", 41), ("stream", 42), ("stream", 43)]
    assert second.position == Position(generation="stream", offset=44)
    assert (first.at_end, second.at_end) == (False, True)
    assert first.watermark <= NOW


def test_one_connection_may_ask_again_and_again(desk: Desk) -> None:
    line = protocol.write(Question(file=desk.put(b"text"), user="c1", app="portal"))
    assert [one.allow for one in desk.send(line * 5)] == [True] * 5


@pytest.mark.parametrize(
    "raw",
    [
        b"\n",
        b"{}\n",
        b'{"file": "/a", "user": "u", "app": "a", "more": 1}\n',
        b'{"file": "a", "user": "u", "app": "a"}\n',
        b'{"file": "/a\\u0000b", "user": "u", "app": "a"}\n',
        b'{"file": "/a", "user": "u", "app": "a"}',
        b"x" * (protocol.LINE_BYTES_MAX + 5),
        b"[" * 10_000 + b"\n",
    ],
)
def test_what_is_no_question_is_answered_so_and_counted(raw: bytes, desk: Desk) -> None:
    (answer,) = desk.send(raw)
    assert answer.error
    assert not answer.allow
    polled = desk.source.poll(10)
    assert not polled.events
    assert polled.troubles == {"questions_refused": 1}


def test_an_answer_that_cannot_be_recorded_is_a_refusal(tmp_path: Path) -> None:
    desk = Desk(tmp_path, events_max=1, room_seconds=0.05)
    try:
        assert desk.ask(b"text").allow
        answer = desk.ask(b"text")
        assert (answer.allow, answer.reason) == (False, "not_checked:not_recorded")
        polled = desk.source.poll(10)
        assert len(polled.events) == 1
        assert polled.troubles == {"events_lost": 1}
    finally:
        desk.source.stop()


def test_the_socket_is_for_its_group_and_goes_with_the_source(desk: Desk) -> None:
    assert stat.S_IMODE(desk.socket.stat().st_mode) == 0o660
    desk.ask(b"text")
    desk.source.stop()
    assert not desk.socket.exists()
    assert len(desk.source.poll(10).events) == 1
    with pytest.raises(FengsuiError, match="is the sensor running"):
        desk.ask(b"text")


def test_a_connection_that_asks_nothing_does_not_hold_the_stop(desk: Desk) -> None:
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(str(desk.socket))
        desk.ask(b"text")
        stopping = threading.Thread(target=desk.source.stop)
        stopping.start()
        stopping.join(10)
        assert not stopping.is_alive()


def other(path: Path) -> UploadSource:
    checker = Checker(Protected(None), isolate=None)
    return UploadSource("upload", path, checker, host="web-01", now=lambda: NOW)


def test_the_socket_of_a_killed_sensor_is_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / "s"))
    source = other(tmp_path / "s")
    source.poll(1)
    source.stop()


def test_neither_another_service_nor_a_file_is_removed(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(FengsuiError, match="another service listens there"):
        other(desk.socket)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FengsuiError, match="is no socket"):
        other(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@given(st.binary(max_size=300))
def test_any_line_is_a_question_or_an_error(line: bytes) -> None:
    try:
        question = protocol.parse(line)
    except FengsuiError as error:
        if error.code != "sensors.upload.question":
            raise
    else:
        assert protocol.parse(protocol.write(question)) == question


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)


@given(user=WORDS, app=WORDS, name=WORDS, rest=st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=500))  # fmt: skip
def test_every_question_survives_its_line(user: str, app: str, name: str, rest: str) -> None:
    question = Question(file=f"/{rest}", user=user, app=app, name=name)
    line = protocol.write(question)
    assert line.count(b"\n") == 1
    assert len(line) <= protocol.LINE_BYTES_MAX
    assert protocol.parse(line) == question
