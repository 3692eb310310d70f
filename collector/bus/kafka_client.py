"""What every client of kafka-python needs that its settings do not give."""

from __future__ import annotations

from typing import Any, Final

import kafka
from kafka.net.compat import KafkaNetClient

CLOSE_SECONDS: Final = 2.0
"""A client's thread ends within milliseconds unless it hangs in the network."""


class Network:
    """Makes the connections of one client, keeps topics from being made by being asked for
    (the setting for it does not reach the requests in 3.0.12), and lets go of them whatever
    happened to the client, which leaves its sockets open when it finds no broker."""

    def __init__(self) -> None:
        self._made: list[Any] = []

    def __call__(self, **config: Any) -> Any:  # noqa: ANN401 - the library has no types
        """The network client; a class of this shape is what the library asks for."""
        client = KafkaNetClient(**config)
        client.cluster.config["allow_auto_create_topics"] = False
        self._made.append(client)
        return client

    def close(self) -> None:
        """Close what is still open."""
        while self._made:
            self._made.pop().close()


def stop(producer: kafka.KafkaProducer, network: Network) -> None:
    """End a producer whatever state it is in; what it still held may have arrived or not."""
    # Its own close() waits for what it holds, and gives up without stopping its thread.
    sender = producer._sender  # noqa: SLF001
    sender.force_close()
    sender.join(CLOSE_SECONDS)
    producer.close(timeout=0)
    if not sender.is_alive():
        network.close()
