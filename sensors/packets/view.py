"""From frames to events: ``packet.tls``, ``packet.dns`` and ``packet.flow``."""

from __future__ import annotations

from schema import times
from schema.event import Fields
from sensors.packets.dns import Question, answer, question
from sensors.packets.flows import End, Flow, Flows
from sensors.packets.frame import FIN, RST, SYN, UDP, Frame, Packet, packet
from sensors.packets.handshake import ClientHello, ServerHello, hello
from sensors.packets.suites import algorithm, suite, version
from sensors.packets.terms import View

_DNS_PORT = 53


class Reader:
    """Reads frames in order; what it holds between them is the table of connections."""

    def __init__(self, terms: View, flows: Flows | None = None) -> None:
        self._terms = terms
        self.flows = Flows() if flows is None else flows

    def read(self, frame: Frame) -> list[Fields]:
        """The events of a frame, mostly none; no bytes raise anything."""
        seen = packet(frame.raw)
        if seen is None:
            return []
        if seen.protocol == UDP:
            return self._dns(seen, frame.at)
        found = self._handshake(seen, frame.at) if seen.payload else []
        if seen.flags & (SYN | FIN | RST):
            found += [self._flow(one, frame.at) for one in self.flows.note(seen, frame.at)]
        return found

    def expire(self, now: int) -> list[Fields]:
        """Events of connections nobody answered or whose end was missed."""
        return [self._flow(one, now) for one in self.flows.expire(now)]

    def _base(self, dataset: str, at: int) -> Fields:
        return {
            "@timestamp": times.to_text(at),
            "event.dataset": dataset,
            "host.name": self._terms.host,
            "observer.name": self._terms.host,
        }

    def _dns(self, seen: Packet, at: int) -> list[Fields]:
        if seen.destination_port == _DNS_PORT and (asked := question(seen.payload)):
            client, server = (seen.source, seen.source_port), (seen.destination, _DNS_PORT)
            return [self._name(asked, client, server, at) | {"event.action": "dns_query"}]
        if seen.source_port == _DNS_PORT and (said := answer(seen.payload)):
            client, server = (seen.destination, seen.destination_port), (seen.source, _DNS_PORT)
            fields = self._name(said.question, client, server, at) | {
                "dns.response_code": said.code,
                "event.action": "dns_answer",
                "event.outcome": "success" if said.code == "NOERROR" else "failure",
            }
            if said.data:
                fields["dns.answers.data"] = list(said.data)
            if said.addresses:
                fields["dns.resolved_ip"] = list(said.addresses)
            return [fields]
        return []

    def _name(self, asked: Question, client: End, server: End, at: int) -> Fields:
        """Question or answer, as ECS has it: who asked is the source of both."""
        return self._base("packet.dns", at) | {
            "destination.ip": str(server[0]),
            "destination.port": server[1],
            "dns.question.name": asked.name,
            "dns.question.type": asked.type,
            "network.protocol": "dns",
            "network.transport": "udp",
            "source.ip": str(client[0]),
            "source.port": client[1],
        }

    def _handshake(self, seen: Packet, at: int) -> list[Fields]:
        said = hello(seen.payload)
        known = self.flows.of(seen)
        if isinstance(said, ClientHello):
            # Under way before we looked, perhaps: a hello names the client as an opening does.
            flow = known[0] if known else self.flows.open(seen, at)
            flow.server_name = said.server_name
            return []
        if not isinstance(said, ServerHello) or known is None or known[1] != 1 or known[0].told:
            return []
        flow = known[0]
        flow.told = flow.answered = True
        return [self._tls(flow, said, at)]

    def _tls(self, flow: Flow, said: ServerHello, at: int) -> Fields:
        name = suite(said.suite)
        fields = self._base("packet.tls", at) | self._ends(flow)
        fields |= {
            "event.action": "tls_handshake",
            "event.outcome": "success",
            "tls.cipher": name,
            "tls.version": version(said.version),
        }
        if service := self._terms.service(*flow.server):
            fields["service.name"] = service
        if flow.server_name:
            fields["tls.client.server_name"] = flow.server_name
        if kind := algorithm(name):
            fields["gov.crypto.alg"] = kind
        if said.double_certificate is not None:
            fields["labels.double_certificate"] = str(said.double_certificate).lower()
        return fields

    def _flow(self, flow: Flow, at: int) -> Fields:
        fields = self._base("packet.flow", at) | self._ends(flow)
        fields["event.action"] = "flow"
        fields["event.outcome"] = "success" if flow.answered else "failure"
        if direction := self._terms.direction(flow.client[0], flow.server[0]):
            fields["network.direction"] = direction
        if service := self._terms.service(*flow.server):
            fields["service.name"] = service
        sent, received = flow.sent
        if sent is not None:
            fields["source.bytes"] = sent
        if received is not None:
            fields["destination.bytes"] = received
        if sent is not None and received is not None:
            fields["network.bytes"] = sent + received
        return fields

    def _ends(self, flow: Flow) -> Fields:
        return {
            "destination.ip": str(flow.server[0]),
            "destination.port": flow.server[1],
            "network.transport": "tcp",
            "source.ip": str(flow.client[0]),
            "source.port": flow.client[1],
        }
