"""Indices of a test's own on the session's search node, gone when the test is over."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from collector.index.elastic_index import ElasticIndex
from collector.index.elastic_mapping import events_alias
from collector.index.elastic_nodes import Connection, Nodes
from collector.index.elastic_setup import Layout


@contextmanager
def elastic_index(urls: Sequence[str], prefix: str, **layout: object) -> Iterator[ElasticIndex]:
    """An index that shows every event at once."""
    connection = Connection(hosts=urls)
    shape = Layout(prefix=prefix, **{"replicas": 0, "refresh_s": 0, **layout})
    index = ElasticIndex(connection, shape)
    try:
        yield index
    finally:
        index.close()
        forget(urls, prefix)


def forget(urls: Sequence[str], prefix: str) -> None:
    """Take away everything under a prefix, as one who gives the index up does."""
    nodes = Nodes(Connection(hosts=urls))
    for name in nodes.ask("GET", f"/{prefix}-*", params={"filter_path": "*.aliases"}):
        nodes.ask("DELETE", f"/{name}", missing=True)
    nodes.ask("DELETE", f"/_index_template/{events_alias(prefix)}", missing=True)
    nodes.close()
