"""Counts: how many events have each value, exact over shards and days.

Every shard tells only its own most frequent values. Where the nodes say that the sum may
therefore be wrong, they are asked for more, and in the end for every value there is.
"""

from __future__ import annotations

import heapq
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from collector.index import elastic_check, elastic_query
from collector.index.elastic_documents import Row
from collector.index.elastic_mapping import PAIRS, TIME_US, Dsl
from collector.index.elastic_query import Query, Target
from collector.index.elastic_reading import Reading, Scope
from collector.index.places import BUCKETS_MAX, INTERVAL
from schema.errors import FengsuiError
from schema.filter import Term
from schema.ports import Bucketed
from schema.times import SECOND, to_text

_logger = logging.getLogger(__name__)

SHARD_VALUES: Final = (2_000, 50_000)
"""Values each shard tells, first and when that was too few: below the nodes' limit of 65,536."""
COMPOSITE_PAGE: Final = 10_000
VALUES_MAX: Final = 1_000_000
"""Values counted one by one where even that is too few; a field with more is estimated."""
LOOKED_AT_MAX: Final = 200_000
"""Events looked at one by one for one answer: half a minute. Their values are over the limit."""

_RESERVED: Final = frozenset('.?+*|{}[]()"\\#@&<>~^$-')
"""What Lucene's regular expressions give a meaning."""


class Counts:
    """Counts events of one site by the values of a field."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def by(self, terms: Sequence[Term], name: str, *, scope: Scope, limit: int) -> list[Bucketed]:
        """The most frequent values, or the hours in time order."""
        asked = elastic_query.query(terms)
        interval = INTERVAL.fullmatch(name)
        if interval:
            return self._by_interval(terms, asked, int(interval[1]) * SECOND, scope, limit)
        field = elastic_query.target(name)
        path, begin = (field.number, "") if field.number else (field.text, "")
        if field.begin:
            path, begin = PAIRS, field.begin
        long = frozenset() if field.number else frozenset({path})
        asked = Query(asked.clauses, asked.long | long, asked.unsure)
        looked = self._looked_at(terms, asked, scope, lambda row: _key(field, row))
        counts = Counter(looked)
        if not asked.unsure:
            # What was looked at may lift a value into the list that is not in it without.
            wanted = BUCKETS_MAX if looked else limit
            found = self._values(_sure(asked), scope, path, begin=begin, limit=wanted)
            for value, count in found:
                counts[_shown(field, value)] += count
        ranked = [(str(key), count) for key, count in _ranked(counts, limit)]
        ranked.sort(key=lambda item: (-item[1], item[0]))
        return [Bucketed(key=key, count=count) for key, count in ranked]

    def _by_interval(
        self, terms: Sequence[Term], asked: Query, width: int, scope: Scope, limit: int
    ) -> list[Bucketed]:
        counts = Counter(
            self._looked_at(terms, asked, scope, lambda row: row.time // width * width)
        )
        if not asked.unsure:
            source = {"histogram": {"field": TIME_US, "interval": width}}
            if (scope.end - scope.start) // width < BUCKETS_MAX:
                answer = self._aggregated(_sure(asked), scope, source)
                for bucket in answer.get("buckets", []):
                    if bucket["doc_count"]:
                        counts[int(bucket["key"])] += bucket["doc_count"]
            else:
                for key, count in self._each(_sure(asked), scope, source):
                    counts[int(key)] += count
        ordered = sorted(_ranked(counts, BUCKETS_MAX))
        return [Bucketed(key=to_text(int(key)), count=count) for key, count in ordered[:limit]]

    def _looked_at(
        self,
        terms: Sequence[Term],
        asked: Query,
        scope: Scope,
        key: Callable[[Row], str | int | None],
    ) -> Counter[str | int]:
        """Counts of those events the nodes cannot be sure about."""
        counts: Counter[str | int] = Counter()
        if not asked.unsure and not asked.long:
            return counts
        clauses = [*asked.clauses, *scope.clauses(), asked.doubt]
        for at, candidate in enumerate(self._reading.walk(clauses, scope)):
            if at >= LOOKED_AT_MAX:
                raise FengsuiError(
                    "collector.index.too_many",
                    f"more than {LOOKED_AT_MAX} events would have to be looked at one by one: "
                    "ask about a shorter time, or with more conditions",
                )
            if elastic_check.holds(terms, candidate.row):
                found = key(candidate.row)
                if found is not None:
                    counts[found] += 1
        return counts

    def _values(
        self, clauses: Sequence[Dsl], scope: Scope, path: str, *, begin: str, limit: int
    ) -> list[tuple[str | int, int]]:
        """The most frequent values of a field as it is indexed."""
        terms: Dsl = {"field": path, "size": limit, "order": [{"_count": "desc"}, {"_key": "asc"}]}
        if begin:
            terms["include"] = _pattern(begin) + "(.|\n)*"
        answer: Dsl = {}
        for shard_size in SHARD_VALUES:
            terms["shard_size"] = max(shard_size, limit)
            answer = self._aggregated(clauses, scope, {"terms": terms})
            if not answer.get("doc_count_error_upper_bound"):
                return _told(answer, begin)
        if not begin:
            counts: dict[str | int, int] = {}
            for key, count in self._each(clauses, scope, {"terms": {"field": path}}):
                counts[key] = count
                if len(counts) > VALUES_MAX:
                    break
            else:
                return _ranked(counts, limit)
        _logger.info("a count is estimated", extra={"field": path})
        return _told(answer, begin)

    def _each(
        self, clauses: Sequence[Dsl], scope: Scope, source: Dsl
    ) -> Iterator[tuple[str | int, int]]:
        """Every value there is, with its count."""
        composite: Dsl = {"size": COMPOSITE_PAGE, "sources": [{"key": source}]}
        while True:
            answer = self._aggregated(clauses, scope, {"composite": composite})
            for bucket in answer.get("buckets", []):
                yield bucket["key"]["key"], bucket["doc_count"]
            if "after_key" not in answer:
                return
            composite["after"] = answer["after_key"]

    def _aggregated(self, clauses: Sequence[Dsl], scope: Scope, aggregation: Dsl) -> Dsl:
        answer = self._reading.search(
            {
                "size": 0,
                "query": {"bool": {"filter": [*clauses, *scope.clauses()]}},
                "aggs": {"found": aggregation},
                "track_total_hits": False,
            },
            scope,
        )
        found: Dsl = answer.get("aggregations", {}).get("found", {})
        return found


def _sure(asked: Query) -> list[Dsl]:
    """What the nodes can answer by themselves."""
    doubt = [{"bool": {"must_not": [asked.doubt]}}] if asked.long else []
    return [*asked.clauses, *doubt]


def _told(answer: Dsl, begin: str) -> list[tuple[str | int, int]]:
    cut = len(begin)
    return [
        (bucket["key"][cut:] if cut else bucket["key"], bucket["doc_count"])
        for bucket in answer.get("buckets", [])
    ]


def _ranked(counts: dict[Any, int], limit: int) -> list[tuple[Any, int]]:
    """The most frequent, of equal counts those first in order."""
    return heapq.nsmallest(limit, counts.items(), key=lambda item: (-item[1], item[0]))


def _key(field: Target, row: Row) -> str | int | None:
    value = elastic_check.value_of(field.asked, row)
    return str(value) if isinstance(value, list) else value


def _shown(field: Target, value: str | int) -> str | int:
    """A value as it is counted: a list as the list it is."""
    if field.asked.kind == "list" and isinstance(value, str):
        return str(msgspec.json.decode(value, type=list[str]))
    return value


def _pattern(text: str) -> str:
    return "".join(f"\\{one}" if one in _RESERVED else one for one in text)
