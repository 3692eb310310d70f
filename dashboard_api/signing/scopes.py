"""Scopes: whether an application may do one thing with one key."""

from __future__ import annotations

from dashboard_api.applications.model import NO_KEY, Application, Operation
from dashboard_api.signing.problems import refused
from dashboard_api.signing.sentences import SCOPE


def key_of(application: Application, operation: Operation, name: str) -> str:
    """The whole id of a key the application may do this with.

    Raises ``dashboard_api.scope.missing``, before anybody has looked whether there is such a key.
    """
    key_id = application.key_id(name)
    if not application.may(operation, key_id):
        raise refused(SCOPE, operation=operation.value, key=key_id)
    return key_id


def keyless(application: Application, operation: Operation) -> None:
    """Raise ``dashboard_api.scope.missing`` unless it may do this without a key of the site."""
    if not application.may(operation):
        raise refused(SCOPE, operation=operation.value, key=NO_KEY)
