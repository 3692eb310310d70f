"""Parts: which systems of the town live, and who makes them."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Final

from district.stream import Sink
from district.system import System
from district.town import Town

from living.part import Made, Part

__all__ = ["NOBODY", "living"]

NOBODY: Final = Made(by="synthetic", what="lines from templates; no server of this kind runs here")


def living(systems: Mapping[str, System], town: Town, sink: Sink) -> dict[str, Part]:
    """The part of each system that has one, by name."""
    found: dict[str, Part] = {}
    for name, system in systems.items():
        if importlib.util.find_spec(f"living.{name}") is not None:
            made: Part = importlib.import_module(f"living.{name}").make(system, town, sink)
            found[name] = made
    return found
