"""PAM, sudo, su, account tools and cron."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.sources.auth_messages import read


@pytest.mark.parametrize(
    ("process", "message", "expected"),
    [
        (
            "sshd",
            "pam_unix(sshd:session): session opened for user svc.collect(uid=1023) by (uid=0)",
            {"event.action": "session_opened", "user.name": "svc.collect"},
        ),
        (
            "su",
            "pam_unix(su-l:session): session closed for user root",
            {"event.action": "session_closed", "user.name": "root"},
        ),
        (
            "CRON",
            "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
            {"event.action": "cron_session", "user.name": "root"},
        ),
        (
            "sshd",
            (
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
                "rhost=127.20.9.5  user=zhang.wei"
            ),
            {"event.action": "pam_auth", "user.name": "zhang.wei", "source.ip": "127.20.9.5"},
        ),
        (
            "sshd",
            (
                "PAM 5 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= "
                "rhost=host.example  user=root"
            ),
            {"event.action": "pam_auth", "labels.remote_host": "host.example"},
        ),
        ("sshd", "pam_unix(sshd:auth): check pass; user unknown", {"event.action": "pam_auth"}),
        ("sshd", "pam_env(sshd:session): deprecated reading of x", {"event.action": "log"}),
        (
            "sudo",
            "  he.ping : TTY=pts/0 ; PWD=/home/he.ping ; USER=root ; COMMAND=/usr/bin/ls /root",
            {
                "event.action": "sudo_command",
                "event.outcome": "success",
                "user.name": "he.ping",
                "user.target.name": "root",
                "process.command_line": "/usr/bin/ls /root",
            },
        ),
        (
            "sudo",
            "svc.backup : PWD=/ ; USER=root ; COMMAND=/usr/bin/du -s /var/log",
            {"event.action": "sudo_command", "user.name": "svc.backup"},
        ),
        (
            "sudo",
            "li.na : user NOT in sudoers ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
            {"event.action": "sudo_denied", "event.reason": "user NOT in sudoers"},
        ),
        (
            "sudo",
            "a : 3 incorrect password attempts ; PWD=/ ; USER=bob ; COMMAND=/bin/ls ; x",
            {"event.action": "sudo_denied", "user.target.name": "bob", "event.outcome": "failure"},
        ),
        (
            "sudo",
            "a : command not allowed ; PWD=/tmp/ ; USER=x/ ; USER=root ; COMMAND=/bin/ls",
            {"event.action": "sudo_denied", "user.target.name": "root"},
        ),
        ("sudo", "unable to resolve host gov-app-01", {"event.action": "log"}),
        (
            "su",
            "(to zhang.wei) ma.chao on pts/1",
            {"event.action": "su", "event.outcome": "success", "user.target.name": "zhang.wei"},
        ),
        (
            "su",
            "FAILED SU (to root) li.na on pts/0",
            {"event.action": "su", "event.outcome": "failure", "user.name": "li.na"},
        ),
        (
            "su",
            "Successful su for root by bob",
            {"event.action": "su", "user.name": "bob", "user.target.name": "root"},
        ),
        (
            "passwd",
            "pam_unix(passwd:chauthtok): password changed for alice",
            {"event.action": "password_changed", "user.target.name": "alice"},
        ),
        (
            "usermod",
            "add 'li.na' to group 'sudo'",
            {
                "event.action": "group_member_added",
                "user.target.name": "li.na",
                "group.name": "sudo",
            },
        ),
        (
            "usermod",
            "add 'li.na' to shadow group 'sudo'",
            {"event.action": "log"},
        ),
        (
            "gpasswd",
            "user li.na added by root to group wheel",
            {
                "event.action": "group_member_added",
                "user.name": "root",
                "user.target.name": "li.na",
                "group.name": "wheel",
            },
        ),
        (
            "usermod",
            "change user 'bob' password",
            {"event.action": "password_changed", "user.target.name": "bob"},
        ),
        (
            "useradd",
            "new user: name=eve, UID=1031, GID=1031, home=/home/eve, shell=/bin/sh, from=none",
            {"event.action": "user_added", "user.target.name": "eve"},
        ),
        (
            "groupadd",
            "new group: name=ops, GID=1001",
            {"event.action": "group_added", "user.target.name": "ops"},
        ),
        (
            "CRON",
            "(root) CMD (run-parts /etc/cron.hourly)",
            {
                "event.action": "cron_session",
                "process.command_line": "run-parts /etc/cron.hourly",
            },
        ),
        ("systemd-logind", "New session 3 of user a.", {"event.action": "log"}),
    ],
)
def test_messages_are_told_apart(process: str, message: str, expected: dict[str, object]) -> None:
    fields = read(process, message)
    assert {name: fields.get(name) for name in expected} == expected


@given(st.sampled_from(["sshd", "sudo", "su", "CRON", "useradd", "x"]), st.text())
def test_any_message_has_an_action(process: str, message: str) -> None:
    assert read(process, message)["event.action"]
    assert read(process, f"pam_unix({process}:auth): {message}")["event.action"]
