"""Datasets: which dataset a rule's log source means, and what its fields are called here."""

from __future__ import annotations

from typing import Final

from analytics.expression import Atom, Node
from schema.fields import catalogue

LOGSOURCES: Final[dict[tuple[str, str], str]] = {
    ("linux", "auth"): "system.auth",
    ("linux", "sshd"): "system.auth",
    ("linux", "sudo"): "system.auth",
    ("nginx", "access"): "nginx.access",
    ("webserver", "access"): "nginx.access",
    ("webserver", ""): "nginx.access",
    ("nginx", "error"): "nginx.error",
    ("postgresql", ""): "postgresql.log",
    ("linux", "process_creation"): "host.process",
    ("linux", "listening_port"): "host.listening",
    ("application", ""): "app.event",
}
"""(product or category, service or category) as a rule names them."""

_PROGRAMS: Final = {"sshd": "sshd", "sudo": "sudo"}
"""Services that are one program's lines inside a dataset."""

_WEB_FIELDS: Final = {
    "c-ip": "source.ip",
    "c-referer": "http.request.referrer",
    "c-uri": "url.original",
    "c-uri-query": "url.query",
    "c-uri-stem": "url.path",
    "c-useragent": "user_agent.original",
    "cs-host": "url.domain",
    "cs-method": "http.request.method",
    "cs-referer": "http.request.referrer",
    "cs-referrer": "http.request.referrer",
    "cs-uri": "url.original",
    "cs-uri-query": "url.query",
    "cs-uri-stem": "url.path",
    "cs-user-agent": "user_agent.original",
    "cs-username": "user.name",
    "sc-bytes": "http.response.body.bytes",
    "sc-status": "http.response.status_code",
}
_PROCESS_FIELDS: Final = {
    "CommandLine": "process.command_line",
    "CurrentDirectory": "process.working_directory",
    "Image": "process.executable",
    "ParentProcessId": "process.parent.pid",
    "ProcessId": "process.pid",
    "User": "user.name",
}
_TAXONOMIES: Final[dict[str, dict[str, str]]] = {
    "nginx.access": _WEB_FIELDS,
    "nginx.error": _WEB_FIELDS,
    "host.process": _PROCESS_FIELDS,
}


def dataset_of(*, product: str, category: str, service: str) -> str | None:
    """The dataset a log source means, or None where no source of ours delivers it."""
    for key in (
        (product, service),
        (product or category, service or (category if product else "")),
        (category, service),
    ):
        if key in LOGSOURCES:
            return LOGSOURCES[key]
    return None


def restriction(service: str) -> Node | None:
    """What a service adds to the rule's condition: only the lines of its program."""
    program = _PROGRAMS.get(service)
    return Atom("process.name", "equals", program) if program else None


def field_name(dataset: str, name: str) -> str | None:
    """Our name of a field as a rule writes it, or None where there is no such field."""
    if name in catalogue() or name.startswith("labels."):
        return name
    return _TAXONOMIES.get(dataset, {}).get(name)
