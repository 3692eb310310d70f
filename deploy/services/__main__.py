"""``python -m deploy.services up|down|status``: services for a developer, kept until ``down``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.services import elasticsearch, status
from deploy.services.cluster import Cluster
from deploy.services.elasticsearch import Elasticsearch
from deploy.services.errors import ServiceError
from deploy.services.kafka import Kafka
from deploy.services.places import DATA
from deploy.services.proxies import Proxies

WORKED = 0
FAILED = 3
"""As the product: it could not run."""


def main() -> int:
    """Do what the command line says; the exit status."""
    asked = _parser().parse_args()
    try:
        if asked.command == "up":
            _up(asked)
        elif asked.command == "down":
            _down(asked.data)
        _show(asked.data)
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    return WORKED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.services", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status"])
    parser.add_argument("--data", type=Path, default=DATA, help="where data, logs and status lie")
    parser.add_argument("--kafka", type=int, default=1, metavar="NODES", help="0 for none")
    parser.add_argument("--secure", action="store_true", help="mutual TLS, SCRAM and ACLs")
    parser.add_argument("--elasticsearch", type=int, default=1, metavar="NODES", help="0 for none")
    parser.add_argument("--version", choices=list(elasticsearch.JAVA_OF), help="of Elasticsearch")
    parser.add_argument("--proxies", action="store_true", help="toxiproxy besides")
    return parser


def _up(asked: argparse.Namespace) -> None:
    data: Path = asked.data.absolute()
    wanted: list[Cluster] = []
    if asked.kafka and _down_now(data / "kafka"):
        wanted.append(Kafka(data / "kafka", nodes=asked.kafka, secure=asked.secure, leashed=False))
    if asked.elasticsearch and _down_now(data / "elasticsearch"):
        wanted.append(
            Elasticsearch(
                data / "elasticsearch",
                nodes=asked.elasticsearch,
                version=asked.version or elasticsearch.VERSION,
                leashed=False,
            )
        )
    if asked.proxies and _down_now(data / "proxies"):
        wanted.append(Proxies(data / "proxies", leashed=False))
    for cluster in wanted:
        cluster.start()
        if isinstance(cluster, Kafka) and asked.secure:
            login = cluster.super_user
            sys.stdout.write(f"user {login.user}, password {login.password}\n")
            sys.stdout.write(f"certificates in {login.identity.key.parent}\n")


def _down_now(folder: Path) -> bool:
    """Whether nothing of it runs; a stale status file is nothing."""
    found = status.read(folder)
    return found is None or not any(status.alive(row) for row in found["programs"])


def _down(data: Path) -> None:
    for folder in sorted(path.parent for path in data.glob(f"*/{status.FILE}")):
        for name in status.down(folder):
            sys.stdout.write(f"{folder.name} {name} ended\n")


def _show(data: Path) -> None:
    files = sorted(data.glob(f"*/{status.FILE}"))
    for path in files:
        found = status.read(path.parent)
        if found is None:
            continue
        sys.stdout.write(f"{found['service']} {found['address']}\n")
        for row in found["programs"]:
            word = "runs" if status.alive(row) else "ended"
            sys.stdout.write(f"  {row['name']} {word}, process {row['pid']}, log {row['log']}\n")
    if not files:
        sys.stdout.write(f"no service runs from {data}\n")


if __name__ == "__main__":
    sys.exit(main())
