"""sshd's words, those of strangers among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.sources.sshd_messages import read

IP = "203.0.113.7"


@pytest.mark.parametrize(
    ("message", "action", "more"),
    [
        (
            f"Accepted publickey for svc from {IP} port 4 ssh2: ED25519 SHA256:VZ+/x",
            "ssh_login",
            {"user.name": "svc", "event.outcome": "success", "gov.auth.method": "publickey"},
        ),
        ("Accepted password for a from fe80::1%eth0 port 4 ssh2", "ssh_login", {"source.port": 4}),
        (
            f"Failed none for invalid user  0 from {IP} port 4 ssh2",
            "ssh_login",
            {"user.name": " 0"},
        ),
        (f"Invalid user admin from {IP} port 4", "ssh_invalid_user", {"user.name": "admin"}),
        (f"Invalid user  from {IP}", "ssh_invalid_user", {"user.name": "", "source.ip": IP}),
        (f"Connection closed by {IP} port 4", "ssh_connection_closed", {"source.ip": IP}),
        (f"Connection closed by {IP} [preauth]", "ssh_connection_closed", {"source.ip": IP}),
        (
            f"Connection reset by invalid user bob {IP} port 4 [preauth]",
            "ssh_connection_closed",
            {"user.name": "bob", "event.reason": "invalid_user", "source.port": 4},
        ),
        (f"Disconnected from user a {IP} port 4", "ssh_disconnect", {"user.name": "a"}),
        (
            f"Disconnected from authenticating user a {IP} port 4 [preauth]",
            "ssh_disconnect",
            {"user.name": "a", "source.ip": IP},
        ),
        (f"Received disconnect from {IP} port 4:11: bye", "ssh_disconnect", {"source.port": 4}),
        (
            f"Received disconnect from {IP}: 11: Bye Bye [preauth]",
            "ssh_disconnect",
            {"source.ip": IP},
        ),
        (
            "error: Received disconnect from 2001:db8::1 port 4:14: No more methods [preauth]",
            "ssh_disconnect",
            {"source.ip": "2001:db8::1", "source.port": 4},
        ),
        (
            (
                "error: maximum authentication attempts exceeded for invalid user x "
                f"from {IP} port 4 ssh2 [preauth]"
            ),
            "ssh_max_attempts",
            {"user.name": "x", "source.ip": IP, "event.reason": "invalid_user"},
        ),
        (
            (
                f"Disconnecting authenticating user root {IP} port 4: "
                "Too many authentication failures [preauth]"
            ),
            "ssh_max_attempts",
            {"user.name": "root", "source.ip": IP},
        ),
        (
            (
                f"Disconnecting invalid user a {IP} port 4: "
                "Change of username or service not allowed: "
                "(a,ssh-connection) -> (b,ssh-connection) [preauth]"
            ),
            "ssh_disconnect",
            {"user.name": "a", "source.ip": IP},
        ),
        (
            "Disconnecting: Too many authentication failures for root [preauth]",
            "ssh_max_attempts",
            {"user.name": "root"},
        ),
        (f"Did not receive identification string from {IP}", "log", {"source.ip": IP}),
        (f"Unable to negotiate with {IP} port 4: no matching", "log", {"source.port": 4}),
        (f"banner exchange: Connection from {IP} port 4: invalid format", "log", {"source.ip": IP}),
        (
            f"User a from {IP} not allowed because not listed in AllowUsers",
            "log",
            {"source.ip": IP},
        ),
        ("Server listening on 0.0.0.0 port 22.", "log", {}),
        ("error: kex_exchange_identification: Connection closed by remote host", "log", {}),
    ],
)
def test_messages_are_told_apart(message: str, action: str, more: dict[str, object]) -> None:
    fields = read(message)
    assert fields["event.action"] == action
    assert {name: fields.get(name) for name in more} == more


@pytest.mark.parametrize(
    "template",
    [
        "Failed password for invalid user {} from {} port 4 ssh2",
        "Invalid user {} from {} port 4",
        "Disconnected from invalid user {} {} port 4 [preauth]",
        "Disconnecting invalid user {} {} port 4: Too many authentication failures [preauth]",
        "error: maximum authentication attempts exceeded for {} from {} port 4 ssh2 [preauth]",
    ],
)
@pytest.mark.parametrize(
    "name",
    ["x from 10.9.9.9 port 1 ssh2", "10.9.9.9 port 1: x", "a b", "", "invalid user", " port 1: "],
)
def test_a_name_that_plays_an_address_is_not_believed(template: str, name: str) -> None:
    fields = read(template.format(name, IP))
    assert fields["source.ip"] == IP
    assert fields.get("user.name", "") == name


@given(st.text())
def test_any_message_has_an_action(message: str) -> None:
    assert read(message)["event.action"]
