"""What a message of PAM, sudo, su, cron or an account tool says: action, outcome, who, as whom.

sshd's own messages are in ``sshd_messages``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from schema.event import Fields
from sensors.sources import sshd_messages
from sensors.sources.sshd_messages import add_peer

_AUTHENTICATION: Final = ["authentication"]
_SESSION: Final = ["session"]
_ACCOUNTS: Final = ["iam"]

# --- PAM (pam_unix and its kin), whichever program it serves ---------------------------------

_PAM: Final = re.compile(r"pam_[a-z0-9_]{1,32}\(([^:()\s]{1,64}):([a-z_]{1,32})\): ")
_PAM_SESSION: Final = re.compile(
    r"session (opened|closed) for user (.*?)(?:\(uid=\d{1,10}\))?(?: by .*)?\Z",
    re.DOTALL | re.ASCII,
)
_PAM_FAILURE: Final = re.compile(r" rhost=(\S*)(?:\s+user=(.*))?\Z", re.DOTALL)


def _pam(message: str, service: str, what: str) -> Fields:
    session = _PAM_SESSION.match(message)
    if session:
        fields: Fields = {
            "event.action": f"session_{session[1]}" if service != "cron" else "cron_session",
            "event.category": _SESSION,
            "event.outcome": "success",
        }
        if session[2]:
            fields["user.name"] = session[2]
        return fields
    if what == "chauthtok" and message.startswith("password changed for "):
        return _account("password_changed", message[len("password changed for ") :])
    if what in {"auth", "account"}:
        return _pam_failure(message)
    return {"event.action": "log", "message": message}


def _pam_failure(message: str) -> Fields:
    """A line beside the program's own refusal: it must not count as a second one."""
    fields: Fields = {
        "event.action": "pam_auth",
        "event.category": _AUTHENTICATION,
        "event.outcome": "failure",
        "gov.auth.method": "pam",
    }
    found = _PAM_FAILURE.search(message)
    if found:
        if found[2]:
            fields["user.name"] = found[2]
        add_peer(fields, found[1], None)
    return fields


# --- sudo, su, account tools, cron -----------------------------------------------------------


_SUDO_KEY: Final = re.compile(r"[A-Z]{3,8}=")


def _sudo(message: str) -> Fields | None:
    """``alice : [reason ; ][TTY=pts/0 ; ]PWD=/ ; USER=root ; COMMAND=/bin/ls``."""
    user, colon, rest = message.strip().partition(" : ")
    if not colon:
        return None
    head, mark, command = rest.partition(" ; COMMAND=")
    if not mark:
        return None
    reason = "" if _SUDO_KEY.match(head) else head.partition(" ; ")[0]
    fields: Fields = {
        "event.action": "sudo_denied" if reason else "sudo_command",
        "event.category": _AUTHENTICATION,
        "event.outcome": "failure" if reason else "success",
        "process.command_line": command,
        "user.name": user,
    }
    if reason:
        fields["event.reason"] = reason
    # The last one: the working directory before it may hold such a text of its own.
    _, _, target = head.rpartition(" ; USER=")
    if target:
        fields["user.target.name"] = target.partition(" ;")[0]
    return fields


_SU: Final = re.compile(r"(FAILED SU )?\(to (.*)\) (.*) on \S+\Z", re.DOTALL)
_SU_OLD: Final = re.compile(r"(Successful|FAILED) su for (\S+) by (\S+)\Z")


def _su(message: str) -> Fields | None:
    found = _SU.match(message)
    if found:
        failed, target, user = bool(found[1]), found[2], found[3]
    else:
        found = _SU_OLD.match(message)
        if not found:
            return None
        failed, target, user = found[1] == "FAILED", found[2], found[3]
    return {
        "event.action": "su",
        "event.category": _AUTHENTICATION,
        "event.outcome": "failure" if failed else "success",
        "user.name": user,
        "user.target.name": target,
    }


_NEW: Final = re.compile(r"new (user|group): name=([^,]{1,256})")
_NEW_PASSWORD: Final = re.compile(r"change user '([^']{1,256})' password")
_NEW_MEMBER: Final = re.compile(r"add '([^']{1,256})' to group '([^']{1,256})'")
_NEW_MEMBER_BY: Final = re.compile(r"user (\S{1,256}) added by (\S{1,256}) to group (\S{1,256})\Z")


def _accounts(message: str) -> Fields | None:
    found = _NEW.match(message)
    if found:
        return _account(f"{found[1]}_added", found[2])
    found = _NEW_MEMBER.match(message)
    if found:
        return {**_account("group_member_added", found[1]), "group.name": found[2]}
    found = _NEW_PASSWORD.match(message)
    return _account("password_changed", found[1]) if found else None


def _members(message: str) -> Fields | None:
    """gpasswd: ``user alice added by root to group sudo``."""
    found = _NEW_MEMBER_BY.match(message)
    if not found:
        return None
    added = _account("group_member_added", found[1])
    return {**added, "group.name": found[3], "user.name": found[2]}


def _account(action: str, name: str) -> Fields:
    return {
        "event.action": action,
        "event.category": _ACCOUNTS,
        "event.outcome": "success",
        "user.target.name": name,
    }


def _cron(message: str) -> Fields | None:
    """``(root) CMD (run-parts …)``."""
    user, mark, command = message.partition(") CMD (")
    if not mark or user[:1] != "(":
        return None
    return {
        "event.action": "cron_session",
        "event.outcome": "success",
        "process.command_line": command.removesuffix(")"),
        "user.name": user[1:],
    }


_PROGRAMS: Final[dict[str, Callable[[str], Fields | None]]] = {
    "sshd": sshd_messages.read,
    "sudo": _sudo,
    "su": _su,
    "useradd": _accounts,
    "groupadd": _accounts,
    "usermod": _accounts,
    "gpasswd": _members,
    "CRON": _cron,
    "cron": _cron,
}


def read(process: str, message: str) -> Fields:
    """The fields a program's message gives; action ``log`` with the message if it means nothing."""
    pam = _PAM.match(message)
    if pam:
        return _pam(message[pam.end() :], pam[1], pam[2])
    if message.startswith("PAM "):
        return _pam_failure(message)
    reader = _PROGRAMS.get(process)
    fields = reader(message) if reader else None
    return fields or {"event.action": "log", "message": message}
