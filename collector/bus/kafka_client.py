"""What every client of kafka-python needs that its settings do not give."""

from __future__ import annotations

from typing import Any, Final

import kafka
from kafka import errors
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket

CLOSE_SECONDS: Final = 2.0
"""A client's thread ends within milliseconds unless it hangs in the network."""


_DIRECT: Final = "direct"


class _Direct(KafkaNetSocket):  # type: ignore[misc] # kafka-python has no types
    """A plain connection that closes its socket where it fails: the library's own does not."""

    SCHEMES = (_DIRECT,)

    async def connect(
        self,
        net: Any,  # noqa: ANN401 - as the library has it
        addrinfo: Any,  # noqa: ANN401
        socket_options: Any = (),  # noqa: ANN401
        timeout_at: float | None = None,
    ) -> Any:  # noqa: ANN401
        family, kind, number, _, address = addrinfo
        made = self.socket(family, kind, number)
        try:
            made.setblocking(False)
            for option in socket_options:
                made.setsockopt(*option)
            return await self.sock_connect(net, made, address, timeout_at=timeout_at)
        except BaseException:
            made.close()
            raise


class Network:
    """Makes the connections of one client, keeps topics from being made by being asked for
    (the setting for it does not reach the requests in 3.0.12), and lets go of them whatever
    happened to the client, which leaves its sockets open when it finds no broker."""

    def __init__(self) -> None:
        self._made: list[Any] = []

    def __call__(self, **config: Any) -> Any:  # noqa: ANN401 - the library has no types
        """The network client; a class of this shape is what the library asks for."""
        client = KafkaNetClient(**{**config, "proxy_url": f"{_DIRECT}://"})
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


def forbidden(access: dict[str, Any], topic: str) -> bool:
    """Whether a topic is not shown because this user may not see it, rather than not there."""
    # Consumers ask for all topics, and the brokers leave out what is forbidden.
    network = Network()
    try:
        client = kafka.KafkaAdminClient(**access, kafka_client=network)
        try:
            found = client.describe_topics([topic])
        finally:
            client.close()
    finally:
        network.close()
    refused: int = errors.TopicAuthorizationFailedError.errno
    return any(one["error_code"] == refused for one in found)
