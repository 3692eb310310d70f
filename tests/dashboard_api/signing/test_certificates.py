"""Certificates as a signing process sees them: what the API process commits shows in the next group
of calls."""

from contextlib import closing

import pytest
from fakes import FakeClock

from collector.state.database import Database
from crypto.keystore.model import Use
from crypto.keystore.source import MasterReference
from crypto.sm2 import PrivateKey, PublicKey
from crypto.x509.name import Name
from crypto.x509.revocation import Reason
from dashboard_api.audit import AuditChain
from dashboard_api.custody.authority import SiteAuthority, Wanted
from dashboard_api.custody.certificate_rows import Kind
from dashboard_api.custody.room import KeyRoom
from dashboard_api.signing.certificates import StateCertificates
from dashboard_api.signing.directory import open_read_only
from dashboard_api.signing.keycache import KeyCache
from fengsui.clock import SystemEntropy


class World:
    """The authority of the API process beside the key cache of a signing process."""

    def __init__(self, folder):
        self.clock = FakeClock()
        parts = {"clock": self.clock, "entropy": SystemEntropy()}
        self.database = Database(folder / "state.db")
        audit = AuditChain(self.database, PrivateKey.generate(), self.clock)
        self.room = KeyRoom(folder, MasterReference(), environment={}, **parts)
        self.authority = SiteAuthority(self.database, self.room, audit, site="x", **parts)
        self.state = open_read_only(folder / "state.db")
        self.keys = KeyCache(self.room.store, StateCertificates(self.state), clock=self.clock)

    def issue(self):
        key = self.room.store.key("payments.receipt")
        return self.authority.issue(
            Wanted(
                owner="payments",
                key=key.id,
                version=key.latest.number,
                kind=Kind.SIGN,
                subject=Name.of((("CN", "receipt"),)),
                public=PublicKey.from_point(key.latest.public),
                days=30,
            )
        )

    def close(self):
        self.state.close()
        self.room.close()
        self.database.close()


@pytest.fixture
def world(tmp_path):
    with closing(World(tmp_path)) as opened:
        opened.room.store.create("payments.receipt", Use.SIGN)
        opened.keys.refresh()
        yield opened


def chain(world):
    return world.keys.signer("payments.receipt").chain


def test_a_new_certificate_shows_after_the_next_refresh(world):
    assert chain(world) == ()
    made = world.issue()
    assert chain(world) == ()
    world.keys.refresh()
    assert chain(world) == (made.certificate.der,)
    assert len(world.keys.anchors()) == len(world.keys.revocation_lists()) == 1


def test_a_revoked_certificate_is_no_longer_sent_along(world):
    first = world.issue()
    world.clock.at += 1_000_000
    second = world.issue()
    world.authority.revoke(second, Reason.SUPERSEDED)
    world.keys.refresh()
    assert chain(world) == (first.certificate.der,)


def test_a_rotated_key_has_no_certificate_until_one_is_issued_for_it(world):
    world.issue()
    world.room.store.rotate("payments.receipt")
    world.keys.refresh()
    assert chain(world) == ()
