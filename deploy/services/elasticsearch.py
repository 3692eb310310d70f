"""A real Elasticsearch on the loopback, from the jars of Maven Central and a runtime of PyPI.

The server and its HTTP transport alone: what lives in modules that are not published (security,
index life cycle, ``GET /``, scripts, by-query updates) is not there. Fetched to test against,
under its own licence; no part of the product and never shipped with it.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Final

from deploy.services.artefacts import JarSet
from deploy.services.cluster import Cluster
from deploy.services.errors import ServiceError
from deploy.services.java import java
from deploy.services.places import CACHE, HERE, alone
from deploy.services.ports import LOOPBACK, free_ports
from deploy.services.program import Program

VERSION: Final = "9.5.3"
JAVA_OF: Final = {"9.5.3": 21, "8.19.21": 17}
"""The versions that are pinned, and the Java each needs."""
NODES_MAX: Final = 9
HEAP: Final = "512m"
"""Below it bulk requests of a few megabytes trip the server's circuit breakers."""
HEALTH_SECONDS_MAX: Final = 2
COMPILE_SECONDS_MAX: Final = 120
_COMPILER: Final = JarSet("ecj-3.40.0", ("org.eclipse.jdt:ecj:3.40.0",))
"""A compiler in one jar: a Java without its own is enough."""
_TRANSPORT: Final = "transport-netty4"
_IN_MODULE: Final = re.compile(r"netty-|transport-netty4-|elasticsearch-ssl-config-")
_DESCRIPTOR: Final = "plugin-descriptor.properties"
_LAUNCHER: Final = "ElasticsearchNode"

_LOGGING: Final = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1.} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


class Elasticsearch(Cluster):
    """A cluster of nodes; :meth:`start` brings it up."""

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 1,
        version: str = VERSION,
        leashed: bool = True,
        heap: str = HEAP,
        settings: dict[str, str] | None = None,
    ) -> None:
        """Fetch what is missing and write the settings of each node; starts nothing.

        ``settings`` go into every node's ``elasticsearch.yml`` and win over those here.
        Raises :class:`ServiceError` and :class:`MissingToolError`.
        """
        if version not in JAVA_OF:
            raise ServiceError(f"Elasticsearch {version} is not pinned: one of {list(JAVA_OF)}")
        if not 1 <= nodes <= NODES_MAX:
            raise ServiceError(f"{nodes} nodes: between 1 and {NODES_MAX} are possible")
        runtime = java(JAVA_OF[version])
        distribution = _Distribution(version)
        classes = distribution.prepare(runtime)
        ports = free_ports(2 * nodes)
        self.http_ports = ports[:nodes]
        self._transport_ports = ports[nodes:]
        jvm = [runtime, f"-Xms{heap}", f"-Xmx{heap}", "-XX:+UseSerialGC"]
        jvm += ["-XX:TieredStopAtLevel=1", "--add-opens=java.base/java.io=ALL-UNNAMED"]
        jvm += ["-cp", classes, _LAUNCHER]
        programs = []
        for number in range(1, nodes + 1):
            home = folder / f"home-{number}"
            self._make_home(home, number, modules=distribution.modules, settings=settings or {})
            name = f"node-{number}"
            programs.append(Program(name, [*jvm, str(home), name], folder=folder))
        super().__init__("elasticsearch", folder, programs, leashed=leashed)

    @property
    def address(self) -> str:
        """The URL of every node."""
        return ",".join(self.urls)

    @property
    def urls(self) -> list[str]:
        return [f"http://{LOOPBACK}:{port}" for port in self.http_ports]

    @property
    def snapshots(self) -> Path:
        """The folder a snapshot repository of type ``fs`` may lie in."""
        return self.folder / "snapshots"

    def _make_home(
        self, home: Path, number: int, *, modules: Path, settings: dict[str, str]
    ) -> None:
        for name in ("config", "plugins", "logs"):
            (home / name).mkdir(parents=True, exist_ok=True)
        link = home / "modules"
        link.unlink(missing_ok=True)
        link.symlink_to(modules)
        (home / "config" / "log4j2.properties").write_text(_LOGGING, "utf-8")
        rows = self._settings(home, number) | settings
        (home / "config" / "elasticsearch.yml").write_text(
            "".join(f"{key}: {value}\n" for key, value in rows.items()), "utf-8"
        )

    def _settings(self, home: Path, number: int) -> dict[str, str]:
        rows = {
            "cluster.name": "fengsui-tests",
            "node.name": f"node-{number}",
            "path.data": str(home / "data"),
            "path.logs": str(home / "logs"),
            "path.repo": str(home.parent / "snapshots"),
            "network.host": LOOPBACK,
            "http.port": str(self.http_ports[number - 1]),
            "transport.port": str(self._transport_ports[number - 1]),
            "http.type": "netty4",
            "transport.type": "netty4",
            # Tests share a disk with everything else; those of the watermarks turn them on.
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "action.destructive_requires_name": "false",
        }
        if len(self.http_ports) == 1:
            return rows | {"discovery.type": "single-node"}
        return rows | {
            "discovery.seed_hosts": json.dumps(
                [f"{LOOPBACK}:{port}" for port in self._transport_ports]
            ),
            "cluster.initial_master_nodes": json.dumps(
                [f"node-{other}" for other in range(1, len(self.http_ports) + 1)]
            ),
        }

    def _ready(self, program: Program) -> bool:
        number = self.programs.index(program)
        health = _health(self.http_ports[number])
        return (
            health is not None
            and health["number_of_nodes"] == sum(other.running for other in self.programs)
            and health["status"] in ("green", "yellow")
        )


class _Distribution:
    """One version laid out as its server wants it, made once below the cache."""

    def __init__(self, version: str) -> None:
        self._jars = JarSet(
            f"elasticsearch-{version}",
            (
                f"org.elasticsearch:elasticsearch:{version}",
                f"org.elasticsearch.plugin:{_TRANSPORT}:{version}",
            ),
        )
        self._version = version
        self._folder = CACHE / f"elasticsearch-{version}"

    @property
    def modules(self) -> Path:
        return self._folder / "modules"

    def prepare(self, runtime: str) -> str:
        """The class path to start a node with."""
        jars = sorted(self._jars.folder().iterdir())
        compiler = _COMPILER.folder()
        server = [jar for jar in jars if not _IN_MODULE.match(jar.name)]
        with alone("elasticsearch"):
            if not self._folder.exists():
                fresh = self._folder.with_suffix(".making")
                shutil.rmtree(fresh, ignore_errors=True)
                self._lay_out(fresh, [jar for jar in jars if _IN_MODULE.match(jar.name)])
                _compile(runtime, compiler, server, fresh / "classes")
                fresh.rename(self._folder)
        return ":".join(map(str, [self._folder / "classes", *server]))

    def _lay_out(self, target: Path, jars: list[Path]) -> None:
        module = target / "modules" / _TRANSPORT
        module.mkdir(parents=True)
        for jar in jars:
            (module / jar.name).symlink_to(jar)
        own = next(jar for jar in jars if jar.name == f"{_TRANSPORT}-{self._version}.jar")
        with zipfile.ZipFile(own) as archive:
            text = archive.read(f"META-INF/es-plugins/{_TRANSPORT}/{_DESCRIPTOR}").decode()
        # The server comes by the class path, so its modules have to as well.
        rows = [row for row in text.splitlines() if not row.startswith(("#", "modulename"))]
        (module / _DESCRIPTOR).write_text("\n".join(rows) + "\n", "utf-8")


def _compile(runtime: str, compiler: Path, jars: list[Path], target: Path) -> None:
    command = [runtime, "-jar", str(next(compiler.iterdir())), "-17", "-proc:none", "-nowarn"]
    command += ["-cp", ":".join(map(str, jars)), "-d", str(target)]
    done = subprocess.run(
        [*command, str(HERE / f"{_LAUNCHER}.java")],
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise ServiceError(f"{_LAUNCHER}.java does not compile:\n{done.stderr or done.stdout}")


def _health(port: int) -> dict[str, object] | None:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=HEALTH_SECONDS_MAX)
    try:
        connection.request("GET", "/_cluster/health")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    if answer.status != http.client.OK:
        return None
    found: dict[str, object] = json.loads(body)
    return found
