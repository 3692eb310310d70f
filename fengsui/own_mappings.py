"""Mapping files of the site's own: those in ``DIR/mappings`` go before shipped ones."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sensors.sources import MAPPING

OWN_FOLDER: Final = "mappings"
"""Of a data folder."""


def resolve(name: str, folder: Path) -> str:
    """The format of a name as the settings write it; ``folder`` is the data folder."""
    own = folder / OWN_FOLDER / f"{name.removeprefix(MAPPING)}.toml"
    if name.startswith(MAPPING) and "/" not in name and own.is_file():
        return f"{MAPPING}{own.resolve()}"
    return name
