"""Enrolment of a sensor against a platform that checks what it is sent."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from crypto import sm2, sm3
from schema.errors import FengsuiError
from sensors import enrol
from sensors.transport import Answer

RECEIPT_KEY = sm2.PrivateKey.generate().public
TOKEN = "one-time-token"


class Platform:
    """Enrols whoever proves to hold the key, once a token."""

    def __init__(self) -> None:
        self.enrolment = 0
        self.last_batch = 0
        self.refuse_with = ""
        self.down = False
        self.keys: list[str] = []

    def post(self, path: str, body: bytes, *, media_type: str) -> Answer:
        if self.down:
            raise ConnectionRefusedError("nobody listens")
        assert (path, media_type) == ("v1/enrolments", "application/json")
        asked = msgspec.json.decode(body, type=dict[str, str])
        key = sm2.PublicKey.from_point(bytes.fromhex(asked["public_key"]))
        message = (
            f'{{"name":"{asked["name"]}","public_key":"{asked["public_key"]}",'
            f'"token_sm3":"{sm3.digest(TOKEN.encode()).hex()}","unit":"{asked["unit"]}"}}'
        )
        key.verify(bytes.fromhex(asked["proof"]), message.encode(), domain="fengsui/enrolment/1")
        if self.refuse_with:
            refusal = {"code": self.refuse_with, "detail": "the token is used", "status": 401}
            return Answer(status=401, body=msgspec.json.encode(refusal))
        self.enrolment += 1
        self.keys.append(asked["public_key"])
        answer = {
            "sensor": asked["name"],
            "enrolment": self.enrolment,
            "realm": "duty",
            "receipt_public_key": RECEIPT_KEY.point.hex(),
            "last_batch": self.last_batch,
        }
        return Answer(status=201, body=msgspec.json.encode(answer))

    def close(self) -> None:
        pass


def enrolled(platform: Platform, folder: Path) -> enrol.Enrolment:
    return enrol.enrol_over(platform, TOKEN, "web-1", unit="证照中心", folder=folder)


def test_the_answer_and_the_key_are_kept_for_the_sensors_eyes_only(tmp_path: Path) -> None:
    platform = Platform()
    found = enrolled(platform, tmp_path)
    assert enrol.load(tmp_path) == found
    assert found.receipt_key == RECEIPT_KEY
    for name in (enrol.KEY_FILE, enrol.IDENTITY_FILE):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_enrolling_anew_keeps_the_key_and_sets_the_old_spool_aside(tmp_path: Path) -> None:
    platform = Platform()
    enrolled(platform, tmp_path)
    old = tmp_path / "segments" / "web-1" / "000000000001.seg"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"not yet shipped")
    platform.last_batch = 41
    found = enrolled(platform, tmp_path)
    assert (found.enrolment, found.last_batch) == (2, 41)
    assert platform.keys[0] == platform.keys[1]
    assert not old.parent.exists()
    assert (tmp_path / "set-aside" / "web-1-1" / old.name).read_bytes() == b"not yet shipped"


def test_a_refusal_says_why_and_changes_nothing(tmp_path: Path) -> None:
    platform = Platform()
    before = enrolled(platform, tmp_path)
    platform.refuse_with = "collector.enrolment.token_invalid"
    with pytest.raises(FengsuiError) as caught:
        enrolled(platform, tmp_path)
    assert caught.value.code == "sensors.enrol.refused"
    assert caught.value.params["reason"] == "collector.enrolment.token_invalid"
    assert "the token is used" in str(caught.value)
    assert enrol.load(tmp_path) == before


def test_a_platform_that_is_down_is_said_so(tmp_path: Path) -> None:
    platform = Platform()
    platform.down = True
    with pytest.raises(FengsuiError) as caught:
        enrolled(platform, tmp_path)
    assert caught.value.code == "sensors.enrol.unreachable"
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"sensor":"web-2","enrolment":1,"realm":"duty","receipt_public_key":"'
        + RECEIPT_KEY.point.hex().encode()
        + b'","last_batch":0}',
        b'{"sensor":"web-1","enrolment":1,"realm":"duty","receipt_public_key":"04","last_batch":0}',
        b'{"sensor":"web-1","enrolment":1,"realm":"duty","receipt_public_key":"xx","last_batch":0}',
    ],
    ids=["empty", "html", "without fields", "another sensor", "no point", "no hex"],
)
def test_an_answer_that_makes_no_sense_is_not_kept(tmp_path: Path, answer: bytes) -> None:
    class Odd(Platform):
        def post(self, path: str, body: bytes, *, media_type: str) -> Answer:
            return Answer(status=200, body=answer)

    with pytest.raises(FengsuiError) as caught:
        enrolled(Odd(), tmp_path)
    assert caught.value.code == "sensors.enrol.answer"
    with pytest.raises(FengsuiError) as absent:
        enrol.load(tmp_path)
    assert absent.value.code == "sensors.identity.absent"


def test_a_damaged_identity_is_named(tmp_path: Path) -> None:
    (tmp_path / enrol.IDENTITY_FILE).write_bytes(b'{"sensor":')
    with pytest.raises(FengsuiError) as caught:
        enrol.load(tmp_path)
    assert caught.value.code == "sensors.identity.unreadable"


@pytest.mark.parametrize("url", ["http://10.0.0.1:8443", "https://10.0.0.1", "ftp://x", "10.0.0.1"])
def test_nothing_is_sent_without_tls_and_a_pinned_certificate(tmp_path: Path, url: str) -> None:
    with pytest.raises(FengsuiError) as caught:
        enrol.enrol(url, TOKEN, "web-1", unit="u", folder=tmp_path, ca=None)
    assert caught.value.code == "sensors.transport.address"
