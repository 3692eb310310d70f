"""Brokers: the bus of the settings; the only place that turns ``[bus]`` into clients."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from collector.bus import opening
from collector.bus.access import Access
from collector.bus.reading import Group, Starts
from collector.bus.sealed import Sealing, load_key
from fengsui.settings import BusSettings
from schema.bus import BusReader, BusWriter
from schema.ports import Entropy


class Bus(Protocol):
    """Where writers and readers come from; the bus in memory is one."""

    def writer(self) -> BusWriter:
        """A new writer."""

    def reader(self, source: Group | Starts) -> BusReader:
        """A new reader."""


class Brokers:
    """The brokers of the settings; nobody is asked before the first record."""

    def __init__(self, settings: BusSettings, entropy: Entropy) -> None:
        """Raise ``collector.bus.*`` and ``collector.seal.*`` for settings that cannot be used."""
        self._client = settings.client
        self._access = Access(
            brokers=settings.brokers,
            ca=_path(settings.tls_ca),
            certificate=_path(settings.tls_certificate),
            key=_path(settings.tls_key),
            user=settings.scram_user,
            password_file=_path(settings.scram_password_file),
        )
        self._sealing: Sealing | None = None
        if settings.seal:
            keys = [load_key(Path(one)) for one in settings.seal_key_files]
            self._sealing = Sealing(keys, entropy)

    def writer(self) -> BusWriter:
        return opening.open_writer(self._access, client=self._client, sealing=self._sealing)

    def reader(self, source: Group | Starts) -> BusReader:
        return opening.open_reader(self._access, source, client=self._client, sealing=self._sealing)


def _path(text: str) -> Path | None:
    return Path(text) if text else None
