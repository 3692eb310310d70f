"""Rows: the applications as the state file holds them, read whole into what is decided by."""

from __future__ import annotations

import sqlite3
from typing import Final

from dashboard_api.applications.model import Application, Credential, Operation, Quota

_OPERATIONS: Final = {operation.value: operation for operation in Operation}


def load(state: sqlite3.Connection) -> dict[str, Application]:
    """Every application by its id, disabled ones too, without the credentials taken back.

    Call it inside one transaction: it reads three tables. An operation this version does not know
    is not granted.
    """
    credentials: dict[str, list[Credential]] = {}
    for application, name, token_hash, public, expires_at in state.execute(
        "SELECT application, id, token_hash, public, expires_at FROM application_credentials "
        "WHERE revoked_at IS NULL ORDER BY application, id"
    ):
        credentials.setdefault(application, []).append(
            Credential(id=name, token_hash=token_hash, public=public, expires_at=expires_at)
        )
    grants: dict[str, dict[str, set[Operation]]] = {}
    for application, key, operation in state.execute(
        "SELECT application, key, operation FROM application_grants"
    ):
        known = _OPERATIONS.get(operation)
        if known is not None:
            grants.setdefault(application, {}).setdefault(key, set()).add(known)
    return {
        name: Application(
            id=name,
            name=title,
            unit=unit,
            credentials=tuple(credentials.get(name, ())),
            grants={key: frozenset(of) for key, of in grants.get(name, {}).items()},
            quota=Quota(per_second=per_second, per_day=per_day, opens_per_minute=opens_per_minute),
            disabled=disabled_at is not None,
        )
        for name, title, unit, disabled_at, per_second, per_day, opens_per_minute in state.execute(
            "SELECT id, name, unit, disabled_at, per_second, per_day, opens_per_minute "
            "FROM applications"
        )
    }
