"""Brokers: where the centre's writers and readers come from, by the settings or in this process."""

from __future__ import annotations

from typing import Protocol

from collector.bus.reading import Group, Starts
from fengsui import bus
from fengsui.settings import BusSettings
from schema.bus import BusReader, BusWriter
from schema.ports import Entropy


class Bus(Protocol):
    """Gives writers and readers; the bus in memory is one."""

    def writer(self) -> BusWriter:
        """A new writer."""

    def reader(self, source: Group | Starts) -> BusReader:
        """A new reader."""


class Brokers:
    """The brokers of the settings; nobody is asked before the first record."""

    def __init__(self, settings: BusSettings, entropy: Entropy) -> None:
        """Raise ``collector.bus.*`` and ``collector.seal.*`` for settings that cannot be used."""
        self._settings = settings
        self._entropy = entropy
        # Found out at the start, and not by the first record.
        bus.access(settings)
        bus.sealing(settings, entropy)

    def writer(self) -> BusWriter:
        return bus.writer(self._settings, self._entropy)

    def reader(self, source: Group | Starts) -> BusReader:
        return bus.reader(self._settings, self._entropy, source)
