"""Real brokers, search nodes and faulty links on one machine, without containers or root.

``make services`` brings up one broker and one search node for a developer; tests take them from
the session fixtures of ``tests/conftest.py``. Everything listens on the loopback only.
"""

from deploy.services.certificates import Identity
from deploy.services.cluster import Cluster
from deploy.services.elasticsearch import Elasticsearch
from deploy.services.errors import MissingToolError, ServiceError
from deploy.services.kafka import Kafka, Login
from deploy.services.proxies import Proxies, Proxy

__all__ = [
    "Cluster",
    "Elasticsearch",
    "Identity",
    "Kafka",
    "Login",
    "MissingToolError",
    "Proxies",
    "Proxy",
    "ServiceError",
]
