"""What the calendar asks for is done without anybody asking."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from machine import Machine

from crypto.keystore.model import State, Use
from crypto.keystore.source import MasterReference
from crypto.keystore.store import WAIT_US_MIN
from crypto.sm2 import PrivateKey
from dashboard_api.applications.approval import Asker
from dashboard_api.applications.approvals import LIFE_US
from dashboard_api.applications.records import Hand
from dashboard_api.audit import AuditChain
from dashboard_api.custody.room import KeyRoom
from fengsui.signing import Signing, open_signing
from schema.times import DAY


class Clock:
    def __init__(self) -> None:
        self.time = 1_760_000_000_000_000

    def now(self) -> int:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signing(tmp_path: Path, clock: Clock) -> Iterator[Signing]:
    with closing(Machine(tmp_path).open()) as site:
        audit = AuditChain(site.database, PrivateKey.generate(), clock)
        room = KeyRoom(
            tmp_path / "keys", MasterReference(), environment={}, clock=clock, entropy=site.entropy
        )
        opened = open_signing(site.database, audit, room, clock=clock, entropy=site.entropy)
        yield opened
        opened.close()


def test_a_site_without_keys_gets_none_by_being_looked_after(signing: Signing) -> None:
    signing.upkeep.look()
    assert not signing.room.exists


def test_a_key_is_destroyed_when_its_wait_is_over(signing: Signing, clock: Clock) -> None:
    signing.room.store.create("payments.old", Use.SIGN)
    signing.room.store.schedule_deletion("payments.old", WAIT_US_MIN)
    signing.upkeep.look()
    assert signing.room.store.key("payments.old").state is State.SCHEDULED
    clock.time += WAIT_US_MIN
    signing.upkeep.look()
    assert signing.room.store.key("payments.old").state is State.DESTROYED


def test_the_authoritys_list_is_signed_anew_each_day(signing: Signing, clock: Clock) -> None:
    first = signing.certificates.authority.revocation_list()
    signing.upkeep.look()
    assert signing.certificates.authority.revocation_list() == first
    clock.time += DAY
    signing.upkeep.look()
    second = signing.certificates.authority.revocation_list()
    assert (second.number, second.this_update_us) == (2, first.this_update_us + DAY)


def test_a_disabled_authority_keeps_nothing_else_from_being_done(
    signing: Signing, clock: Clock
) -> None:
    signing.certificates.authority.revocation_list()
    signing.room.store.disable("site.ca")
    clock.time += DAY
    signing.upkeep.look()


def test_looking_starts_with_the_service_and_ends_with_it(signing: Signing) -> None:
    signing.start()
    signing.close()


def test_an_approval_nobody_gave_ends(signing: Signing, clock: Clock) -> None:
    signing.registry.register(Hand("x"), "payments", name="x", unit="finance")
    asker = Asker.application("payments")
    asked = signing.approvals.ask("destroy", "payments.old", asked_by=asker, params={})
    clock.time += LIFE_US
    signing.upkeep.look()
    with signing.registry._database.read() as state:
        found = state.execute("SELECT state FROM approvals WHERE id = ?", (asked.id,)).fetchone()
    assert found[0] == "expired"


def test_a_step_that_fails_keeps_no_other_from_being_done(
    signing: Signing, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    signing.registry.register(Hand("x"), "payments", name="x", unit="finance")
    asker = Asker.application("payments")
    signing.approvals.ask("destroy", "payments.old", asked_by=asker, params={})
    assert signing.room.store
    # Without its master key the key store does not open.
    signing.room.close()
    clock.time += LIFE_US
    signing.upkeep.look()
    assert "could not be looked after" in caplog.text
    with signing.registry._database.read() as state:
        assert state.execute("SELECT state FROM approvals").fetchone()[0] == "expired"
