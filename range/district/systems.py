"""Systems: the parts of the town by name."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Final

from district.system import SystemMaker

__all__ = ["NAMES", "makers"]

NAMES: Final = ("certificates", "identity", "payment", "sharing", "daily")
"""Packages beside this file; each has ``make(town, sink)``."""


def makers(names: Iterable[str] = NAMES) -> list[SystemMaker]:
    """How the systems of these names are made."""
    return [importlib.import_module(f"district.{name}").make for name in names]
