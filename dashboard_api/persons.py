"""Persons: what of an alert on a person those see who are not in charge.

In charge are the roles that may read events: officers, and owners of systems for their units. A
viewer learns that a rule fired and when, not on whom, with what score, or why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from collector.state.inforce import EVERY
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.views import AlertReasons, AlertRow, ExceptionRow
from schema.errors import FengsuiError
from schema.filter import Term

__all__ = ["WITHHELD", "check_terms", "exception", "explained", "in_charge", "shown"]

WITHHELD: Final = "***"
_OF_PERSONS: Final = (
    "user.", "gov.subject.", "gov.auth.token", "gov.auth.device", "gov.pay.payer", "gov.pay.payee",
    "gov.cert.license_code", "gov.cert.use_code", "gov.consent.",
)  # fmt: skip
"""How the names of fields that tell a person, or something of a person's own, begin."""
_ASKS_WHO: Final = frozenset({"entity", "*"})
"""Terms whose answer would tell on whom an alert is."""


def shown(row: AlertRow, principal: Principal) -> AlertRow:
    """The row as this person may see it."""
    if in_charge(principal) or not _on_person(row):
        return row
    return dataclasses.replace(row, entity=WITHHELD, score=None)


def explained(reasons: AlertReasons, row: AlertRow, principal: Principal) -> AlertReasons:
    """The reasons as this person may see them."""
    if in_charge(principal) or not _on_person(row):
        return reasons
    return dataclasses.replace(
        reasons, reason_zh=WITHHELD, reason_en=WITHHELD, conditions=(), counterfactual_zh=(),
        counterfactual_en=(),
    )  # fmt: skip


def exception(row: ExceptionRow, principal: Principal) -> ExceptionRow:
    """An exception as this person may see it: its entity may be anybody, its reason name them."""
    if in_charge(principal) or row.entity == EVERY:
        return row
    return dataclasses.replace(row, entity=WITHHELD, reason=WITHHELD)


def check_terms(terms: Sequence[Term], principal: Principal) -> None:
    """Raise ``dashboard_api.permission.missing`` where a filter would tell what is withheld."""
    if not in_charge(principal) and any(term.field in _ASKS_WHO for term in terms):
        raise FengsuiError(
            "dashboard_api.permission.missing",
            f"searching alerts by whom they are on needs {Permission.EVENTS_READ.value}: "
            "filter by rule.id, severity, state or time",
            permission=Permission.EVENTS_READ.value,
        )


def in_charge(principal: Principal) -> bool:
    """Whether this person may know on whom alerts are."""
    return Permission.EVENTS_READ in principal.permissions


def _on_person(row: AlertRow) -> bool:
    return any(part.startswith(_OF_PERSONS) for part in row.entity_field.split("+"))
