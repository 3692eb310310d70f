"""What the API process keeps of the national-crypto service is finished when it starts again."""

from contextlib import closing
from pathlib import Path

import pytest
from machine import Machine

from crypto.sm2 import PrivateKey
from dashboard_api.access.principal import Principal, Scope
from dashboard_api.access.roles import Role
from dashboard_api.applications.approval import Approval, Asker
from dashboard_api.applications.records import Hand
from dashboard_api.audit import AuditChain
from fengsui.signing import open_signing
from schema.errors import FengsuiError


class Carrying:
    """Destroys nothing, and remembers what it was told to."""

    def __init__(self) -> None:
        self.carried: list[str] = []

    def carry_out(self, approval: Approval) -> None:
        self.carried.append(approval.key)


def test_what_was_approved_where_no_keys_were_is_carried_out_once_there_are(tmp_path: Path) -> None:
    second = Principal(
        id="p2", name="wang", display_name="wang", roles=frozenset({Role.SECURITY_ADMIN}),
        scope=Scope(("*",)), must_set_password=False,
    )  # fmt: skip
    with closing(Machine(tmp_path).open()) as site:
        audit = AuditChain(site.database, PrivateKey.generate(), site.clock)
        parts = {"clock": site.clock, "entropy": site.entropy}
        signing = open_signing(site.database, audit, **parts)
        signing.registry.register(Hand("x"), "payments", name="x", unit="finance")
        asker = Asker.application("payments")
        approval = signing.approvals.ask("destroy", "payments.old", asked_by=asker, params={})
        with pytest.raises(FengsuiError, match="keeps no keys"):
            signing.approvals.approve(approval.id, second)
        desk = Carrying()
        anew = open_signing(site.database, audit, desk=desk, **parts)
        anew.start()
        assert desk.carried == ["payments.old"]
        assert anew.approvals.get(approval.id, second).state == "done"
