"""Bulk: documents stored item by item, with bounded requests and bounded patience.

Ids are fixed and documents only created, so that a request sent twice stores each event once. An
event the nodes cannot take for its own sake is told of and passed over; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collector.index.elastic_documents import Document
from collector.index.elastic_nodes import BUSY, NOT_FOUND, TRIES_MAX, Nodes, unavailable
from schema.errors import FengsuiError

BYTES_MAX: Final = 8 * 1024 * 1024
"""Of one request: the nodes' default refuses over 100 MiB, and their memory holds it several
times over. Past some megabytes a larger request is no faster."""
ITEMS_MAX: Final = 5000

CREATED: Final = (200, 201)
THERE_ALREADY: Final = 409
ITS_OWN_FAULT: Final = 400

_FILTER: Final = "errors,items.create.status,items.create.error.type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An event the search nodes cannot take; it stays in the log and is found nowhere else."""

    sensor: str
    number: int
    index: int
    event_id: str
    reason: str
    """The type of the error as the nodes name it; never a part of the event."""


class Bulk:
    """Stores documents in requests of bounded size."""

    def __init__(
        self,
        nodes: Nodes,
        *,
        prepare: Callable[[str], None],
        rejected: Callable[[Rejected], None],
        refresh: bool,
    ) -> None:
        """``prepare`` makes an index that is not there; ``refresh`` shows each event at once."""
        self._nodes = nodes
        self._prepare = prepare
        self._rejected = rejected
        self._params: dict[str, Any] = {"filter_path": _FILTER}
        if refresh:
            self._params["refresh"] = "true"
        self.created = 0
        self.repeated = 0
        self.rejected = 0
        self.retried = 0

    def store(self, documents: Sequence[Document]) -> None:
        """Store all of these; raises ``IndexUnavailableError`` when some are not taken."""
        for chunk in _chunks(documents):
            waiting: Sequence[Document] = chunk
            for tries in range(TRIES_MAX):
                waiting = self._send(waiting)
                if not waiting:
                    break
                self.retried += len(waiting)
                self._nodes.pause(tries)
            if waiting:
                raise unavailable(f"{len(waiting)} events were put off {TRIES_MAX} times")

    def _send(self, documents: Sequence[Document]) -> list[Document]:
        """Send these once; those that should be sent again."""
        body = b"".join([one[0] for one in documents])
        answer = self._nodes.ask("POST", "/_bulk", body, params=self._params)
        if not answer.get("errors", True):
            self.created += len(documents)
            return []
        items = answer.get("items", [])
        if len(items) != len(documents):
            raise unavailable(f"an answer for {len(items)} of {len(documents)} events")
        again: list[Document] = []
        for document, item in zip(documents, items, strict=True):
            status = item["create"]["status"]
            if status in CREATED:
                self.created += 1
            elif status == THERE_ALREADY:
                self.repeated += 1
            elif status == ITS_OWN_FAULT:
                self._reject(document, item["create"].get("error", {}))
            elif status in BUSY or status >= 500 or _blocked(item["create"]):
                again.append(document)
            elif status == NOT_FOUND:
                # The index went while we wrote: it is made again, and the event stored in it.
                self._prepare(document[1])
                again.append(document)
            else:
                raise _refused(status, item["create"].get("error", {}))
        return again

    def _reject(self, document: Document, error: dict[str, Any]) -> None:
        self.rejected += 1
        _, _, batch, place = document
        self._rejected(
            Rejected(
                sensor=batch.sensor,
                number=batch.number,
                index=batch.indexes[place],
                event_id=batch.ids[place].hex(),
                reason=str(error.get("type", "unknown"))[:80],
            )
        )


def _chunks(documents: Sequence[Document]) -> Iterator[Sequence[Document]]:
    begin = size = 0
    for at, document in enumerate(documents):
        length = len(document[0])
        if at > begin and (size + length > BYTES_MAX or at - begin >= ITEMS_MAX):
            yield documents[begin:at]
            begin, size = at, 0
        size += length
    if begin < len(documents):
        yield documents[begin:]


def _blocked(item: dict[str, Any]) -> bool:
    """Whether the index takes nothing for now, as one does whose disk is full."""
    return bool(item.get("error", {}).get("type") == "cluster_block_exception")


def _refused(status: int, error: dict[str, Any]) -> FengsuiError:
    kind = str(error.get("type", "unknown"))[:80]
    return FengsuiError(
        "collector.index.refused",
        f"the search nodes refuse to store events with status {status} ({kind}): look at user and "
        "rights in docs/operator/search.md",
        status=status,
        type=kind,
    )
