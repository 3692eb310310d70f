"""Reading: events found by a query, newest first, page by page or all of one state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collector.index.elastic_documents import Row, row_of
from collector.index.elastic_mapping import (
    INDEX,
    NUMBER,
    SENSOR,
    TIME_US,
    Dsl,
    day_text,
    events_alias,
)
from collector.index.elastic_nodes import Nodes
from collector.index.places import Place
from schema.times import DAY

DAYS_NAMED_MAX: Final = 31
"""Days named one by one in a request, so that no other index is asked; beyond, all are."""
WALK_PAGE: Final = 1000
KEEP_ALIVE: Final = "1m"
"""A point in time is kept this long after each of its pages."""

_SORT: Final[list[Dsl]] = [
    {TIME_US: {"order": "desc", "unmapped_type": "long"}},
    {SENSOR: {"order": "desc", "unmapped_type": "keyword"}},
    {NUMBER: {"order": "desc", "unmapped_type": "long"}},
    {INDEX: {"order": "desc", "unmapped_type": "long"}},
]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event a query let through, and which of its fields were not indexed."""

    row: Row
    ignored: Sequence[str]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which stretch of event time is asked about, and whose events."""

    start: int
    end: int
    sensors: Sequence[str] | None = None

    def clauses(self) -> list[Dsl]:
        """The scope as a part of a filter."""
        found: list[Dsl] = [{"range": {TIME_US: {"gte": self.start, "lt": self.end}}}]
        if self.sensors is not None:
            found.append({"terms": {SENSOR: list(self.sensors)}})
        return found


class Reading:
    """Asks the indices of one site."""

    def __init__(self, nodes: Nodes, prefix: str) -> None:
        self._nodes = nodes
        self._alias = events_alias(prefix)

    def page(
        self, clauses: Sequence[Dsl], scope: Scope | None, *, size: int, after: Place | None
    ) -> list[Candidate]:
        """At most that many, newest first, behind a place; of all days where there is no scope."""
        body = _body(clauses, size)
        if after is not None:
            body["search_after"] = [after.time, after.sensor, after.number, after.index]
        return _candidates(self.search(body, scope))

    def walk(self, clauses: Sequence[Dsl], scope: Scope) -> Iterator[Candidate]:
        """All of them as they stand at one point in time."""
        opened = self._nodes.ask(
            "POST",
            f"/{self._where(scope)}/_pit",
            params={"keep_alive": KEEP_ALIVE, "ignore_unavailable": "true"},
            missing=True,
        )
        if not opened:
            return
        pit = opened["id"]
        try:
            body = _body(clauses, WALK_PAGE)
            while True:
                body["pit"] = {"id": pit, "keep_alive": KEEP_ALIVE}
                answer = self._nodes.ask(
                    "POST", "/_search", body, params={"allow_partial_search_results": "false"}
                )
                pit = answer.get("pit_id", pit)
                yield from _candidates(answer)
                hits = answer["hits"]["hits"]
                if len(hits) < WALK_PAGE:
                    return
                body["search_after"] = hits[-1]["sort"]
        finally:
            self._nodes.ask("DELETE", "/_pit", {"id": pit}, missing=True)

    def search(self, body: Dsl, scope: Scope | None) -> Dsl:
        """The answer to one search; never one of only some of the shards."""
        return self._nodes.ask(
            "POST",
            f"/{self._where(scope)}/_search",
            body,
            params={
                "ignore_unavailable": "true",
                "allow_no_indices": "true",
                "allow_partial_search_results": "false",
            },
        )

    def _where(self, scope: Scope | None) -> str:
        if scope is None:
            return self._alias
        first, last = scope.start // DAY, (scope.end - 1) // DAY
        if first < 0 or last - first >= DAYS_NAMED_MAX or last < first:
            return self._alias
        return ",".join(f"{self._alias}-*-{day_text(day)}" for day in range(first, last + 1))


def _body(clauses: Sequence[Dsl], size: int) -> dict[str, Any]:
    return {
        "size": size,
        "query": {"bool": {"filter": list(clauses)}},
        "sort": _SORT,
        "track_total_hits": False,
    }


def _candidates(answer: Dsl) -> list[Candidate]:
    hits = answer.get("hits", {}).get("hits", [])
    return [Candidate(row_of(hit["_id"], hit["_source"]), hit.get("_ignored", ())) for hit in hits]
