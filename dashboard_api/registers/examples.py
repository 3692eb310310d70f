"""Examples of the API document for registers, each valid by its own schema."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

_AT: Final = "2026-11-20T08:00:00.000000Z"
_DIGEST: Final = "8f2a6b1c4d5e7f90112233445566778899aabbccddeeff00fedcba9876543210"

VERSION: Final[Json] = {
    "number": 2,
    "state": "approved",
    "digest": _DIGEST,
    "effective_at": _AT,
    "added": 1,
    "changed": 0,
    "ended": 0,
    "source": "payees.xlsx",
    "proposed_by": "zhang",
    "proposed_at": _AT,
    "approved_by": "li",
    "refused_by": None,
    "reason": "财政局 2026 年 11 月更新",
}
PROPOSED: Final[Json] = {
    **VERSION,
    "state": "proposed",
    "effective_at": None,
    "approved_by": None,
}
REFUSED: Final[Json] = {**PROPOSED, "state": "refused", "refused_by": "li"}
VERSIONS: Final[Json] = {"items": [VERSION]}
REGISTERS: Final[Json] = {
    "items": [
        {
            "name": "payees",
            "title_zh": "收款账户台账",
            "title_en": "Payee accounts",
            "purpose_zh": "PAY04：部门登记的收款账户",
            "purpose_en": "PAY04: registered accounts of a department",
            "key": ["dept_code", "payee"],
            "columns": [
                {
                    "name": "dept_code",
                    "type": "text",
                    "title_zh": "部门编码",
                    "title_en": "Department (gov.pay.dept_code)",
                    "required": True,
                    "person": False,
                }
            ],
            "imported": True,
            "rows": 1,
            "versions": [VERSION],
        }
    ]
}
ROWS: Final[Json] = {
    "items": [
        {
            "key": ["01", "ACCT"],
            "fields": {"bank": "icbc"},
            "valid_from": _AT,
            "valid_to": None,
            "version": 2,
        }
    ],
    "next_cursor": None,
}
PROPOSAL: Final[Json] = {
    "register": "payees",
    "version": PROPOSED,
    "changes": [{"kind": "added", "key": ["01", "ACCT"], "before": {}, "after": {"bank": "icbc"}}],
    "left_out": 0,
}
SEEN_ASSET: Final[Json] = {
    "host": "web-1",
    "first_at": _AT,
    "last_at": _AT,
    "ids": [],
    "addresses": ["10.1.2.3"],
    "operating_systems": ["Linux"],
    "ports": ["tcp/3306", "tcp/443"],
    "services": ["mysqld tcp/3306", "nginx tcp/443"],
    "names": ["portal.example"],
    "certificates": ["portal.example 2027-01-31T08:00:00.000000Z"],
    "applications": ["portal"],
    "accounts": ["deploy"],
}
ASSETS: Final[Json] = {"items": [SEEN_ASSET], "next_cursor": None}
PREVIEW: Final[Json] = {
    "register": "payees",
    "faults": [],
    "added": 1,
    "changed": 0,
    "ended": 0,
    "changes": [{"kind": "added", "key": ["01", "ACCT"], "before": {}, "after": {"bank": "icbc"}}],
    "left_out": 0,
    "replaces": None,
}
ASSET_WORK: Final[Json] = {
    "items": [
        {
            "finding": "newly_exposed",
            "asset": "web-1",
            "first_at": _AT,
            "last_at": _AT,
            "ports": ["tcp/3306"],
            "unit": "data-bureau",
            "owner": "zhang",
            "suggested_unit": None,
            "seen": SEEN_ASSET,
            "proposed_in": None,
        }
    ],
    "total": 1,
    "counts": {"newly_exposed": 1},
}
DISMISSAL: Final[Json] = {
    "asset": "web-1",
    "finding": "newly_exposed",
    "ports": ["tcp/3306"],
    "reason": "数据库迁移期间临时开放，工单 2026-118",
    "dismissed_by": "li",
    "dismissed_at": _AT,
}
DISMISSALS: Final[Json] = {"items": [DISMISSAL]}
