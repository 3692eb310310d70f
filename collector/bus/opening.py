"""Opening: a writer or reader by the client that is installed, sealed where the policy says so."""

from __future__ import annotations

import importlib.util
from typing import Literal, TypeAlias

from collector.bus.access import Access
from collector.bus.reading import Group, Starts
from collector.bus.sealed import SealedReader, SealedWriter, Sealing
from schema.bus import BusReader, BusWriter
from schema.errors import FengsuiError

Client: TypeAlias = Literal["auto", "kafka-python", "confluent"]


def open_writer(
    access: Access,
    *,
    client: Client = "auto",
    sealing: Sealing | None = None,
    compress: bool = False,
) -> BusWriter:
    """A writer that connects on its first record; ``compress`` does nothing to sealed records.

    Raises ``collector.bus.client_missing``.
    """
    compress = compress and sealing is None
    writer: BusWriter
    if _chosen(client) == "confluent":
        from collector.bus.confluent_bus import ConfluentWriter

        writer = ConfluentWriter(access, compress=compress)
    else:
        from collector.bus.kafka_bus import KafkaPythonWriter

        writer = KafkaPythonWriter(access, compress=compress)
    return writer if sealing is None else SealedWriter(writer, sealing)


def open_reader(
    access: Access,
    source: Group | Starts,
    *,
    client: Client = "auto",
    sealing: Sealing | None = None,
) -> BusReader:
    """A reader that connects on its first read; raises ``collector.bus.client_missing``."""
    reader: BusReader
    if _chosen(client) == "confluent":
        from collector.bus.confluent_bus import ConfluentReader

        reader = ConfluentReader(access, source)
    else:
        from collector.bus.kafka_bus import KafkaPythonReader

        reader = KafkaPythonReader(access, source)
    return reader if sealing is None else SealedReader(reader, sealing)


def _chosen(client: Client) -> Client:
    here = {
        name: importlib.util.find_spec(module) is not None
        for name, module in (("confluent", "confluent_kafka"), ("kafka-python", "kafka"))
    }
    if client == "auto":
        client = "confluent" if here["confluent"] else "kafka-python"
    if not here[client]:
        raise FengsuiError(
            "collector.bus.client_missing",
            f"the client {client} for the brokers is not installed here: install "
            "fengsui[cluster], or choose another with bus.client",
            client=client,
        )
    return client
