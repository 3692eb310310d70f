"""Table: every call of the foreign forms by its path."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dashboard_api.signing.shf import gmt0136, svs

ENTRIES: Final = MappingProxyType({entry.path: entry for entry in (*gmt0136.ENTRIES, *svs.ENTRIES)})

PATHS: Final = MappingProxyType(
    {path: (entry.operation, entry.form) for path, entry in ENTRIES.items()}
)
"""By path under the site's root: which operation a call is, and its form. All are POST."""
