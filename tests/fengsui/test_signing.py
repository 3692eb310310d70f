"""What the API process keeps of the national-crypto service is finished when it starts again."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from machine import Machine

from crypto.keystore.model import Use
from dashboard_api.access.principal import Principal, Scope
from dashboard_api.access.roles import Role
from dashboard_api.applications.approval import Asker
from dashboard_api.applications.records import Hand
from dashboard_api.audit import AuditChain
from fengsui.signing import Signing, key_room, open_signing
from fengsui.wiring import Site

SECOND = Principal(
    id="p2", name="wang", display_name="wang", roles=frozenset({Role.SECURITY_ADMIN}),
    scope=Scope(("*",)), must_set_password=False,
)  # fmt: skip


@contextmanager
def opened(site: Site) -> Iterator[Signing]:
    audit = AuditChain(site.database, site.keyring.audit, site.clock)
    room = key_room(site.folder, site.settings.crypto, site.clock, site.entropy)
    parts = {"clock": site.clock, "entropy": site.entropy}
    with closing(open_signing(site.database, audit, room, **parts)) as signing:
        yield signing


def ask(signing: Signing) -> str:
    """A key, and the wish to destroy it."""
    signing.registry.register(Hand("x"), "payments", name="x", unit="finance")
    signing.room.store.create("payments.old", Use.SIGN)
    asker = Asker.application("payments")
    return signing.approvals.ask("destroy", "payments.old", asked_by=asker, params={}).id


def test_an_approved_destruction_begins_at_once(tmp_path: Path) -> None:
    with closing(Machine(tmp_path).open()) as site, opened(site) as signing:
        approval = ask(signing)
        assert signing.room.store.key("payments.old").destroy_at_us is None
        assert signing.approvals.approve(approval, SECOND).state == "done"
        assert signing.room.store.key("payments.old").destroy_at_us is not None


def test_what_was_approved_before_a_crash_is_carried_out_at_the_next_start(tmp_path: Path) -> None:
    with closing(Machine(tmp_path).open()) as site:
        with opened(site) as signing:
            approval = ask(signing)
            # As a crash between the decision and the deed leaves it.
            site.database.write(
                lambda state: state.execute(
                    "UPDATE approvals SET state = 'approved', decided_name = 'wang'"
                )
            )
        with opened(site) as anew:
            anew.start()
            assert anew.approvals.get(approval, SECOND).state == "done"
            assert anew.room.store.key("payments.old").destroy_at_us is not None


def test_a_site_nobody_asks_for_keys_has_no_store_of_them(tmp_path: Path) -> None:
    with closing(Machine(tmp_path).open()) as site, opened(site) as signing:
        signing.start()
        assert not signing.room.exists
