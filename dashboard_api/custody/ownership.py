"""Ownership: whose keys and certificates somebody may see and manage.

An application its own; a person those of the applications of their units, and with every unit those
of the site and those nobody owns any more.
"""

from __future__ import annotations

from collections.abc import Callable

from dashboard_api.access.principal import EVERY_UNIT
from dashboard_api.applications.model import SITE
from dashboard_api.signing.asking import Asker
from schema.errors import FengsuiError


class Ownership:
    """The one place that answers it."""

    def __init__(self, unit_of: Callable[[str], str]) -> None:
        """``unit_of`` gives the unit of an application; raises for an unknown one."""
        self._unit_of = unit_of

    def holds(self, asking: Asker, owner: str) -> bool:
        """Whether what belongs to ``owner`` is theirs to manage."""
        if asking.application is not None:
            return owner == asking.owner
        assert asking.person is not None
        if owner == SITE:
            return asking.person.scope.everything
        try:
            unit = self._unit_of(owner)
        except FengsuiError:
            # Made by hand at the store, for no application there is.
            unit = EVERY_UNIT
        return asking.person.scope.holds(unit)


def owner_of(key_id: str) -> str:
    """The application, or ``site``, that a key belongs to."""
    return key_id.partition(".")[0]
