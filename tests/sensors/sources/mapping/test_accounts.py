"""The mappings beside the identity provider: short messages, and a portal's gateway."""

from __future__ import annotations

from schema.event import Fields
from sensors.mask import Masker
from sensors.sources import Context, open_format

CONTEXT = Context(host="h1", utc_offset_minutes=480, now=lambda: 1_790_000_000_000_000)


def parsed(name: str, line: str) -> Fields:
    (fields,) = open_format(f"mapping:{name}").parse([line.encode()], CONTEXT)
    return fields


def test_a_code_sent_says_to_whom_and_what_for() -> None:
    fields = parsed(
        "sms_gateway",
        '{"time":"2026-10-08T20:38:08.123+08:00","biz_id":"900","phone":"13800138000",'
        '"template":"SMS_LOGIN_CODE","out_id":"c000001","result":"OK"}',
    )
    assert (fields["event.dataset"], fields["event.action"]) == ("identity.sms", "sms_send")
    assert (fields["event.code"], fields["event.outcome"]) == ("login_code", "success")
    assert fields["user.id"] == "c000001"
    Masker(b"k" * 32).mask([fields])
    assert str(fields["user.target.id"]).startswith("<<phone:")


def test_other_templates_are_notices() -> None:
    fields = parsed(
        "sms_gateway",
        '{"time":"2026-10-08T20:38:08+08:00","phone":"1","template":"SMS_TAX","result":"LIMIT"}',
    )
    assert (fields["event.code"], fields["event.outcome"]) == ("notice", "failure")


def test_a_page_of_the_portal_has_the_token_and_an_agent_that_the_network_does_not_change() -> None:
    line = (
        '{"time":"2026-10-08T20:38:08+08:00","remote_addr":"198.18.0.3","method":"GET",'
        '"uri":"/portal/api/me?x=1","status":200,"bytes":9,"jti":"onrtac:1","sub":"c000001",'
        '"agent":"Mozilla/5.0 MicroMessenger/8.0.50 NetType/%s Language/zh_CN"}'
    )
    wifi, mobile = (parsed("portal_gateway", line % kind) for kind in ("WIFI", "4G"))
    assert wifi["url.path"] == "/portal/api/me"
    assert (wifi["gov.auth.token_hmac"], wifi["user.id"]) == ("onrtac:1", "c000001")
    assert wifi["user_agent.original"] == mobile["user_agent.original"]
    assert str(wifi["user_agent.original"]).endswith("MicroMessenger/8.0.50")
