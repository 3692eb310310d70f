"""Bus: the way to the brokers and the clients on it, as the settings say."""

from __future__ import annotations

from pathlib import Path

from collector.bus.access import Access
from collector.bus.opening import open_reader, open_writer
from collector.bus.reading import Group, Starts
from collector.bus.sealed import Sealing, load_key
from fengsui.settings import BusSettings
from schema.bus import BusReader, BusWriter
from schema.ports import Entropy


def access(settings: BusSettings) -> Access:
    """Where the brokers are and who we are to them; raises ``collector.bus.address``."""
    return Access(
        brokers=settings.brokers,
        ca=_path(settings.tls_ca),
        certificate=_path(settings.tls_certificate),
        key=_path(settings.tls_key),
        user=settings.scram_user,
        password_file=_path(settings.scram_password_file),
    )


def sealing(settings: BusSettings, entropy: Entropy) -> Sealing | None:
    """What seals and opens records, None where the policy is not to.

    Raises ``collector.seal.key`` and what a key file raises.
    """
    if not settings.seal:
        return None
    return Sealing([load_key(Path(one)) for one in settings.seal_key_files], entropy)


def writer(settings: BusSettings, entropy: Entropy, *, compress: bool = False) -> BusWriter:
    """A writer; ``compress`` where records are not compressed already, as batches are."""
    return open_writer(
        access(settings),
        client=settings.client,
        sealing=sealing(settings, entropy),
        compress=compress,
    )


def reader(settings: BusSettings, entropy: Entropy, source: Group | Starts) -> BusReader:
    """A reader of a group's share or from fixed starts."""
    return open_reader(
        access(settings), source, client=settings.client, sealing=sealing(settings, entropy)
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None
