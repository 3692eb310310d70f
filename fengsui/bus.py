"""Bus: the brokers of the settings; the one place that turns ``[bus]`` into clients."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from collector.bus.access import Access
from collector.bus.opening import open_reader, open_writer
from collector.bus.reading import Group, Starts
from collector.bus.sealed import Sealing, load_key
from fengsui.settings import BusSettings
from schema.bus import BusReader, BusWriter
from schema.ports import Entropy


def access_of(settings: BusSettings) -> Access:
    """Where the brokers are and who we are to them; raises ``collector.bus.address``."""
    return Access(
        brokers=settings.brokers,
        ca=_path(settings.tls_ca),
        certificate=_path(settings.tls_certificate),
        key=_path(settings.tls_key),
        user=settings.scram_user,
        password_file=_path(settings.scram_password_file),
    )


def sealing_of(settings: BusSettings, entropy: Entropy) -> Sealing | None:
    """What seals and opens records, None where the policy is not to.

    Raises ``collector.seal.key`` and what a key file raises.
    """
    if not settings.seal:
        return None
    return Sealing([load_key(Path(one)) for one in settings.seal_key_files], entropy)


class Bus(Protocol):
    """Gives writers and readers; the bus in memory is one too."""

    def writer(self) -> BusWriter:
        """A new writer."""

    def reader(self, source: Group | Starts) -> BusReader:
        """A new reader."""


class Brokers:
    """Makes writers and readers; nobody is asked before the first record."""

    def __init__(self, settings: BusSettings, entropy: Entropy) -> None:
        """Raise ``collector.bus.*`` and ``collector.seal.*`` for settings that cannot be used."""
        self._client = settings.client
        self._access = access_of(settings)
        self._sealing = sealing_of(settings, entropy)

    def writer(self, *, compress: bool = False) -> BusWriter:
        """A writer; ``compress`` where records are not compressed already, as batches are."""
        return open_writer(
            self._access, client=self._client, sealing=self._sealing, compress=compress
        )

    def reader(self, source: Group | Starts) -> BusReader:
        """A reader of a group's share, or from fixed starts."""
        return open_reader(self._access, source, client=self._client, sealing=self._sealing)


def _path(text: str) -> Path | None:
    return Path(text) if text else None
