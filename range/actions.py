"""What a person or an attacker of the range can do, as plain data with its recorded time."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Action", "LocalSudo", "Page", "PortProbe", "Request", "Shell", "Sql", "Step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing done at `at_s` recorded seconds, by `label` when it belongs to an attack."""

    at_s: float
    source: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request; `target` goes on the wire byte for byte."""

    target: bytes
    method: str = "GET"
    body: bytes = b""
    referer: str = ""
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Action):
    """Requests on one connection, one after the other; `raw` is sent instead when it is set."""

    agent: str
    requests: tuple[Request, ...] = ()
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command in a shell session, `after_s` after the login; `answers` go to its terminal."""

    after_s: float
    command: str
    answers: tuple[str, ...] = ()
    terminal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell(Action):
    """An SSH login: wrong passwords first, then (when `password` or `key`) the right one."""

    user: str
    wrong: tuple[str, ...] = ()
    password: str = ""
    key: bool = False
    steps: tuple[Step, ...] = ()
    length_s: float = 0.0
    goodbye: str = "disconnected by user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sql(Action):
    """A PostgreSQL session on one cluster; statements carry seconds after the login."""

    cluster: str
    database: str
    user: str
    password: str
    application: str = ""
    statements: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSudo(Action):
    """A service account on the machine itself runs sudo, as a timer would."""

    user: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortProbe(Action):
    """A monitoring probe that opens the SSH port and leaves."""
