"""Unavailable: an index that does not accept now. Apart, so that no client need be installed."""

from __future__ import annotations

from schema.errors import FengsuiError


class IndexUnavailableError(FengsuiError, OSError):
    """The search nodes do not accept now; what was to be stored is stored later."""
