"""How a site starts its signing processes; the processes themselves are real."""

import asyncio

import msgspec
import pytest

from crypto.keystore.model import State
from dashboard_api.applications.model import Operation
from dashboard_api.audit import AuditChain
from fengsui import signing_hall
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder
from fengsui.settings import Settings, SigningSettings
from fengsui.signing import key_room, open_signing
from fengsui.signing_hall import SHARES, Shares, Starter, open_hall
from fengsui.wiring import open_site


@pytest.fixture
def opened(tmp_path):
    """Opens the same site again and again, each time with a number of workers."""
    sites = []

    def again(workers=1):
        close()
        settings = Settings(signing=SigningSettings(workers=workers))
        site = open_site(DataFolder(tmp_path), settings, watch_host=False)
        clock, entropy = SystemClock(), SystemEntropy()
        room = key_room(site.folder, site.settings.crypto, clock, entropy)
        audit = AuditChain(site.database, site.keyring.audit, clock)
        signing = open_signing(site.database, audit, room, clock=clock, entropy=entropy)
        sites.append((site, signing))
        return site, signing

    def close():
        for site, signing in sites:
            signing.close()
            site.close()
        sites.clear()

    yield again
    close()


def shares(site):
    return msgspec.json.decode((site.folder.signing / SHARES).read_bytes(), type=Shares)


def test_a_stranger_is_refused_by_a_real_process_that_ends_with_the_hall(opened):
    async def story():
        site, signing = opened()
        hall = open_hall(site, signing.certificates.authority)
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
    site, signing = opened()
    open_hall(site, signing.certificates.authority)
    assert not signing.room.exists
    assert not (site.folder.signing / SHARES).exists()


def start(site, signing, monkeypatch):
    """What a process would be told."""
    told = []
    monkeypatch.setattr(signing_hall, "_start", told.append)
    Starter(site, signing.certificates.authority).start(0)
    return told[0]


def test_a_process_is_told_no_secret(opened, monkeypatch):
    site, signing = opened()
    told = msgspec.json.encode(start(site, signing, monkeypatch))
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
    site, signing = opened(2)
    floor = start(site, signing, monkeypatch).floor
    assert abs(floor - SystemClock().now() // 1_000_000) < 10
    assert shares(site) == Shares(workers=2, since=floor)
    assert start(*opened(2), monkeypatch).floor == floor


def test_time_stamps_are_ready_before_the_first_process(opened, monkeypatch):
    site, signing = opened()
    start(site, signing, monkeypatch)
    assert signing.room.store.key("site.timestamp").state is State.ACTIVE


def test_a_disabled_time_stamping_authority_stops_no_process(opened, monkeypatch):
    site, signing = opened()
    start(site, signing, monkeypatch)
    signing.room.store.disable("site.ca")
    signing.room.store.rotate("site.timestamp")
    assert start(site, signing, monkeypatch).slot == 0
