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
    _item(101, "marriage", "婚姻", 3, "civil", "status", "registered_on", "spouse_id"),
    _item(102, "household", "户籍", 3, "police", "address", "relation", "members"),
    _item(103, "residence", "居住", 2, "police", "permit_no", "valid_to", "landlord"),
    _item(104, "enrolment", "就学", 2, "education", "school", "grade", "guardian"),
    _item(105, "degree", "学历", 2, "education", "school", "degree", "certificate_no"),
    _item(106, "social", "社保", 3, "labour", "paid_months", "employer", "base"),
    _item(107, "employment", "就业", 2, "labour", "employer", "since", "wage"),
    _item(108, "vaccination", "健康", 3, "health", "vaccine", "given_on", "reaction"),
    _item(109, "birth", "出生", 3, "health", "born_on", "hospital", "mother_id"),
    _item(110, "property", "不动产", 3, "housing", "certificate_no", "area", "mortgage"),
    _item(111, "company", "企业", 1, "market", "company", "role", "share"),
    _item(112, "tax", "纳税", 3, "tax", "year", "paid", "income"),
    _item(113, "medical", "医保", 3, "insurance", "status", "since", "diagnosis"),
    _item(114, "relief", "救助", 3, "civil", "kind", "since", "reason"),
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
