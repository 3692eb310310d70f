"""Catalogue: what the departments share, and which paths of the exchange exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["BY_SERVICE", "HIDDEN", "ITEMS", "LATER", "OLD", "ROW_BYTES", "ROW_LIMIT", "Item"]

ROW_LIMIT: Final = 100
"""Rows of one answer."""
ROW_BYTES: Final = 180
"""One row as JSON, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A data item of the catalogue and the service that gives it."""

    service: str
    code: str
    family: str
    """What it says of a person."""
    level: int
    fields: tuple[str, ...]
    owner: str
    """Short name of the unit."""

    @property
    def path(self) -> str:
        """Where the exchange gives it."""
        return f"/share/v1/{self.service.removeprefix('svc-')}"

    @property
    def approved(self) -> tuple[str, ...]:
        """What a grant usually approves: not the last field, the most sensitive one."""
        return self.fields[:-1]


def _item(number: int, service: str, family: str, level: int, owner: str, *fields: str) -> Item:
    return Item(
        service=f"svc-{service}", code=f"D-{number}", family=family, level=level,
        fields=("name", "id_no", *fields), owner=owner,
    )  # fmt: skip


ITEMS: Final = (
    _item(101, "marriage", "MARRIAGE", 3, "civil", "status", "registered_on", "spouse_id"),
    _item(102, "household", "HOUSEHOLD", 3, "police", "address", "relation", "members"),
    _item(103, "residence", "RESIDENCE", 2, "police", "permit_no", "valid_to", "landlord"),
    _item(104, "enrolment", "ENROLMENT", 2, "education", "school", "grade", "guardian"),
    _item(105, "degree", "DEGREE", 2, "education", "school", "degree", "certificate_no"),
    _item(106, "social", "SOCIAL", 3, "labour", "paid_months", "employer", "base"),
    _item(107, "employment", "EMPLOYMENT", 2, "labour", "employer", "since", "wage"),
    _item(108, "vaccination", "HEALTH", 3, "health", "vaccine", "given_on", "reaction"),
    _item(109, "birth", "BIRTH", 3, "health", "born_on", "hospital", "mother_id"),
    _item(110, "property", "PROPERTY", 3, "housing", "certificate_no", "area", "mortgage"),
    _item(111, "company", "COMPANY", 1, "market", "company", "role", "share"),
    _item(112, "tax", "TAX", 3, "tax", "year", "paid", "income"),
    _item(113, "medical", "MEDICAL", 3, "insurance", "status", "since", "diagnosis"),
    _item(114, "relief", "RELIEF", 3, "civil", "kind", "since", "reason"),
)
BY_SERVICE: Final = {item.service: item for item in ITEMS}

OLD: Final = tuple(f"/share/v0/{name}" for name in ("marriage", "household", "social", "tax"))
"""The first version: still answers, though everybody moved on in the first days."""
HIDDEN: Final = tuple(
    f"/share/{name}" for name in ("internal/export", "v1/test/dump", "admin/replay")
)
"""Put into use by developers and listed nowhere."""
LATER: Final = tuple(f"/share/v1/monthly-{item.service.removeprefix('svc-')}" for item in ITEMS)
"""Listed, and called by few: once a month, or from some day on."""
