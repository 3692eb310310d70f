"""Acts: what somebody does to the exchange, or what is seen of it from outside."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "Ask",
    "CallBack",
    "Flow",
    "HeartBeat",
    "Replay",
    "SealedRecord",
    "StopNode",
    "Upload",
    "Visit",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An application signs a request and sends it."""

    requester: str
    service: str
    address: str
    number: str = ""
    """Of the person asked for; a page of rows where there is none."""
    rows: int = 0
    page: int = 1
    fields: tuple[str, ...] = ()
    """As many as the grant approves where empty."""
    matter: str = "M-00"
    case: str = ""
    user: str = ""
    """Whoever sits before the console."""
    system: str = ""
    behind_ms: int = 0
    """How far the caller's clock is behind."""
    wrong_key: bool = False
    resend_after: int = 0
    """Microseconds after which the library sends the same bytes again; 0 for never."""
    keep: str = ""
    """Name under which whoever listens keeps the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Bytes that somebody kept, sent again."""

    keep: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBack:
    """The exchange fetches the address an application gave for the end of a long job."""

    requester: str
    url: str
    address: str
    """What the name in it resolves to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A plain request at the gateway: a page, a document, something tried."""

    address: str
    agent: str
    uri: str
    method: str = "GET"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartBeat:
    """A node says that it lives."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopNode:
    """A node is stopped."""

    node: str
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A connection as the packet view sees its end."""

    source: str
    destination: str
    sent: int
    received: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that a clerk hands in with a case."""

    user: str
    unit: str
    name: str
    head: str
    """The first words of it."""
    content: str
    """Stands for its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRecord:
    """What the collector seals about evidence."""

    action: str
    sensor: str
    reason: str = ""
    number: int = 0
