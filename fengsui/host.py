"""Where this machine's own logs lie, and which of them this user may read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PLACES: Final = (
    ("auth", "/var/log/auth.log", "syslog_auth"),
    ("secure", "/var/log/secure", "syslog_auth"),
    ("nginx-access", "/var/log/nginx/access.log", "nginx_access"),
    ("nginx-error", "/var/log/nginx/error.log", "nginx_error"),
)
"""Name, path and format: Debian's and Red Hat's usual places."""

POSTGRESQL_FOLDER: Final = Path("/var/log/postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A log this machine may have, and whether it can be read."""

    name: str
    path: str
    format: str
    readable: bool


def places() -> list[Place]:
    """The logs that exist here, readable or not, in a fixed order."""
    known = list(PLACES)
    if POSTGRESQL_FOLDER.is_dir() and os.access(POSTGRESQL_FOLDER, os.R_OK | os.X_OK):
        known.extend(
            (f"postgresql-{path.stem}", str(path), "postgresql_text")
            for path in sorted(POSTGRESQL_FOLDER.glob("*.log"))
        )
    return [
        Place(name=name, path=path, format=form, readable=os.access(path, os.R_OK))
        for name, path, form in known
        if Path(path).exists()
    ]
