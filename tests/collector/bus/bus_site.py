"""What the tests of the bus share: topics, and a site on secured brokers."""

from collections.abc import Callable

from collector.bus.access import Access
from collector.bus.admin import Admin
from collector.bus.topics import MESSAGE_BYTES_MAX
from deploy.services import Kafka
from fengsui import cluster
from fengsui.settings import BusSettings

MakeAccess = Callable[..., Access]


def make_topic(access: Access, name: str, *, partitions: int = 1, replication: int = 1) -> None:
    config = {
        "max.message.bytes": str(MESSAGE_BYTES_MAX),
        "min.insync.replicas": "2" if replication == 3 else "1",
    }
    with Admin(access) as admin:
        admin.create(name, partitions=partitions, replication=replication, config=config)


class SecureSite:
    """A site's topics on secured brokers, and one user for each of its parts."""

    def __init__(self, kafka: Kafka, access_as: MakeAccess, prefix: str) -> None:
        self.prefix = prefix
        self.settings = BusSettings(prefix=prefix, partitions=2)
        self.chief = access_as(kafka.super_user)
        logins = {name: kafka.add_user(f"{prefix}-{name}") for name in ("centre", "worker", "gate")}
        self.logins = logins
        self.users = cluster.Users(
            centre=logins["centre"].user,
            worker=logins["worker"].user,
            sensors=(logins["gate"].user,),
        )
        self.made = cluster.init(self.chief, self.settings, self.users)
        self.centre, self.worker, self.gate = (access_as(one) for one in logins.values())

    def topic(self, name: str) -> str:
        return f"{self.prefix}.{name}"
