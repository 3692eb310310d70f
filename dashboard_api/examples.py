"""Examples of the API document: one answer for every operation, each valid by its own schema."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

_ID: Final = "3f6c1a90b7d24e58a1c09e3f7b2d6a41"
_ALERT: Final = "9b1f0c7de2a84356b0d1f4a2c8e97a55"
_HASH: Final = "8f2a6b1c4d5e7f90112233445566778899aabbccddeeff00fedcba9876543210"
_AT: Final = "2026-11-20T08:00:00.000000Z"

PROBLEM: Final[Json] = {
    "type": "urn:fengsui:problem:dashboard_api.session.missing",
    "title": "请先登录",
    "status": 401,
    "code": "dashboard_api.session.missing",
    "detail": "there is no session, or it has ended: sign in",
    "params": {},
}
ME: Final[Json] = {
    "id": "019aa0c5-6a00-7c3e-9d2b-5f1e8a7b4c21",
    "name": "officer",
    "display_name": "网络安全员",
    "roles": ["officer"],
    "permissions": [
        "alerts.decide",
        "alerts.read",
        "applications.read",
        "events.prove",
        "events.read",
        "keys.read",
        "registers.approve",
        "registers.propose",
        "registers.read",
        "rules.read",
        "sensors.read",
    ],
    "scope": {"units": ["*"]},
    "must_set_password": True,
}
SITE: Final[Json] = {
    "name": "区政务服务中心",
    "realm": "duty",
    "version": "0.1.0",
    "sibling": {"href": "demo/", "name_zh": "演示", "name_en": "Demonstration"},
    "sources": [
        {"name": "auth", "kind": "syslog_auth", "path": "/var/log/auth.log", "readable": True}
    ],
    "cipher": {"backend": "native", "module": "software, not a certified module"},
    "rules": {"count": 25, "digest": _HASH},
}
ALERT: Final[Json] = {
    "id": _ALERT,
    "seq": 42,
    "rule": {
        "id": "host-ssh-password-guessing",
        "version": "1.0.0",
        "kind": "threshold",
        "system": "host",
        "title_zh": "口令猜测",
        "title_en": "Password guessing",
    },
    "entity_field": "source.ip",
    "entity": "203.0.113.7",
    "severity": 3,
    "score": 70,
    "state": "final",
    "decided_at": _AT,
    "last_at": "2026-11-20T08:04:10.000000Z",
    "count": 31,
    "acknowledged": None,
    "exception": None,
}
ACKNOWLEDGED: Final[Json] = {
    **ALERT,
    "seq": 43,
    "acknowledged": {"by": "officer", "at": _AT, "verdict": "true_positive", "note": ""},
}
ALERTS: Final[Json] = {"items": [ALERT], "next_cursor": None, "total": 1}
SUMMARY: Final[Json] = {
    "open": 1,
    "by_severity": [0, 0, 0, 1, 0],
    "by_rule": [
        {
            "rule": "host-ssh-password-guessing",
            "title_zh": "口令猜测",
            "title_en": "Password guessing",
            "open": 1,
        }
    ],
    "hidden": 12,
}
EXCEPTION_DRAFT: Final[Json] = {
    "rule": "host-ssh-password-guessing",
    "entity": "203.0.113.0/24",
    "expires_at": "2027-02-20T08:00:00.000000Z",
    "units": ["social-security"],
}
EXCEPTION: Final[Json] = {
    **EXCEPTION_DRAFT,
    "id": "019aa0c5-6a00-7c3e-9d2b-5f1e8a7b4c21",
    "reason": "值班压测，工单 2026-118",
    "owner": "张三",
    "created_by": "officer",
    "created_at": _AT,
    "revoked_by": None,
    "revoked_at": None,
    "in_force": True,
    "hidden": 12,
}
EXCEPTION_REVOKED: Final[Json] = {
    **EXCEPTION,
    "revoked_by": "officer",
    "revoked_at": _AT,
    "in_force": False,
    "hidden": 0,
}
EXCEPTIONS: Final[Json] = {"items": [EXCEPTION]}
EXCEPTION_PREVIEW: Final[Json] = {
    "since": "2026-10-21T08:00:00.000000Z",
    "count": 12,
    "judged_true": 0,
    "by_rule": [
        {
            "rule": "host-ssh-password-guessing",
            "title_zh": "口令猜测",
            "title_en": "Password guessing",
            "count": 12,
        }
    ],
    "items": [ALERT],
}
_FIELDS: Final[Json] = {
    "@timestamp": _AT,
    "event.action": "ssh_login",
    "event.dataset": "system.auth",
    "event.outcome": "failure",
    "source.ip": "203.0.113.7",
    "user.name": "root",
}
ALERT_DETAIL: Final[Json] = {
    **ALERT,
    "reason_zh": "来源 203.0.113.7 在 5 分钟内登录失败 20 次，达到门槛 20。",
    "reason_en": "203.0.113.7 failed to sign in 20 times in 5 minutes, at the threshold of 20.",
    "conditions": [{"name": "event_count", "value": 20, "threshold": 20, "comparison": "gte"}],
    "counterfactual_zh": ["若 5 分钟内失败少于 20 次则不触发"],
    "counterfactual_en": ["With fewer than 20 failures in 5 minutes it would not fire"],
    "triage_zh": "查该来源是否随后登录成功。",
    "triage_en": "See whether this source signed in afterwards.",
    "techniques": ["T1110.001"],
    "false_positives": [{"zh": "口令过期的脚本", "en": "A script with an expired password"}],
    "events": [{"id": _ID, "fields": _FIELDS}],
    "history": [
        {
            "at": _AT,
            "state": "final",
            "count": 20,
            "by": None,
            "verdict": None,
            "note": None,
        }
    ],
}
EVENT: Final[Json] = {
    "id": _ID,
    "sensor": "host",
    "number": 12,
    "index": 3,
    "fields": _FIELDS,
}
EVENTS: Final[Json] = {"items": [EVENT], "next_cursor": None}
COUNTS: Final[Json] = {"items": [{"key": "203.0.113.7", "count": 31}]}
RECEIPT: Final[Json] = {
    "head": {"sensor": "host", "enrolment": 1, "number": 12, "events": 9216, "hash": _HASH},
    "received_at": 1763625600000000,
    "key_id": _HASH[:32],
    "signature": "3045022100c0ffee",
}
PROOF: Final[Json] = {
    "event_id": _ID,
    "sensor": "host",
    "enrolment": 1,
    "batch": 12,
    "segment": "000000000001.seg",
    "index": 3,
    "count": 512,
    "leaf": _HASH,
    "path": [_HASH],
    "root": _HASH,
    "header": '{"count":512,"enrolment":1,"format":1}',
    "header_hash": _HASH,
    "signature": "3045022100c0ffee",
    "key_id": _HASH[:32],
    "public_key": "04" + _HASH + _HASH,
    "receipt": RECEIPT,
    "steps": [
        {
            "name": "merkle",
            "ok": True,
            "zh": "事件的叶哈希经路径汇入批次的默克尔根",
            "en": "the event's leaf leads through the path to the batch's Merkle root",
        }
    ],
    "means_zh": "证明的是：该事件离开探针时即如此，此后未被改动；不多也不少。",
    "means_en": "It left the sensor so, and nothing changed it since; no more and no less.",
}
SENSORS: Final[Json] = {
    "items": [
        {
            "name": "host",
            "unit": "local",
            "realm": "duty",
            "status": "active",
            "enrolment": 1,
            "key_id": _HASH[:32],
            "last_batch": 12,
            "last_event_at": _AT,
            "last_seen_at": _AT,
            "lag_seconds": 0,
            "events": 9216,
            "quarantined": 0,
            "gaps": [{"from": _AT, "to": "2026-11-20T08:03:00.000000Z", "reason": "silent"}],
        }
    ],
    "troubles": [
        {
            "code": "platform.workers-silent",
            "failing": True,
            "title_zh": "分析节点无响应",
            "title_en": "The workers are silent",
        }
    ],
}
RETENTION: Final[Json] = {
    "classes": [
        {
            "name": "log",
            "title_zh": "网络日志",
            "title_en": "logs",
            "floor_months": 6,
            "months": 6,
            "required_from": "2026-05-19T16:00:00.000000Z",
        }
    ],
    "sources": [
        {
            "sensor": "host",
            "retention": "log",
            "oldest_event_at": "2026-05-02T01:12:40.000000Z",
            "segments": 7,
            "bytes": 402653184,
            "expired_events": 1048576,
            "expired_to": "2026-05-02T01:12:39.000000Z",
            "held": False,
            "next_at": "2026-12-03T16:00:00.000000Z",
            "verdict": "young",
        }
    ],
}
_COUNTED: Final[Json] = {
    "sensor": "host",
    "rule": "",
    "events": 412,
    "late": 3,
    "too_late": 1,
    "unkeyed": 0,
    "evicted": 0,
    "lag_max_seconds": 95,
}
COVERAGE: Final[Json] = {
    "start": "2026-11-19T08:00:00.000000Z",
    "items": [{**_COUNTED, "minute": _AT, "dataset": "nginx.access"}],
    "next_cursor": None,
    "totals": [_COUNTED],
}
MISSED: Final[Json] = {
    "items": [
        {
            "rule": "host-ssh-password-guessing",
            "entity": "203.0.113.9",
            "sensor": "gate",
            "first_at": "2026-11-20T07:58:12.000000Z",
            "last_at": "2026-11-20T07:59:03.500000Z",
            "events": 14,
            "noted_at": _AT,
            "looked_at": _AT,
            "revised": 1,
        }
    ],
    "silent": [
        {"sensor": "share", "since": _AT, "rules": ["database-password-guessing"]},
    ],
}
RULES: Final[Json] = {
    "items": [
        {
            "id": "host-ssh-password-guessing",
            "version": "1.0.0",
            "severity": 3,
            "system": "host",
            "kind": "threshold",
            "techniques": ["T1110.001"],
            "false_positives": [
                {"zh": "口令过期的脚本", "en": "A script with an expired password"}
            ],
            "text": {
                "title_zh": "口令猜测",
                "title_en": "Password guessing",
                "triage_zh": "查该来源是否随后登录成功。",
                "triage_en": "See whether this source signed in afterwards.",
            },
            "use_case": {
                "id": "ID03",
                "seen_in": ["provider"],
                "owasp": ["API2"],
                "limits": None,
            },
            "hindrances": [{"code": "warming_up", "names": [], "until": _AT}],
        }
    ]
}
AUDIT: Final[Json] = {
    "items": [
        {
            "n": 7,
            "at": _AT,
            "actor": "officer",
            "action": "alert.acknowledge",
            "object": _ALERT,
            "result": "done",
            "detail": "",
            "previous": _HASH,
            "hash": _HASH,
        }
    ],
    "next_cursor": None,
}
AUDIT_VERIFIED: Final[Json] = {"entries": 7, "ok": True, "broken_at": None}
USER: Final[Json] = {
    "id": "019aa0c5-6a00-7c3e-9d2b-5f1e8a7b4c21",
    "name": "officer",
    "display_name": "网络安全员",
    "roles": ["officer"],
    "units": ["*"],
    "has_password": False,
    "created_at": _AT,
    "disabled_at": None,
}
USERS: Final[Json] = {"items": [USER]}
LINK: Final[Json] = {
    "name": "officer",
    "token": "mN0l0fXv2wq1yqk9o3tT5b7c8d9e0f1a2b3c4d5e6f7",
    "fragment": "#token=mN0l0fXv2wq1yqk9o3tT5b7c8d9e0f1a2b3c4d5e6f7",
    "expires_at": _AT,
}
ENROLMENT_TOKEN: Final[Json] = {
    "token": "q1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6j7k8l9z0x1c",
    "name": "gateway-1",
    "unit": "social-security",
    "expires_at": _AT,
}
ENROLLED: Final[Json] = {
    "sensor": "gateway-1",
    "enrolment": 1,
    "realm": "duty",
    "receipt_public_key": "04" + _HASH + _HASH,
    "last_batch": 0,
}
RECEIPTS: Final[Json] = {"receipts": [RECEIPT]}
PUSHED: Final[Json] = {
    "accepted": 1,
    "refused": [{"index": 1, "code": "collector.push.time", "detail": "an event needs @timestamp"}],
}
CREDENTIAL: Final[Json] = {
    "id": "6b1f0c7de2a84356",
    "kind": "token",
    "created_at": _AT,
    "expires_at": "2027-11-20T08:00:00.000000Z",
    "revoked_at": None,
    "living": True,
}
CREDENTIAL_ISSUED: Final[Json] = {
    "credential": CREDENTIAL,
    "token": "fsk1.payments.mN0l0fXv2wq1yqk9o3tT5b7c8d9e0f1a2b3c4d5e6f7",
}
QUOTA: Final[Json] = {"per_second": 1000, "per_day": 0, "opens_per_minute": 600}
GRANTS: Final[Json] = {
    "grants": [
        {"key": "*", "operations": ["hmac", "sign", "verify"]},
        {"key": "payments.receipt", "operations": ["decrypt"]},
    ],
    "replace": "all",
}
APPLICATION: Final[Json] = {
    "id": "payments",
    "name": "非税支付平台",
    "unit": "social-security",
    "created_at": _AT,
    "disabled_at": None,
    "quota": QUOTA,
    "credentials": [CREDENTIAL],
    "grants": GRANTS["grants"],
}
APPLICATION_NEW: Final[Json] = {
    **APPLICATION,
    "credentials": [],
    "grants": [
        {"key": "*", "operations": ["sign", "verify"]},
        {"key": "-", "operations": ["digest", "verify"]},
    ],
}
APPLICATION_DISABLED: Final[Json] = {**APPLICATION, "disabled_at": _AT}
APPLICATION_REVOKED: Final[Json] = {
    **APPLICATION,
    "credentials": [{**CREDENTIAL, "revoked_at": _AT, "living": False}],
}
APPLICATIONS: Final[Json] = {"items": [APPLICATION], "next_cursor": None}
APPROVAL: Final[Json] = {
    "id": "019aa0c5-6a00-7c3e-9d2b-5f1e8a7b4c21",
    "kind": "export",
    "key": "payments.receipt",
    "asked_by": "li.na",
    "asked_at": _AT,
    "expires_at": "2026-11-27T08:00:00.000000Z",
    "params": {"to": "6b1f0c7de2a84356"},
    "state": "waiting",
    "decided_by": None,
    "decided_at": None,
    "ended_at": None,
    "failure": None,
    "material_waits": False,
    "given_at": None,
}
APPROVALS: Final[Json] = {"items": [APPROVAL], "next_cursor": None}
APPROVAL_DONE: Final[Json] = {
    **APPROVAL,
    "state": "done",
    "decided_by": "secadmin",
    "decided_at": "2026-11-20T09:00:00.000000Z",
    "ended_at": "2026-11-20T09:00:00.100000Z",
    "material_waits": True,
}
APPROVAL_REFUSED: Final[Json] = {
    **APPROVAL,
    "state": "refused",
    "decided_by": "secadmin",
    "decided_at": "2026-11-20T09:00:00.000000Z",
}
APPROVAL_DESTROY: Final[Json] = {**APPROVAL, "kind": "destroy", "params": {"days": "30"}}
KEY: Final[Json] = {
    "key": "payments.receipt",
    "use": "sign",
    "state": "active",
    "place": "software",
    "index": None,
    "module": "software, not a certified module",
    "sign_e": False,
    "decrypt": True,
    "export": False,
    "created_at": _AT,
    "expires_at": None,
    "destroy_at": None,
    "destroyed_at": None,
    "versions": [
        {
            "version": 1,
            "created_at": _AT,
            "public_key": ENROLLED["receipt_public_key"],
            "key_id": "6b1f0c7de2a84356",
        }
    ],
}
KEY_DISABLED: Final[Json] = {**KEY, "state": "disabled"}
KEYS: Final[Json] = {"items": [KEY]}
IMPORT_KEY: Final[Json] = {
    "public_key": ENROLLED["receipt_public_key"],
    "key_id": "6b1f0c7de2a84356",
}
CERTIFICATE: Final[Json] = {
    "serial": "5c3ea1b09d2f4e7786c1a05d3b9e4f12",
    "fingerprint": "e6e9" * 16,
    "subject": "CN=payments.receipt,OU=payments,C=CN",
    "issuer": "CN=区政务服务中心 CA,C=CN",
    "owner": "payments",
    "key": "payments.receipt",
    "version": 1,
    "profile": "sign",
    "not_before": _AT,
    "not_after": "2027-11-25T06:00:00.000Z",
    "created_at": _AT,
    "revoked_at": None,
    "reason": None,
    "renewed_by": None,
    "certificate": "-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n",
    "above": "",
}
CERTIFICATE_REVOKED: Final[Json] = {
    **CERTIFICATE, "revoked_at": _AT, "reason": "key_compromise",
}  # fmt: skip
CERTIFICATES: Final[Json] = {"items": [CERTIFICATE]}
CERTIFICATE_IMPORTED: Final[Json] = {
    "imported": "chain",
    "fingerprint": CERTIFICATE["fingerprint"],
    "subject": CERTIFICATE["subject"],
}
CERTIFICATE_CHECKED: Final[Json] = {
    "valid": True,
    "path": [{name: CERTIFICATE[name] for name in ("subject", "serial", "fingerprint")}],
    "revocation": "checked",
}
SIGNING_STATUS: Final[Json] = {
    "backend": "native",
    "library": "fengsui-native 0.1.0",
    "module": "software, not a certified module",
    "vectors": ["sm3", "sm4-gcm", "sm2-verify"],
    "workers": 2,
    "restarts": 0,
    "waiting": 0,
    "failures": [],
    "device": None,
}
SIGNING_USAGE: Final[Json] = {
    "items": [
        {
            "application": "payments",
            "month": "2026-11",
            "operation": "sign",
            "algorithm": "SM2-SM3",
            "mode": "message",
            "place": "software",
            "done": 18231,
            "failed": 0,
            "refused": 2,
        }
    ]
}
REVOCATION_LIST: Final = "-----BEGIN X509 CRL-----\nMIIB…\n-----END X509 CRL-----\n"
MATERIAL: Final[Json] = {"approval": APPROVAL["id"], "material": "MHkCIQDA/+4="}
HEALTH: Final[Json] = {
    "status": "ok",
    "failures": [],
    "warnings": ["collector.storage.low"],
}
STREAM: Final = (
    'id: 42\nevent: alert\ndata: {"id":"9b1f0c7de2a84356b0d1f4a2c8e97a55","seq":42}\n\n'
    'event: status\ndata: {"events":9216,"events_per_second":100,"lag_seconds":0,'
    '"sensors":2,"quarantined":0,"watermark":"2026-11-20T08:00:00.000000Z",'
    '"exceptions_changed_at":null,"troubles":[]}\n\n'
)
METRICS: Final = (
    "# HELP fengsui_dashboard_api_requests_total HTTP requests answered, by status.\n"
    "# TYPE fengsui_dashboard_api_requests_total counter\n"
    'fengsui_dashboard_api_requests_total{status="200"} 17\n'
)


def answer(example: Json, status: int = 200, description: str = "Done") -> dict[int | str, Json]:
    """The ``responses`` of a route: its JSON answer with this example."""
    return {
        status: {"description": description, "content": {"application/json": {"example": example}}}
    }


def text_answer(example: str, media_type: str, description: str) -> dict[int | str, Json]:
    """The ``responses`` of a route that answers text."""
    schema = {"type": "string"}
    content = {media_type: {"schema": schema, "example": example}}
    return {200: {"description": description, "content": content}}


REVOCATION_LISTS: Final[dict[int | str, Json]] = {
    200: {
        "description": "PEM; DER with form=der",
        "content": {
            "application/x-pem-file": {"schema": {"type": "string"}, "example": REVOCATION_LIST},
            "application/pkix-crl": {
                "schema": {"type": "string", "format": "binary"},
                "example": "DER",
            },
        },
    }
}
