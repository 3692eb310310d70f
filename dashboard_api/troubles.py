"""What readers are told of a site in trouble: the codes of /readyz in words, on every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One of what stands still, lags or soon will."""

    code: str
    """As /readyz names it."""
    failing: bool
    """Whether work stands still; false: it goes on, and a person should look."""
    title_zh: str
    title_en: str


def nothing() -> Sequence[Trouble]:
    """Of a site that is well."""
    return ()
