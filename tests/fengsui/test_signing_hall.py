"""How a site starts its signing processes; the processes themselves are real."""

import asyncio

import msgspec
import pytest

from dashboard_api.applications.model import Operation
from fengsui import signing_hall
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder
from fengsui.settings import Settings, SigningSettings
from fengsui.signing import key_room
from fengsui.signing_hall import SHARES, Shares, Starter, open_hall
from fengsui.wiring import open_site


@pytest.fixture
def opened(tmp_path):
    """Opens the same site again and again, each time with a number of workers."""
    sites = []

    def again(workers=1):
        close()
        signing = SigningSettings(workers=workers)
        site = open_site(DataFolder(tmp_path), Settings(signing=signing), watch_host=False)
        room = key_room(site.folder, site.settings.crypto, SystemClock(), SystemEntropy())
        sites.append((site, room))
        return site, room

    def close():
        for site, room in sites:
            room.close()
            site.close()
        sites.clear()

    yield again
    close()


def shares(site):
    return msgspec.json.decode((site.folder.signing / SHARES).read_bytes(), type=Shares)


def test_a_stranger_is_refused_by_a_real_process_that_ends_with_the_hall(opened):
    async def story():
        hall = open_hall(*opened())
        reply = await hall.call(
            Operation.SIGN, method="POST", target="/v1/crypto/sign", languages="en", body=b"{}",
            authorization=f"Bearer fsk1.nobody.{'x' * 43}",
        )  # fmt: skip
        await hall.close()
        return reply

    reply = asyncio.run(story())
    assert reply.status == 401
    assert b"dashboard_api.credential.unknown" in reply.body


def test_a_site_nobody_calls_has_neither_keys_nor_journals(opened):
    site, room = opened()
    open_hall(site, room)
    assert not room.exists
    assert not (site.folder.signing / SHARES).exists()


def start(site, room, monkeypatch):
    """What a process would be told."""
    told = []
    monkeypatch.setattr(signing_hall, "_start", told.append)
    Starter(site, room).start(0)
    return told[0]


def test_a_process_is_told_no_secret(opened, monkeypatch):
    site, room = opened()
    told = msgspec.json.encode(start(site, room, monkeypatch))
    for path in site.folder.keys.iterdir():
        if path.is_file() and path.suffix == ".key":
            secret = path.read_bytes()
            assert secret.hex().encode() not in told
            assert secret not in told


def test_requests_from_before_another_number_of_processes_are_believed_by_nobody(
    opened, monkeypatch
):
    assert start(*opened(1), monkeypatch).floor == 0
    assert start(*opened(1), monkeypatch).floor == 0
    site, room = opened(2)
    floor = start(site, room, monkeypatch).floor
    assert abs(floor - SystemClock().now() // 1_000_000) < 10
    assert shares(site) == Shares(workers=2, since=floor)
    assert start(*opened(2), monkeypatch).floor == floor
