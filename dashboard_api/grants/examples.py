"""Examples of the API document for grants, each valid by its own schema."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

_AT: Final = "2026-11-20T08:00:00.000000Z"
_UNTIL: Final = "2027-11-20T08:00:00.000000Z"
_ID: Final = "019aa0c5-6a00-7c3e-9d2b-5f1e8a7b4c21"

NEW: Final[Json] = {
    "requester": "civil-affairs",
    "service": "marriage-registration",
    "purpose": "办理低保",
    "fields": ["name", "marriage_state"],
    "quota_per_day": 2000,
    "until": _UNTIL,
    "owner_unit": "civil-registry",
}
GRANT: Final[Json] = {
    "id": _ID,
    **NEW,
    "state": "approved",
    "holds_until": _UNTIL,
    "asked_by": "zhang",
    "asked_at": _AT,
    "decided_by": "li",
    "decided_at": _AT,
    "certified_by": "li",
    "certified_at": _AT,
    "revoked_by": None,
    "revoked_at": None,
    "register_version": 3,
}
ASKED: Final[Json] = {
    **GRANT,
    "state": "asked",
    "holds_until": None,
    "decided_by": None,
    "decided_at": None,
    "certified_by": None,
    "certified_at": None,
    "register_version": None,
}
REFUSED: Final[Json] = {**ASKED, "state": "refused", "decided_by": "li", "decided_at": _AT}
REVOKED: Final[Json] = {**GRANT, "state": "revoked", "revoked_by": "li", "revoked_at": _AT}
GRANTS: Final[Json] = {"items": [GRANT], "next_cursor": None, "on_failure": "closed"}
QUESTION: Final[Json] = {
    "requester": "civil-affairs",
    "service": "marriage-registration",
    "fields": ["name"],
    "purpose": "办理低保",
}
VERDICT: Final[Json] = {
    "allowed": True,
    "reason": "granted",
    "failed": False,
    "mode": "closed",
    "grant": _ID,
    "fields": ["name", "marriage_state"],
    "refused_fields": [],
    "quota_left": 1999,
    "valid_to": _UNTIL,
    "register_version": 3,
}
REFUSED_CALL: Final[Json] = {
    "type": "urn:fengsui:problem:dashboard_api.share_grant.refused",
    "title": "没有权限",
    "status": 403,
    "code": "dashboard_api.share_grant.refused",
    "detail": "the call may not pass: no_grant",
    "params": {"reason": "no_grant"},
}
GATEWAY: Final[Json] = {
    "id": "apisix-1",
    "unit": "data-bureau",
    "services": ["marriage-registration"],
    "created_at": _AT,
    "rotated_at": None,
    "earlier_token_until": None,
    "revoked_at": None,
}
GATEWAYS: Final[Json] = {"items": [GATEWAY]}
GATEWAY_TOKEN: Final[Json] = {
    "id": "apisix-1",
    "token": "fsg1.apisix-1.3q2-7w1f0Yk5t8Zb6mJxq0vQ4nD9rL1cA2eH7gU3sTk",
    "earlier_token_until": None,
}
GATEWAY_REVOKED: Final[Json] = {**GATEWAY, "revoked_at": _AT}
