"""Keycloak's log, as version 26 wrote it, and as versions up to 16 did."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import times
from schema.event import Fields
from sensors.sources import Context
from sensors.sources.keycloak import USERS_MAX, Keycloak, network_of
from sensors.sources.keycloak_pairs import pairs

LINES = (Path(__file__).parent / "keycloak_lines" / "26.2.5.jsonl").read_bytes().splitlines()
NOW = times.from_text("2026-11-23T13:30:00.000000Z")
CONTEXT = Context(host="idp", utc_offset_minutes=480, now=lambda: NOW)
USER = "35c7e517-3b02-4f58-84d0-6e0b6d9ab1f7"
OLD = (
    "21:20:42,120 WARN  [org.keycloak.events] (default task-2) type=LOGIN_ERROR, realmId=test, "
    "clientId=test, userId=null, ipAddress=172.18.0.1, error=user_not_found, "
    "auth_method=openid-connect, username='two words'"
)


def read(*lines: str | bytes) -> list[Fields]:
    raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return Keycloak().parse(raw, CONTEXT)


def plain(message: str) -> str:
    return f"2026-11-23 21:20:42,120 INFO  [org.keycloak.events] (executor-thread-1) {message}"


def test_every_true_line_has_an_action_of_its_own() -> None:
    actions = Counter(str(one["event.action"]) for one in read(*LINES))
    assert actions == {
        "login_refused": 18, "login": 5, "token_refresh_refused": 4, "token_refresh": 2,
        "token_introspect_refused": 2, "signature_invalid": 2, "client_login_refused": 1,
        "account_lockout": 1, "password_reset_by_admin": 1, "client_update": 1, "impersonate": 1,
        "logout": 1, "password_reset_refused": 1,
    }  # fmt: skip


def test_the_rotated_refresh_token_is_the_same_one_when_it_is_shown_again() -> None:
    shown = [
        (one["event.action"], one["gov.auth.token_hmac"])
        for one in read(*LINES)
        if str(one["event.action"]).startswith("token_refresh") and "gov.auth.token_hmac" in one
    ]
    assert [action for action, _ in shown[:2]] == ["token_refresh", "token_refresh_refused"]
    assert shown[0][1] == shown[1][1]


def test_a_user_without_a_name_has_the_one_an_earlier_line_gave() -> None:
    events = {str(one["event.action"]): one for one in read(*LINES)}
    assert events["logout"]["user.id"] == events["account_lockout"]["user.id"][:6] + "1"
    assert events["impersonate"]["user.id"] == "admin"
    assert events["impersonate"]["user.target.id"] == "c000001"
    assert events["password_reset_by_admin"]["user.target.id"] == "c000001"


def test_a_user_never_named_keeps_the_id_of_keycloak() -> None:
    (event,) = read(plain(f'type="LOGOUT", userId="{USER}", ipAddress="10.0.0.1"'))
    assert event["user.id"] == USER
    assert "user.name" not in event


def test_names_are_remembered_up_to_a_limit() -> None:
    form = Keycloak()
    lines = [
        plain(f'type="LOGIN", userId="u{number}", username="n{number}"')
        for number in range(USERS_MAX + 1)
    ]
    form.parse([line.encode() for line in lines], CONTEXT)
    first, last = form.parse(
        [plain(f'type="LOGOUT", userId="u{number}"').encode() for number in (0, USERS_MAX)],
        CONTEXT,
    )
    assert (first["user.id"], last["user.id"]) == ("u0", f"n{USERS_MAX}")


def test_the_text_null_is_no_user() -> None:
    (event,) = read(
        plain('type="LOGIN_ERROR", userId="null", username="x", error="user_not_found"')
    )
    assert "user.id" not in event
    assert event["user.name"] == "x"
    assert event["event.reason"] == "user_not_found"


def test_the_unquoted_form_without_a_date_is_of_the_nearest_day() -> None:
    (event,) = read(OLD)
    assert event["@timestamp"] == "2026-11-23T13:20:42.120000Z"
    assert event["gov.time.assumed"] is True
    assert event["user.name"] == "two words"
    assert event["source.ip"] == "172.18.0.1"


def test_a_time_just_before_midnight_read_after_it_is_of_yesterday() -> None:
    late = Context(
        host="idp",
        utc_offset_minutes=480,
        now=lambda: times.from_text("2026-11-23T16:00:05.000000Z"),
    )
    (event,) = Keycloak().parse([OLD.replace("21:20:42", "23:59:58").encode()], late)
    assert event["@timestamp"] == "2026-11-23T15:59:58.120000Z"


@pytest.mark.parametrize(
    ("details", "method"),
    [
        ('x509_cert_serial_number="127"', "certificate"),
        ('selected_credential_id="2a52"', "otp"),
        ('credential_type="webauthn"', "webauthn"),
        ('identity_provider="province"', "federated"),
        ('auth_method="openid-connect"', "password"),
    ],
)
def test_the_method_is_what_the_details_give_away(details: str, method: str) -> None:
    (event,) = read(plain(f'type="LOGIN", userId="{USER}", {details}, username="x"'))
    assert event["gov.auth.method"] == method


@pytest.mark.parametrize(
    ("told", "serial"),
    [
        ("15482768407909988906", "d6ddd7d5f51d7a2a"),
        ("127", "7f"),
        ("0", "0"),
        ("7f", "7f"),
        ("9" * 51, "9" * 51),
    ],
)
def test_a_certificates_number_is_in_hex_as_in_its_issuers_log(told: str, serial: str) -> None:
    (event,) = read(plain(f'type="LOGIN", userId="{USER}", x509_cert_serial_number="{told}"'))
    assert event["gov.ca.serial"] == serial


def test_a_name_typed_to_look_like_a_field_changes_none() -> None:
    typed = r"x\", userId=\"root\", ipAddress=\"8.8.8.8"
    (event,) = read(plain(f'type="LOGIN_ERROR", ipAddress="10.0.0.1", username="{typed}"'))
    assert event["source.ip"] == "10.0.0.1"
    assert event["user.name"] == 'x", userId="root", ipAddress="8.8.8.8'
    assert "user.id" not in event
    (old,) = read(OLD.replace("'two words'", "x, ipAddress=8.8.8.8"))
    assert old["source.ip"] == "172.18.0.1"


def test_a_client_changed_in_the_console_is_named_where_its_text_is_logged() -> None:
    (event,) = read(
        plain(
            'operationType="UPDATE", realmName="master", userId="u", ipAddress="10.0.0.1", '
            'resourceType="CLIENT", resourcePath="clients/1a13", '
            r'representation="{\"clientId\":\"portal\"}"'
        )
    )
    assert (event["event.dataset"], event["event.action"]) == ("keycloak.admin", "client_update")
    assert event["gov.auth.client_id"] == "portal"


def test_other_loggers_lines_are_a_log_and_traces_belong_to_the_line_before() -> None:
    (event,) = read("2026-11-23 21:20:42,120 ERROR [org.keycloak.services] (main) KC-1: failed")
    assert (event["event.action"], event["message"]) == ("log", "KC-1: failed")
    assert not Keycloak().begins(b"\tat org.keycloak.X.y(X.java:1)")
    assert Keycloak().begins(LINES[0])


def test_networks_are_24_bits_of_one_and_64_of_the_other_protocol() -> None:
    assert network_of("198.18.0.7") == "198.18.0.0/24"
    assert network_of("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12),
        max_size=8,
    )
)
def test_what_was_quoted_is_read_as_it_was(told: dict[str, str]) -> None:
    written = ", ".join(
        '{}="{}"'.format(key, value.replace("\\", "\\\\").replace('"', '\\"'))
        for key, value in told.items()
    )
    assert pairs(written) == {key: value for key, value in told.items() if value != "null"}
