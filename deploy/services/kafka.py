"""A real Apache Kafka (KRaft) on the loopback, from the jars of Maven Central alone.

Every node is broker and controller. Three nodes keep three copies of everything and acknowledge
once two have it. Secured, every client shows a certificate and logs in by SCRAM-SHA-512, nobody
but the super user may do anything until an ACL says so, and nodes know each other by certificate.
"""

from __future__ import annotations

import secrets
import subprocess
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.services.artefacts import JarSet
from deploy.services.certificates import Authority, Identity
from deploy.services.cluster import Cluster
from deploy.services.errors import ServiceError
from deploy.services.java import java
from deploy.services.ports import LOOPBACK, free_ports
from deploy.services.program import Program

VERSION: Final = "4.4.0"
JARS: Final = JarSet(
    f"kafka-{VERSION}",
    (
        f"org.apache.kafka:kafka_2.13:{VERSION}",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5",
    ),
)
NODES_MAX: Final = 9
"""More on one machine tests nothing new."""
HEAP: Final = "384m"
"""Idle brokers live in 100 MB; test loads were never seen above 300."""
SUPER_USER: Final = "admin"
FORMAT_SECONDS_MAX: Final = 120
_NODE: Final = "cluster-node"
"""The common name on every node's certificate, a super user by it."""
_STARTED: Final = "Kafka Server started"
"""Logged once a node serves, after the cluster has let it in."""
_LISTENERS: Final = ("CLIENT", "PROXIED", "INTERNAL", "CONTROLLER")

_LOGGING: Final = """\
Configuration:
  status: error
  Appenders:
    Console: {name: out, PatternLayout: {pattern: "%d %p %c{1} %m%n"}}
  Loggers:
    Root: {level: warn, AppenderRef: {ref: out}}
    Logger: {name: kafka.server.KafkaRaftServer, level: info}
"""


@dataclass(frozen=True, slots=True)
class Login:
    """What one user of a secured cluster needs."""

    user: str
    password: str
    identity: Identity

    def __repr__(self) -> str:
        return f"Login({self.user!r})"


@dataclass(frozen=True, slots=True)
class Ports:
    """Of one node. Clients that come in by ``proxied`` are sent back to ``advertised``, where a
    test puts a proxy of its own.
    """

    client: int
    proxied: int
    internal: int
    controller: int
    advertised: int


class Kafka(Cluster):
    """A cluster of brokers; :meth:`start` brings it up."""

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 1,
        secure: bool = False,
        leashed: bool = True,
        heap: str = HEAP,
    ) -> None:
        """Fetch what is missing and write the settings of each node; starts nothing.

        Raises :class:`ServiceError` and :class:`MissingToolError`.
        """
        if not 1 <= nodes <= NODES_MAX:
            raise ServiceError(f"{nodes} nodes: between 1 and {NODES_MAX} are possible")
        folder.mkdir(parents=True, exist_ok=True)
        logging = folder / "log4j2.yaml"
        logging.write_text(_LOGGING, "utf-8")
        self._jvm = [java(), "-Xms128m", f"-Xmx{heap}"]
        # One thread collects and the first compiler compiles: a start takes half the time.
        self._jvm += ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        self._jvm += [f"-Dlog4j2.configurationFile={logging}", "-cp", f"{JARS.folder()}/*"]
        found = iter(free_ports(5 * nodes))
        self.ports = tuple(
            Ports(next(found), next(found), next(found), next(found), next(found))
            for _ in range(nodes)
        )
        self._authority = Authority(folder / "certificates") if secure else None
        self._super = self._issue(SUPER_USER, _kept_password(folder)) if secure else None
        node = self._authority.issue(_NODE) if self._authority else None
        programs = []
        for number in range(1, nodes + 1):
            path = folder / f"node-{number}.properties"
            path.write_text(self._properties(number, folder, node), "utf-8")
            command = [*self._jvm, "kafka.Kafka", str(path)]
            programs.append(Program(f"node-{number}", command, folder=folder))
        super().__init__("kafka", folder, programs, leashed=leashed)

    def start(self) -> float:
        """Format what was never formatted, then as every cluster."""
        self.format()
        return super().start()

    @property
    def address(self) -> str:
        """Every broker, as ``bootstrap_servers`` takes it."""
        return ",".join(f"{LOOPBACK}:{ports.client}" for ports in self.ports)

    @property
    def proxied_address(self) -> str:
        """Every broker through the proxies a test puts at ``ports.advertised``."""
        return ",".join(f"{LOOPBACK}:{ports.advertised}" for ports in self.ports)

    @property
    def super_user(self) -> Login:
        """Of a secured cluster: may do everything."""
        if self._super is None:
            raise ServiceError("this cluster knows no users: start it secured")
        return self._super

    def add_user(self, name: str, *, password: str | None = None) -> Login:
        """A user who can log in, with a certificate, and may do nothing yet.

        Raises :class:`ServiceError` when the cluster refuses.
        """
        from kafka.admin import KafkaAdminClient, ScramMechanism, UserScramCredentialUpsertion
        from kafka.errors import KafkaError

        login = self._issue(name, password or secrets.token_hex(16))
        chief = self.super_user
        admin = KafkaAdminClient(
            bootstrap_servers=self.address,
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username=chief.user,
            sasl_plain_password=chief.password,
            ssl_cafile=str(chief.identity.authority),
            ssl_certfile=str(chief.identity.certificate),
            ssl_keyfile=str(chief.identity.key),
        )
        try:
            admin.alter_user_scram_credentials(
                [
                    UserScramCredentialUpsertion(
                        login.user, ScramMechanism.SCRAM_SHA_512, login.password
                    )
                ]
            )
        except KafkaError as error:
            raise ServiceError(f"user {name} could not be made: {error}") from error
        finally:
            admin.close()
        return login

    def issue(self, name: str) -> Identity:
        """A client certificate of this cluster's authority, without any user."""
        if self._authority is None:
            raise ServiceError("this cluster has no authority: start it secured")
        return self._authority.issue(name)

    def stranger(self, name: str) -> Identity:
        """A certificate for that name of an authority the cluster does not know."""
        return Authority(self.folder / "certificates" / "strange").issue(name)

    def _issue(self, name: str, password: str) -> Login:
        return Login(user=name, password=password, identity=self.issue(name))

    def _ready(self, program: Program) -> bool:
        return _STARTED in program.said()

    def format(self) -> None:
        """Give each new data folder its cluster's name, and the first user where there are any."""
        marked = [
            number
            for number in range(1, len(self.ports) + 1)
            if not (self.folder / f"data-{number}" / "meta.properties").exists()
        ]
        command = [*self._jvm, "kafka.tools.StorageTool", "format"]
        # In one word: a name may begin with a dash.
        command += [f"--cluster-id={self._cluster_id()}"]
        if self._super is not None:
            command += ["--add-scram"]
            command += [f"SCRAM-SHA-512=[name={SUPER_USER},password={self._super.password}]"]
        for number in marked:
            path = self.folder / f"node-{number}.properties"
            done = subprocess.run(
                [*command, "-c", str(path)],
                capture_output=True,
                text=True,
                timeout=FORMAT_SECONDS_MAX,
                check=False,
            )
            if done.returncode:
                raise ServiceError(f"node {number} could not be formatted:\n{done.stderr.strip()}")

    def _cluster_id(self) -> str:
        path = self.folder / "cluster-id"
        if not path.exists():
            path.write_text(urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="), "ascii")
        return path.read_text("ascii")

    def _properties(self, number: int, folder: Path, node: Identity | None) -> str:
        ports = self.ports[number - 1]
        copies = min(len(self.ports), 3)
        needed = 2 if copies == 3 else 1
        secured = node is not None
        listening = (ports.client, ports.proxied, ports.internal, ports.controller)
        shown = (ports.client, ports.advertised, ports.internal)
        protocols = ("SASL_SSL", "SASL_SSL", "SSL", "SSL") if secured else ("PLAINTEXT",) * 4
        rows = {
            "process.roles": "broker,controller",
            "node.id": str(number),
            "controller.quorum.voters": ",".join(
                f"{other}@{LOOPBACK}:{its.controller}" for other, its in enumerate(self.ports, 1)
            ),
            "listeners": _at(_LISTENERS, listening),
            "advertised.listeners": _at(_LISTENERS[:3], shown),
            "listener.security.protocol.map": ",".join(
                f"{name}:{protocol}" for name, protocol in zip(_LISTENERS, protocols, strict=True)
            ),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INTERNAL",
            "log.dirs": str(folder / f"data-{number}"),
            # A topic nobody made is a mistake, here as on a real site.
            "auto.create.topics.enable": "false",
            "default.replication.factor": str(copies),
            "min.insync.replicas": str(needed),
            # A dead broker is missed after four seconds, not nine: recovery in tests counts.
            "broker.session.timeout.ms": "4000",
            "broker.heartbeat.interval.ms": "1000",
            "group.initial.rebalance.delay.ms": "0",
        }
        for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
            rows[f"{topic}.replication.factor"] = str(copies)
            rows[f"{topic}.num.partitions"] = "8"
        rows["transaction.state.log.min.isr"] = str(needed)
        rows["share.coordinator.state.topic.min.isr"] = str(needed)
        if node is not None:
            rows |= _security(node)
        return "".join(f"{key}={value}\n" for key, value in rows.items())


def _kept_password(folder: Path) -> str:
    """Of the super user: written into the data when it is formatted, so it stays the same."""
    path = folder / "super-user"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16), "ascii")
    return path.read_text("ascii")


def _at(names: tuple[str, ...], ports: tuple[int, ...]) -> str:
    return ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in zip(names, ports, strict=True))


def _security(node: Identity) -> dict[str, str]:
    module = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return {
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": module,
        "listener.name.proxied.scram-sha-512.sasl.jaas.config": module,
        "ssl.client.auth": "required",
        # The listener's own setting counts where clients log in by SASL.
        "listener.name.client.ssl.client.auth": "required",
        "listener.name.proxied.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(node.bundle),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(node.authority),
        "ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/,DEFAULT",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{_NODE};User:{SUPER_USER}",
    }
