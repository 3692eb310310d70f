"""Wire: the bodies of the platform's and the desk's requests, and of their answers."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

__all__ = [
    "Application", "Approved", "Case", "Consented", "DeskIssue", "DeskRequest", "DeskRevocation",
    "Duty", "Empty", "Ending", "Error", "File", "Issue", "Party", "Reply", "Scanned", "Session",
    "UseCode", "Wanted",
]  # fmt: skip

Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=128)]
"""Codes, accounts and numbers; the longest real ones have about 60 characters."""
Long: TypeAlias = Annotated[str, msgspec.Meta(max_length=4096)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Empty(_Body, frozen=True, kw_only=True):
    """Nothing."""


class Session(_Body, frozen=True, kw_only=True):
    """A clerk comes in."""

    serial: Text


class Duty(_Body, frozen=True, kw_only=True):
    """A clerk is on duty."""

    matter: Text


class Case(_Body, frozen=True, kw_only=True):
    """A case is opened."""

    matter: Text
    applicant: Text


class Party(_Body, frozen=True, kw_only=True):
    """Somebody joins a case."""

    party: Text


class Wanted(_Body, frozen=True, kw_only=True):
    """A certificate is looked up, fetched or downloaded."""

    item: Text = ""
    holder: Text = ""
    licence: Text = ""
    matter: Text = ""
    case: Text = ""
    consent: Text = ""
    original: bool = False


class Consented(_Body, frozen=True, kw_only=True):
    """A holder lets an application use own certificates."""

    holder: Text
    app: Text


class UseCode(_Body, frozen=True, kw_only=True):
    """A code to show."""

    item: Text
    holder: Text


class Scanned(_Body, frozen=True, kw_only=True):
    """When an offline reader saw the code, microseconds UTC; 0 for one that is not offline."""

    scanned_at: int = 0


class Application(_Body, frozen=True, kw_only=True):
    """A certificate is asked for."""

    case: Text
    item: Text
    holder: Text


class Approved(_Body, frozen=True, kw_only=True):
    """A manager agreed, or nobody did."""

    approver: Text


class Issue(Application, frozen=True, kw_only=True):
    """A certificate is issued."""

    approver: Text


class Ending(Approved, frozen=True, kw_only=True):
    """A certificate is annulled or suspended."""

    case: Text


class File(_Body, frozen=True, kw_only=True):
    """A file that somebody brings, and the seal that stands on it; both in base64."""

    item: Text
    file: Long
    seal: Long


class DeskRequest(_Body, frozen=True, kw_only=True):
    """A certificate is asked for at the desk."""

    profile: Text
    subject: Text


class DeskIssue(DeskRequest, frozen=True, kw_only=True):
    """It is issued."""

    approver: Text
    alg: Text


class DeskRevocation(_Body, frozen=True, kw_only=True):
    """A certificate is taken back."""

    reason: int


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to what was let in."""

    code: str
    msg: str = ""
    number: str = ""


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to what was not: ``error`` says why."""

    error: str
