"""Expiry: events that are gone from the log are taken out of the search nodes too.

A day in which nothing else is left goes as an index, at no cost. Before, events go one by one,
which the nodes pay for: a site where that matters lets whole days go.
"""

from __future__ import annotations

from typing import Final

from collector.index.elastic_mapping import NUMBER, SENSOR, TIME_US, Dsl
from collector.index.elastic_nodes import BUSY, NOT_FOUND, TRIES_MAX, Nodes, unavailable
from collector.index.elastic_setup import Setup
from schema.ports import Expired
from schema.times import DAY

DELETED_AT_ONCE: Final = 5000

_DELETED: Final = (200, NOT_FOUND)


class Expiry:
    """Takes expired events away from the indices of one site."""

    def __init__(self, nodes: Nodes, setup: Setup) -> None:
        self._nodes = nodes
        self._setup = setup

    def forget(self, gone: Expired) -> None:
        """Take these away; what is gone already changes nothing."""
        first, last = gone.first_at // DAY, gone.last_at // DAY
        for name, _, day in self._setup.days():
            if first <= day <= last:
                self._forget_in(name, gone)

    def _forget_in(self, index: str, gone: Expired) -> None:
        theirs: Dsl = {
            "bool": {
                "filter": [
                    {"term": {SENSOR: gone.sensor}},
                    {"range": {NUMBER: {"lte": gone.number}}},
                ]
            }
        }
        # What was written just now counts too.
        self._nodes.ask("POST", f"/{index}/_refresh")
        if not self._ids(index, {"bool": {"must_not": [theirs]}}, size=1):
            self._setup.remove([index])
            return
        while ids := self._ids(index, theirs, size=DELETED_AT_ONCE):
            self._delete(index, ids)
            self._nodes.ask("POST", f"/{index}/_refresh")

    def _ids(self, index: str, query: Dsl, *, size: int) -> list[str]:
        body = {
            "size": size,
            "query": query,
            "_source": False,
            "sort": [TIME_US],
            "track_total_hits": False,
        }
        answer = self._nodes.ask(
            "POST",
            f"/{index}/_search",
            body,
            params={"filter_path": "hits.hits._id", "allow_partial_search_results": "false"},
        )
        return [hit["_id"] for hit in answer.get("hits", {}).get("hits", [])]

    def _delete(self, index: str, ids: list[str]) -> None:
        for tries in range(TRIES_MAX):
            body = b"".join(b'{"delete":{"_id":"%s"}}\n' % one.encode("ascii") for one in ids)
            answer = self._nodes.ask(
                "POST",
                f"/{index}/_bulk",
                body,
                params={"filter_path": "errors,items.delete.status"},
            )
            found = [item["delete"]["status"] for item in answer.get("items", [])]
            ids = [one for one, status in zip(ids, found, strict=True) if status not in _DELETED]
            if not ids:
                return
            if any(status not in BUSY for status in found if status not in _DELETED):
                break
            self._nodes.pause(tries)
        raise unavailable(f"{len(ids)} expired events could not be taken away")
