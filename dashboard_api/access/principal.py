"""Principal: the person behind a request, what they may do, and whose data they may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dashboard_api.access.roles import Permission, Role, permissions_of
from schema.errors import FengsuiError

EVERY_UNIT: Final = "*"


@dataclass(frozen=True, slots=True)
class Scope:
    """The units whose sensors, events and alerts a person sees; ``*`` is every unit."""

    units: tuple[str, ...]

    @property
    def everything(self) -> bool:
        """Whether no unit is kept from this person."""
        return EVERY_UNIT in self.units

    def holds(self, unit: str) -> bool:
        """Whether data of this unit may be seen."""
        return self.everything or unit in self.units


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A signed-in person."""

    id: str
    name: str
    display_name: str
    roles: frozenset[Role]
    scope: Scope
    must_set_password: bool
    """Signed in by a link and without a password so far."""

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the roles allow."""
        return permissions_of(self.roles)

    def must_hold(self, unit: str) -> None:
        """Raise ``dashboard_api.unit.foreign`` for a unit whose data this person may not see."""
        if not self.scope.holds(unit):
            raise FengsuiError(
                "dashboard_api.unit.foreign",
                f"{self.name} is not in charge of {unit if unit != EVERY_UNIT else 'every unit'}: "
                "ask the security administrator",
                unit=unit,
            )

    def must_have(self, permission: Permission) -> None:
        """Raise ``dashboard_api.permission.missing`` without the permission."""
        if permission not in self.permissions:
            raise FengsuiError(
                "dashboard_api.permission.missing",
                f"this needs the permission {permission}, which {self.name} does not have: "
                "ask the security administrator",
                permission=permission,
            )
