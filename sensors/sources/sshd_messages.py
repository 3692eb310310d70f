"""What a message of sshd says: action, outcome, who, from where (OpenSSH 5 to 10).

User names in these messages are whatever a stranger typed, spaces and ``from 10.0.0.1`` included,
so addresses are read from the end of the message and never from its first ``from``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from schema.event import Fields
from sensors.sources import record

_AUTHENTICATION: Final = ["authentication"]
_SESSION: Final = ["session"]

_LOGIN: Final = re.compile(
    r"(Accepted|Failed) (\S{1,64}) for (invalid user )?(.*) from (\S+) port (\d{1,5})"
    r"(?: ssh2?)?(?:: .*)?\Z",
    re.DOTALL | re.ASCII,
)
_INVALID: Final = re.compile(r"[Ii]nvalid user (.*) from (\S+)(?: port (\d{1,5}))?\Z", re.DOTALL)
_MAXIMUM: Final = re.compile(
    r"maximum authentication attempts exceeded for (invalid user )?(.*) from (\S+) port (\d{1,5})"
    r"(?: ssh2?)?\Z",
    re.DOTALL | re.ASCII,
)
_PEER: Final = re.compile(
    r"(?:(authenticating |invalid )?user (.*) )?(\S+) port (\d{1,5})\Z", re.DOTALL | re.ASCII
)
_PORT: Final = re.compile(r"port (\d{1,5})", re.ASCII)
_ANY_ADDRESS: Final = re.compile(
    r"(?:from|with|for|by|\[) ?([0-9A-Fa-f.:]{3,45})(?: port (\d{1,5}))?"
)
_PREAUTH: Final = " [preauth]"
_TOO_MANY: Final = "Too many authentication failures"
# The last port is the server's; one before it may be part of the name a stranger typed.
_REASON: Final = re.compile(r"(.* port \d{1,5}): (.*)\Z", re.DOTALL | re.ASCII)


def add_peer(fields: Fields, address: str, port: str | None) -> Fields:
    """The fields with the remote end: an address, or the name that stands in its place."""
    if record.is_address(address):
        fields["source.ip"] = address
    elif address:
        fields["labels.remote_host"] = address
    if port:
        fields["source.port"] = int(port)
    return fields


def _login(message: str) -> Fields | None:
    found = _LOGIN.match(message)
    if not found:
        return None
    accepted = found[1] == "Accepted"
    fields: Fields = {
        "event.action": "ssh_login",
        "event.category": _AUTHENTICATION,
        "event.outcome": "success" if accepted else "failure",
        "gov.auth.method": found[2],
        "user.name": found[4],
    }
    if found[3]:
        fields["event.reason"] = "invalid_user"
    return add_peer(fields, found[5], found[6])


def _invalid(message: str) -> Fields | None:
    found = _INVALID.match(message)
    if not found:
        return None
    fields: Fields = {
        "event.action": "ssh_invalid_user",
        "event.category": _AUTHENTICATION,
        "event.outcome": "failure",
        "user.name": found[1],
    }
    return add_peer(fields, found[2], found[3])


def _maximum(message: str) -> Fields | None:
    found = _MAXIMUM.match(message)
    if not found:
        return None
    fields = _max_attempts(found[2])
    if found[1]:
        fields["event.reason"] = "invalid_user"
    return add_peer(fields, found[3], found[4])


def _max_attempts(user: str) -> Fields:
    fields: Fields = {
        "event.action": "ssh_max_attempts",
        "event.category": _AUTHENTICATION,
        "event.outcome": "failure",
    }
    if user:
        fields["user.name"] = user
    return fields


def _ended(message: str) -> Fields | None:
    """Connection closed or reset by, Disconnected from, Disconnecting."""
    verb, _, rest = message.partition(" ")
    fields: Fields = {"event.action": "ssh_disconnect", "event.category": _SESSION}
    if verb == "Connection":
        how, _, rest = rest.partition(" by ")
        if how not in {"closed", "reset"}:
            return None
        fields["event.action"] = "ssh_connection_closed"
    elif verb == "Disconnected":
        rest = rest.removeprefix("from ")
    else:
        reason = _REASON.match(rest)
        if reason:
            rest = reason[1]
        if reason and reason[2].startswith(_TOO_MANY):
            fields = _max_attempts("")
    found = _PEER.match(rest)
    if found:
        if found[2]:
            fields["user.name"] = found[2]
        if found[1] == "invalid ":
            fields["event.reason"] = "invalid_user"
        return add_peer(fields, found[3], found[4])
    if record.is_address(rest):
        fields["source.ip"] = rest
    return fields


def _disconnecting_old(message: str) -> Fields | None:
    """OpenSSH before 7.5: ``Disconnecting: Too many authentication failures for root``."""
    _, mark, user = message.partition(_TOO_MANY)
    if not mark:
        return {"event.action": "ssh_disconnect", "event.category": _SESSION}
    return _max_attempts(user.removeprefix(" for ").removeprefix("invalid user "))


def _received(message: str) -> Fields | None:
    prefix = "Received disconnect from "
    if not message.startswith(prefix):
        return None
    fields: Fields = {"event.action": "ssh_disconnect", "event.category": _SESSION}
    # ``10.0.0.1 port 22:11: text``, before OpenSSH 7.2 ``10.0.0.1: 11: text``.
    address, _, rest = message[len(prefix) :].partition(" ")
    port = _PORT.match(rest)
    return add_peer(fields, address.removesuffix(":"), port and port[1])


def _input(message: str) -> Fields | None:
    """``input_userauth_request: invalid user x``: the second line of the same refusal."""
    if "invalid user " not in message:
        return None
    return {
        "event.action": "log",
        "event.reason": "invalid_user",
        "message": message,
        "user.name": message.partition("invalid user ")[2],
    }


_SSHD: Final[dict[str, Callable[[str], Fields | None]]] = {
    "Accepted": _login,
    "Failed": _login,
    "Invalid": _invalid,
    "maximum": _maximum,
    "Connection": _ended,
    "Disconnected": _ended,
    "Disconnecting": _ended,
    "Disconnecting:": _disconnecting_old,
    "Received": _received,
    "input_userauth_request:": _input,
}


def read(message: str) -> Fields:
    """The fields of a message; one that means nothing is a ``log``, with the address it names."""
    message = message.removeprefix("error: ").removesuffix(_PREAUTH)
    reader = _SSHD.get(message.partition(" ")[0])
    fields = reader(message) if reader else None
    if fields is None:
        fields = {"event.action": "log", "message": message}
        found = _ANY_ADDRESS.search(message)
        if found and record.is_address(found[1].rstrip(".:")):
            add_peer(fields, found[1].rstrip(".:"), found[2])
    return fields
